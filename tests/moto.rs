//! Against a fake AWS that nobody here wrote (moto), with the aws CLI and boto3 as the programs that a switched shell
//! is for. What moto does not enforce (MFA, expiry, durations) is tested against the strict STS instead.

pub mod server;

use server::{ACCOUNT, Key, Moto, aws, text, venv};

use crate::support::env::{Hermetic, Output, Shell};
use crate::support::terminal::{Setup, Terminal};

const OTHER_ACCOUNT: &str = "222233334444";

/// Prints the ARN that boto3 is told, for the profile named as its argument where there is one.
const WHO_IS_BOTO3: &str = "\
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1]) if len(sys.argv) > 1 else boto3.Session()
print(session.client('sts').get_caller_identity()['Arn'])
";

fn home(moto: &Moto) -> Hermetic {
    let mut env = Hermetic::new();
    env.endpoint(&moto.url()).write("who.py", WHO_IS_BOTO3);
    env
}

/// `multicred as` evaluated in a shell; then who the aws CLI says it is, in that shell's environment.
#[track_caller]
fn arn_after(env: &Hermetic, words: &[&str]) -> String {
    let code = env.run(&[&["as", "--shell", "bash"], words].concat());
    code.ok();
    let shell = env.exported(Shell::Bash, &code.stdout, &[]);
    let answer = aws(env, &["sts", "get-caller-identity"], |command| {
        shell.exported.iter().fold(command, |command, (name, value)| command.set(name, value))
    });
    text(&answer.ok().json()["Arn"])
}

fn terminal(shell: Shell, env: &Hermetic) -> Terminal {
    let rc = match shell {
        Shell::Bash | Shell::Zsh => format!(r#"eval "$(multicred init {shell})""#),
        Shell::Fish => "multicred init fish | source".to_owned(),
    };
    Setup::new(shell).size(24, 200).start(env, &rc)
}

/// From nothing to a role, and back to nobody, in one shell; the aws CLI and boto3 are asked who they are throughout.
fn a_day_in(shell: Shell) {
    let moto = Moto::start();
    let mut env = home(&moto);
    let key = moto.user(&env, "alice");
    let admin = moto.role(&env, "Admin", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), None);
    env.aws_credentials(&key.section("alice")).aws_config("[profile alice]\nregion = eu-west-1\n");
    let mut term = terminal(shell, &env);
    let cli = format!("{} sts get-caller-identity --query Arn --output text", venv("aws"));
    let boto3 = format!("{} who.py", venv("python"));

    for command in [
        "multicred import --all",
        &format!("multicred account {ACCOUNT} --alias dev"),
        "multicred link dev/Admin --parent dev/user/alice --region eu-central-1",
        "multicred as dev/Admin",
    ] {
        let ran = term.run(command);
        assert_eq!(ran.status, 0, "{command}: {}", ran.output);
    }
    assert!(term.prompt().starts_with("(dev/Admin) "), "{}", term.prompt());
    let as_admin = format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alice");
    assert_eq!(term.run(&cli).output, as_admin);
    assert_eq!(term.run(&boto3).output, as_admin);
    assert_eq!(term.value("AWS_REGION").as_deref(), Some("eu-central-1"));
    assert!(term.run("multicred status").output.contains(&admin));

    assert_eq!(term.run("multicred as --no-session alice").status, 0);
    assert_eq!(term.run(&cli).output, format!("arn:aws:iam::{ACCOUNT}:user/alice"));

    assert_eq!(term.run("multicred as -").status, 0);
    // Without a region the CLI would complain of that first.
    let nobody = term.run(&format!("{cli} --region eu-west-1"));
    assert_ne!(nobody.status, 0);
    assert!(nobody.output.contains("Unable to locate credentials"), "{}", nobody.output);
    let nobody = term.run(&format!("env AWS_DEFAULT_REGION=eu-west-1 {boto3}"));
    assert!(nobody.output.contains("Unable to locate credentials"), "{}", nobody.output);
}

#[test]
fn the_aws_cli_and_boto3_are_whom_bash_switched_to() {
    a_day_in(Shell::Bash);
}

#[test]
fn the_aws_cli_and_boto3_are_whom_zsh_switched_to() {
    a_day_in(Shell::Zsh);
}

#[test]
fn the_aws_cli_and_boto3_are_whom_fish_switched_to() {
    a_day_in(Shell::Fish);
}

#[test]
fn a_role_of_another_account_is_shown_with_that_account() {
    let moto = Moto::start();
    let mut env = home(&moto);
    let key = moto.user(&env, "alice");
    env.aws_credentials(&key.section("alice"));
    env.run(&["import"]).ok();
    env.run(&["account", OTHER_ACCOUNT, "--alias", "prod"]).ok();
    env.run(&["link", "prod/Ops", "--parent", "alice", "--region", "eu-west-1"]).ok();
    assert_eq!(arn_after(&env, &["prod/Ops"]), format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/Ops/alice"));
    assert_eq!(
        arn_after(&env, &["--session-name", "release-42", "prod/Ops"]),
        format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/Ops/release-42")
    );
    let known = env.run(&["list", "--json"]).ok().json();
    let ops = known.as_array().unwrap().iter().find(|row| row["identity"] == "prod/Ops").expect("prod/Ops is listed");
    assert_eq!(ops["account"], OTHER_ACCOUNT);
    assert_eq!(ops["arn"], format!("arn:aws:iam::{OTHER_ACCOUNT}:role/Ops"));
}

#[test]
fn a_profile_needs_no_import_and_boto3_reads_it_the_same_way() {
    let moto = Moto::start();
    let mut env = home(&moto);
    let key = moto.user(&env, "alice");
    let deployer = moto.role(&env, "Deployer", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), Some("quay-7"));
    env.aws_credentials(&key.section("alice")).aws_config(&format!(
        "[profile deploy]\nrole_arn = {deployer}\nsource_profile = alice\nexternal_id = quay-7\nregion = eu-west-1\n\
         duration_seconds = 1800\nrole_session_name = from-profile\n"
    ));
    moto.demand_authentication();
    let by_multicred = arn_after(&env, &["deploy"]);
    let by_boto3 = env.program(&venv("python"), &["who.py", "deploy"]).run();
    assert_eq!(by_multicred, by_boto3.ok().stdout.trim());
    assert_eq!(by_multicred, format!("arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/from-profile"));
}

/// One section of a credentials file, imported; the exit code must be 5 and nothing may be stored.
fn refused_import(env: &mut Hermetic, key: &Key) -> Output {
    env.aws_credentials(&key.section("alice"));
    let output = env.run(&["import"]);
    output.code(5).nowhere(&key.secret);
    assert!(!env.store().exists(), "a refused import makes no store\n{output}");
    output
}

#[test]
fn a_key_that_aws_does_not_take_is_refused_with_a_reason_and_not_stored() {
    let moto = Moto::start();
    let mut env = home(&moto);
    let good = moto.user(&env, "alice");
    moto.demand_authentication();
    let unknown = Key { id: "AKIAIOSFODNN7NOBODY0".to_owned(), secret: "no/such/secret".to_owned(), token: None };
    refused_import(&mut env, &unknown)
        .stderr_has("[alice] AKIAIOSFODNN7NOBODY0: AWS refused GetCallerIdentity")
        .stderr_has("InvalidClientTokenId")
        .stderr_has("import a valid one");
    let wrong = Key { id: good.id.clone(), secret: "not+the+secret+of+alice".to_owned(), token: None };
    refused_import(&mut env, &wrong)
        .stderr_has("SignatureDoesNotMatch")
        .stderr_has("the secret does not belong to the key, or this machine's clock is wrong");
    env.aws_credentials(&good.section("alice"));
    env.run(&["import"]).ok().stdout_has(&format!("arn:aws:iam::{ACCOUNT}:user/alice"));
}

#[test]
fn a_wrong_external_id_is_refused_and_the_right_one_is_not() {
    let moto = Moto::start();
    let mut env = home(&moto);
    let key = moto.user(&env, "alice");
    let role = moto.role(&env, "Deployer", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), Some("quay-7"));
    moto.demand_authentication();
    env.aws_credentials(&key.section("alice"));
    env.run(&["import"]).ok();
    let link = |id: &str| env.run(&["link", &role, "--parent", "alice", "--external-id", id]).status;
    assert_eq!(link("quay-8"), 0);
    env.run(&["as", "--shell", "bash", &role])
        .code(5)
        .stdout_is("")
        .stderr_has("AWS refused AssumeRole")
        .stderr_has("check the role's trust policy");
    assert_eq!(link("quay-7"), 0);
    env.run(&["as", "--shell", "bash", &role]).ok().stdout_has("AWS_SESSION_TOKEN");
}

#[test]
fn what_aws_sts_prints_is_imported_as_it_is() {
    let moto = Moto::start();
    let env = home(&moto);
    let role = moto.role(&env, "Admin", &format!("arn:aws:iam::{ACCOUNT}:root"), None);
    let assumed = moto.admin(&env, &["sts", "assume-role", "--role-arn", &role, "--role-session-name", "me"]);
    let credentials = Key::of(&assumed["Credentials"]);

    let imported = env.run_with_stdin(&["import", "-", "--json"], assumed.to_string());
    let imported = imported.ok().nowhere(&credentials.secret).json();
    assert_eq!(imported[0]["arn"], role.as_str());
    assert_eq!(imported[0]["kind"], "imported");
    assert_eq!(imported[0]["access_key_id"], credentials.id.as_str());
    assert_eq!(imported[0]["expiry_is_guess"], false);
    assert_eq!(
        arn_after(&env, &["--region", "eu-west-1", &role]),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me")
    );

    // As `aws configure export-credentials --format env` of the second version prints them.
    let lines = format!(
        "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_SESSION_TOKEN={}\n\
         export AWS_CREDENTIAL_EXPIRATION={}\n",
        credentials.id,
        credentials.secret,
        credentials.token.expect("a token"),
        text(&assumed["Credentials"]["Expiration"]),
    );
    let again = env.run_with_stdin(&["import", "-", "--json"], lines).ok().json();
    assert_eq!(again[0]["already_stored"], true);
    assert_eq!(again[0]["expires_at"], imported[0]["expires_at"], "both forms say the same");
}

#[test]
fn what_get_session_token_prints_is_imported_as_it_is() {
    let moto = Moto::start();
    let env = home(&moto);
    let mut session = moto.admin(&env, &["sts", "get-session-token"]);
    // moto gives the same constant everywhere, and as its id one that AWS gives to long-term keys only.
    let constant = text(&session["Credentials"]["AccessKeyId"]);
    env.run_with_stdin(&["import", "-"], session.to_string()).code(1).stderr_has("a long-term key (AKIA…)");
    session["Credentials"]["AccessKeyId"] = constant.replacen("AKIA", "ASIA", 1).into();
    let imported = env.run_with_stdin(&["import", "-", "--json"], session.to_string()).ok().json();
    assert_eq!(imported[0]["kind"], "imported");
    assert_eq!(imported[0]["arn"], format!("arn:aws:iam::{ACCOUNT}:user/moto"), "whom moto names for an unknown key");
}

/// Makes a certificate authority and a certificate of it for 127.0.0.1 in the home folder, with openssl.
fn make_certificates(env: &mut Hermetic) {
    env.write("ext", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    let new_ca = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority";
    let new_key = "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost";
    let sign = "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem";
    for arguments in [new_ca, new_key, sign] {
        let words: Vec<&str> = arguments.split(' ').collect();
        env.program("openssl", &words).folder(env.home()).run().ok();
    }
}

#[test]
fn a_tls_server_is_trusted_by_the_bundle_that_vouches_for_it_and_by_no_other() {
    let mut env = Hermetic::new();
    make_certificates(&mut env);
    let moto = Moto::start_with_tls(&env.path("cert.pem"), &env.path("key.pem"));
    env.endpoint(&moto.tls_url());
    env.aws_credentials("[a]\naws_access_key_id = AKIAEXAMPLE123456789\naws_secret_access_key = x\n");
    env.run(&["import"]).code(6).stderr_has("UnknownIssuer");
    let bundle = env.path("ca.pem");
    // A certificate that cannot be read, as real bundles hold them, is passed over.
    let text = std::fs::read_to_string(&bundle).unwrap();
    env.write("bundle.pem", format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{text}"));
    env.set("AWS_CA_BUNDLE", env.path("bundle.pem").to_string_lossy());
    env.run(&["import"]).ok();
}

/// moto tells the owner of a key from the key alone, and knows no limit of two.
#[test]
fn a_key_is_rotated_and_the_aws_cli_sees_only_the_new_one() {
    let moto = Moto::start();
    let mut env = home(&moto);
    let key = moto.user(&env, "alice");
    let own_keys = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy =
        ["iam", "put-user-policy", "--user-name", "alice", "--policy-name", "keys", "--policy-document", own_keys];
    moto.admin(&env, &policy);
    env.aws_credentials(&key.section("alice"));
    env.run(&["import"]).ok();
    moto.demand_authentication();
    let answer = env.run(&["rotate", "alice", "--yes", "--json"]).ok().json();
    let new = text(&answer[0]["new_key"]);
    assert_ne!(new, key.id);
    assert_eq!(answer[0]["copies"][0]["profile"], "alice");
    env.aws_credentials("");
    let code = env.run(&["as", "--shell", "bash", "--no-session", "alice"]);
    let shell = env.exported(Shell::Bash, &code.ok().stdout, &[]);
    let listed = aws(&env, &["iam", "list-access-keys", "--region", "us-east-1"], |command| {
        shell.exported.iter().fold(command, |command, (name, value)| command.set(name, value))
    });
    let keys = listed.ok().json()["AccessKeyMetadata"].clone();
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
    assert_eq!(text(&keys[0]["AccessKeyId"]), new);
    assert_eq!(env.run(&["rotate", "--pending", "--json"]).ok().json(), serde_json::json!([]));
}
