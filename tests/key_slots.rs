//! Key slots of every kind: each opens the store alone, and not once it is removed.

use std::fs;

use crate::scene::keys::{BECOME_BOB, KINDS, Way, kinds, last, slots};
use crate::scene::refusal::Refusal;
use crate::scene::{Scene, store};

/// bob behind a slot of this kind alone.
fn behind(kind: &str) -> (Scene, Way) {
    let mut scene = Scene::with_bob();
    let way = Way::add(&mut scene, kind);
    scene.env.run(&["key", "remove", "1"]).ok().stderr_has("opens the store no longer");
    (scene, way)
}

fn opens_alone_and_no_longer_once_another_replaces_it(first: &str, second: &str) {
    let (mut scene, mut one) = behind(first);
    assert_eq!(kinds(&scene), [first]);
    assert!(scene.key_file().exists(), "the key file of a slot that is gone is the person's");
    scene.opens();
    let number = last(&scene);
    let mut other = Way::add(&mut scene, second);
    one.withhold(&mut scene);
    other.give(&mut scene);
    scene.opens();
    other.withhold(&mut scene);
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
    one.give(&mut scene);
    scene.opens();
    one.withhold(&mut scene);
    other.give(&mut scene);
    scene.env.run(&["key", "remove", &number]).ok();
    assert_eq!(kinds(&scene), [second]);
    other.withhold(&mut scene);
    one.give(&mut scene);
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
    other.give(&mut scene);
    scene.opens();
}

/// With every other kind.
fn with_each_other(first: &str) {
    for second in KINDS.into_iter().filter(|second| *second != first) {
        opens_alone_and_no_longer_once_another_replaces_it(first, second);
    }
}

#[test]
fn a_key_file_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("file");
}

#[test]
fn a_passphrase_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("passphrase");
}

#[test]
fn a_command_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("command");
}

#[test]
fn a_recovery_code_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("recovery");
}

#[test]
fn an_ssh_key_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("ssh-agent");
}

#[test]
fn a_keyring_opens_alone_and_no_longer_once_another_kind_replaces_it() {
    with_each_other("keyring");
}

#[test]
fn the_kernels_keyring_opens_beside_another_and_is_never_left_alone() {
    let (mut scene, mut other) = behind("passphrase");
    let _kernel = Way::add(&mut scene, "keyutils");
    other.withhold(&mut scene);
    scene.opens();
    let [passphrase, kernel] = [0, 1].map(|index| slots(&scene)[index]["slot"].to_string());
    for force in [&[][..], &["--force"]] {
        let remove = [&["key", "remove", &passphrase][..], force].concat();
        scene.env.run(&remove).refused(1, &["the kernel forgets all the others", "key add"]);
    }
    assert_eq!(slots(&scene)[1]["until"], "reboot");
    scene.env.run(&["key", "list"]).ok().stdout_has("until the next reboot");
    other.give(&mut scene);
    scene.env.run(&["key", "remove", &kernel]).ok();
    other.withhold(&mut scene);
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
}

#[test]
fn two_passphrases_each_open_and_the_file_with_one_of_them_is_no_fault_of_the_other() {
    let mut scene = Scene::behind_passphrase("first");
    scene.env.write("first", "first").write("second", "second\r\nand what follows is no part of it\n");
    let [first, second] = ["first", "second"].map(|name| scene.env.path(name).display().to_string());
    let add = scene.env.command(&["key", "add", "passphrase", "--passphrase-file", &second]);
    add.set("MULTICRED_PASSPHRASE_FILE", first.as_str()).run().ok();
    for file in [&first, &second] {
        scene.env.set("MULTICRED_PASSPHRASE_FILE", file);
        scene.opens();
        scene.env.run(&["doctor", "--check"]).ok().stdout_has("nothing is wrong");
    }
    scene.env.unset("MULTICRED_PASSPHRASE_FILE");
    scene.opens_with(&["second"]);
}

#[test]
fn a_program_with_hostile_words_is_run_as_it_was_given() {
    let words = ["it's", "$(touch pwned)", "a  b", "\\", "*", "\n", "`id`", "ü", "-n", "", "\"", "!!", "$HOME"];
    let mut scene = Scene::with_bob();
    scene.env.write("echo", "#!/bin/sh\nprintf '%s|' \"$@\" >seen\nprintf '%s|' \"$@\"\n");
    let program = scene.env.path("echo");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let program = program.display().to_string();
    scene.env.run(&[&["key", "add", "command", "--", &program][..], &words].concat()).ok();
    scene.env.run(&["key", "remove", "1"]).ok();
    scene.opens();
    assert_eq!(fs::read_to_string(scene.env.path("seen")).unwrap(), words.join("|") + "|");
    assert!(!scene.env.path("pwned").exists());
    scene.env.run(&["key", "list"]).ok().holds(true, "the words").stdout_has("it'\\''s");
    let line = slots(&scene)[0]["command"].as_str().unwrap().to_owned();
    assert!(line.contains("'$(touch pwned)'") && line.contains(&program), "{line}");
}

#[test]
fn a_command_line_is_one_for_sh_and_gets_nothing_of_a_switch() {
    let mut scene = Scene::with_bob();
    let line = "env >seen; printf 'a b' | tr ' ' _; printf '%s' -32-characters-of-a-secret-for-all";
    scene.env.run(&["key", "add", "command", line]).ok();
    scene.env.run(&["key", "remove", "1"]).ok();
    let code = scene.opens().stdout;
    let shell = scene.env.exported(crate::support::env::Shell::Bash, &code, &[]);
    for (name, value) in
        shell.exported.iter().filter(|(name, _)| name.starts_with("AWS_") || name.contains("MULTICRED"))
    {
        scene.env.set(name, value.clone());
    }
    scene.opens();
    let seen = fs::read_to_string(scene.env.path("seen")).unwrap();
    assert!(!seen.contains(&scene.bob.secret) && !seen.contains(&scene.bob.access_key_id), "{seen}");
}

#[test]
fn a_command_that_fails_prints_nothing_or_something_else_is_told_and_its_words_are_kept_nowhere() {
    const HUSH: &str = "s3cret-complaint";
    let (scene, _way) = behind("command");
    let line = |text: &str| {
        let sql = format!("UPDATE key_slot SET params = json_set(params, '$.command', '{text}')");
        rusqlite::Connection::open(scene.env.store()).unwrap().execute(&sql, []).unwrap();
    };
    for (command, says) in [
        ("exit 3", "failed (exit code 3)"),
        ("echo s3cret-complaint >&2; exit 1", HUSH),
        ("true", "it prints nothing"),
        ("echo", "it prints nothing"),
        ("echo another", "not the secret that it was made with"),
        ("/nowhere/at/all", "failed (exit code 127)"),
        ("printf \"\\377\"", "not UTF-8"),
    ] {
        line(command);
        scene.env.run(&BECOME_BOB).refused(4, &["the store is locked", "key slot 2 (command)", says]);
    }
    let history = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    assert!(history.contains("locked") && !history.contains(HUSH), "{history}");
}

#[test]
fn a_recovery_code_is_read_in_any_case_and_spacing_and_a_slip_is_told() {
    let (mut scene, mut way) = behind("recovery");
    way.withhold(&mut scene);
    let code = fs::read_to_string(scene.env.path("code")).unwrap().trim().to_owned();
    let mut slipped = code.clone().into_bytes();
    slipped[0] = if slipped[0] == b'7' { b'8' } else { b'7' };
    let slipped = String::from_utf8(slipped).unwrap();
    let ended = scene.opens_with(&[&slipped, &code.to_lowercase().replace('-', "  ")]);
    assert!(ended.screen.contains("Recovery code of the multicred store: "), "{ended:?}");
    assert!(ended.screen.contains("slip of the pen"), "{ended:?}");
    assert!(!ended.screen.contains(&code.to_lowercase()[..5]), "it is shown: {ended:?}");
    scene.env.run(&["lock"]).ok();
    for (text, opens) in
        [(code.to_lowercase(), true), (format!(" {} \n", code.replace('-', " ")), true), (slipped, false)]
    {
        scene.env.write("code", text);
        way.give(&mut scene);
        if opens {
            scene.opens();
        } else {
            scene.env.run(&BECOME_BOB).refused(4, &["MULTICRED_PASSPHRASE_FILE", "slip of the pen"]);
        }
    }
}

#[test]
fn a_recovery_code_is_printed_once_and_alone_on_stdout() {
    let scene = Scene::with_bob();
    let output = scene.env.run(&["key", "add", "recovery"]);
    let code = output.ok().stdout.trim().to_owned();
    assert_eq!((code.len(), output.stdout.lines().count()), (35, 1), "{output}");
    output.holds(!output.stderr.contains(&code), "the code on stdout alone");
    let json = scene.env.run(&["key", "add", "recovery", "--json"]).ok().json();
    assert_eq!((json["kind"].as_str(), json["code"].as_str().map(str::len)), (Some("recovery"), Some(35)));
    assert!(json["slot"].is_i64());
    for output in [scene.env.run(&["key", "list", "--json"]), scene.env.run(&["doctor", "--json"])] {
        output.ok().nowhere(&code);
    }
    assert!(!store::content(&scene.env.store()).contains(&code));
}

#[test]
fn an_ssh_key_is_said_to_go_at_the_next_logout() {
    let (scene, _way) = behind("ssh-agent");
    assert_eq!(slots(&scene)[0]["until"], "logout");
    scene.env.run(&["key", "list"]).ok().stdout_has("until the next logout, then once the SSH key is added again");
    scene.env.run(&["doctor"]).ok().stdout_has("until the next logout");
}

#[test]
fn a_new_key_of_the_store_is_opened_by_the_slots_that_were_not_at_hand() {
    let (mut scene, mut one) = behind("passphrase");
    let mut other = Way::add(&mut scene, "ssh-agent");
    one.withhold(&mut scene);
    scene.env.run(&["key", "rotate"]).ok().stderr_has("2 key slots open it");
    scene.opens();
    other.withhold(&mut scene);
    one.give(&mut scene);
    scene.opens();
    let json = scene.env.run(&["key", "rotate", "--json"]).ok().json();
    assert!(json["key_epoch"].as_i64().is_some_and(|epoch| epoch > 1) && json["slots"] == 2, "{json}");
}

#[test]
fn what_a_slot_does_not_take_is_a_usage_error_and_adds_none() {
    let scene = Scene::with_bob();
    for words in [
        &["passphrase", "--keyutils"][..],
        &["file", "--passphrase-file", "x"],
        &["recovery", "--", "cat"],
        &["keyring", "x"],
        &["passphrase", "x"],
        &["recovery", "x"],
        &["command"],
        &["command", "x", "--", "y"],
        &["nonsense"],
    ] {
        scene.env.run(&[&["key", "add"][..], words].concat()).code(2).stdout_is("");
    }
    assert_eq!(kinds(&scene), ["file"]);
    scene.env.run(&["key", "add", "file"]).refused(1, &["that very slot already"]);
    scene.env.run(&["key", "add", "ssh-agent"]).refused(1, &["SSH_AUTH_SOCK"]);
    scene.env.run(&["key", "add", "keyring"]).refused(1, &["no session bus"]);
    scene.env.run(&["key", "add", "command", "false"]).refused(1, &["exit code 1"]);
    scene.env.run(&["key", "add", "passphrase"]).refused(4, &["no terminal", "MULTICRED_PASSPHRASE_FILE"]);
    assert_eq!(kinds(&scene), ["file"]);
}
