//! What a person does to the credentials file between `setup`, `refresh` and `unsetup`: nothing of it is lost.

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{Scene, ini};
use crate::setup::credentials;

/// A home in which the profile `d` has a temporary key in the place of bob's.
fn kept() -> Scene {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("d", &scene.bob));
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    scene
}

fn configure(scene: &Scene, name: &str, value: &str) {
    scene.env.program(&venv("aws"), &["configure", "set", name, value, "--profile", "d"]).run().ok();
}

#[test]
fn a_secret_that_is_set_before_its_id_is_waited_for() {
    let scene = kept();
    configure(&scene, "aws_secret_access_key", &scene.alice.secret);
    let half = credentials(&scene);
    for words in [&["refresh"][..], &["refresh", "-p", "d"], &["refresh", "--all"]] {
        scene.env.run(words).code(1).stderr_has("profile d is left as it is: ").stderr_has("changed by hand");
        assert_eq!(credentials(&scene), half, "{words:?}");
    }
    scene.env.run(&["status", "--profiles"]).ok().stdout_has("failed").stdout_has("changed by hand");
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("changed by hand");
    assert_eq!(credentials(&scene), half);
    configure(&scene, "aws_access_key_id", &scene.alice.access_key_id);
    scene.env.run(&["refresh"]).ok().stdout_has(&scene.alice.access_key_id);
    assert!(!credentials(&scene).contains(&scene.alice.secret));
    scene.env.run(&["unsetup", "--yes"]).ok();
    let text = credentials(&scene);
    assert!(text.contains(&scene.alice.secret) && !text.contains("multicred"), "{text}");
}

#[test]
fn a_temporary_credential_that_is_taken_out_comes_back() {
    let mut scene = kept();
    let text = credentials(&scene);
    let rest: String = text.split_inclusive('\n').filter(|line| !line.starts_with("aws_")).collect();
    scene.env.aws_credentials(&rest);
    scene.env.run(&["refresh"]).ok();
    assert!(credentials(&scene).contains("aws_session_token"));
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert!(credentials(&scene).contains(&scene.bob.secret));
}

#[test]
fn a_section_of_a_user_of_which_nothing_is_known_keeps_what_stands_there() {
    let mut scene = kept();
    let text = credentials(&scene);
    // As a store has it that was put back from an older backup.
    rusqlite::Connection::open(scene.env.store()).unwrap().execute("DELETE FROM file_original", []).unwrap();
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("this store does not know what it was");
    assert_eq!(credentials(&scene), text);
    // One that `refresh -p` has made is known to have had none.
    scene.env.aws_credentials("");
    let whole = format!("arn:aws:iam::{}:user/bob", crate::scene::DEV);
    scene.env.run(&["refresh", "-p", &whole]).ok();
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), "");
}

#[test]
fn a_key_beside_the_command_of_another_store_is_not_taken_from_it() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("d", &scene.bob));
    let other = scene.env.path("other.db");
    let other = other.to_str().unwrap();
    scene.env.run(&["--store", other, "setup", "--yes", "--no-shells"]).ok();
    let text = credentials(&scene) + ini("d", &scene.alice).split_once('\n').unwrap().1;
    scene.env.aws_credentials(&text);
    for words in [&["refresh"][..], &["refresh", "--all"]] {
        scene.env.run(words).code(1).stderr_has(&format!("multicred --store {other} refresh"));
        assert_eq!(credentials(&scene), text, "{words:?}");
    }
    scene.env.run(&["--store", other, "refresh"]).ok().stdout_has(&scene.alice.access_key_id);
}

#[test]
fn what_a_file_held_at_first_can_be_read_again() {
    let mut scene = Scene::new();
    let own = ini("d", &scene.bob);
    scene.env.aws_credentials(&own);
    let file = scene.env.path(".aws/credentials");
    let file = file.to_str().unwrap();
    scene.env.run(&["unsetup", "--original"]).ok().stderr_has("keeps nothing");
    scene.env.run(&["unsetup", "--original", file]).code(1).stderr_has("--original lists");
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    for work in ["[half", "[other"] {
        scene.env.write(".aws/.credentials.multicred-new", work);
        scene.env.run(&["refresh"]).ok();
    }
    let list = scene.env.run(&["unsetup", "--original"]);
    let names: Vec<&str> = list.ok().stdout.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let content = |name: &str| scene.env.run(&["unsetup", "--original", name]).ok().stdout.clone();
    assert_eq!(content(file), own);
    let mut drafts: Vec<String> = names.iter().filter(|name| **name != file).map(|name| content(name)).collect();
    drafts.sort();
    assert_eq!(drafts, ["[half", "[other"]);
    let json = scene.env.run(&["unsetup", "--original", file, "--json"]).ok().json();
    assert_eq!(json, serde_json::json!({ "file": file, "content": own }));
    scene.env.run(&["unsetup", "--original", file, "--yes"]).code(2);
}

#[test]
fn aws_is_not_asked_for_what_cannot_be_written() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("base", &scene.bob));
    let role = format!("role_arn = arn:aws:iam::{}:role/Reader\nsource_profile = base\n", crate::scene::DEV);
    scene.env.aws_config(&format!("[profile plain]\n{role}"));
    let refresh = scene.env.run(&["refresh", "-p", "plain"]);
    refresh.code(1).stderr_has("has role_arn").stderr_has("destination_profile = NAME says where to");
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

#[test]
fn a_profile_that_was_named_does_not_take_the_others_along() {
    let mut scene = Scene::new();
    let own = ini("mine", &scene.alice) + &ini("d", &scene.bob);
    scene.env.aws_credentials(&own);
    scene.env.run(&["refresh", "-p", "d"]).ok();
    scene.env.run(&["refresh"]).ok();
    assert!(credentials(&scene).starts_with(&ini("mine", &scene.alice)), "{}", credentials(&scene));
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn the_commands_of_another_store_take_no_key_along() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("d", &scene.bob));
    let other = scene.env.path("other.db");
    scene.env.run(&["--store", other.to_str().unwrap(), "setup", "--yes", "--no-shells"]).ok();
    let text = credentials(&scene) + &ini("mine", &scene.alice);
    scene.env.aws_credentials(&text);
    scene.env.run(&["refresh"]).refused(2, &["keeps up no profile"]);
    assert_eq!(credentials(&scene), text);
}
