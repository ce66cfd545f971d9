//! What `setup`, `refresh` and `unsetup` leave alone: no key is lost, and nothing untrue is told about one.

use crate::scene::{Scene, ini};
use crate::setup::credentials;

#[test]
fn of_two_keys_in_one_section_neither_is_taken_away() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let halves = |section: &str| section.split_once('\n').unwrap().1.to_owned();
        let headers = ini("d", &scene.alice) + "[e]\nregion = x\n" + &ini("d", &scene.bob);
        let lines = ini("d", &scene.alice) + &halves(&ini("d", &scene.bob));
        for own in [headers, lines] {
            scene.env.aws_credentials(&own);
            let setup = scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat());
            setup.stderr_has("profile d will be left as it is").stderr_has("stands twice");
            assert_eq!(credentials(&scene), own);
            scene.env.run(&["refresh", "-p", "d"]).code(1).stderr_has("stands twice");
            assert_eq!(credentials(&scene), own);
        }
    }
}

#[test]
fn a_key_put_above_a_kept_one_stays() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("d", &scene.bob));
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    let text = ini("d", &scene.alice) + &credentials(&scene);
    scene.env.aws_credentials(&text);
    for command in [&["refresh"][..], &["unsetup", "--yes"]] {
        scene.env.run(command).code(1);
        assert_eq!(credentials(&scene), text, "{command:?}");
    }
}

#[test]
fn a_section_that_another_store_keeps_is_left_and_the_store_is_named() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = ini("d", &scene.bob);
        scene.env.aws_credentials(&own);
        let store = scene.env.path("s.db").to_str().unwrap().to_owned();
        scene.env.run(&[&["--store", &store, "setup", "--yes", "--no-shells"], flags].concat()).ok();
        let text = credentials(&scene);
        scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has(&format!("multicred --store {store} unsetup"));
        if !flags.is_empty() {
            scene.env.run(&["refresh"]).code(1).stderr_has(&format!("multicred --store {store} refresh"));
        }
        assert_eq!(credentials(&scene), text);
        assert!(!scene.env.store().exists());
        scene.env.run(&["--store", &store, "unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn a_command_of_the_persons_own_does_not_become_a_key() {
    let mut scene = Scene::new();
    scene.import(&scene.bob, "bob");
    let own =
        "[d]\ncredential_process = multicred credential-process --no-session arn:aws:iam::111122223333:user/bob\n";
    scene.env.aws_credentials(own);
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("this store does not know what it was");
    assert_eq!(credentials(&scene), own);
}

#[test]
fn the_way_back_outlives_a_file_that_is_away() {
    let mut scene = Scene::new();
    let own = ini("d", &scene.bob);
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    let [here, away] = [".aws/credentials", "away"].map(|file| scene.env.path(file));
    std::fs::rename(&here, &away).unwrap();
    scene.env.run(&["unsetup", "--yes"]).ok();
    std::fs::rename(&away, &here).unwrap();
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}
