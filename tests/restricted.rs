//! Sessions that may do less than whom they are of, or say more: policies, tags, source identities.

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene};
use crate::support::env::Output;
use crate::support::sts::{Fault, Session};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// The session that a program is given under these flags.
#[track_caller]
fn session(scene: &Scene, name: &str, flags: &[&str]) -> Session {
    let words = [&["exec"], flags, &[name, "--", "printenv", "AWS_ACCESS_KEY_ID"]].concat();
    let key = scene.env.run(&words).ok().stdout.trim().to_owned();
    scene.sts.world(|world| world.session(&key).cloned()).expect("a session of the server")
}

#[test]
fn a_restricted_program_is_told_nothing_of_whom_it_is_restricted_from() {
    let mut scene = Scene::with_bobs_roles();
    let store = scene.env.store().to_string_lossy().into_owned();
    scene.env.set("MULTICRED_STORE", &store).set("MULTICRED_AGENT_SOCK", "/run/x").set("MULTICRED_ANYTHING", "1");
    for flags in [&["--read-only"][..], &["--policy-arn", READ_ONLY]] {
        let words = [&["exec"], flags, &["dev/Reader", "--", "env"]].concat();
        let output = scene.env.run(&words);
        output.ok().holds(!output.stdout.contains("MULTICRED"), "no variable of multicred's");
        output.stdout_has("AWS_SESSION_TOKEN=").nowhere(&scene.bob.access_key_id).nowhere(&store);
    }
}

#[test]
fn read_only_restricts_a_role_and_is_found_by_itself_in_the_store() {
    let scene = Scene::with_bobs_roles();
    let whole = session(&scene, "dev/Reader", &[]);
    let restricted = session(&scene, "dev/Reader", &["--read-only"]);
    assert!(whole.facts.policy_arns.is_empty());
    assert_eq!(restricted.facts.policy_arns, [READ_ONLY]);
    assert_eq!(session(&scene, "dev/Reader", &["--read-only"]).credentials, restricted.credentials, "it is cached");
    assert_eq!(session(&scene, "dev/Reader", &[]).credentials, whole.credentials);
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    assert_eq!(scene.sts.calls_of("AssumeRole").last().expect("a call").param("PolicyArns.member.1.arn"), READ_ONLY);
}

#[test]
fn the_last_role_of_a_chain_alone_is_restricted() {
    let scene = Scene::with_bobs_roles();
    let writer = session(&scene, "dev/Writer", &["--read-only"]);
    assert_eq!(writer.facts.policy_arns, [READ_ONLY]);
    let calls = scene.sts.calls_of("AssumeRole");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].param("PolicyArns.member.1.arn"), "", "the parent must be able to assume the child");
}

#[test]
fn a_user_is_restricted_by_federation_and_says_so() {
    let scene = Scene::with_bob();
    let output = scene.env.run(&["as", "--shell", "bash", "--read-only", "bob"]);
    output.ok().stdout_has(&format!("export MULTICRED_ARN='arn:aws:sts::{DEV}:federated-user/bob'"));
    output.stdout_has("export MULTICRED_RESTRICTED='1'");
    let federated = session(&scene, "bob", &["--read-only"]);
    assert_eq!(federated.principal.arn(), format!("arn:aws:sts::{DEV}:federated-user/bob"));
    assert_eq!(federated.facts.policy_arns, [READ_ONLY]);
    assert_eq!((scene.sts.count("GetFederationToken"), scene.sts.count("GetSessionToken")), (1, 0));
    let named = session(&scene, "bob", &["--read-only", "--session-name", "ci-7", "--duration", "2h"]);
    assert!(named.principal.arn().ends_with("federated-user/ci-7"));
    let call = scene.sts.calls_of("GetFederationToken").pop().expect("a call");
    assert_eq!(call.param("DurationSeconds"), "7200");
}

#[test]
fn a_policy_of_a_file_reaches_aws_without_its_white_space() {
    let mut scene = Scene::with_bobs_roles();
    let policy = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [ { \"Effect\": \"Allow\", \
                  \"Action\": \"s3:Get*\", \"Resource\": \"*\", \"Sid\": \"two words\" } ]\n}\n";
    scene.env.write("policy.json", policy);
    let file = scene.env.path("policy.json").to_string_lossy().into_owned();
    let restricted = session(&scene, "dev/Reader", &["--policy", &file, "--policy-arn", READ_ONLY]);
    let sent = restricted.facts.policy.expect("a policy");
    assert_eq!(
        sent,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\",\
         \"Sid\":\"two words\"}]}"
    );
    scene.env.write("policy.json", policy.replace("Get*", "List*"));
    session(&scene, "dev/Reader", &["--policy", &file, "--policy-arn", READ_ONLY]);
    assert_eq!(scene.sts.count("AssumeRole"), 2, "an edited policy is another request");
}

#[test]
fn what_aws_would_refuse_is_refused_before_any_call() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("long.json", format!("{{\"{}\":1}}", "x".repeat(2_100))).write("bad.json", "no json");
    let arns: Vec<String> = (0..11).map(|n| format!("arn:aws:iam::aws:policy/p{n}")).collect();
    let eleven: Vec<&str> = arns.iter().flat_map(|arn| ["--policy-arn", arn]).collect();
    let before = scene.sts.calls().len();
    let refused = |flags: &[&str], says: &str| {
        let words = [&["exec"], flags, &["dev/Reader", "--", "touch", "ran"]].concat();
        scene.env.run(&words).refused(2, &[says]);
    };
    refused(&eleven, "11 policy ARNs");
    refused(&["--policy", "long.json"], "2106 characters");
    refused(&["--policy", "bad.json"], "not a JSON object");
    refused(&["--policy", "none.json"], "cannot be read");
    refused(&["--policy-arn", "ReadOnlyAccess"], "not the ARN of a managed policy");
    refused(&["--read-only", "--policy-arn", READ_ONLY], "cannot be used with");
    refused(&["--tag", "team"], "KEY=VALUE");
    refused(&["--tag", "aws:x=1"], "kept for AWS");
    refused(&["--source-identity", "a b"], "not a source identity");
    assert_eq!(scene.sts.calls().len(), before);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn what_only_aws_finds_wrong_with_a_policy_is_told_as_the_persons_own_to_correct() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("none.json", r#"{"a":1}"#);
    let exec = |flags: &[&str]| scene.env.run(&[&["exec"], flags, &["dev/Reader", "--", "touch", "ran"]].concat());
    exec(&["--policy", "none.json"]).refused(5, &["MalformedPolicyDocument", "correct --policy"]);
    scene.sts.fault_once("AssumeRole", Fault::refuse(400, "PackedPolicyTooLarge", "Packed policy consumes 107%"));
    exec(&["--read-only"]).refused(5, &["107%", "--policy, --policy-arn and --tag"]);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn whom_no_call_can_restrict_is_refused() {
    let scene = Scene::with_bobs_roles();
    let saml = scene.sts.world(|world| {
        world.role(crate::support::sts::Role::new(PROD, "Saml"));
        world.saml_session(&format!("arn:aws:iam::{PROD}:role/Saml"), "me", 3000)
    });
    let lines = format!(
        "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_SESSION_TOKEN={}\n",
        saml.access_key_id, saml.secret, saml.session_token
    );
    scene.env.run_with_stdin(&["import", "-", "--label", "saml"], lines).ok();
    let exec = |words: &[&str]| -> Output { scene.env.run(&[&["exec"], words, &["--", "touch", "ran"]].concat()) };
    exec(&["--read-only", "saml"]).refused(1, &["cannot be restricted by a policy"]);
    exec(&["--read-only", "--access-key", &scene.bob.access_key_id]).refused(1, &["the long-term key itself"]);
    exec(&["--read-only", "--no-session", "bob"]).refused(1, &["the long-term key itself"]);
    exec(&["--tag", "a=b", "bob"]).refused(2, &["a role session only"]);
    exec(&["--source-identity", "ann", "bob"]).refused(2, &["a role session only"]);
    exec(&["--tag", "a=b", "saml"]).refused(2, &["a role session only"]);
    assert_eq!(scene.sts.count("GetFederationToken") + scene.sts.count("AssumeRole"), 0);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn tags_go_with_the_target_and_a_source_identity_with_the_first_role() {
    let scene = Scene::with_bobs_roles();
    let flags = ["--tag", "team=quay 7", "--tag", "Cost=1=2", "--source-identity", "ann@example.com"];
    let writer = session(&scene, "dev/Writer", &flags);
    assert_eq!(writer.facts.source_identity.as_deref(), Some("ann@example.com"), "AWS passes it down");
    let tags: Vec<(&str, &str)> = writer.facts.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("Cost", "1=2"), ("team", "quay 7")]);
    let [first, second] = &scene.sts.calls_of("AssumeRole")[..] else { panic!("two calls") };
    assert_eq!((first.param("SourceIdentity"), second.param("SourceIdentity")), ("ann@example.com", ""));
    assert_eq!((first.param("Tags.member.1.Key"), second.param("Tags.member.2.Key")), ("", "team"));
    session(&scene, "dev/Writer", &flags);
    assert_eq!(scene.sts.count("AssumeRole"), 2, "the same request again is served from the store");
    session(&scene, "dev/Writer", &["--source-identity", "bob"]);
    assert_eq!(scene.sts.count("AssumeRole"), 4, "another person is behind every session of the chain");
}

#[test]
fn a_shell_renews_and_comes_back_under_the_same_restriction() {
    let mut scene = Scene::with_bobs_roles();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    scene.env.write("p.json", policy.replace(',', ", "));
    let flags = ["--policy", "p.json", "--tag", "a=b c", "--source-identity", "ann", "--policy-arn", READ_ONLY];
    let output = scene.env.run(&[&["as", "--shell", "bash"], &flags[..], &["dev/Reader"]].concat());
    let request = output.ok().stdout.lines().find(|line| line.starts_with("__multicred_request")).unwrap().to_owned();
    assert_eq!(
        request,
        format!(
            "__multicred_request=( 'dev/Reader' '--source-identity' 'ann' '--tag' 'a=b c' '--policy-arn' '{READ_ONLY}' \
             '--policy' '{policy}')"
        )
    );
    // The file is another one by then: what was asked for is not.
    scene.env.write("p.json", "{}");
    let words =
        format!("{request}\nmulticred as --shell bash --renew \"${{__multicred_request[@]}}\" > code; . ./code");
    let renewed = scene.env.program("bash", &["-c", &format!("{words}; printenv AWS_ACCESS_KEY_ID")]).run();
    let key = renewed.ok().stdout.trim().to_owned();
    let session = scene.sts.world(|world| world.session(&key).cloned()).expect("a session");
    assert_eq!(session.facts.policy.as_deref(), Some(policy));
}

#[test]
fn two_policies_are_no_policy_and_the_first_is_not_dropped() {
    let scene = Scene::with_bobs_roles();
    let twice = ["exec", "--policy", "{}", "--policy", "{}", "dev/Reader", "--", "touch", "ran"];
    scene.env.run(&twice).refused(2, &["--policy is given twice"]);
    let arns = [
        "exec",
        "--arn",
        "arn:aws:iam::111122223333:role/a",
        "--arn",
        "arn:aws:iam::111122223333:role/b",
        "--",
        "true",
    ];
    scene.env.run(&arns).refused(2, &["cannot be used multiple times"]);
    scene.env.run(&["exec", "--policy", "/dev/zero", "dev/Reader", "--", "true"]).refused(2, &["not a JSON object"]);
}

#[test]
fn a_restricted_credential_stays_restricted_under_its_own_id() {
    let scene = Scene::with_bobs_roles();
    for (name, arn) in [
        ("dev/Reader", format!("arn:aws:iam::{DEV}:role/Reader")),
        ("bob", format!("arn:aws:sts::{DEV}:federated-user/bob")),
    ] {
        let key = session(&scene, name, &["--read-only"]).credentials.access_key_id;
        let code = scene.env.run(&["as", "--shell", "bash", &key]);
        code.ok().stdout_has("export MULTICRED_RESTRICTED='1'").stdout_has(&format!("export MULTICRED_ARN='{arn}'"));
        let env = scene.env.run(&["exec", &key, "--", "env"]);
        env.ok().holds(!env.stdout.contains("MULTICRED"), "nothing of whom it is restricted from");
        let status = format!("{}\nmulticred status; multicred status --json", code.stdout);
        let status = scene.env.program("bash", &["-c", &status]).run();
        status.ok().stdout_has("restricted by a session policy\n").stdout_has("\"restricted\":true");
    }
}

#[test]
fn what_one_endpoint_gave_is_not_used_where_another_is_asked() {
    let scene = Scene::with_bobs_roles();
    let here = session(&scene, "dev/Reader", &[]);
    let elsewhere =
        scene.env.command(&["credential-process", "dev/Reader"]).set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    elsewhere.run().refused(6, &["no answer from AWS"]);
    assert_eq!(session(&scene, "dev/Reader", &[]).credentials, here.credentials);
}

#[test]
fn a_restricted_credential_stays_restricted_in_a_profile_and_is_never_imported_as_the_identity() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["env", "bob", "--read-only", "--to-profile", "ro"]).ok();
    // A newer one of the same request does not make the older one forgotten: it is still in the file.
    session(&scene, "bob", &["--read-only", "--fresh"]);
    let code = scene.env.run(&["as", "--shell", "bash", "ro"]);
    code.ok().stdout_has("export MULTICRED_RESTRICTED='1'");
    code.stdout_has(&format!("export MULTICRED_ARN='arn:aws:sts::{DEV}:federated-user/bob'"));
    let shell = format!("{}\nmulticred credential-process", code.stdout);
    scene.env.program("bash", &["-c", &shell]).run().refused(2, &["restricted by a policy"]);
    let env = scene.env.run(&["exec", "ro", "--", "env"]);
    env.ok().holds(!env.stdout.contains("MULTICRED"), "nothing of whom it is restricted from");
    scene.env.run(&["import", "--profile", "ro"]).ok().stderr_has("stored");
    scene.env.run(&["as", "--shell", "bash", "bob"]).ok().stdout_has("unset MULTICRED_RESTRICTED");
}

#[test]
fn a_restricted_credential_that_a_program_prints_is_known_as_that() {
    let mut scene = Scene::with_bobs_roles();
    let printed = scene.env.run(&["credential-process", "--read-only", "dev/Reader"]).ok().stdout.clone();
    scene.env.write("answer.json", &printed);
    let answer = scene.env.path("answer.json");
    scene.env.aws_config(&format!("[profile printed]\ncredential_process = cat '{}'\n", answer.display()));
    scene.env.run(&["credential-process", "printed"]).ok();
    let key = serde_json::from_str::<serde_json::Value>(&printed).unwrap()["AccessKeyId"].as_str().unwrap().to_owned();
    let store = multicred::store::Store::open(&scene.env.store()).unwrap().unwrap();
    let row = store.read().credential_with_key(&key).unwrap().unwrap();
    assert!(row.held.restricted_as.is_some(), "{row:?}");
}
