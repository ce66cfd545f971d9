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
