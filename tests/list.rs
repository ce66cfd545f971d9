//! `list`: those who are asked for.

use serde_json::Value;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini};

/// alice and her roles, which need her code; bob, whose role has a credential; a profile with a key, and a broken one.
fn rich() -> Scene {
    let mut scene = Scene::with_alices_roles();
    scene.import(&scene.bob, "bob");
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Reader").ok();
    let lost = format!("[profile lost]\nrole_arn = arn:aws:iam::{PROD}:role/Lost\nsource_profile = gone\n");
    scene.env.aws_config(&lost).aws_credentials(&ini("other", &scene.alice));
    scene
}

fn names(scene: &Scene, words: &[&str]) -> Vec<String> {
    let rows = scene.env.run(&[&["list", "--json"], words].concat()).ok().json();
    let mut names: Vec<String> =
        rows.as_array().unwrap().iter().map(|row: &Value| row["identity"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_list_is_of_an_account_of_kinds_and_of_states() {
    let scene = rich();
    let prod = ["lost", "prod/Admin", "prod/Auditor", "prod/Billing"];
    assert_eq!(names(&scene, &["--account", "prod"]), prod);
    assert_eq!(names(&scene, &["--account", PROD]), prod);
    assert_eq!(names(&scene, &["--account", DEV, "--kind", "role"]), ["dev/Reader"]);
    assert_eq!(names(&scene, &["--kind", "user"]), ["alice", "bob"]);
    assert_eq!(names(&scene, &["--kind", "user", "--kind", "key"]), ["alice", "bob", "other"]);
    assert_eq!(names(&scene, &["--state", "ready"]), ["dev/Reader"]);
    assert_eq!(names(&scene, &["--state", "broken", "--state", "ready"]), ["dev/Reader", "lost"]);
    assert_eq!(
        names(&scene, &["--state", "needs-mfa", "--kind", "role"]),
        ["prod/Admin", "prod/Auditor", "prod/Billing"]
    );
    assert_eq!(names(&scene, &["--kind", "root"]), Vec::<String>::new());
    scene.env.run(&["list", "--kind", "root"]).ok().stdout_is("").stderr_has("nobody of that kind");
    let text = scene.env.run(&["list", "--account", "prod", "--state", "broken"]);
    text.ok().stdout_has("lost").nowhere("prod/Admin");
}

#[test]
fn an_account_that_nobody_knows_is_told_from_an_empty_one() {
    let scene = rich();
    scene.env.run(&["list", "--account", "prdo"]).refused(3, &["'prdo'", "twelve-digit"]);
    scene.env.run(&["list", "--account", "\u{1b}[2J"]).refused(3, &["\\u{1b}"]);
    assert_eq!(names(&scene, &["--account", "999999999999"]), Vec::<String>::new());
    scene.env.run(&["list", "--kind", "wizard"]).refused(2, &["wizard", "federated"]);
    scene.env.run(&["list", "--state", "needs MFA"]).refused(2, &["needs-mfa"]);
    let empty = Scene::new();
    empty.env.run(&["list", "--account", "prod"]).refused(3, &["'prod'"]);
    empty.env.run(&["list", "--account", DEV]).ok().stdout_is("");
    assert!(!empty.env.path("data/multicred").exists(), "a store was made");
}
