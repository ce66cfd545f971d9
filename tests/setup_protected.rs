//! `setup` and `refresh` where accounts are protected.

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
    scene.env.run(&["unsetup", "--yes"]).ok();
}
