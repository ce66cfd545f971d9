//! `forget`: what can be obtained again goes, of everybody or of one, and nothing kept goes on answering with it.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::store::Copy;
use crate::scene::{DEV, PROD, Scene, ini, key_in_code};

fn kinds(scene: &Scene) -> Vec<String> {
    Copy::of(&scene.env.store()).texts("SELECT kind FROM credential ORDER BY kind")
}

#[test]
fn sessions_and_roles_of_everybody_go_and_keys_and_imports_stay() {
    let scene = Scene::with_bobs_roles();
    let saml = scene.sts.world(|world| world.saml_session(&format!("arn:aws:iam::{PROD}:role/Admin"), "me", 3600));
    let command = scene.env.command(&["add", "admin", "--env"]).set("AWS_ACCESS_KEY_ID", &saml.access_key_id);
    command.set("AWS_SECRET_ACCESS_KEY", &saml.secret).set("AWS_SESSION_TOKEN", &saml.session_token).run().ok();
    scene.become_in_bash("dev/Writer").ok();
    let sessions = kinds(&scene).iter().filter(|kind| *kind == "session").count();
    let forgotten = scene.env.run(&["forget", "--json"]);
    let expected = json!({ "identity": null, "sessions": sessions, "roles": 2, "imports": 0 });
    assert_eq!(forgotten.ok().json(), expected);
    assert_eq!(kinds(&scene), ["imported", "long-term"]);
    scene.env.run(&["forget"]).ok().stdout_is("").stderr_has("there is nothing to forget");
    let history = scene.env.run(&["history", "--json"]);
    assert_eq!(history.ok().stdout.matches(r#""event":"forget""#).count(), 1);
    scene.env.run(&["forget", "--imports"]).ok().stderr_has("forgotten: 1 imported temporary credential\n");
    assert_eq!(kinds(&scene), ["long-term"]);
}

#[test]
fn what_was_forgotten_of_one_is_obtained_anew_and_the_others_keep_theirs() {
    let scene = Scene::with_bobs_roles();
    let key = |name: &str| key_in_code(&scene.become_in_bash(name).ok().stdout).map(str::to_owned).expect("a key");
    let (reader, writer) = (key("dev/Reader"), key("dev/Writer"));
    for _ in 0..2 {
        assert_eq!((key("dev/Reader"), key("dev/Writer")), (reader.clone(), writer.clone()));
        scene.env.run(&["credential-process", "dev/Writer"]).ok().stdout_has(&writer);
    }
    let forgotten = scene.env.run(&["forget", "dev/Writer"]);
    forgotten.ok().stderr_has("forgotten of dev/Writer: 1 role's credential\n").stderr_has("works until it expires");
    scene.sts.clear_calls();
    let anew = scene.env.run(&["credential-process", "dev/Writer"]).ok().json();
    assert_ne!(anew["AccessKeyId"], json!(writer), "a kept answer gave what was forgotten");
    assert_eq!(scene.sts.count("AssumeRole"), 1);
    assert_eq!(key("dev/Reader"), reader);
    let json = scene.env.run(&["forget", "dev/Writer", "--json"]).ok().json();
    assert_eq!((&json["identity"], &json["roles"]), (&json!("dev/Writer"), &json!(1)));
}

#[test]
fn a_profile_names_whom_it_leads_to() {
    let mut scene = Scene::new();
    let role = format!("arn:aws:iam::{DEV}:role/Reader");
    scene.env.aws_config(&format!("[profile reader]\nrole_arn = {role}\nsource_profile = keys\n"));
    let keys = ini("keys", &scene.bob);
    scene.env.aws_credentials(&keys);
    scene.become_in_bash("reader").ok();
    scene.become_in_bash("keys").ok();
    assert_eq!(kinds(&scene), ["role", "session"]);
    scene.env.run(&["forget", "reader"]).ok().stderr_has("1 role's credential");
    scene.env.run(&["forget", "keys"]).ok().stderr_has("1 user's session");
    assert!(kinds(&scene).is_empty());
}

#[test]
fn a_key_nobody_and_a_name_that_nobody_has_are_refused_and_no_store_is_made() {
    let scene = Scene::with_bob();
    scene.env.run(&["forget", &scene.bob.access_key_id]).refused(2, &["multicred remove --key"]);
    scene.env.run(&["forget", "-"]).refused(3, &["nobody"]);
    scene.env.run(&["forget", "bobb"]).refused(3, &["did you mean bob"]);
    let scene = Scene::new();
    let none = scene.env.run(&["forget", "--json"]).ok().json();
    assert_eq!(none, json!({ "identity": null, "sessions": 0, "roles": 0, "imports": 0 }));
    assert!(!scene.env.store().exists(), "a store was made");
}

#[test]
fn a_store_that_is_locked_can_forget() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    std::fs::rename(scene.key_file(), scene.env.path("away")).expect("a key file");
    scene.env.run(&["forget"]).ok().stderr_has("2 roles' credentials");
    assert!(!kinds(&scene).contains(&"role".to_owned()));
}

#[test]
fn a_live_session_goes_on_and_that_is_said() {
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live("dev/Reader");
    let key = program.door.ask().key();
    scene.env.run(&["forget"]).ok().stderr_has("1 live session goes on").stderr_has("multicred lock");
    scene.env.run(&["forget", "bob"]).ok();
    assert_eq!(program.door.ask().key(), key);
    scene.become_in_bash("dev/Reader").ok();
    let of_other = scene.env.run(&["forget", "bob"]);
    of_other.ok().holds(!of_other.stderr.contains("live session"), "a word on another's session");
}
