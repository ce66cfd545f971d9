//! `setup` and `refresh` beside other programs, in a terminal, and with the settings of other tools.

use std::fs;

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PATIENCE, Scene, ini};
use crate::setup::{credentials, home};
use crate::support::terminal::{Shell, Terminal};

fn temporary(keys: &[(&str, &crate::support::sts::KeyPair)], scene: &mut Scene, above: &str) {
    let text: String = keys.iter().map(|(name, key)| ini(name, key) + "\n").collect();
    scene.env.aws_credentials(&(above.to_owned() + &text));
    scene.env.run(&["setup", "--yes", "--temporary"]).ok();
}

#[test]
fn many_refreshes_at_once_make_one_call_for_each_user() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.alice.clone(), scene.bob.clone());
    temporary(&[("a", &alice), ("b", &bob), ("c", &bob)], &mut scene, "");
    let before = scene.sts.count("GetSessionToken");
    let gate = scene.sts.gate("GetSessionToken");
    let running: Vec<_> = (0..4).map(|_| scene.env.spawn(&["refresh"])).collect();
    assert!(scene.sts.wait_for_calls("GetSessionToken", before + 2, PATIENCE));
    std::thread::sleep(std::time::Duration::from_millis(500));
    drop(gate);
    for one in running {
        one.end_within(PATIENCE).ok();
    }
    assert!(scene.sts.count("GetSessionToken") <= before + 4, "{}", scene.sts.count("GetSessionToken"));
    let text = credentials(&scene);
    assert_eq!(text.matches("aws_session_token").count(), 3, "{text}");
}

#[test]
fn the_expiry_of_every_tool_is_kept_up_where_it_stands() {
    let mut scene = Scene::new();
    let bob = scene.bob.clone();
    let own = format!(
        "{}aws_token_expiry_time_human = Mon 10:00 tz:UTC\naws_token_expiry_time_machine = 2020-01-01T00:00:00+00:00\nexpires = 1\n",
        ini("work", &bob)
    );
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--temporary"]).ok();
    let text = credentials(&scene);
    let value = |key: &str| {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap_or_else(|| panic!("{key}: {text}"));
        line.split(" = ").nth(1).unwrap().to_owned()
    };
    let end = value("expiration");
    assert_eq!(value("aws_token_expiry_time_machine"), end.replace('Z', "+00:00"));
    assert!(value("aws_token_expiry_time_human").contains(&format!(" {} tz:UTC", &end[11..16])), "{text}");
    assert!(value("expires").parse::<i64>().unwrap() > 1_700_000_000, "{text}");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn an_identity_that_is_named_is_kept_up_from_then_on_and_goes_with_unsetup() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials("[mine]\nregion = x\n");
    scene.env.run(&["refresh"]).refused(2, &["keeps up no profile", "multicred setup"]);
    scene.env.run(&["refresh", "-p", "dev/Reader,nobody-knows"]).code(3);
    scene.env.run(&["refresh", "-p", "dev/Reader"]).ok().stdout_has("profile dev/Reader: ");
    let first = credentials(&scene);
    scene.env.run(&["refresh"]).ok().stdout_has("profile dev/Reader: ");
    assert_ne!(credentials(&scene), first);
    scene.become_in_bash("dev/Reader").ok();
    let get =
        |name: &str| scene.env.program(&venv("aws"), &["configure", "get", name, "--profile", "dev/Reader"]).run();
    get("aws_session_token").ok();
    scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("its temporary key is gone");
    assert_eq!(credentials(&scene).trim_end(), "[mine]\nregion = x");
}

#[test]
fn a_profile_of_a_role_is_written_where_it_says() {
    let mut scene = Scene::new();
    let own = ini("base", &scene.bob);
    scene.env.aws_credentials(&own);
    let role = format!("role_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = base\n");
    scene.env.aws_config(&format!("[profile to]\n{role}destination_profile = out\n[profile plain]\n{role}"));
    scene.env.run(&["refresh", "-p", "to"]).ok().stdout_has("profile out: ");
    assert!(credentials(&scene).starts_with(&own), "{}", credentials(&scene));
    scene.env.run(&["refresh", "-p", "plain"]).code(1).stderr_has("has role_arn");
}

#[test]
fn a_profile_that_is_none_of_its_affair_does_not_make_a_refresh_fail() {
    let mut scene = Scene::new();
    let broken = "[half]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n";
    let own = ini("work", &scene.bob) + broken;
    scene.env.aws_credentials(&own);
    scene.env.run(&["setup", "--yes", "--temporary"]).ok().stderr_has("profile half will be left as it is");
    scene.env.run(&["refresh"]).ok();
    scene.env.run(&["refresh", "-p", "half"]).code(1).stderr_has("profile half is left as it is");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
    scene.env.run(&["refresh"]).refused(2, &["keeps up no profile"]);
}

#[test]
fn a_new_key_is_taken_in_where_setup_was_run_and_where_all_is_said() {
    let mut scene = Scene::new();
    let (bob, alice) = (ini("work", &scene.bob), ini("new", &scene.alice));
    scene.env.aws_credentials(&bob);
    scene.env.run(&["refresh", "--all"]).ok().stdout_has("profile work: its key");
    scene.env.run(&["unsetup", "--yes"]).ok();
    scene.env.run(&["setup", "--yes"]).ok();
    let text = credentials(&scene) + &alice;
    scene.env.aws_credentials(&text);
    scene.env.run(&["refresh"]).ok().stdout_has("profile new: its key").stdout_has("asked for each time");
    assert_eq!(credentials(&scene).matches("credential_process = ").count(), 2);
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), bob + &alice);
}

#[test]
fn a_kept_profile_is_not_written_over_by_another_command() {
    let mut scene = Scene::new();
    let bob = scene.bob.clone();
    temporary(&[("work", &bob)], &mut scene, "");
    let before = credentials(&scene);
    scene.env.run(&["env", "work", "--to-profile", "out"]).ok();
    let with_out = credentials(&scene);
    scene.import(&scene.alice, "alice");
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    store.execute("UPDATE identity SET label = 'bob' WHERE label = 'work'", []).unwrap();
    drop(store);
    scene.env.run(&["env", "alice", "--to-profile", "work"]).refused(1, &["is kept up by multicred refresh"]);
    assert_eq!(credentials(&scene), with_out);
    assert!(with_out.starts_with(before.trim_end()));
}

#[test]
fn a_person_is_asked_and_may_say_no() {
    let (scene, own) = home();
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    terminal.send_line("multicred setup; echo ended=$?");
    terminal.wait_for_text("Do this? [y/N]");
    terminal.send_line("n");
    terminal.wait_for_text("ended=130");
    assert_eq!(credentials(&scene), own);
    terminal.send_line("multicred setup; echo ended=$?");
    terminal.wait_for_text("Do this? [y/N]");
    terminal.send_line("y");
    terminal.wait_for_text("ended=0");
    assert!(!credentials(&scene).contains(&scene.bob.secret));
    assert!(fs::read_to_string(scene.env.path(".bashrc")).unwrap().contains("multicred init bash"));
}

#[test]
fn an_mfa_device_of_the_profile_is_asked_for_by_multicred_alone() {
    let mut scene = Scene::new();
    let own = ini("base", &scene.alice);
    scene.env.aws_credentials(&own);
    let serial = scene.serial.clone();
    scene.env.aws_config(&format!(
        "[profile base]\nmfa_serial = {serial}\n[profile admin]\nrole_arn = arn:aws:iam::222233334444:role/Admin\n\
         source_profile = base\nmfa_serial = {serial}\n"
    ));
    scene.env.run(&["setup", "--yes", "--no-shells"]).ok();
    // Programs get the key itself, and ask for the code as they did.
    let whom = scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", "base"]);
    whom.set("AWS_DEFAULT_REGION", "eu-west-1").run().ok().stdout_has("user/alice");
    scene.env.run(&["exec", "admin", "--mfa-code", "123456", "--", "true"]).ok();
    scene.env.run(&["as", "--shell", "bash", "base"]).ok();
    scene.env.run(&["why", "admin"]).ok();
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn a_rotated_key_comes_back_as_the_present_one() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = ini("work", &scene.bob) + "# mine\n";
        scene.env.aws_credentials(&own);
        scene.env.run(&[&["setup", "--yes"], flags].concat()).ok();
        let new = scene.sts.world(|world| world.another_key(&format!("arn:aws:iam::{DEV}:user/bob")));
        scene.env.run_with_stdin(&["import", "-"], ini("default", &new)).ok();
        let store = rusqlite::Connection::open(scene.env.store()).unwrap();
        store.execute("DELETE FROM credential WHERE access_key_id = ?1", [&scene.bob.access_key_id]).unwrap();
        drop(store);
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), ini("work", &new) + "# mine\n");
    }
}
