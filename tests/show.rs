//! `show`: all that is known of one identity or profile, and nothing that is secret.

use rusqlite::Connection;
use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini, tree};

fn change(scene: &Scene, sql: &str) {
    assert!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

#[test]
fn a_role_is_shown_with_its_link_its_children_and_its_credential() {
    let scene = Scene::with_bobs_roles();
    let link = ["link", "dev/Reader", "--parent", "bob", "--external-id", "x-1", "--duration", "30m"];
    scene.env.run(&[&link[..], &["--session-name", "audit", "--region", "eu-west-1"]].concat()).ok();
    scene.env.run(&["account", "dev", "--color", "green"]).ok();
    let role = format!("arn:aws:iam::{DEV}:role/Reader");
    let shown = scene.env.run(&["show", "dev/Reader", "--json"]).ok().json();
    for (key, value) in [
        ("identity", json!("dev/Reader")),
        ("arn", json!(role)),
        ("account", json!(DEV)),
        ("alias", json!("dev")),
        ("color", json!("green")),
        ("kind", json!("role")),
        ("source", json!("store")),
        ("names", json!(["dev/Reader", format!("{DEV}/Reader"), role])),
        ("region", json!("eu-west-1")),
        ("state", json!("renewable")),
        ("children", json!(["dev/Writer"])),
        ("credentials", json!([])),
    ] {
        assert_eq!(shown[key], value, "{key}: {shown}");
    }
    let parent = &shown["parent"];
    for (key, value) in [
        ("identity", json!("bob")),
        ("arn", json!(format!("arn:aws:iam::{DEV}:user/bob"))),
        ("profile", json!(null)),
        ("role_arn", json!(role)),
        ("external_id", json!("x-1")),
        ("duration", json!(1800)),
        ("session_name", json!("audit")),
    ] {
        assert_eq!(parent[key], value, "{key}: {parent}");
    }
    let text = scene.env.run(&["show", &role]);
    text.ok().stdout_has("  parent: bob  arn:").stdout_has("    external id: x-1\n").stdout_has("    duration: 30m\n");
    text.stdout_has(&format!("  account: {DEV} (dev), prompt green\n")).stdout_has("  children: dev/Writer\n");
}

#[test]
fn credentials_are_shown_with_their_age_and_end_and_without_their_secret() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    change(&scene, "UPDATE credential SET created_at = created_at - 7200 WHERE kind = 'long-term'");
    let user = scene.env.run(&["show", "bob", "--json"]);
    let credentials = user.ok().json()["credentials"].as_array().unwrap().clone();
    let key = credentials.iter().find(|held| held["kind"] == "long-term").expect("bob's key");
    assert_eq!((&key["access_key_id"], &key["expires_at"]), (&json!(scene.bob.access_key_id), &json!(null)));
    assert_eq!(user.json()["state"], "renewable", "a session is a call away");
    let names = user.json()["names"].as_array().unwrap().clone();
    for name in ["bob", "dev/user/bob", "dev/bob", &format!("{DEV}/user/bob"), &format!("arn:aws:iam::{DEV}:user/bob")]
    {
        assert!(names.contains(&json!(name)), "{name} in {names:?}");
    }
    let text = scene.env.run(&["show", "bob"]);
    text.ok().stdout_has(&format!("  credential: {} (long-term, 2h old, no expiry)\n", scene.bob.access_key_id));
    let role = scene.env.run(&["show", "dev/Writer"]);
    role.ok().stdout_has("  state: ready ").stdout_has(" left)\n");
    let id = scene.bob.access_key_id.clone();
    assert_eq!(scene.env.run(&["show", &id, "--json"]).ok().json()["identity"], "bob", "whose key it is");
    for output in [user, text, role] {
        for secret in scene.secrets() {
            output.nowhere(&secret);
        }
    }
}

#[test]
fn a_guessed_and_an_expired_end_are_told_as_such() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Reader").ok();
    change(&scene, "UPDATE credential SET expiry_is_guess = 1, kind = 'imported' WHERE kind = 'role'");
    scene.env.run(&["show", "dev/Reader"]).ok().stdout_has(" left, by a guess)\n");
    change(&scene, "UPDATE credential SET expires_at = unixepoch() - 600 WHERE kind = 'imported'");
    scene.env.run(&["show", "dev/Reader"]).ok().stdout_has("expired 10m ago, by a guess)\n");
}

#[test]
fn a_profile_is_shown_with_its_place_its_source_and_who_comes_from_it() {
    let mut scene = Scene::new();
    let config = format!(
        "[default]\nregion = eu-north-1\n\n[profile reader]\n# a comment\nrole_arn = arn:aws:iam::{DEV}:role/Reader\n\
         source_profile = keys\nexternal_id = x\n[profile writer]\nrole_arn = arn:aws:iam::{DEV}:role/Writer\n\
         source_profile = reader\n"
    );
    scene.env.aws_config(&config).aws_credentials(&ini("keys", &scene.bob));
    let shown = scene.env.run(&["show", "reader", "--json"]).ok().json();
    let file = |name: &str| scene.env.path(format!(".aws/{name}")).display().to_string();
    assert_eq!(shown["profiles"], json!([{ "profile": "reader", "place": format!("{}:6", file("config")) }]));
    assert_eq!((&shown["kind"], &shown["source"]), (&json!("role"), &json!("profile")));
    assert_eq!((&shown["region"], &shown["children"]), (&json!("eu-north-1"), &json!(["writer"])));
    assert_eq!((&shown["parent"]["identity"], &shown["parent"]["profile"]), (&json!("keys"), &json!("reader")));
    assert_eq!(shown["parent"]["external_id"], "x");
    let keys = scene.env.run(&["show", "keys"]);
    keys.ok().stdout_has(&format!("  profile: keys ({}:2)\n", file("credentials"))).nowhere(&scene.bob.secret);
    keys.stdout_has(&format!("  credential: {} (long-term", scene.bob.access_key_id));
    let role = scene.env.run(&["show", &format!("{DEV}/Writer"), "--json"]).ok().json();
    assert_eq!((&role["source"], &role["parent"]["identity"]), (&json!("profile"), &json!("reader")), "{role}");
    assert!(!scene.env.path("data/multicred").exists(), "a store was made");
}

#[test]
fn who_is_unknown_ambiguous_or_nobody_is_refused() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["show", "dev/Raeder"]).refused(3, &["dev/Raeder", "did you mean dev/Reader"]);
    scene.env.run(&["show", "-"]).refused(3, &["nobody"]);
    scene.env.run(&["show", "\u{1b}[31m"]).refused(3, &["\\u{1b}"]);
    Scene::new().env.run(&["show", "x", "--json"]).refused(3, &["'x'"]);
}

#[test]
fn what_is_broken_is_shown_with_its_reason() {
    let mut scene = Scene::new();
    scene.env.aws_config(&format!("[profile odd]\nrole_arn = arn:aws:iam::{PROD}:role/Odd\nsource_profile = gone\n"));
    let shown = scene.env.run(&["show", "odd", "--json"]).ok().json();
    assert_eq!((&shown["state"], &shown["parent"]["identity"]), (&json!("broken"), &json!("gone")));
    assert!(shown["reason"].as_str().unwrap().contains("gone"), "{shown}");
}

#[test]
fn nothing_is_changed_and_no_control_character_reaches_the_terminal() {
    let mut scene = Scene::with_bobs_roles();
    let odd = "[profile \"ödd \u{1f980}\"]\nrole_arn = arn:aws:iam::111122223333:role/Odd\nsource_profile = \u{1b}]0;x\u{7}\n";
    scene.env.aws_config(odd);
    change(&scene, "UPDATE link SET external_id = char(27) || '[2J'");
    scene.env.run(&["list"]).ok();
    let before = tree::tree(scene.env.home());
    for name in ["dev/Reader", "bob", "ödd \u{1f980}"] {
        let output = scene.env.run(&["show", name]);
        let is_control = |character: char| character.is_control() && character != '\n';
        output.ok().holds(!output.stdout.contains(is_control), "no control character");
    }
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
}

/// Both look alike but for what is known of them.
#[test]
fn a_profile_says_that_it_is_one_and_of_whom() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&(ini("alice", &scene.alice) + &ini("nobodys", &scene.bob)));
    scene
        .env
        .aws_config(&format!("[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = alice\n"));
    scene.env.run(&["import", "--profile", "alice"]).ok();
    scene.env.run(&["label", &format!("arn:aws:iam::{DEV}:user/alice"), "--remove"]).ok();
    scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
    let profile = scene.env.run(&["show", "alice"]);
    profile.ok().stdout_has("\n  a profile, of: dev/user/alice\n");
    let identity = scene.env.run(&["show", "dev/user/alice"]);
    identity.ok().holds(!identity.stdout.contains("a profile"), "it is the identity");
    scene.env.run(&["show", "reader"]).ok().stdout_has("\n  a profile, of: dev/Reader\n");
    scene.env.run(&["show", "nobodys"]).ok().stdout_has("\n  a profile\n");
    let json = scene.env.run(&["show", "alice", "--json"]).ok().json();
    assert_eq!((&json["is_profile"], &json["profile_of"]), (&json!(true), &json!("dev/user/alice")));
    let json = scene.env.run(&["show", "dev/user/alice", "--json"]).ok().json();
    assert_eq!((&json["is_profile"], &json["profile_of"]), (&json!(false), &json!(null)));
}
