//! `unlink`: a role is assumed from nobody any more, and what only its link could renew goes with it.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, key_in_code, store};
use crate::support::sts::Role;

#[test]
fn a_link_goes_with_what_was_obtained_through_it_and_all_else_stays() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    let before = scene.env.run(&["show", "bob", "--json"]).ok().json();
    let unlinked = scene.env.run(&["unlink", "dev/Reader", "--json"]);
    let arn = format!("arn:aws:iam::{DEV}:role/Reader");
    let expected = json!({ "identity": "dev/Reader", "arn": arn, "parent": "bob", "forgotten": 2 });
    assert_eq!(unlinked.ok().json(), expected);
    // Neither from a kept answer nor from a stored credential.
    scene.become_in_bash("dev/Reader").refused(1, &["multicred link dev/Reader --parent"]);
    scene.become_in_bash("dev/Writer").code(1).stdout_is("");
    let reader = scene.env.run(&["show", "dev/Reader", "--json"]).ok().json();
    assert_eq!((&reader["parent"], &reader["children"]), (&json!(null), &json!(["dev/Writer"])));
    let after = scene.env.run(&["show", "bob", "--json"]).ok().json();
    assert_eq!(after["credentials"], before["credentials"], "bob's own session is his");
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Writer").ok();
    scene.env.run(&["history", "--json"]).ok().stdout_has(r#""event":"unlink""#);
}

#[test]
fn one_of_two_children_of_a_parent_can_be_unlinked() {
    // A forerunner crashed here.
    let scene = Scene::with_bobs_roles();
    scene.sts.world(|world| {
        world.role(Role::new(DEV, "Other").trust(&format!("arn:aws:iam::{DEV}:user/bob")));
    });
    scene.env.run(&["link", "dev/Other", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Other").ok();
    scene.env.run(&["unlink", "dev/Reader"]).ok().stdout_is("").stderr_has("dev/Reader is no longer assumed from bob");
    assert_eq!(scene.env.run(&["show", "bob", "--json"]).ok().json()["children"], json!(["dev/Other"]));
    let calls = scene.sts.count("*");
    scene.become_in_bash("dev/Other").ok();
    assert_eq!(scene.sts.count("*"), calls, "the other child keeps what it has");
}

#[test]
fn an_imported_credential_of_the_role_stays() {
    let scene = Scene::with_bobs_roles();
    let role = format!("arn:aws:iam::{DEV}:role/Reader");
    let saml = scene.sts.world(|world| world.saml_session(&role, "me", 3600));
    let command = scene.env.command(&["add", "reader", "--env"]).set("AWS_ACCESS_KEY_ID", &saml.access_key_id);
    command.set("AWS_SECRET_ACCESS_KEY", &saml.secret).set("AWS_SESSION_TOKEN", &saml.session_token).run().ok();
    scene.env.run(&["unlink", "reader"]).ok();
    assert_eq!(key_in_code(&scene.become_in_bash("reader").ok().stdout), Some(&*saml.access_key_id));
}

#[test]
fn who_has_no_link_is_told_so() {
    let scene = Scene::with_bobs_roles();
    let before = store::content(&scene.env.store());
    scene.env.run(&["unlink", "bob"]).refused(1, &["bob has no link", "multicred show bob"]);
    scene.env.run(&["unlink", "dev/Raeder"]).refused(3, &["did you mean dev/Reader"]);
    scene.env.run(&["unlink", "-"]).refused(3, &["nobody"]);
    assert_eq!(store::content(&scene.env.store()), before);
    let scene = Scene::new();
    scene.env.run(&["unlink", "dev/Reader"]).refused(3, &["dev/Reader"]);
    assert!(!scene.env.store().exists(), "a store was made");
}
