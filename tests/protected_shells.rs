//! Protected accounts, where a person is: asked in real shells, on real terminals.

use serde_json::Value;

use crate::person::snapshot::fails_without_a_trace;
use crate::person::{DEV, Doing, Person, in_each_shell};
use crate::scene::live::Door;
use crate::scene::seat::eventually;
use crate::support::sts::Fault;
use crate::support::terminal::{RED, Shell, Terminal};

in_each_shell![
    the_right_alias_switches_for_the_lease_and_the_prompt_is_red,
    any_other_word_and_ctrl_c_leave_the_shell_as_it_was,
    renewing_and_going_back_ask_again,
    a_program_has_what_its_shell_was_confirmed_to_be_and_nothing_else,
];

const QUESTION: &str = "Type the account's alias, dev, to go on: ";

/// dev, of which west is, is protected.
fn protected() -> Person {
    let person = Person::new();
    person.env.run(&["account", DEV, "--alias", "dev", "--color", "blue", "--protect"]).ok();
    person
}

/// Runs a command that asks, and types this; Enter is pressed behind it.
#[track_caller]
fn asked(term: &mut Terminal, command: &str, word: &str) {
    term.send_line(command);
    term.wait_for_text(QUESTION);
    term.send_line(word);
    term.wait_for_prompt();
}

fn events(person: &Person, what: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(person.env.store().with_file_name("history.jsonl")).unwrap();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["event"] == what).collect()
}

fn the_right_alias_switches_for_the_lease_and_the_prompt_is_red(shell: Shell) {
    let person = protected();
    let mut term = person.opens(shell);
    term.send_line("multicred as west");
    term.wait_for_text(QUESTION);
    assert_eq!(person.sts.calls().len(), 0, "AWS is asked after the person");
    let screen = term.screen().replace('\n', "");
    let says = "multicred: west (arn:aws:iam::111122223333:role/Reader) is of the protected account dev (111122223333)";
    assert!(screen.contains(says), "{screen}");
    term.send("de");
    term.wait_for_text("de");
    term.send_line("v");
    assert_eq!(term.shown(), "(west)");
    assert!(term.shows_in_colour("(west)", RED), "{}", term.transcript());
    let child = term.env_of_shell();
    let session = person.sts.world(|world| world.session(&child["AWS_ACCESS_KEY_ID"]).cloned()).expect("a session");
    assert_eq!(child["MULTICRED_EXPIRES_AT"], session.credentials.expires_at.to_string());
    assert_eq!(child["AWS_CREDENTIAL_EXPIRATION"], session.credentials.expiration());
    assert!(session.credentials.expires_at <= person.sts.now() + 900);
    assert_eq!(child.get("MULTICRED_RENEWABLE"), None);
    assert_eq!(person.sts.calls_of("AssumeRole")[0].param("DurationSeconds"), "900");
    let confirmed = events(&person, "confirm");
    assert_eq!(confirmed.len(), 1);
    assert_eq!((&confirmed[0]["identity"], &confirmed[0]["outcome"]), (&"west".into(), &"ok".into()));
    // Somebody else needs no word.
    term.becomes("-");
}

fn any_other_word_and_ctrl_c_leave_the_shell_as_it_was(shell: Shell) {
    let person = protected();
    let mut term = person.opens(shell);
    term.becomes("bob");
    person.sts.clear_calls();
    for (word, status) in [("prod", 1), ("west", 1), ("Dev", 1), (DEV, 1), ("y", 1), ("", 130)] {
        fails_without_a_trace(&mut term, status, |term| asked(term, "multicred as west", word));
    }
    for key in ["\u{3}", "\u{4}"] {
        fails_without_a_trace(&mut term, 130, |term| {
            term.send_line("multicred as west");
            term.wait_for_text(QUESTION);
            term.send(&format!("de{key}"));
            term.wait_for_prompt();
        });
    }
    fails_without_a_trace(&mut term, 4, |term| {
        term.run("multicred --no-input as west");
    });
    assert_eq!(term.shown(), "(bob)");
    assert_eq!(person.sts.calls().len(), 0, "AWS was never asked");
    let outcomes: Vec<Value> = events(&person, "confirm").into_iter().map(|event| event["outcome"].clone()).collect();
    assert!(outcomes[..5].iter().all(|outcome| outcome == "what was typed is not its alias"), "{outcomes:?}");
    assert!(outcomes[5..].iter().all(|outcome| outcome == "cancelled"), "{outcomes:?}");
    assert!(events(&person, "switch").iter().any(|event| event["outcome"].as_str().unwrap().contains("not its alias")));
}

fn renewing_and_going_back_ask_again(shell: Shell) {
    let person = protected();
    let mut term = person.opens(shell);
    asked(&mut term, "multicred as west", "dev");
    let key = term.exported("AWS_ACCESS_KEY_ID");
    fails_without_a_trace(&mut term, 1, |term| asked(term, "multicred renew", "no"));
    asked(&mut term, "multicred renew", "dev");
    assert_eq!(term.shown(), "(west)");
    assert_ne!(term.exported("AWS_ACCESS_KEY_ID"), key);
    term.becomes("bob");
    fails_without_a_trace(&mut term, 130, |term| asked(term, "multicred as --back", ""));
    asked(&mut term, "multicred as --back", "dev");
    assert_eq!(term.shown(), "(west)");
}

fn a_program_has_what_its_shell_was_confirmed_to_be_and_nothing_else(shell: Shell) {
    let person = protected();
    person.env.run(&["import", "--profile", "bob"]).ok();
    let mut term = person.opens(shell);
    asked(&mut term, "multicred as west", "dev");
    let key = term.exported("AWS_ACCESS_KEY_ID").expect("a key");
    let calls = person.sts.calls().len();
    for command in [
        "multicred exec west -- printenv AWS_ACCESS_KEY_ID",
        "multicred exec --nested -- printenv AWS_ACCESS_KEY_ID",
        "multicred credential-process west | grep -o ASIA.................",
        "multicred exec west -- multicred exec --nested west -- printenv AWS_ACCESS_KEY_ID",
        "multicred exec dev/Reader -- printenv AWS_ACCESS_KEY_ID",
    ] {
        let printed = term.does(command);
        assert!(printed.contains(&key), "{command}: {printed}, not {key}");
    }
    assert_eq!(person.sts.calls().len(), calls);
    for command in [
        "multicred exec --fresh west -- touch ran",
        "multicred exec --duration 900 --session-name other west -- touch ran",
        "multicred exec bob -- touch ran",
    ] {
        asked(&mut term, command, "no");
        assert_eq!(term.status(), 1, "{command}");
    }
    term.becomes("-");
    asked(&mut term, "multicred exec west -- touch ran", "no");
    assert!(!person.env.path("ran").exists());
    asked(&mut term, "multicred exec west -- touch ran", "dev");
    assert!(person.env.path("ran").exists());
}

#[test]
fn what_was_had_before_the_protection_or_has_ended_is_asked_about() {
    let person = Person::new();
    person.env.run(&["account", DEV, "--alias", "dev"]).ok();
    let mut term = person.opens(Shell::Bash);
    term.becomes("west");
    let old = term.exported("AWS_ACCESS_KEY_ID");
    person.env.run(&["account", DEV, "--protect"]).ok();
    asked(&mut term, "multicred exec west -- touch ran", "no");
    assert!(!person.env.path("ran").exists());
    // It is good for an hour, and is not handed out as it is.
    asked(&mut term, "multicred as west", "dev");
    assert_ne!(term.exported("AWS_ACCESS_KEY_ID"), old);
    let end: i64 = term.exported("MULTICRED_EXPIRES_AT").unwrap().parse().unwrap();
    assert!(end <= person.sts.now() + 900);
    let soon = jiff::Timestamp::from_second(person.sts.now() + 20).unwrap().to_string();
    person.sts.fault_once("AssumeRole", Fault::set_field("Expiration", &soon));
    asked(&mut term, "multicred renew", "dev");
    asked(&mut term, "multicred exec west -- touch ran", "no");
    assert!(!person.env.path("ran").exists());
}

#[test]
fn a_key_by_its_id_is_confirmed_and_handed_out_and_a_user_gets_a_short_session() {
    let person = Person::new().with_admin();
    person.env.run(&["account", DEV, "--protect"]).ok();
    let mut term = person.opens(Shell::Bash);
    let alice = person.env.run(&["list", "--json"]).ok().json();
    assert!(alice.to_string().contains("alice"));
    term.send_line("multicred as dev/user/alice");
    term.wait_for_text(QUESTION);
    term.send_line("dev");
    term.wait_for_text("MFA code for");
    term.send_line(&person.sts.mfa_code(&person.serial));
    term.wait_for_prompt();
    let call = person.sts.calls_of("GetSessionToken").pop().expect("a session");
    assert_eq!(call.param("DurationSeconds"), "900");
    let key = person.env.run(&["show", "dev/user/alice", "--json"]).ok().json();
    let long_term = key["credentials"].as_array().unwrap().iter().find(|held| held["kind"] == "long-term").unwrap();
    let id = long_term["access_key_id"].as_str().unwrap().to_owned();
    asked(&mut term, &format!("multicred as {id}"), "dev");
    assert_eq!(term.exported("AWS_ACCESS_KEY_ID").as_deref(), Some(id.as_str()));
    assert!(term.screen().replace('\n', "").contains("outlasts its lease"), "{}", term.screen());
}

#[test]
fn protection_is_taken_away_by_whoever_types_the_alias() {
    let person = protected();
    let mut term = person.opens(Shell::Bash);
    asked(&mut term, "multicred account dev --unprotect", "no");
    assert_eq!(term.status(), 1);
    assert_eq!(person.env.run(&["account", "dev", "--json"]).ok().json()["protected"], true);
    asked(&mut term, "multicred account dev --unprotect", "dev");
    assert_eq!(person.env.run(&["account", "dev", "--json"]).ok().json()["protected"], false);
    term.becomes("west");
}

#[test]
fn a_live_session_ends_with_its_lease_and_renew_asks_again() {
    let person = protected();
    let mut term = person.opens(Shell::Bash);
    let soon = jiff::Timestamp::from_second(person.sts.now() + 6).unwrap().to_string();
    person.sts.fault_once("AssumeRole", Fault::set_field("Expiration", &soon));
    asked(&mut term, "multicred as west --live", "dev");
    assert_eq!(term.shown(), "(west)");
    let door = Door::of(&term.env_of_shell());
    assert!(door.ask().body.contains("AccessKeyId"));
    let ended = eventually(|| door.ask().body.contains("not renewed without a question"));
    assert!(ended, "{:?}", door.ask());
    assert_eq!(person.sts.count("AssumeRole"), 1, "nobody was asked for more");
    assert!(eventually(|| {
        term.run("true");
        term.shown() == "(west expired)"
    }));
    asked(&mut term, "multicred renew", "dev");
    assert_eq!(term.shown(), "(west)");
    assert!(door.ask().body.contains("AccessKeyId"), "whatever runs there goes on");
    assert_eq!(person.sts.count("AssumeRole"), 2);
}
