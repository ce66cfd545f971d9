//! `setup` and `unsetup`: what a person's own files may hold, which neither may mistake, lose or trip over.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::scene::{DEV, Scene, ini};
use crate::setup::credentials;
use crate::support::terminal::{Shell, Terminal};

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

#[test]
fn a_start_file_that_is_no_text_keeps_nothing_else_back() {
    let scene = home("");
    let own = credentials(&scene);
    let path = scene.env.path(".bashrc");
    fs::write(&path, [b"# caf\xe9\n", LINE.as_bytes()].concat()).unwrap();
    scene.env.run(&["setup", "--yes"]).ok().stdout_has("profile work: ").stderr_has(".bashrc");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let output = scene.env.run(&["setup", "--yes", "--no-shells"]);
    output.ok().stdout_has("profile work: ");
    assert!(!output.stderr.contains(".bashrc"), "{}", output.stderr);
    scene.env.command(&["unsetup", "--yes"]).set("SHELL", "/bin/bash").run().ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn a_plan_is_shown_before_the_question_also_beside_json() {
    let scene = home("");
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    for (words, step) in [("setup", "1. make the store"), ("unsetup", "1. take multicred out")] {
        if words == "unsetup" {
            fs::write(scene.env.path(".bashrc"), format!("{BEGIN}\n{LINE}\n{END}\n")).unwrap();
        }
        terminal.send_line(&format!("multicred {words} --json"));
        terminal.wait_for_text("this? ");
        assert!(terminal.transcript().contains(step), "{}", terminal.transcript());
        terminal.send_line("n");
        terminal.wait_for_prompt();
    }
}

#[test]
fn what_cannot_be_touched_is_named_and_no_failure() {
    let mut scene = Scene::new();
    let own =
        ini("self", &scene.alice) + &ini("work", &scene.bob) + &ini("DEFAULT", &scene.bob) + &ini("a#b", &scene.bob);
    scene.env.aws_credentials(&own);
    let role = format!("[profile self]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = self\n");
    scene.env.aws_config(&role);
    scene.env.run(&["setup", "--yes"]).ok().stderr_has("its name holds #");
    let again = scene.env.run(&["setup", "--yes"]);
    again.ok().stderr_has("has role_arn").stderr_has("nothing more to do");
    let json = scene.env.run(&["setup", "--yes", "--json"]).ok().json();
    assert_eq!(json["left"].as_array().unwrap().len(), 3, "{json}");
}

#[test]
fn the_shells_are_done_where_the_credentials_file_is_read_only() {
    let scene = home("a\n");
    fs::set_permissions(scene.env.path(".aws/credentials"), fs::Permissions::from_mode(0o400)).unwrap();
    scene.env.run(&["setup", "--dry-run"]).ok().stdout_has("1. add to ").stderr_has("is read-only");
    scene.env.run(&["setup", "--yes"]).code(1).stdout_has(".bashrc: multicred is in").stderr_has("is read-only");
    assert!(rc(&scene).contains(LINE) && !scene.env.store().exists());
}

#[test]
fn a_key_that_is_not_taken_is_named() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("profile strange", &scene.alice));
    scene.env.aws_config(&ini("profile far", &scene.bob));
    let output = scene.env.run(&["setup", "--yes"]);
    output.ok().stderr_has("profile far will be left").stderr_has("move it to ").stderr_has("[profile strange] is no");
    let output = scene.env.run(&["status", "--profiles"]);
    output.ok().stderr_has("no profile with a key that programs read");
}

#[test]
fn a_mention_is_no_line_and_a_line_of_ones_own_is_named() {
    let scene = home("alias mi='multicred init bash'\n");
    scene.env.run(&["setup", "--yes"]).ok();
    assert!(rc(&scene).contains(BEGIN), "{}", rc(&scene));
    let own = "eval \"$('/opt/a b/multicred' init bash)\"\n";
    fs::write(scene.env.path(".bashrc"), own).unwrap();
    scene.env.run(&["setup", "--yes"]).ok().stderr_has("has a line of your own");
    assert_eq!(rc(&scene), own);
}

#[test]
fn a_link_that_leads_nowhere_makes_nothing_elsewhere() {
    let scene = home("");
    let path = scene.env.path(".bashrc");
    fs::remove_file(&path).unwrap();
    symlink(scene.env.path("far/off/bashrc"), &path).unwrap();
    for words in [["setup", "--dry-run"], ["setup", "--yes"]] {
        let output = scene.env.command(&words).set("SHELL", "/bin/bash").run();
        output.ok().stderr_has("is a link to a file that is not there");
    }
    assert!(!scene.env.path("far").exists() && path.is_symlink());
}
