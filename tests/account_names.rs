//! `account`: what an alias leaves behind that is changed.

use crate::scene::Scene;

#[test]
fn profiles_and_shells_that_ask_by_an_alias_that_was_changed_are_named() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "dev/Reader"]).ok();
    scene.env.set("MULTICRED_IDENTITY", "dev/Writer");
    let renamed = scene.env.run(&["account", "dev", "--alias", "develop"]);
    renamed.ok().stderr_has("multicred sync --remove dev/Reader").stderr_has("this shell is still dev/Writer");
    scene.env.run(&["account", "develop", "--alias", "develop"]).ok().stderr_is("");
}
