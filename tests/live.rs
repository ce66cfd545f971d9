//! Live sessions: no credential in the environment, and every program has one.

use std::collections::BTreeMap;

use crate::scene::Scene;
use crate::support::env::Output;

/// The variables that a program says it has.
fn variables(output: &Output) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    output.ok().stdout.split('\0').filter_map(pair).collect()
}

/// What boto3 signs with.
const KEYS: &str = "\
import boto3
key = boto3.Session().get_credentials().get_frozen_credentials()
print(key.access_key, key.secret_key, key.token)
";

#[test]
fn no_secret_is_in_the_environment_of_a_live_program_and_an_sdk_has_the_credential() {
    let scene = Scene::with_bobs_roles();
    let held = variables(&scene.env.run(&["exec", "--live", "dev/Reader", "--", "/usr/bin/env", "-0"]));
    for secret in scene.secrets() {
        assert!(held.values().all(|value| !value.contains(&secret)), "{held:?}");
    }
    assert_eq!(held["MULTICRED_IDENTITY"], "dev/Reader");
    assert!(!held.contains_key("AWS_ACCESS_KEY_ID"), "{held:?}");
    let python = crate::moto::server::venv("python");
    let shown = scene.env.run(&["exec", "--live", "dev/Reader", "--", &python, "-c", KEYS]);
    let shown = shown.ok().stdout.clone();
    let session = scene.sts.world(|world| world.session(shown.split(' ').next().unwrap()).cloned()).unwrap();
    let credentials = session.credentials;
    let Some((id, _)) = shown.split_once(' ') else { panic!("{shown}") };
    assert_eq!(shown, format!("{id} {} {}\n", credentials.secret, credentials.session_token));
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}
