//! What `setup`, `refresh` and their neighbours tell: to whom they speak, to programs, and in the history.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::coming_over::Old;
use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PATIENCE, PROD, Scene, ini};
use crate::setup::credentials;
use crate::support::sts::Fault;
use crate::support::terminal::{Shell, Terminal};

const SETUP: [&str; 3] = ["setup", "--yes", "--no-shells"];
const TEMPORARY: [&str; 4] = ["setup", "--yes", "--no-shells", "--temporary"];
const BAD: &str = "[bad]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = no\n";

fn state_of(scene: &Scene, file: Option<&Path>, profile: &str) -> Value {
    let mut asked = scene.env.command(&["status", "--profiles", "--json"]);
    if let Some(file) = file {
        asked = asked.set("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    }
    let states = asked.run().ok().json();
    let found = states.as_array().unwrap().iter().find(|state| state["profile"] == profile);
    found.unwrap_or_else(|| panic!("{profile} is not in {states}")).clone()
}

fn refuse(scene: &Scene) {
    scene.sts.fault_always("GetSessionToken", Fault::refuse(403, "AccessDenied", "not today"));
}

/// The last history line of this event about this name.
fn last(scene: &Scene, event: &str, name: &str) -> Option<Value> {
    let text = scene.env.run(&["history", "--json", "-n", "1000"]).ok().stdout.clone();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.rev().find(|line| line["event"] == event && line["identity"] == name)
}

#[test]
fn a_profile_that_is_set_up_anew_is_no_longer_one_whose_refresh_failed() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("a", &scene.bob));
    scene.env.run(&TEMPORARY).ok();
    refuse(&scene);
    scene.env.run(&["refresh"]).code(1);
    assert_eq!(state_of(&scene, None, "a")["state"], "failed");
    scene.env.run(&["unsetup", "--yes"]).ok();
    scene.sts.clear_faults();
    scene.env.run(&TEMPORARY).ok();
    let state = state_of(&scene, None, "a");
    assert_eq!((&state["state"], &state["reason"]), (&"fresh".into(), &Value::Null));
}

#[test]
fn what_failed_in_one_file_says_nothing_of_a_profile_of_the_same_name_in_another() {
    let mut scene = Scene::new();
    let other = scene.env.path("other");
    fs::write(&other, ini("a", &scene.bob)).unwrap();
    scene.env.aws_credentials(&ini("a", &scene.bob));
    let in_other =
        |words: &[&str]| scene.env.command(words).set("AWS_SHARED_CREDENTIALS_FILE", other.to_str().unwrap()).run();
    in_other(&TEMPORARY).ok();
    scene.env.run(&TEMPORARY).ok();
    refuse(&scene);
    scene.env.run(&["refresh"]).code(1);
    assert_eq!(state_of(&scene, None, "a")["state"], "failed");
    assert_eq!(state_of(&scene, Some(&other), "a")["state"], "fresh");
}

#[test]
fn the_history_says_of_each_thing_that_was_to_be_set_up_what_became_of_it() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(BAD);
    scene.env.write(".bashrc", "");
    scene.env.run(&["setup", "--yes"]).code(1);
    let of_bad = last(&scene, "setup", "bad").expect("a line about [bad]");
    assert!(of_bad["outcome"].as_str().unwrap().contains("InvalidClientTokenId"), "{of_bad}");
    let file = scene.env.path(".aws/credentials");
    assert_eq!(of_bad["detail"], file.to_str().unwrap());
    assert_eq!(last(&scene, "setup", file.to_str().unwrap()), None, "the file as a whole is not ok");
    let rc = last(&scene, "setup", scene.env.path(".bashrc").to_str().unwrap()).unwrap();
    assert_eq!((&rc["outcome"], &rc["detail"]), (&"ok".into(), &Value::Null));
    scene.env.aws_credentials(&(BAD.to_owned() + &ini("good", &scene.bob)));
    scene.env.run(&SETUP).code(1);
    assert_eq!(last(&scene, "setup", "good").unwrap()["outcome"], "ok");
}

#[test]
fn quiet_hides_neither_what_failed_nor_what_is_asked_about() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&(ini("a", &scene.bob) + BAD));
    scene.env.run(&["-q", "setup", "--yes", "--no-shells", "--temporary"]).code(1).stderr_has("bad is left as it is");
    refuse(&scene);
    scene.env.run(&["-q", "refresh", "-p", "a"]).code(1).stderr_has("profile a is left as it is");
    let file = scene.env.path(".aws/credentials");
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    for command in ["setup --no-shells", "unsetup"] {
        terminal.send_line(&format!("multicred -q --json {command} >/dev/null; echo ended=$?"));
        terminal.wait_for_text("this? [y/N]");
        let step = if command == "unsetup" { "1. give their keys back" } else { "1. ask AWS whose these keys" };
        terminal.wait_for_text(step);
        terminal.send_line("n");
        terminal.wait_for_text("ended=130");
        terminal.send_line("clear");
    }
    let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    fs::set_permissions(file, read_only).unwrap();
    scene.env.run(&["-q", "setup", "--yes", "--no-shells"]).code(1).stderr_has("profile bad will be left as it is");
}

#[test]
fn what_can_be_done_about_a_failure_is_told_with_it_once() {
    let mut scene = Scene::new();
    let remedy = "check the network, the proxy variables";
    let told = |stderr: &str| stderr.matches(remedy).count();
    scene.env.aws_credentials(&(ini("a", &scene.alice) + &ini("b", &scene.bob)));
    let url = scene.sts.url();
    scene.env.endpoint("http://127.0.0.1:9");
    let setup = scene.env.run(&TEMPORARY);
    setup.code(1).calm().stderr_has("a is left as it is").stderr_has("b is left as it is");
    assert_eq!(told(&setup.stderr), 1, "{}", setup.stderr);
    scene.env.endpoint(&url);
    scene.env.run(&TEMPORARY).ok();
    scene.env.endpoint("http://127.0.0.1:9");
    let refresh = scene.env.run(&["refresh", "--fresh"]);
    refresh.code(1).calm().stderr_has("profile a is left as it is").stderr_has("profile b is left as it is");
    assert_eq!(told(&refresh.stderr), 1, "{}", refresh.stderr);
}

fn moved(scene: &mut Scene) -> String {
    let text = credentials(scene);
    let own = text.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    let program = own.split(' ').next().unwrap().to_owned();
    let moved = text.replace(&program, "/gone/multicred");
    assert_ne!(moved, text);
    scene.env.aws_credentials(&moved);
    text
}

#[test]
fn a_command_that_calls_a_program_which_was_moved_is_found_and_written_anew() {
    let mut scene = Scene::new();
    let own = ini("a", &scene.alice) + "region = eu-west-1\n\n" + &ini("b", &scene.bob);
    scene.env.aws_credentials(&own);
    scene.env.run(&SETUP).ok();
    scene.env.run(&["doctor"]).ok();
    for mending in [&["setup", "--yes", "--no-shells"][..], &["refresh"], &["refresh", "-p", "a,b"]] {
        let good = moved(&mut scene);
        let doctor = scene.env.run(&["doctor"]);
        doctor.code(1).stdout_has("profile a calls /gone/multicred, which is not there").stdout_has("multicred setup");
        scene.env.run(mending).ok().stdout_has("profile b: its command is written anew");
        assert_eq!(credentials(&scene), good, "{mending:?}");
        scene.env.run(&["doctor"]).ok();
    }
    let whom = scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", "a"]);
    whom.run().ok().stdout_has("user/alice");
    scene.env.run(&["setup", "--yes", "--no-shells"]).ok().stderr_has("nothing to do");
    moved(&mut scene);
    let one = scene.env.run(&["refresh", "-p", "a"]);
    one.ok().stdout_has("profile a: ");
    assert_eq!(credentials(&scene).matches("/gone/multicred").count(), 1);
    scene.env.run(&["setup", "--dry-run", "--no-shells"]).ok().stdout_has("1. write the commands of").stdout_has("[b]");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn a_command_of_another_store_or_of_the_persons_own_is_not_written_anew() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("d", &scene.bob));
    let store = scene.env.path("s.db").to_str().unwrap().to_owned();
    scene.env.run(&[&["--store", &*store], &SETUP[..]].concat()).ok();
    let good = moved(&mut scene);
    let elsewhere = credentials(&scene);
    scene.env.run(&SETUP).ok().stderr_has("nothing to do");
    assert_eq!(credentials(&scene), elsewhere);
    scene.env.run(&["doctor"]).code(1).stdout_has(&format!("multicred --store {store} setup"));
    scene.env.run(&[&["--store", &*store], &SETUP[..]].concat()).ok();
    assert_eq!(credentials(&scene), good);
    let own =
        "[d]\ncredential_process = multicred credential-process --no-session arn:aws:iam::111122223333:user/bob\n";
    scene.env.aws_credentials(own);
    scene.env.run(&SETUP).ok().stderr_has("nothing to do");
    scene.env.run(&["refresh", "--all"]).calm();
    assert_eq!(credentials(&scene), own);
}

#[test]
fn of_two_setups_at_once_neither_has_failed() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = ini("a", &scene.bob);
        scene.env.aws_credentials(&own);
        let gate = scene.sts.gate("GetCallerIdentity");
        let words = [&SETUP[..], flags].concat();
        let running = [(); 2].map(|()| scene.env.spawn(&words));
        assert!(scene.sts.wait_for_calls("GetCallerIdentity", 2, PATIENCE));
        drop(gate);
        for one in running {
            one.end_within(PATIENCE).ok();
        }
        assert!(!credentials(&scene).contains(&scene.bob.secret));
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own, "{flags:?}");
    }
}

#[test]
fn a_key_that_was_stored_already_gets_the_name_that_it_has_in_another_tool() {
    let scene = Scene::new();
    for key in [&scene.alice, &scene.bob] {
        scene.env.run_with_stdin(&["import", "-"], ini("default", key)).ok();
    }
    scene.env.run(&["label", &format!("{DEV}/user/bob"), "mine"]).ok();
    crate::coming_over_vault::encrypt_keys(&scene, &[("hers", &scene.alice), ("his", &scene.bob)]);
    let done = scene.env.command(&["import", "--from", "aws-vault"]);
    let done = done.set("AWS_VAULT_FILE_PASSPHRASE", crate::coming_over_vault::PASSPHRASE).run();
    done.ok().calm().stderr_has("2 stored already").stderr_has("of hers is stored already");
    done.stderr_has("'his' did not become the label of mine: it is mine already");
    scene.env.run(&["as", "--shell", "bash", "--no-session", "hers"]).ok().stdout_has(&scene.alice.secret);
}

#[test]
fn a_name_that_is_not_written_is_told_with_what_is_wrong_with_it() {
    let mut scene = Scene::new();
    let own = ini("a\tb", &scene.alice) + &ini("c;d", &scene.bob);
    scene.env.aws_credentials(&own);
    let setup = scene.env.run(&SETUP);
    setup.ok().calm().stderr_has("a\\tb will be left as it is: its name holds a control character");
    setup.stderr_has("c;d will be left as it is: its name holds #, ;, [ or ]");
    assert_eq!(credentials(&scene), own);
}

#[test]
fn one_file_for_both_is_not_told_to_be_moved_to_itself() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&(ini("default", &scene.bob) + &ini("profile x", &scene.alice)));
    let file = scene.env.path(".aws/credentials").to_str().unwrap().to_owned();
    scene.env.set("AWS_CONFIG_FILE", file);
    let setup = scene.env.run(&["setup", "--dry-run", "--no-shells"]);
    setup.ok().stdout_has("of [default]").nowhere("move it to").stderr_has("call it by the name alone");
    assert_eq!(setup.stderr.matches("will be left as it is").count(), 1, "{}", setup.stderr);
}

#[test]
fn why_shows_of_a_kept_profile_the_line_that_is_in_the_file() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("src", &scene.bob));
    scene.env.aws_config(&format!("[profile dst]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = src\n"));
    scene.env.run(&TEMPORARY).ok();
    let bob = format!("multicred_identity = arn:aws:iam::{DEV}:user/bob");
    assert!(credentials(&scene).contains(&bob));
    scene.env.run(&["why", "dst"]).ok().stdout_has(&format!("src: {bob}")).nowhere("credential_process");
    scene.env.run(&["why", "dst", "--json"]).ok().nowhere("credential_process");
}

#[test]
fn the_path_of_another_store_is_quoted_in_what_is_to_be_typed() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(
        "[d]\naws_access_key_id = ASIAOWNOWNOWNOWN1234\naws_secret_access_key = x\naws_session_token = t\n\
         multicred_identity = bob\nmulticred_store = /a b;touch pwned/m.db\n",
    );
    let typed = "multicred --store '/a b;touch pwned/m.db'";
    scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has(&format!("{typed} unsetup"));
    scene.env.run(&["refresh"]).code(1).stderr_has(&format!("{typed} refresh"));
}

#[test]
fn a_line_break_in_another_tools_name_begins_no_line_of_ours() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    old.credential("arn:aws:iam::1:user/x\nall is well", "nonsense", "no", None, "2099-01-31 12:00:00.000000");
    let done = scene.env.run(&["import", "--from", "multicred-py"]);
    done.code(1).calm().stderr_has("all is well");
    assert!(!done.stderr.lines().any(|line| line.starts_with("multicred: all is well")), "{}", done.stderr);
    let none = scene.env.run(&["import", "--from", "multicred-py", "--profile", "nobody"]);
    assert!(!none.code(3).stderr.lines().any(|line| line.starts_with("multicred: all is well")), "{}", none.stderr);
}

#[test]
fn a_rehearsal_counts_the_links_that_would_be_made() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    let user = |name: &str| format!("arn:aws:iam::{DEV}:user/{name}");
    let role = format!("arn:aws:iam::{PROD}:role/Admin");
    for (target, parent) in [("one", "alice"), ("two", "alice"), ("three", "bob")] {
        let target = format!("arn:aws:sts::{PROD}:assumed-role/Admin/{target}");
        old.link(&target, &user(parent), &role);
    }
    let counts = "1 would be linked, 1 linked already, 1 linked otherwise";
    scene.env.run(&["import", "--from", "multicred-py", "--dry-run"]).ok().stderr_has(counts);
    scene.env.run(&["import", "--from", "multicred-py"]).ok().stderr_has(&counts.replace("would be ", ""));
}
