//! Live sessions: no credential in the environment, and every program has one.

use std::collections::BTreeMap;

use crate::scene::Scene;
use crate::support::env::Output;

/// The variables that a program says it has.
#[track_caller]
fn variables(output: &Output) -> BTreeMap<String, String> {
    crate::scene::live::variables(&output.ok().stdout)
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

#[test]
fn a_restricted_live_program_is_told_nothing_of_multicred() {
    let scene = Scene::with_bobs_roles();
    let words = ["exec", "--live", "--read-only", "dev/Reader", "--", "/usr/bin/env", "-0"];
    let held = variables(&scene.env.run(&words));
    let ours = |name: &&String| name.starts_with("MULTICRED_") && *name != "MULTICRED_KEY";
    assert_eq!(held.keys().find(ours), None);
    assert!(held.contains_key("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    let calls = scene.sts.calls_of("AssumeRole");
    let policies: Vec<&str> = calls.iter().map(|call| call.param("PolicyArns.member.1.arn")).collect();
    assert_eq!(policies, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
}

#[test]
fn a_long_term_key_is_handed_out_as_one_that_is_to_be_asked_for_again() {
    let scene = Scene::with_bob();
    let python = crate::moto::server::venv("python");
    let shown = scene.env.run(&["exec", "--live", "--no-session", "bob", "--", &python, "-c", KEYS]);
    // botocore takes an empty token for one.
    let expected = format!("{} {} ", scene.bob.access_key_id, scene.bob.secret);
    assert!(shown.ok().stdout.starts_with(&expected), "{}", shown.stdout);
    assert_eq!(scene.sts.count("GetSessionToken"), 0);
}

#[test]
fn a_program_in_a_live_one_has_the_persons_own_files_again() {
    let mut scene = Scene::with_bobs_roles();
    let own = scene.env.path("own-config").display().to_string();
    scene.env.write("own-config", "[profile other]\nregion = eu-west-3\n").set("AWS_CONFIG_FILE", &own);
    let inner = |words: &[&str]| {
        let outer = ["exec", "--live", "dev/Reader", "--", "multicred", "exec", "--nested"];
        variables(&scene.env.run(&[&outer, words, &["--", "/usr/bin/env", "-0"]].concat()))
    };
    let held = inner(&["dev/Writer"]);
    assert_eq!(held["AWS_CONFIG_FILE"], own);
    assert!(held.contains_key("AWS_SECRET_ACCESS_KEY"));
    for name in
        ["MULTICRED_LIVE", "MULTICRED_CONFIG_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE"]
    {
        assert!(!held.contains_key(name), "{name}");
    }
    let live = inner(&["--live", "dev/Writer"]);
    assert_eq!(
        (live["MULTICRED_CONFIG_FILE"].as_str(), live["MULTICRED_IDENTITY"].as_str()),
        (own.as_str(), "dev/Writer")
    );
    assert!(live["AWS_CONFIG_FILE"].starts_with(&live["MULTICRED_LIVE"]));
    let same = variables(&scene.env.run(&[
        "exec",
        "--live",
        "dev/Reader",
        "--",
        "multicred",
        "exec",
        "--nested",
        "--",
        "/usr/bin/env",
        "-0",
    ]));
    assert_eq!(same["MULTICRED_IDENTITY"], "dev/Reader", "who the program is, without a name");
}

#[test]
fn without_an_agent_that_may_be_started_there_is_no_live_session() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("config/multicred/config.toml", "[agent]\nstart = \"off\"\n");
    let refused = scene.env.run(&["exec", "--live", "dev/Reader", "--", "true"]);
    refused.code(1).stderr_has("no agent runs").stderr_has("multicred agent start");
    scene.env.run(&["agent", "start"]).ok();
    scene.env.run(&["exec", "--live", "dev/Reader", "--", "true"]).ok();
}

#[test]
fn further_identities_are_handed_out_by_their_arns_and_no_others() {
    let scene = Scene::with_bobs_roles();
    let script = "import os,sys,json,urllib.request as u\n\
        def get(path):\n  \
          r=u.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']+path)\n  \
          r.add_header('Authorization',os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN'])\n  \
          try: return json.load(u.urlopen(r)).get('RoleArn')\n  \
          except u.HTTPError as e: return e.code\n\
        print([get(path) for path in sys.argv[1:]])";
    let python = crate::moto::server::venv("python");
    let arn = |name: &str| format!("arn:aws:iam::{}:role/{name}", crate::scene::DEV);
    let paths = ["Reader", "Writer", "Other"].map(|name| format!("/role-arn/{}", arn(name)));
    let words = ["exec", "--live", "dev/Reader", "--also", "dev/Writer", "--", &python, "-c", script, ""];
    let shown = scene.env.run(&[&words[..], &paths.each_ref().map(String::as_str)].concat());
    let (reader, writer) = (arn("Reader"), arn("Writer"));
    assert_eq!(shown.ok().stdout, format!("['{reader}', '{reader}', '{writer}', 403]\n"));
    let refused = scene.env.run(&["exec", "dev/Reader", "--also", "dev/Writer", "--", "true"]);
    refused.code(2).stderr_has("--live");
}
