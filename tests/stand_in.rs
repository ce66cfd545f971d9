//! The stand-ins of a live shell, as the AWS SDK for Python reads them beside the person's own files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use multicred::aws_config::stand_in::{Own, stand_in};
use serde_json::{Value, json};

use crate::moto::server::venv;
use crate::support::env::Hermetic;

const CONFIG: &str = "\
# kept for later: aws_secret_access_key = hush
[default]
region = eu-west-1
s3 =
  addressing_style = path

[profile on-default]
region = eu-west-2
role_arn = arn:aws:iam::123456789012:role/R
source_profile = default

[profile on-bob]
region = eu-west-2
role_arn = arn:aws:iam::123456789012:role/R
source_profile = bob

[profile bob]
region = eu-west-3

[profile own-base]
region = eu-west-2
role_arn = arn:aws:iam::123456789012:role/R
source_profile = own-base

[profile elsewhere]
region = eu-west-2
role_arn = arn:aws:iam::123456789012:role/R
source_profile = bob

[profile half-sso]
sso_account_id = 123456789012
[profile nothing]
region = eu-west-2
";

const CREDENTIALS: &str = "\
[default]
aws_access_key_id = AKIA_default
aws_secret_access_key = hush
[bob]
aws_access_key_id = AKIA_bob
aws_secret_access_key = hush
[bob smith]
aws_access_key_id = AKIA_bob smith
aws_secret_access_key = hush
aws_session_token = hush
[own-base]
aws_access_key_id = AKIA_own-base
aws_secret_access_key = hush
[elsewhere]
aws_access_key_id = AKIA_elsewhere
aws_secret_access_key = hush
[on-default-too]
region = eu-west-2
role_arn = arn:aws:iam::123456789012:role/R
source_profile = default
";

const PROFILES: [&str; 9] =
    ["on-default", "on-default-too", "on-bob", "bob", "bob smith", "own-base", "elsewhere", "half-sso", "nothing"];

/// Stands in for multicred, which reads the person's own files.
const MULTICRED: &str = r#"#!/bin/sh
for word; do case $word in -*) ;; *) name=$word ;; esac; done
role=; [ "$name" = own-base ] && role=ROLE_
echo "{\"Version\": 1, \"AccessKeyId\": \"${role}AKIA_$name\", \"SecretAccessKey\": \"s\"}"
"#;

#[track_caller]
fn answers(env: &Hermetic, config: &Path, credentials: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/answers.py");
    let arguments = [&[script.to_str().unwrap()], &PROFILES[..]].concat();
    let run = env.program(&venv("python"), &arguments);
    let run = run.set("AWS_CONFIG_FILE", config.to_string_lossy().into_owned());
    run.set("AWS_SHARED_CREDENTIALS_FILE", credentials.to_string_lossy().into_owned()).run().ok().json()
}

#[test]
fn every_profile_but_the_default_one_is_to_boto3_who_it_was() {
    let env = Hermetic::new();
    let file = |name: &str, text: &str| {
        let path = env.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let program = file("it's multicred", MULTICRED);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (config, credentials) = (file("own-config", CONFIG), file("own-credentials", CREDENTIALS));
    let own = |path, text| Own { path, text: Some(text) };
    let command = [program.to_str().unwrap(), "--store", "/x y/m.db"];
    let made = stand_in(own(&config, CONFIG), own(&credentials, CREDENTIALS), &command);

    let mut before = answers(&env, &config, &credentials);
    let after = answers(&env, &file("made-config", &made.config), &file("made-credentials", &made.credentials));

    assert_eq!(before[""], json!(["AKIA_default", "eu-west-1"]));
    assert_eq!(before["on-default"], json!(["ROLE_AKIA_default", "eu-west-2"]));
    before[""] = json!(["AKIA_live", "eu-west-1"]);
    assert_eq!(after, before);
    assert!(!made.config.contains("hush") && !made.credentials.contains("hush"));
}
