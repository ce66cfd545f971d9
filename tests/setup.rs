//! `setup`, `refresh`, `unsetup`: the credentials file kept clean, and given back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

const CREDENTIALS: &str = ".aws/credentials";

pub fn credentials(scene: &Scene) -> String {
    fs::read_to_string(scene.env.path(CREDENTIALS)).unwrap_or_default()
}

/// A file as people have it: two long-lived keys, in odd clothes, and much else.
pub fn persons_file(scene: &Scene) -> String {
    format!(
        "# mine\r\n[default]\r\naws_access_key_id={}\r\nregion = eu-west-1 ; near\r\nAWS_SECRET_ACCESS_KEY={}\r\n\r\n\
         # the other one\n[work]  # here\n  aws_secret_access_key : {}\n  aws_access_key_id : {}\n  s3 =\n    a = b\n\n\
         [saml]\naws_access_key_id = ASIAOWNOWNOWNOWN1234\naws_secret_access_key = x%y#z\naws_session_token = t\n\n\
         [odd\n[empty]\n; the end",
        scene.alice.access_key_id, scene.alice.secret, scene.bob.secret, scene.bob.access_key_id
    )
}

/// A home with that file, a .bashrc and a role of bob's key.
pub fn home() -> (Scene, String) {
    let mut scene = Scene::new();
    let own = persons_file(&scene);
    scene.env.aws_credentials(&own);
    scene.env.aws_config(&format!(
        "[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = work\nregion = eu-west-1\n"
    ));
    scene.env.write(".bashrc", "alias ll='ls -l'");
    (scene, own)
}

#[track_caller]
pub fn tells_no_secret(scene: &Scene, text: &str) {
    for secret in [&scene.alice.secret, &scene.bob.secret] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
}

/// Whom the AWS CLI is with a profile.
fn whom(scene: &Scene, profile: &str) -> Output {
    scene
        .env
        .program(&venv("aws"), &["sts", "get-caller-identity", "--profile", profile])
        .set("AWS_DEFAULT_REGION", "eu-west-1")
        .run()
}

#[test]
fn the_keys_go_into_the_store_and_come_back_to_the_byte() {
    for flags in [&[][..], &["--temporary"]] {
        let (scene, own) = home();
        let output = scene.env.run(&[&["setup", "--yes"], flags].concat());
        output.ok().stdout_has("1. make the store").stdout_has("profile work: ");
        let text = credentials(&scene);
        tells_no_secret(&scene, &text);
        assert!(text.contains("x%y#z") && text.contains("[odd\n[empty]\n; the end"), "{text}");
        assert!(text.contains("[work]  # here\n") && text.contains("    a = b\n"), "{text}");
        assert_eq!(text.contains("credential_process"), flags.is_empty(), "{text}");
        assert_eq!(
            text.contains("aws_session_token = t\n") && text.matches("session_token").count() == 3,
            !flags.is_empty()
        );
        let rc = fs::read_to_string(scene.env.path(".bashrc")).unwrap();
        assert!(rc.starts_with("alias ll='ls -l'\n# >>> ") && rc.contains("eval \"$(multicred init bash)\"\n"), "{rc}");
        if !flags.is_empty() {
            scene.env.run(&["refresh"]).code(0).stdout_has("profile work: ");
            assert_ne!(credentials(&scene), text);
        }
        let undone = scene.env.run(&["unsetup", "--yes"]);
        undone.ok().stdout_has("work: it has its key again, and is as it was").stderr_has("the store stays");
        assert_eq!(credentials(&scene), own);
        assert_eq!(fs::read_to_string(scene.env.path(".bashrc")).unwrap(), "alias ll='ls -l'");
        scene.env.run(&["list"]).ok().stdout_has("work");
        scene.env.run(&["unsetup", "--yes"]).ok().stdout_is("").stderr_has("nothing to undo");
    }
}

#[test]
fn programs_and_multicred_itself_go_on_with_the_same_profiles() {
    let (mut scene, _) = home();
    // botocore refuses a whole file for less.
    let plain = ini("default", &scene.alice) + &ini("work", &scene.bob);
    scene.env.aws_credentials(&plain);
    let before = ["default", "work", "reader"].map(|profile| whom(&scene, profile).ok().json());
    for flags in [&[][..], &["--temporary"]] {
        scene.env.run(&[&["setup", "--yes"], flags].concat()).ok();
        let after = ["default", "work", "reader"].map(|profile| whom(&scene, profile).ok().json());
        let arn = |json: &Value| json["Arn"].as_str().unwrap().split("/botocore").next().unwrap().to_owned();
        assert_eq!(after.map(|json| arn(&json)), before.clone().map(|json| arn(&json)), "{flags:?}");
        for name in ["default", "work", "reader"] {
            scene.become_in_bash(name).ok();
            scene.env.run(&["why", name]).ok();
            scene.env.run(&["exec", name, "--", "true"]).ok();
        }
        scene.env.run(&["unsetup", "--yes"]).ok();
    }
}

#[test]
fn nothing_is_done_in_a_rehearsal_nor_where_nobody_can_be_asked() {
    let (scene, own) = home();
    let calls = scene.sts.calls().len();
    scene.env.run(&["setup", "--dry-run"]).ok().stdout_has("1. make the store").stdout_has("add to ");
    scene.env.run(&["setup", "--dry-run", "--json"]).ok();
    for words in [&["setup"][..], &["setup", "--no-input"]] {
        scene.env.run(words).refused(4, &["--yes"]);
    }
    assert_eq!((credentials(&scene), scene.sts.calls().len()), (own, calls));
    assert!(!scene.env.store().exists());
    scene.env.run(&["setup", "--yes"]);
    let text = credentials(&scene);
    scene.env.run(&["unsetup", "--dry-run"]).ok().stdout_has("1. give their keys back");
    scene.env.run(&["unsetup"]).refused(4, &["--yes"]);
    assert_eq!(credentials(&scene), text);
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let (scene, _) = home();
    scene.env.run(&["setup", "--yes"]).ok();
    let files = || [CREDENTIALS, ".bashrc"].map(|file| fs::read_to_string(scene.env.path(file)).unwrap());
    let before = files();
    scene.env.run(&["setup", "--yes"]).stdout_is("").stderr_has("nothing to do");
    assert_eq!(files(), before);
}

#[test]
fn a_key_that_aws_does_not_know_stays_where_it_is() {
    let mut scene = Scene::new();
    let own = ini("good", &scene.bob) + "[bad]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = no\n";
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes"]).code(1).stderr_has("bad is left as it is");
    let text = credentials(&scene);
    assert!(text.contains("AKIAIOSFODNN7EXAMPLE") && !text.contains(&scene.bob.secret), "{text}");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn a_role_that_is_its_own_source_keeps_its_key() {
    let mut scene = Scene::new();
    let own = ini("self", &scene.bob);
    scene.env.aws_credentials(&own);
    scene
        .env
        .aws_config(&format!("[profile self]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = self\n"));
    scene.env.run(&["setup", "--yes"]).ok().stderr_has("has role_arn");
    assert_eq!(credentials(&scene), own);
}

#[test]
fn a_key_put_over_a_kept_one_is_a_new_key_and_neither_is_lost() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = ini("work", &scene.bob);
        scene.env.aws_credentials(&own);
        scene.env.run(&[&["setup", "--yes"], flags].concat()).ok();
        for (key, value) in
            [("aws_access_key_id", &scene.alice.access_key_id), ("aws_secret_access_key", &scene.alice.secret)]
        {
            scene.env.program(&venv("aws"), &["configure", "set", key, value, "--profile", "work"]).run().ok();
        }
        let output = scene.env.run(&["refresh"]);
        output.ok().stdout_has(&format!("its key {}", scene.alice.access_key_id));
        let text = credentials(&scene);
        tells_no_secret(&scene, &text);
        assert_eq!(whom(&scene, "work").ok().json()["Arn"], format!("arn:aws:iam::{DEV}:user/alice"), "{text}");
        for key in [&scene.alice, &scene.bob] {
            scene.env.run(&["credential-process", &key.access_key_id]).ok().stdout_has(&key.secret);
        }
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), ini("work", &scene.alice));
    }
}

#[test]
fn only_the_named_profiles_change() {
    let mut scene = Scene::new();
    let own = ini("a", &scene.alice) + &ini("b", &scene.bob) + "[c]\nregion = x\n";
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--temporary"]).ok();
    let part = |text: &str, name: &str| {
        let from = text.find(&format!("[{name}]")).unwrap();
        text[from..].split("\n[").next().unwrap().to_owned()
    };
    let before = credentials(&scene);
    scene.env.run(&["refresh", "-p", "b"]).ok();
    let after = credentials(&scene);
    assert_eq!(part(&after, "a"), part(&before, "a"));
    assert_ne!(part(&after, "b"), part(&before, "b"));
    assert_eq!(part(&after, "c"), part(&before, "c"));
}

#[test]
fn what_cannot_be_renewed_is_left_and_told_and_the_rest_is_written() {
    let mut scene = Scene::new();
    let own = ini("a", &scene.alice) + &ini("b", &scene.bob);
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--temporary"]).ok();
    let before = credentials(&scene);
    let other = KeyPair { secret: "another".to_owned(), ..scene.alice.clone() };
    scene.sts.world(|world| world.add_key(&format!("arn:aws:iam::{DEV}:user/alice"), &other));
    let output = scene.env.run(&["refresh"]);
    output.code(1).stdout_has("profile b: ").stderr_has("profile a is left as it is");
    let after = credentials(&scene);
    let first = |text: &str| text[..text.find("[b]").unwrap()].to_owned();
    assert_eq!(first(&after), first(&before));
    assert_ne!(after, before);
    let states = scene.env.run(&["status", "--profiles", "--json"]).ok().json();
    let of = |index: usize, key: &str| states[index][key].as_str().unwrap_or_default().to_owned();
    assert_eq!((of(0, "profile"), of(0, "state")), ("a".to_owned(), "failed".to_owned()), "{states}");
    assert_eq!((of(1, "profile"), of(1, "state")), ("b".to_owned(), "fresh".to_owned()), "{states}");
    assert!(of(0, "reason").contains("AWS"), "{states}");
}

#[test]
fn the_states_of_profiles_are_told_apart() {
    let mut scene = Scene::new();
    let temporary = |name: &str, more: &str| {
        format!(
            "[{name}]\naws_access_key_id = ASIAOWNOWNOWNOWN1234\naws_secret_access_key = x\naws_session_token = t\n{more}"
        )
    };
    let text = ini("long", &scene.bob)
        + &temporary("old", "expiration = 2020-01-01T00:00:00Z\n")
        + &temporary("young", "expiration = 2099-01-01T00:00:00Z\n")
        + &temporary("unknown", "")
        + "[none]\nregion = x\n";
    scene.env.aws_credentials(&text);
    let json = scene.env.run(&["status", "--profiles", "--json"]).ok().json();
    let states: Vec<(&str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["profile"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("long", "no expiry"), ("old", "expired"), ("young", "fresh"), ("unknown", "no expiry")]);
    scene.env.run(&["status", "--profiles"]).ok().stdout_has("expired").stdout_has("fresh");
    scene.env.run(&["setup", "--yes"]).ok();
    scene.env.run(&["status", "--profiles"]).ok().stdout_has("on demand");
}

#[test]
fn links_and_modes_stay() {
    let (scene, own) = home();
    let (real, link) = (scene.env.path("real"), scene.env.path(CREDENTIALS));
    fs::rename(&link, &real).unwrap();
    symlink(&real, &link).unwrap();
    let rc = scene.env.path("dotfiles");
    fs::rename(scene.env.path(".bashrc"), &rc).unwrap();
    symlink("dotfiles", scene.env.path(".bashrc")).unwrap();
    for (file, mode) in [(&real, 0o644), (&rc, 0o640)] {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }
    scene.env.run(&["setup", "--yes"]).ok();
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(fs::read_to_string(&real).unwrap(), own);
    for (file, mode) in [(&real, 0o644), (&rc, 0o640)] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, mode);
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::symlink_metadata(scene.env.path(".bashrc")).unwrap().is_symlink());
}

#[test]
fn files_that_are_read_only_are_left_and_told() {
    let (scene, own) = home();
    for file in [CREDENTIALS, ".bashrc"] {
        fs::set_permissions(scene.env.path(file), fs::Permissions::from_mode(0o400)).unwrap();
    }
    scene.env.run(&["setup", "--yes"]).code(1).stderr_has("is read-only");
    assert!(!scene.env.store().exists());
    fs::set_permissions(scene.env.path(CREDENTIALS), fs::Permissions::from_mode(0o600)).unwrap();
    scene.env.run(&["setup", "--yes"]).code(1).stderr_has(".bashrc is left as it is");
    assert_eq!(fs::read_to_string(scene.env.path(".bashrc")).unwrap(), "alias ll='ls -l'");
    assert_ne!(credentials(&scene), own);
}
