//! `setup` and `unsetup`: what a person's own files may hold, which neither may mistake, lose or trip over.

use std::fs;

use crate::scene::{Scene, ini};

const BEGIN: &str = "# >>> multicred setup >>>";
const END: &str = "# <<< multicred setup <<<";
const LINE: &str = "eval \"$(multicred init bash)\"";

fn home(rc: &str) -> Scene {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("work", &scene.bob));
    scene.env.write(".bashrc", rc);
    scene
}

fn rc(scene: &Scene) -> String {
    fs::read_to_string(scene.env.path(".bashrc")).unwrap()
}

#[test]
fn a_block_without_its_end_is_a_failure_and_stays() {
    let text = format!("a\n{BEGIN}\n{LINE}\nb\n");
    let scene = home(&text);
    let output = scene.env.run(&["unsetup", "--yes"]);
    output.code(1).stdout_has("its end marker is missing").stdout_has(END);
    assert_eq!(rc(&scene), text);
}

#[test]
fn a_line_that_was_added_between_the_markers_stays() {
    let scene = home("a");
    scene.env.run(&["setup", "--yes"]).ok();
    fs::write(scene.env.path(".bashrc"), rc(&scene).replace(END, &format!("alias b=c\n{END}"))).unwrap();
    scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("multicred is taken out");
    assert_eq!(rc(&scene), "a\nalias b=c\n");
}
