//! Who is asked for an MFA code: what `mfa.driver` in the settings chooses. A pinentry is real; a `YubiKey` and windows
//! cannot be had here, so programs that behave like theirs stand in, and the tests' names say so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::scene::refusal::Refusal;
use crate::scene::seat::{Seat, eventually};
use crate::scene::{PROD, Scene, key_in_code};
use crate::support::env::Output;

const BECOME_ADMIN: [&str; 4] = ["as", "--shell", "bash", "prod/Admin"];

/// alice's roles, and settings of the person's.
fn scene(settings: &str) -> Scene {
    let mut scene = Scene::with_alices_roles();
    scene.env.write("config/multicred/config.toml", settings);
    scene.sts.clear_calls();
    scene
}

/// A program of this name, first on PATH, that leaves its arguments in `arguments`.
fn stand_in(scene: &mut Scene, name: &str, body: &str) {
    let (path, log) = (scene.env.path(format!("bin/{name}")), scene.env.path("arguments"));
    let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >'{}'\n{body}\n", log.display());
    scene.env.write(&format!("bin/{name}"), text);
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    let folder = path.parent().unwrap().display().to_string();
    let before = scene.env.variables().get("PATH").cloned().unwrap_or_default();
    if !before.contains(&folder) {
        scene.env.set("PATH", format!("{folder}:{before}"));
    }
}

fn arguments(scene: &Scene) -> Vec<String> {
    fs::read_to_string(scene.env.path("arguments")).unwrap().lines().map(str::to_owned).collect()
}

fn become_admin(scene: &Scene) -> Output {
    scene.env.run(&BECOME_ADMIN)
}

#[test]
fn a_pinentry_asks_on_the_terminal_shows_the_device_and_is_asked_again_for_what_is_no_code() {
    let scene = scene("[mfa]\ndriver = \"pinentry\"\npinentry = \"pinentry-tty\"\n");
    let mut seat = Seat::take(&scene.env, &BECOME_ADMIN);
    seat.wait_for(&scene.serial);
    seat.wait_for("MFA code:");
    seat.type_line("12345");
    seat.wait_for("an MFA code is six digits");
    let code = scene.sts.mfa_code(&scene.serial);
    seat.type_line(&code);
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(key_in_code(&ended.stdout).is_some(), "{ended:?}");
    assert!(!ended.screen.contains(&code), "the code is shown: {ended:?}");
    assert_eq!([scene.sts.count("GetSessionToken"), scene.sts.count("AssumeRole")], [1, 1]);
}

#[test]
fn ctrl_c_at_a_pinentry_ends_the_switch_and_the_terminal_is_as_before() {
    let scene = scene("[mfa]\ndriver = \"pinentry\"\npinentry = \"pinentry-tty\"\n");
    let mut seat = Seat::take(&scene.env, &BECOME_ADMIN);
    seat.wait_for("MFA code:");
    seat.type_line("\u{3}");
    assert!(eventually(|| !seat.is_running()), "it goes on: {}", seat.screen());
    assert!(eventually(|| seat.is_as_usual()), "the terminal is not as it was");
    let ended = seat.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_pretend_yubikey_gives_its_code_without_a_terminal_and_a_renewal_needs_no_prompt() {
    let mut scene = scene("[mfa]\ndriver = \"ykman\"\nykman_device = \"1234567\"\n");
    stand_in(&mut scene, "ykman", "echo 'Touch your YubiKey...' >&2; echo 246810");
    let output = become_admin(&scene);
    let shell = scene.env.exported(crate::support::env::Shell::Bash, &output.ok().stdout, &[]);
    assert_eq!(arguments(&scene), ["--device", "1234567", "oath", "accounts", "code", "--single", &scene.serial]);
    assert_eq!(scene.sts.calls_of("GetSessionToken")[0].param("TokenCode"), "246810");
    assert_eq!(shell.get("MULTICRED_RENEWABLE"), Some("1"));
    let why = scene.env.run(&["why", "prod/Billing"]);
    why.ok().stdout_has("no prompt");
}

#[test]
fn a_pretend_yubikey_may_call_the_account_otherwise_and_its_complaint_is_told() {
    let mut scene = scene("[mfa]\ndriver = \"ykman\"\nykman_account = \"AWS:alice\"\n");
    stand_in(&mut scene, "ykman", "echo 'ERROR: No YubiKey detected!' >&2; exit 1");
    become_admin(&scene).refused(1, &["No YubiKey detected!", "mfa.driver = ykman", "config.toml:2"]);
    assert_eq!(arguments(&scene).last().map(String::as_str), Some("AWS:alice"));
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_pretend_window_asks_where_there_is_no_terminal_and_closing_it_cancels() {
    for (driver, flag) in [("zenity", "--entry"), ("kdialog", "--inputbox"), ("osascript", "-e")] {
        let mut scene = scene(&format!("[mfa]\ndriver = \"{driver}\"\n"));
        stand_in(&mut scene, driver, "echo 135791");
        become_admin(&scene).ok();
        let arguments = arguments(&scene);
        assert!(arguments.iter().any(|argument| argument == flag), "{driver}: {arguments:?}");
        assert!(arguments.iter().any(|argument| argument.contains(&scene.serial)), "{driver}: {arguments:?}");
        assert_eq!(scene.sts.calls_of("GetSessionToken")[0].param("TokenCode"), "135791", "{driver}");
        stand_in(&mut scene, driver, "exit 1");
        let fresh = ["as", "--shell", "bash", "prod/Billing", "--no-session", "--duration", "2h"];
        scene.env.run(&fresh).code(130).stdout_is("").stderr_has("cancelled");
    }
}

#[test]
fn a_pretend_window_that_answers_without_asking_is_given_up() {
    let mut scene = scene("[mfa]\ndriver = \"zenity\"\n");
    stand_in(&mut scene, "zenity", "exit 0");
    become_admin(&scene).refused(1, &["six digits", "zenity", "--mfa-code"]);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn nobody_is_asked_in_a_window_where_no_input_is_wanted_and_a_code_that_is_given_comes_first() {
    let mut scene = scene("[mfa]\ndriver = \"zenity\"\n");
    stand_in(&mut scene, "zenity", "touch asked; echo 135791");
    scene.env.run(&["--no-input", "as", "--shell", "bash", "prod/Admin"]).refused(4, &[&scene.serial]);
    scene.env.run(&["as", "--shell", "bash", "--mfa-code", "123123", "prod/Admin"]).ok();
    assert!(!scene.env.path("asked").exists());
}

#[test]
fn a_driver_that_is_not_installed_is_named_with_its_line_before_anything_is_begun() {
    for (driver, program) in [("ykman", "ykman"), ("pinentry", "pinentry-of-nobody"), ("kdialog", "kdialog")] {
        let scene = scene(&format!("[mfa]\npinentry = \"pinentry-of-nobody\"\ndriver = \"{driver}\"\n"));
        become_admin(&scene).refused(4, &[program, "config.toml:3", "PATH", "--mfa-code"]);
        assert_eq!(scene.sts.count("*"), 0, "{driver}");
    }
}

#[test]
fn settings_that_cannot_be_followed_are_told_with_their_line_and_change_nothing() {
    for (settings, says) in [
        ("[mfa]\ndrivr = \"ykman\"\n", &["config.toml:2", "mfa.drivr", "did you mean mfa.driver?"][..]),
        ("[mfa]\ndriver = \"yubikey\"\n", &["config.toml:2", "mfa.driver", "terminal, pinentry, ykman"]),
        ("role_session_name = \"{nobody}\"\n", &["config.toml:1", "role_session_name", "{user}"]),
        ("mfa = [\n", &["config.toml:"]),
    ] {
        let scene = scene(settings);
        become_admin(&scene).refused(2, says);
        scene.env.run(&["config"]).refused(2, says);
        assert_eq!(scene.sts.count("*"), 0, "{settings}");
    }
}

#[test]
fn role_sessions_are_named_as_the_settings_say_and_an_edit_counts_at_once() {
    let mut scene = scene("role_session_name = \"{user}@corp\"\n");
    let named = |scene: &Scene| {
        let code = scene.sts.mfa_code(&scene.serial);
        scene.env.run(&["as", "--shell", "bash", "--mfa-code", &code, "prod/Admin"]).ok();
        scene.sts.calls_of("AssumeRole").last().unwrap().param("RoleSessionName").to_owned()
    };
    assert_eq!(named(&scene), "alice@corp");
    scene.env.write("config/multicred/config.toml", "role_session_name = \"x {login} x\"\n");
    scene.env.set("LOGNAME", "ali ce");
    assert_eq!(named(&scene), "x-ali-ce-x");
    let config = scene.env.run(&["config", "--json"]).ok().json();
    let rows = config["settings"].as_array().unwrap();
    let row = rows.iter().find(|row| row["setting"] == "role_session_name").unwrap();
    assert_eq!(row["value"], "x {login} x");
    assert!(row["from"].as_str().unwrap().ends_with("config.toml:1"), "{row}");
}

/// A pinentry in a script: what it does when it is asked for the code, and after that.
fn stand_in_pinentry(scene: &mut Scene, asked: &str) {
    let body = format!(
        "echo OK\nwhile read -r word rest; do\n  case $word in\n    GETPIN) {asked} ;;\n    \
         BYE) break ;;\n    *) echo OK ;;\n  esac\ndone"
    );
    stand_in(scene, "pinentry", &body);
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_pretend_pinentry_that_does_not_end_is_not_waited_for() {
    let mut scene = scene("[mfa]\ndriver = \"pinentry\"\n");
    stand_in_pinentry(&mut scene, "echo 'D 135791'; echo OK; exec sleep 100");
    let begun = Instant::now();
    become_admin(&scene).ok();
    assert!(begun.elapsed() < SOON);
}

#[test]
fn a_pretend_pinentry_that_never_stops_to_talk_goes_when_multicred_is_told_to() {
    let mut scene = scene("[mfa]\ndriver = \"pinentry\"\n");
    stand_in_pinentry(&mut scene, "touch asked; exec yes '# still there'");
    let running = scene.env.spawn(&BECOME_ADMIN);
    assert!(eventually(|| scene.env.path("asked").exists()));
    let pid = rustix::process::Pid::from_raw(running.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = running.end_within(SOON);
    output.stdout_is("").holds(output.status != 0, "it was told to go");
}

#[test]
fn a_pretend_pinentry_whose_line_has_no_end_is_given_up() {
    let mut scene = scene("[mfa]\ndriver = \"pinentry\"\n");
    stand_in_pinentry(&mut scene, "printf 'D '; exec cat /dev/zero");
    scene.env.spawn(&BECOME_ADMIN).end_within(SOON).refused(1, &["pinentry", "--mfa-code"]);
}

#[test]
fn a_pretend_window_that_gives_a_used_code_again_and_again_is_given_up() {
    let mut scene = scene("[mfa]\ndriver = \"zenity\"\n");
    stand_in(&mut scene, "zenity", "echo x >>asked; echo 135791");
    become_admin(&scene).ok();
    let another = ["as", "--shell", "bash", "prod/Billing", "--no-session", "--duration", "2h"];
    scene.env.spawn(&another).end_within(crate::scene::PATIENCE).refused(4, &["used already", &scene.serial]);
    assert_eq!(fs::read_to_string(scene.env.path("asked")).unwrap().lines().count(), 4);
}

#[test]
fn a_pretend_window_or_pinentry_gets_none_of_the_variables_that_a_switch_has_set() {
    for driver in ["zenity", "pinentry"] {
        let mut scene = scene(&format!("[mfa]\ndriver = \"{driver}\"\n"));
        scene.import(&scene.bob, "bob");
        let switched = scene.env.run(&["as", "--shell", "bash", "bob"]);
        let switched = scene.env.exported(crate::support::env::Shell::Bash, &switched.ok().stdout, &[]);
        match driver {
            "zenity" => stand_in(&mut scene, driver, "env >seen; echo 135791"),
            _ => stand_in_pinentry(&mut scene, "env >seen; echo 'D 135791'; echo OK"),
        }
        let set =
            switched.exported.iter().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("MULTICRED"));
        let inside =
            set.fold(scene.env.command(&BECOME_ADMIN), |command, (name, value)| command.set(name, value.clone()));
        inside.run().ok();
        let seen = fs::read_to_string(scene.env.path("seen")).unwrap();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MULTICRED_IDENTITY"] {
            assert!(!seen.contains(&format!("{name}=")), "{driver}: {name} in {seen}");
        }
        assert!(seen.contains("PATH="), "{driver}: {seen}");
    }
}

#[test]
fn what_a_dialog_says_and_a_setting_holds_is_told_and_written_down_nowhere() {
    const HUSH: &str = "s3cret";
    let address = format!("http://user:{HUSH}@127.0.0.1:1");
    let role = format!("role_arn = arn:aws:iam::{PROD}:role/Admin\n");
    let config = format!(
        "[profile address]\n{role}source_profile = alice\nendpoint_url = {address}\n\
         [profile machine]\n{role}credential_source = EcsContainer\n"
    );
    for (settings, variable, name) in [
        ("[mfa]\ndriver = \"zenity\"\n", "NONE", "prod/Admin"),
        ("[mfa]\ndriver = \"s3cret\"\n", "NONE", "prod/Admin"),
        ("", "NONE", "address"),
        ("", "AWS_ENDPOINT_URL", "--mfa-code 123456 prod/Admin"),
        ("", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "machine"),
    ] {
        let mut scene = scene(settings);
        scene.env.aws_config(&config);
        stand_in(&mut scene, "zenity", &format!("echo {HUSH} >&2; exit 3"));
        scene.env.set(variable, &address);
        let words: Vec<&str> = ["as", "--shell", "bash"].into_iter().chain(name.split(' ')).collect();
        let output = scene.env.run(&words);
        output.stderr_has(HUSH).stdout_is("");
        let history = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
        let last = history.lines().last().unwrap();
        assert!(!history.contains(HUSH) && !last.contains("\"ok\""), "{name} {variable}: {last}");
    }
}
