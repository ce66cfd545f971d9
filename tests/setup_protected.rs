//! `setup` and `refresh` where accounts are protected.

use serde_json::json;

use crate::scene::{DEV, PROD, Scene, ini};
use crate::setup::credentials;
use crate::support::sts::KeyPair;
use crate::support::terminal::{Shell, Terminal};

const QUESTION: &str = "Type the account's alias, dev, to go on: ";

/// dev is protected, prod is not: alice, bob of dev and zoe of prod.
fn protected() -> (Scene, KeyPair) {
    let scene = Scene::new();
    let zoe = scene.sts.world(|world| world.user(PROD, "zoe"));
    scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]).ok();
    (scene, zoe)
}

#[test]
fn a_key_of_a_protected_account_stays_in_the_file_and_works_there() {
    let (mut scene, zoe) = protected();
    let own = ini("work", &scene.bob) + &ini("other", &zoe);
    scene.env.aws_credentials(&own);
    let setup = scene.env.run(&["setup", "--yes", "--no-shells"]);
    setup.code(1).stderr_has("work is left as it is").stderr_has("protected account dev (111122223333)");
    setup.stderr_has("its key is in the store").stdout_has("profile other: ");
    let text = credentials(&scene);
    assert!(text.starts_with(&ini("work", &scene.bob)) && !text.contains(&zoe.secret), "{text}");
    // Now it is known beforehand, and nothing of the plan.
    let again = scene.env.run(&["setup", "--yes", "--no-shells"]);
    again.ok().stderr_has("profile work will be left as it is").stderr_has("nothing more to do");
    let json = scene.env.run(&["setup", "--dry-run", "--json", "--no-shells"]).ok().json();
    assert_eq!((&json["plan"], &json["left"][0]["what"]), (&json!([]), &json!("work")));
    scene.env.run(&["refresh"]).ok();
    scene.env.run(&["refresh", "-p", "work"]).code(1).stderr_has("protected account dev");
    assert_eq!(credentials(&scene), text);
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn protecting_an_account_names_the_profiles_that_ask_from_then_on() {
    let mut scene = Scene::new();
    let zoe = scene.sts.world(|world| world.user(PROD, "zoe"));
    scene.env.aws_credentials(&(ini("work", &scene.bob) + &ini("other", &zoe)));
    scene.env.run(&["setup", "--yes", "--no-shells"]).ok();
    let protect = scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]);
    protect.ok().stderr_has("profile work").stderr_has("multicred unsetup");
    protect.holds(!protect.stderr.contains("other"), "only what is of that account");
    scene.env.run(&["account", "dev", "--protect"]).ok().stderr_is("");
    let (mut scene, zoe) = (Scene::new(), zoe);
    scene.env.aws_credentials(&(ini("work", &scene.bob) + &ini("again", &scene.bob) + &ini("other", &zoe)));
    scene.sts.world(|world| {
        world.user(PROD, "zoe");
        world.add_key(&format!("arn:aws:iam::{PROD}:user/zoe"), &zoe);
    });
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    let protect = scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]);
    protect.ok().stderr_has("work, again").stderr_has("multicred refresh");
}

#[test]
fn one_word_serves_all_identities_of_an_account_that_are_refreshed() {
    let (mut scene, zoe) = protected();
    let carol = scene.sts.world(|world| world.user(DEV, "carol"));
    let own = ini("a", &scene.bob) + &ini("c", &carol) + &ini("z", &zoe);
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--temporary", "--no-shells"]).code(1).stderr_has("there is no terminal");
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    terminal.send_line("multicred setup --yes --temporary --no-shells; echo ended=$?");
    terminal.wait_for_text(QUESTION);
    let screen = terminal.screen().replace('\n', "");
    assert!(screen.contains("a, c are of the protected account dev (111122223333)"), "{screen}");
    terminal.send_line("dev");
    terminal.wait_for_text("ended=0");
    assert_eq!(credentials(&scene).matches("aws_session_token").count(), 3);
    let before = credentials(&scene);
    scene.env.run(&["refresh"]).code(1).stderr_has("profile a is left").stdout_has("profile z: ");
    terminal.send_line("clear; multicred refresh; echo refreshed=$?");
    terminal.wait_for_text(QUESTION);
    terminal.send_line("dev");
    terminal.wait_for_text("refreshed=0");
    let after = credentials(&scene);
    for key in before.lines().filter(|line| line.starts_with("aws_access_key_id")) {
        assert!(!after.contains(key), "{after}");
    }
    terminal.send_line("clear; multicred unsetup --yes; echo undone=$?");
    terminal.wait_for_text(QUESTION);
    terminal.send_line("dev");
    terminal.wait_for_text("undone=0");
}
