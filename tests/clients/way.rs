//! The ways by which a client gets a credential from multicred.

use super::account::{Account, IDENTITY};
use super::client::Client;
use crate::moto::server::text;
use crate::support::env::Output;
use crate::support::served::Served;

/// A profile that has nothing but the credential.
const PROFILE: &str = "work";

/// How the credential reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `multicred exec`.
    Environment,
    /// The section of the config that `multicred sync` writes.
    CredentialProcess,
    /// The section of the credentials file that `multicred env --to-profile` writes.
    Profile,
    /// The endpoint of `multicred exec --live`, asked as a container's.
    Live,
    /// The endpoint of `multicred serve --imds`, asked as EC2's metadata service.
    Metadata,
}

impl Way {
    /// Runs the client, with this as its only way to a credential.
    pub fn run(self, account: &mut Account, client: Client) -> Output {
        let words = client.words(account, self);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let somebody_else = account.alice.section("default");
        let env = &mut account.env;
        env.aws_config("").aws_credentials("");
        let from_profile = |name| env.program(words[0], &words[1..]).set("AWS_PROFILE", name).run();
        match self {
            // A profile of the person's, which some clients would obey first, is no way out.
            Self::Environment => {
                env.command(&[&["exec", IDENTITY, "--"], &*words].concat()).set("AWS_PROFILE", PROFILE).run()
            }
            Self::CredentialProcess => {
                env.run(&["sync", IDENTITY]).ok();
                from_profile(IDENTITY)
            }
            Self::Profile => {
                env.run(&["env", IDENTITY, "--to-profile", PROFILE]).ok();
                from_profile(PROFILE)
            }
            // Every client would rather be a default profile that has keys.
            Self::Live => {
                env.aws_credentials(&somebody_else);
                env.run(&[&["exec", "--live", IDENTITY, "--"], &*words].concat())
            }
            Self::Metadata => {
                env.aws_credentials(&somebody_else);
                Served::start(env, &[IDENTITY, "--imds"]).dress(env.program(words[0], &words[1..])).run()
            }
        }
    }
}

/// The access key id that programs are handed, obtained now where it is not yet there.
pub fn key(account: &Account) -> String {
    text(&account.env.run(&["credential-process", IDENTITY]).ok().json()["AccessKeyId"])
}
