//! The programs that credentials are for, each by each way: one table, held against moto.
//!
//! `make test` runs the first aws CLI, boto3 and s5cmd; what is heavy to install runs under `make test-long`.

mod account;
mod client;
mod way;

use account::Account;
use client::Client;
pub use client::{installed, node_path};
use way::Way;

use crate::support::env::Output;

use Verdict::{Cannot, Works};

/// What becomes of a client that gets its credential in some way.
enum Verdict {
    /// AWS lets it in as the role, by the very key that multicred gave.
    Works,
    /// It fails, and neither signs with that key nor says anything but this.
    Cannot { because: &'static str, says: &'static str },
}

const RESTIC: Verdict = Cannot {
    because: "its S3 library knows of credential_process nothing, or only in the credentials file, and goes on unsigned",
    says: "client.BucketExists",
};
const S3CMD: Verdict = Cannot {
    because: "it reads keys from the credentials file and never opens the config",
    says: "Couldn't find AWS Profile 'dev/Admin' in the credentials file",
};

const RESTIC_METADATA: Verdict = Cannot {
    because: "its S3 library asks 169.254.169.254 and reads no variable that says otherwise",
    says: "client.BucketExists",
};
const S3CMD_ENDPOINT: Verdict = Cannot {
    because: "it knows of no container, and asks 169.254.169.254 whatever its environment says",
    says: ".s3cfg: Network is unreachable",
};

struct Row(Client, [Verdict; 5]);

#[rustfmt::skip]
const TABLE: [Row; 9] = [
    //  client              environment  credential_process  profile  live   metadata
    Row(Client::AwsCliV1,   [Works,      Works,              Works,   Works, Works]),
    Row(Client::AwsCliV2,   [Works,      Works,              Works,   Works, Works]),
    Row(Client::Boto3,      [Works,      Works,              Works,   Works, Works]),
    Row(Client::S5cmd,      [Works,      Works,              Works,   Works, Works]),
    Row(Client::RcloneV1,   [Works,      Works,              Works,   Works, Works]),
    Row(Client::RcloneV2,   [Works,      Works,              Works,   Works, Works]),
    Row(Client::JavaScript, [Works,      Works,              Works,   Works, Works]),
    Row(Client::Restic,     [Works,      RESTIC,             Works,   Works, RESTIC_METADATA]),
    Row(Client::S3cmd,      [Works,      S3CMD,              Works,   S3CMD_ENDPOINT, S3CMD_ENDPOINT]),
];

/// Holds one row of the table against the real thing.
fn holds(client: Client) {
    holds_in(Account::new(), client);
}

fn holds_in(mut account: Account, client: Client) {
    assert!(!client.roams() || has_only_loopback(), "{client:?} asks addresses beyond the loopback: make test-long");
    let row = TABLE.iter().find(|row| row.0 == client).expect("a row for every client");
    let ways = [Way::Environment, Way::CredentialProcess, Way::Profile, Way::Live, Way::Metadata];
    for (way, verdict) in ways.into_iter().zip(&row.1) {
        // Asked for first, so that the client's calls are all that is recorded.
        let key = way::key(&account);
        account.moto.record();
        let output = way.run(&mut account, client);
        let signers = account.moto.signers();
        judge(client, way, verdict, &output, &signers, &key);
    }
}

fn judge(client: Client, way: Way, verdict: &Verdict, output: &Output, signers: &[String], key: &str) {
    let place = format!("{client:?} by {way:?}");
    match verdict {
        Works => {
            output.ok().holds(output.stdout.contains(&client.proof()), &format!("{place}: {}", client.proof()));
            assert!(
                !signers.is_empty() && signers.iter().all(|signer| signer == key),
                "{place}: {signers:?}, not {key}"
            );
        }
        Cannot { because, says } => {
            output.holds(output.status != 0, &format!("{place} to fail: {because}")).stderr_has(says);
            assert!(!signers.iter().any(|signer| signer == key), "{place} signed: it is not true that {because}");
        }
    }
}

/// Whether no route leads out of here.
fn has_only_loopback() -> bool {
    std::fs::read_to_string("/proc/net/route").is_ok_and(|routes| routes.lines().count() <= 1)
}

#[test]
fn the_first_aws_cli_is_let_in_by_every_way() {
    holds(Client::AwsCliV1);
}

#[test]
fn boto3_is_let_in_by_every_way() {
    holds(Client::Boto3);
}

#[test]
fn s5cmd_is_let_in_by_every_way() {
    holds(Client::S5cmd);
}

#[test]
#[ignore = "installed by make test-long"]
fn the_second_aws_cli_is_let_in_by_every_way() {
    holds(Client::AwsCliV2);
}

#[test]
#[ignore = "installed by make test-long"]
fn rclone_with_the_first_go_sdk_is_let_in_by_every_way() {
    holds(Client::RcloneV1);
}

#[test]
#[ignore = "installed by make test-long"]
fn rclone_with_the_second_go_sdk_is_let_in_by_every_way() {
    holds(Client::RcloneV2);
}

#[test]
#[ignore = "installed by make test-long"]
fn the_javascript_sdk_is_let_in_by_every_way() {
    holds_in(Account::new().with_node(), Client::JavaScript);
}

#[test]
#[ignore = "installed by make test-long"]
fn restic_is_let_in_by_the_environment_by_a_profile_and_live() {
    holds(Client::Restic);
}

#[test]
#[ignore = "installed by make test-long"]
fn s3cmd_is_let_in_by_the_environment_and_by_a_profile() {
    holds(Client::S3cmd);
}
