//! `account`: what an alias leaves behind that is changed.

use crate::scene::{DEV, Scene};

#[test]
fn profiles_and_shells_that_ask_by_an_alias_that_was_changed_are_named() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "dev/Reader"]).ok();
    let config = std::fs::read_to_string(scene.env.path(".aws/config")).unwrap();
    // As earlier versions wrote it.
    scene.env.aws_config(&config.replace(&format!("arn:aws:iam::{DEV}:role/Reader"), "dev/Reader"));
    scene.env.set("MULTICRED_IDENTITY", "dev/Writer");
    let renamed = scene.env.run(&["account", "dev", "--alias", "develop"]);
    renamed.ok().stderr_has("multicred sync --remove dev/Reader").stderr_has("this shell is still dev/Writer");
    scene.env.run(&["account", "develop", "--alias", "develop"]).ok().stderr_is("");
}

/// They ask by the ARN, and go on; so does a shell whose name is the profile's.
#[test]
fn nothing_is_said_of_profiles_and_shells_that_an_alias_does_not_change() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "dev/Reader"]).ok();
    scene.env.set("MULTICRED_IDENTITY", "dev/Reader");
    scene.env.run(&["account", "dev", "--alias", "develop"]).ok().stderr_is("");
    scene.become_in_bash("dev/Reader").ok();
}
