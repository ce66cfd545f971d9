//! `history`: what has happened, whatever the file holds.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, tree};
use crate::support::env::{Hermetic, Output};

fn file(env: &Hermetic) -> std::path::PathBuf {
    env.store().with_file_name("history.jsonl")
}

/// A home whose history holds this.
fn with_history(text: impl AsRef<[u8]>) -> Hermetic {
    let mut env = Hermetic::new();
    env.write("data/multicred/history.jsonl", text);
    env
}

fn line(time: i64, shell: u32, identity: &str) -> String {
    let value = json!({ "time": time, "event": "switch", "shell_pid": shell, "identity": identity, "outcome": "ok" });
    format!("{value}\n")
}

/// The JSON of each line.
fn events(output: &Output) -> Vec<Value> {
    output.ok().stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn history(env: &Hermetic, words: &[&str]) -> Vec<Value> {
    events(&env.run(&[&["history", "--json"], words].concat()))
}

fn identities(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["identity"].as_str().unwrap()).collect()
}

#[test]
fn what_happened_is_told_newest_last_with_its_call_and_its_outcome() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Reader").ok();
    scene.sts.world(|world| world.role(crate::support::sts::Role::new(DEV, "Writer")));
    scene.become_in_bash("dev/Writer").code(5);
    let events = history(&scene.env, &[]);
    let whats: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(whats[..4], ["import", "account", "link", "link"]);
    assert_eq!(whats[whats.len() - 1], "switch");
    let hop = events.iter().find(|event| event["event"] == "hop" && event["action"] == "AssumeRole").unwrap();
    assert_eq!((&hop["identity"], &hop["outcome"]), (&json!("dev/Reader"), &json!("ok")));
    let last = &events[events.len() - 1];
    assert!(last["identity"] == "dev/Writer" && last["outcome"].as_str().unwrap().contains("AccessDenied"), "{last}");
    let text = scene.env.run(&["history"]);
    text.ok().stdout_has("TIME (UTC)").stdout_has("  link ").stdout_has("Z  ");
    text.stdout_has(&format!("dev/Reader: ok (AssumeRole, request {})", hop["request_id"].as_str().unwrap()));
    for secret in scene.secrets() {
        text.nowhere(&secret);
    }
}

/// Two changes of one label were the same line, and a read-only switch was told as any other.
#[test]
fn it_says_what_was_changed_and_in_what_manner_a_credential_was_used() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["account", "dev", "--alias", "lab", "--color", "red"]).ok();
    scene.env.run(&["account", "lab", "--protect"]).ok();
    scene.env.run(&["label", "bob", "rob"]).ok();
    scene.env.run(&["label", "rob", "--remove"]).ok();
    scene.env.run(&["as", "--shell", "bash", "--read-only", "lab/Reader"]).ok();
    scene.env.run(&["forget", "lab/Reader"]).ok();
    scene.env.run(&["unlink", "lab/Writer"]).ok();
    scene.env.run(&["remove", "lab/Writer", "--yes"]).ok();
    let events = history(&scene.env, &[]);
    let told: Vec<String> = events
        .iter()
        .filter(|event| event["event"] != "hop")
        .map(|event| format!("{} {} {}", event["event"], event["identity"], event["detail"]).replace('"', ""))
        .collect();
    let key = &scene.bob.access_key_id;
    assert_eq!(
        told,
        [
            format!("import bob {key}"),
            format!("account {DEV} alias dev"),
            "link dev/Reader from bob".to_owned(),
            "link dev/Writer from dev/Reader".to_owned(),
            format!("account {DEV} alias lab in the place of dev, colour red"),
            format!("account {DEV} protected"),
            "label rob label rob in the place of bob".to_owned(),
            "label lab/user/bob label rob taken away".to_owned(),
            "switch lab/Reader read-only".to_owned(),
            "forget lab/Reader 1 role's credential".to_owned(),
            "unlink lab/Writer no longer from lab/Reader".to_owned(),
            "remove lab/Writer all that was known of it".to_owned(),
        ]
    );
    let text = scene.env.run(&["history"]);
    text.ok().stdout_has("lab/Reader, read-only: ok").stdout_has("label rob in the place of bob: ok");
}

#[test]
fn it_is_bounded_by_number_time_and_shell() {
    let now = jiff::Timestamp::now().as_second();
    let day = 86_400;
    let lines = [(now - 40 * day, 1, "a"), (now - 3 * day, 2, "b"), (now - 7200, 1, "c"), (now - 60, 2, "d")];
    let env = with_history(lines.map(|(time, shell, name)| line(time, shell, name)).concat());
    let found = |words: &[&str]| identities(&history(&env, words)).concat();
    assert_eq!(found(&[]), "abcd");
    assert_eq!(found(&["-n", "2"]), "cd");
    assert_eq!(found(&["-n", "0"]), "");
    assert_eq!(found(&["--shell", "1"]), "ac");
    assert_eq!(found(&["--shell", "1", "-n", "1"]), "c");
    assert_eq!(found(&["--since", "3h"]), "cd");
    assert_eq!(found(&["--since", "3h", "--shell", "2"]), "d");
    assert_eq!(found(&["--since", "1h", "-n", "9"]), "d");
    let from = jiff::Timestamp::from_second(now - 3 * day).unwrap().to_string();
    assert_eq!(found(&["--since", &from]), "bcd");
    assert_eq!(found(&["--since", &from[..10]]), "bcd");
    for words in [&["--since", "yesterday"][..], &["--since", ""], &["-n", "-1"], &["--shell", "x"]] {
        env.run(&[&["history"], words].concat()).refused(2, &[words[0]]);
    }
}

#[test]
fn fifty_are_shown_where_nobody_says_how_many_and_all_since_a_time() {
    let now = jiff::Timestamp::now().as_second();
    let env = with_history((0..120).map(|number| line(now - 600 + number, 1, &number.to_string())).collect::<String>());
    let events = history(&env, &[]);
    assert_eq!((events.len(), &events[0]["identity"], &events[49]["identity"]), (50, &json!("70"), &json!("119")));
    assert_eq!(history(&env, &["--since", "1h"]).len(), 120);
    assert_eq!(history(&env, &["-n", "999"]).len(), 120);
}

#[test]
fn a_torn_last_line_is_passed_over_and_garbage_is_counted() {
    let whole = [line(1, 1, "a"), line(2, 1, "b")];
    let torn = &whole[1][..whole[1].len() - 9];
    let long = "x".repeat(300_000);
    let garbage = b"\xff\xfe\x00\n[]\n{}\nnull\n{\"time\":\"x\"}\n".as_slice();
    let content = [whole[0].as_bytes(), garbage, long.as_bytes(), b"\n", whole[1].as_bytes(), torn.as_bytes()];
    let env = with_history(content.concat());
    let output = env.run(&["history", "--json"]);
    assert_eq!(identities(&events(&output)), ["a", "b"]);
    output.stderr_has("6 lines of the history cannot be read");
    let silent = with_history([whole[0].as_bytes(), torn.as_bytes()].concat()).run(&["history", "--json"]);
    assert_eq!(identities(&events(&silent)), ["a"]);
    silent.stderr_is("");
    let only_torn = with_history(torn).run(&["history"]);
    only_torn.ok().stdout_is("").stderr_has("nothing of that kind");
}

#[test]
fn no_control_character_of_the_file_reaches_the_terminal() {
    let odd = json!({
        "time": i64::MAX, "event": "\u{1b}[2J", "shell_pid": 7, "identity": "ö\u{9b}\n\u{7}", "outcome": "\u{1b}]0;x\u{7}",
        "action": "\r", "request_id": "\u{8}", "arn": "\u{0}", "detail": "\u{1b}[7m",
    });
    let env = with_history(format!("{odd}\n"));
    let output = env.run(&["history"]);
    output.ok().stdout_has("ö").holds(!output.stdout.contains(|c: char| c.is_control() && c != '\n'), "no control");
    assert_eq!(output.stdout.lines().count(), 2);
    assert_eq!(history(&env, &[]), [odd]);
}

#[test]
fn somebody_is_found_by_every_name_and_also_when_they_are_gone() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Reader").ok();
    let role = format!("arn:aws:iam::{DEV}:role/Reader");
    let more = [line(1, 1, "gone/Role"), line(2, 1, "other"), line(3, 1, "-")].concat();
    fs::OpenOptions::new().append(true).open(file(&scene.env)).unwrap().write_all(more.as_bytes()).unwrap();
    let of_reader = history(&scene.env, &["dev/Reader"]);
    assert!(of_reader.iter().any(|event| event["event"] == "hop"), "{of_reader:?}");
    assert!(of_reader.iter().any(|event| event["event"] == "link"), "{of_reader:?}");
    assert!(of_reader.iter().all(|event| event["identity"] == "dev/Reader"), "{of_reader:?}");
    for name in [&role, &format!("{DEV}/Reader")] {
        assert_eq!(history(&scene.env, &[name]), of_reader, "{name}");
    }
    assert_eq!(identities(&history(&scene.env, &["gone/Role"])), ["gone/Role"]);
    assert_eq!(identities(&history(&scene.env, &["-"])), ["-"]);
    scene.env.run(&["history", "dev/Raeder"]).refused(3, &["dev/Raeder", "did you mean dev/Reader"]);
    scene.env.run(&["history", "bob", "--since", "2999-01-01"]).ok().stdout_is("").stderr_has("nothing of that kind");
}

#[test]
fn without_a_store_nothing_has_happened_and_nothing_is_made() {
    let scene = Scene::new();
    scene.env.run(&["history"]).ok().stdout_is("").stderr_has("nothing of that kind");
    scene.env.run(&["history", "--json"]).ok().stdout_is("");
    scene.env.run(&["history", "nobody-there"]).refused(3, &["nobody-there"]);
    assert!(!scene.env.path("data/multicred").exists(), "a store was made");
}

#[test]
fn what_is_no_file_is_refused_at_once_and_reading_changes_nothing() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["list"]).ok();
    let before = tree::tree(scene.env.home());
    scene.env.run(&["history"]).ok();
    fs::set_permissions(scene.env.store().parent().unwrap(), fs::Permissions::from_mode(0o500)).unwrap();
    scene.env.run(&["history"]).ok().stdout_has("link");
    fs::set_permissions(scene.env.store().parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
    fs::remove_file(file(&scene.env)).unwrap();
    scene.env.program("mkfifo", &[file(&scene.env).to_str().unwrap()]).run().ok();
    scene.env.run(&["history"]).refused(1, &["history.jsonl", "no regular file"]);
    fs::remove_file(file(&scene.env)).unwrap();
    fs::create_dir(file(&scene.env)).unwrap();
    scene.env.run(&["history"]).refused(1, &["history.jsonl"]);
}

/// Under a limit that a history read whole would break.
#[test]
fn a_history_of_a_hundred_megabytes_is_read_in_little_memory() {
    let env = with_history("");
    let mut written = std::io::BufWriter::new(fs::OpenOptions::new().append(true).open(file(&env)).unwrap());
    let long = "x".repeat(50_000);
    written.write_all(line(1, 1, "first").as_bytes()).unwrap();
    for number in 0..2000 {
        written.write_all(line(number + 2, 1, &long).as_bytes()).unwrap();
    }
    written.write_all(line(9999, 1, "last").as_bytes()).unwrap();
    written.into_inner().unwrap().sync_all().unwrap();
    let limited = |words: &str| {
        let script = format!("ulimit -v 60000; exec multicred history --json {words}");
        env.program("sh", &["-c", &script]).run()
    };
    assert_eq!(identities(&events(&limited("-n 1"))), ["last"]);
    assert_eq!(identities(&events(&limited("first"))), ["first"]);
    let all = limited("-n 9999 | wc -c");
    assert!(all.ok().stdout.trim().parse::<u64>().unwrap() > 100_000_000, "{all}");
}
