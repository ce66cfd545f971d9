//! `whoami`: who AWS says the shell is, against what the prompt says.

use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini, tree};
use crate::support::env::{Invocation, Output};
use crate::support::sts::{Fault, KeyPair};

/// What a program in a shell that is dev/Reader runs.
fn inside(scene: &Scene, words: &[&str]) -> Output {
    scene.env.run(&[&["exec", "dev/Reader", "--", "multicred", "whoami"], words].concat())
}

/// With a key of the person's own.
fn with_key(scene: &Scene, key: &KeyPair) -> Invocation {
    let command = scene.env.command(&["whoami", "--json"]);
    command.set("AWS_ACCESS_KEY_ID", &key.access_key_id).set("AWS_SECRET_ACCESS_KEY", &key.secret)
}

#[test]
fn whom_aws_names_is_whom_the_shell_says() {
    let scene = Scene::with_bobs_roles();
    let output = inside(&scene, &["--json"]);
    let answer = output.ok().json();
    let session = format!("arn:aws:sts::{DEV}:assumed-role/Reader/bob");
    assert_eq!((&answer["arn"], &answer["agrees"]), (&json!(session), &json!(true)), "{answer}");
    assert_eq!((&answer["claimed_identity"], &answer["live"]), (&json!("dev/Reader"), &json!(false)));
    assert_eq!(answer["claimed_arn"], format!("arn:aws:iam::{DEV}:role/Reader"));
    assert_eq!((&answer["account"], answer["user_id"].as_str().unwrap().ends_with(":bob")), (&json!(DEV), true));
    let text = inside(&scene, &[]);
    text.ok()
        .stdout_has(&format!("{session}\n  dev/Reader, as the prompt says\n"))
        .stdout_has(", in the environment\n");
    for secret in scene.secrets() {
        output.nowhere(&secret);
        text.nowhere(&secret);
    }
    assert_eq!(scene.sts.count("GetCallerIdentity"), 3, "one for the import, and one for each question");
}

#[test]
fn in_a_live_shell_the_endpoint_is_asked_as_a_program_would() {
    let scene = Scene::with_bobs_roles();
    let words = ["exec", "--live", "dev/Reader", "--", "multicred", "whoami", "--json"];
    let answer = scene.env.run(&words).ok().json();
    assert_eq!((&answer["live"], &answer["agrees"]), (&json!(true), &json!(true)), "{answer}");
    assert_eq!(answer["arn"], format!("arn:aws:sts::{DEV}:assumed-role/Reader/bob"));
    let ended = "multicred lock >&2; exec multicred whoami";
    let ended = scene.env.run(&["exec", "--live", "dev/Reader", "--", "sh", "-c", ended]);
    ended.code(1).stdout_is("").stderr_has("the live session of dev/Reader has ended").stderr_has("multicred renew");
}

#[test]
fn somebody_else_is_named_beside_whom_the_shell_says() {
    let scene = Scene::with_bobs_roles();
    let claimed = |key: &KeyPair, name: &str, arn: Option<&str>| {
        let command = with_key(&scene, key).set("MULTICRED_IDENTITY", name);
        arn.into_iter().fold(command, |command, arn| command.set("MULTICRED_ARN", arn)).run()
    };
    let bob = format!("arn:aws:iam::{DEV}:user/bob");
    for arn in [Some(bob.as_str()), None] {
        let answer = claimed(&scene.alice, "bob", arn);
        assert_eq!(answer.code(1).json()["agrees"], false);
        answer
            .calm()
            .stderr_has(&format!("bob ({bob})"))
            .stderr_has(&format!("AWS says that it is arn:aws:iam::{DEV}:user/alice"));
        assert_eq!(claimed(&scene.bob, "bob", arn).ok().json()["agrees"], true);
    }
    let same_name = format!("arn:aws:iam::{DEV}:role/bob");
    assert_eq!(claimed(&scene.bob, "bob", Some(&same_name)).code(1).json()["agrees"], false, "a role is no user");
    let odd = claimed(&scene.bob, "b\u{1b}[2J", Some("\u{1b}]0;x\u{7}"));
    odd.code(1).calm();
    let unknown = claimed(&scene.bob, "who-knows", None);
    assert_eq!(unknown.ok().json()["agrees"], Value::Null);
    let own = with_key(&scene, &scene.bob).run().ok().json();
    assert_eq!((&own["agrees"], &own["claimed_arn"]), (&Value::Null, &Value::Null));
}

#[test]
fn without_a_credential_nobody_is_asked() {
    let scene = Scene::new();
    scene.env.run(&["whoami"]).refused(1, &["no credential", "multicred as NAME"]);
    let with = |id: &str, secret: &str, token: &str| {
        let command = scene.env.command(&["whoami", "--json"]).set("AWS_ACCESS_KEY_ID", id);
        command.set("AWS_SECRET_ACCESS_KEY", secret).set("AWS_SESSION_TOKEN", token).run()
    };
    let id = scene.bob.access_key_id.as_str();
    with(id, "", "").refused(1, &["AWS_SECRET_ACCESS_KEY is not"]);
    for odd in ["short", "AKIA\n0000000000000", "AKIA\u{1f980}0000000000000", &format!("{id} ")] {
        with(odd, "hush-hush", "").refused(1, &["no access key id"]).nowhere("hush-hush");
    }
    for odd in ["to\nken", "t\u{f6}ken", "to\u{1b}ken"] {
        with(id, "hush-hush", odd).refused(1, &["no session token"]).nowhere("hush-hush");
    }
    assert_eq!(scene.sts.count("GetCallerIdentity"), 0);
    assert!(!scene.env.path("data/multicred").exists(), "a store was made");
}

#[test]
fn a_refusal_is_5_and_no_answer_is_6() {
    let scene = Scene::new();
    let wrong = KeyPair { access_key_id: scene.bob.access_key_id.clone(), secret: "not\u{1f980}his".to_owned() };
    with_key(&scene, &wrong).run().refused(5, &["SignatureDoesNotMatch"]).nowhere("not\u{1f980}his");
    let unknown = KeyPair { access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "x".to_owned() };
    with_key(&scene, &unknown).run().refused(5, &["InvalidClientTokenId"]);
    scene.sts.fault_once("GetCallerIdentity", Fault::hostile_message());
    with_key(&scene, &scene.bob).run().calm();
    scene.sts.clear_faults();
    for fault in [Fault::html(), Fault::garbage()] {
        scene.sts.fault_always("GetCallerIdentity", fault);
        with_key(&scene, &scene.bob).run().refused(6, &["GetCallerIdentity"]);
        scene.sts.clear_faults();
    }
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let command = with_key(&scene, &scene.bob).set("AWS_ENDPOINT_URL", format!("http://{nowhere}"));
    command.run().refused(6, &["no answer from AWS"]);
    with_key(&scene, &scene.bob).set("AWS_ENDPOINT_URL", "nonsense").run().refused(2, &["AWS_ENDPOINT_URL"]);
}

#[test]
fn it_changes_nothing_and_writes_nothing_down() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["list"]).ok();
    let before = tree::tree(scene.env.home());
    with_key(&scene, &scene.bob).set("MULTICRED_IDENTITY", "bob").run().ok();
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
}

/// It told of no credential where aws and every SDK would have used the profile.
#[test]
fn without_keys_the_profile_answers_that_programs_would_use_and_nothing_is_kept_of_it() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials(&(ini("mine", &scene.bob) + &ini("default", &scene.alice)));
    scene.env.aws_config(&format!(
        "[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = mine\nregion = eu-west-1\n\
         [profile coded]\nrole_arn = arn:aws:iam::{DEV}:role/Coded\nsource_profile = mine\nmfa_serial = {}\n",
        scene.serial
    ));
    scene.env.run(&["list"]).ok();
    let before = tree::tree(&scene.env.path("data"));
    let by = |profile: &str| scene.env.command(&["whoami", "--json"]).set("AWS_PROFILE", profile).run();
    let user = |name: &str| format!("arn:aws:iam::{DEV}:user/{name}");
    let mine = by("mine").ok().json();
    assert_eq!((&mine["arn"], &mine["profile"], &mine["live"]), (&json!(user("bob")), &json!("mine"), &json!(false)));
    assert_eq!(mine["access_key_id"], json!(scene.bob.access_key_id));
    let reader = by("reader").ok().json();
    assert!(reader["arn"].as_str().unwrap().contains("assumed-role/Reader/"), "{reader}");
    let told = scene.env.command(&["whoami"]).set("AWS_PROFILE", "mine").run();
    told.ok().stdout_has("of the profile mine (AWS_PROFILE)");
    by("coded").refused(4, &["AWS_PROFILE is coded, which answers for programs here", "MFA code"]);
    by("gone").refused(1, &["AWS_PROFILE is gone, and there is no such profile", "unset AWS_PROFILE"]);
    by("g\u{1b}[2J").refused(1, &["no such profile"]).calm();
    let default = scene.env.run(&["whoami", "--json"]).ok().json();
    assert_eq!((&default["arn"], &default["profile"]), (&json!(user("alice")), &json!("default")));
    let with_keys = with_key(&scene, &scene.bob).set("AWS_PROFILE", "default").run().ok().json();
    assert_eq!((&with_keys["arn"], &with_keys["profile"]), (&json!(user("bob")), &Value::Null));
    let is_mark = |path: &std::path::Path| path.to_string_lossy().ends_with("-shm");
    let mut after = tree::tree(&scene.env.path("data"));
    after.iter_mut().filter(|(path, _)| is_mark(path)).for_each(|(path, entry)| *entry = before[path].clone());
    tree::assert_same(&before, &after);
}

#[test]
fn a_profile_that_wins_over_a_live_session_is_told() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials(&ini("mine", &scene.alice));
    let words = ["exec", "--live", "dev/Reader", "--", "env", "AWS_PROFILE=mine", "multicred", "whoami"];
    let told = scene.env.run(&words);
    told.code(1).stdout_has("of the profile mine").stderr_has("user/alice").stderr_has("unset AWS_PROFILE");
}

/// The key is right, so that it was said to be deleted, or of another partition.
#[test]
fn a_session_token_that_was_changed_by_hand_is_told_with_what_mends_it() {
    let scene = Scene::with_bobs_roles();
    for change in ["AWS_SESSION_TOKEN=other", "AWS_SECRET_ACCESS_KEY=other"] {
        let inside = |words: &[&str]| scene.env.run(&[&["exec", "dev/Reader", "--", "env", change], words].concat());
        inside(&["multicred", "whoami"]).code(5).stderr_has("changed by hand").stderr_has("multicred renew").calm();
        let name = change.split_once('=').unwrap().0;
        let checked = inside(&["multicred", "doctor", "--check", "--json"]);
        let findings = checked.code(1).json()["findings"].clone();
        let found = findings.as_array().unwrap().iter().find(|finding| finding["about"] == name);
        assert!(found.is_some_and(|found| found["remedy"].as_str().unwrap().contains("renew")), "{findings}");
    }
    let whole = ["exec", "dev/Reader", "--", "multicred", "doctor", "--check", "--json"];
    let findings = scene.env.run(&whole).json()["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["about"] != "AWS_SESSION_TOKEN"), "{findings}");
}
