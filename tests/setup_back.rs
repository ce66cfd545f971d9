//! `unsetup`, where the files or the store are not as `setup` left them: no profile is taken away or spoilt, and nothing
//! untrue is said.

use std::fs;
use std::os::unix::fs::symlink;

use crate::moto::server::venv;
use crate::scene::{DEV, Scene, ini};
use crate::setup::credentials;
use crate::support::terminal::{Shell, Terminal};

const FILE: &str = ".aws/credentials";

/// A home in which the profile `d` is kept: with bob's key in the store.
fn kept(flags: &[&str]) -> (Scene, String) {
    let mut scene = Scene::new();
    let own = ini("d", &scene.bob);
    scene.env.aws_credentials(&own);
    scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
    (scene, own)
}

const MANNERS: [&[&str]; 2] = [&[], &["--temporary"]];

#[test]
fn half_a_key_beside_the_command_is_not_doubled() {
    let (mut scene, _) = kept(&[]);
    let command = credentials(&scene);
    let set = ["configure", "set", "aws_access_key_id", &scene.alice.access_key_id, "--profile", "d"];
    scene.env.program(&venv("aws"), &set).run().ok();
    let half = credentials(&scene);
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("d: it is left as it is: ");
    assert_eq!(credentials(&scene), half);
    let triple = "aws_access_key_id = ASIAOWNOWNOWNOWN1234\naws_secret_access_key = x\naws_session_token = t\n";
    let pasted = command.replace("[d]\n", &format!("[d]\n{triple}"));
    scene.env.aws_credentials(&pasted);
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("stands beside its credential_process");
    assert_eq!(credentials(&scene), pasted);
}

#[test]
fn a_store_that_knows_nothing_of_the_profiles_leaves_them_and_is_not_made() {
    for flags in MANNERS {
        let (scene, own) = kept(flags);
        let text = credentials(&scene);
        let elsewhere = scene.env.path("elsewhere");
        let other = scene.env.command(&["unsetup", "--yes"]).set("XDG_DATA_HOME", elsewhere.to_str().unwrap()).run();
        other.code(1).stdout_has("this store does not know what it was");
        assert_eq!(credentials(&scene), text);
        assert!(!elsewhere.exists(), "a store was made for nothing");
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn a_file_that_was_another_one_for_a_while_comes_back_whole() {
    for flags in MANNERS {
        let (mut scene, own) = kept(flags);
        let text = credentials(&scene);
        for other in ["", "[other]\nregion = x\n", &own] {
            scene.env.aws_credentials(other);
            scene.env.run(&["unsetup", "--yes"]).ok().stderr_has("nothing to undo");
            assert_eq!(credentials(&scene), other);
        }
        scene.env.aws_credentials(&text);
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
        scene.env.run(&["refresh"]).code(2).stderr_has("keeps up no profile");
    }
}

#[test]
fn a_file_that_was_moved_and_a_profile_that_was_renamed_have_their_way_back() {
    for flags in MANNERS {
        let (mut scene, own) = kept(flags);
        let [here, there] = [FILE, "dotfiles"].map(|file| scene.env.path(file));
        fs::rename(&here, &there).unwrap();
        symlink(&there, &here).unwrap();
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
        scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
        let renamed = credentials(&scene).replace("[d]", "[e]");
        scene.env.aws_credentials(&renamed);
        scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("e: it has its key again");
        let text = credentials(&scene);
        assert!(text.contains(&scene.bob.secret) && !text.contains("multicred"), "{text}");
    }
}

#[test]
fn what_refresh_has_added_goes_with_the_lines_above_it() {
    let users = ["alice", "bob"].map(|user| format!("arn:aws:iam::{DEV}:user/{user}"));
    for own in ["", "[mine]\nregion = x", "[mine]\nregion = x\n", "[mine]\r\nregion = x\r\n\r\n", "# none\n\n\n"] {
        let mut scene = Scene::new();
        for (key, name) in [(scene.alice.clone(), "alice"), (scene.bob.clone(), "bob")] {
            scene.import(&key, name);
        }
        scene.env.aws_credentials(own);
        scene.env.run(&["refresh", "-p", &users[0]]).ok();
        scene.env.run(&["refresh", "-p", &users.join(",")]).ok();
        scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("it never had another one");
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn a_store_that_does_not_open_keeps_nobody_in_the_shells() {
    let mut scene = Scene::new();
    scene.env.write(".bashrc", "alias ll='ls -l'\n");
    scene.env.aws_credentials(&ini("d", &scene.bob));
    scene.env.run(&["setup", "--yes"]).ok();
    let text = credentials(&scene);
    fs::rename(scene.env.store().with_extension("db.key"), scene.env.path("away.key")).unwrap();
    scene.env.run(&["unsetup", "--yes"]).code(4).stdout_has(".bashrc: multicred is taken out");
    assert_eq!(fs::read_to_string(scene.env.path(".bashrc")).unwrap(), "alias ll='ls -l'\n");
    assert_eq!(credentials(&scene), text);
    let past = scene.env.run(&["history", "--json"]).ok().stdout.clone();
    assert!(!past.contains(r#""what":"unsetup","outcome":"ok""#), "{past}");
}

#[test]
fn keys_of_a_protected_account_are_not_written_out_unasked() {
    let (scene, _) = kept(&["--temporary"]);
    scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]).ok();
    let text = credentials(&scene);
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("d: it is left as it is: ").stdout_has("protected account");
    assert_eq!(credentials(&scene), text);
    let file = scene.env.path(FILE);
    let output = scene.env.run(&["unsetup", "--original", file.to_str().unwrap()]);
    output.stderr_has("protected account").nowhere(&scene.bob.secret);
    assert_ne!(output.status, 0);
}

#[test]
fn a_word_typed_on_the_terminal_gives_a_protected_key_back_and_none_is_shown_there() {
    let (scene, own) = kept(&["--temporary"]);
    scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]).ok();
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    terminal.send_line("multicred unsetup --original ~/.aws/credentials; echo ended=$?");
    terminal.wait_for_text("would print secrets on the terminal");
    terminal.wait_for_text("ended=2");
    terminal.send_line("multicred unsetup --yes; echo undone=$?");
    terminal.wait_for_text("Type the account's alias, dev, to go on: ");
    terminal.send_line("dev");
    terminal.wait_for_text("undone=0");
    assert_eq!(credentials(&scene), own);
}
