//! A switch: what it does to a shell, and what a switch that fails does not.

use crate::person::snapshot::{Snapshot, fails_without_a_trace};
use crate::person::{
    CREDENTIAL_VARIABLES, Doing, HIDDEN_VARIABLES, Person, REGION_VARIABLES, assign, export, in_each_shell,
};
use crate::support::sts::Fault;
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    a_switch_sets_the_six_variables_of_every_child_and_the_prompt,
    the_mfa_code_is_asked_for_once,
    another_identity_takes_the_place_of_the_first_and_back_alternates,
    back_keeps_the_region_that_was_asked_for,
    renew_brings_a_new_key_of_the_same_identity_without_a_question,
    nobody_has_no_variable_at_all,
    an_unknown_name_changes_nothing_and_exits_3,
    a_wrong_mfa_code_changes_nothing_and_exits_5,
    an_aws_that_is_down_changes_nothing_and_exits_6,
    ctrl_c_at_the_mfa_prompt_changes_nothing_and_exits_130,
    ctrl_c_while_aws_is_silent_changes_nothing_and_exits_130,
    a_key_set_by_hand_shows_as_a_question_mark,
    the_persons_own_key_shows_as_a_question_mark_before_any_switch,
    reading_init_again_changes_nothing,
];

/// Switches to prod/Admin with a code.
#[track_caller]
fn becomes_admin(term: &mut Terminal, person: &Person) {
    term.send_line("multicred as prod/Admin");
    term.wait_for_text("MFA code for");
    term.send_line(&person.sts.mfa_code(&person.serial));
    assert_eq!(term.shown(), "(prod/Admin)");
}

fn a_switch_sets_the_six_variables_of_every_child_and_the_prompt(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    assert_eq!(term.shown(), "(-)");
    term.becomes("west");
    let child = term.env_of_shell();
    let session = person.sts.world(|world| world.session(&child["AWS_ACCESS_KEY_ID"]).cloned()).expect("a session");
    assert_eq!(child["AWS_SECRET_ACCESS_KEY"], session.credentials.secret);
    assert_eq!(child["AWS_SESSION_TOKEN"], session.credentials.session_token);
    assert_eq!(child["AWS_CREDENTIAL_EXPIRATION"], session.credentials.expiration());
    for name in REGION_VARIABLES {
        assert_eq!(child[name], "us-west-2");
    }
    assert_eq!(child["MULTICRED_IDENTITY"], "west");
    assert_eq!(child["MULTICRED_EXPIRES_AT"], session.credentials.expires_at.to_string());
    assert_eq!(child["MULTICRED_RENEWABLE"], "1");
}

fn the_mfa_code_is_asked_for_once(shell: Shell) {
    let person = Person::new().with_admin();
    let mut term = person.opens(shell);
    becomes_admin(&mut term, &person);
    assert_eq!(term.status(), 0);
    let key = term.exported("AWS_ACCESS_KEY_ID");
    term.becomes("-");
    term.becomes("prod/Admin");
    assert_eq!(term.exported("AWS_ACCESS_KEY_ID"), key);
}

fn another_identity_takes_the_place_of_the_first_and_back_alternates(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    term.becomes("bob");
    for expected in ["(west)", "(bob)", "(west)"] {
        term.does("multicred as --back");
        assert_eq!(term.shown(), expected);
    }
    term.becomes("-");
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(west)");
}

fn back_keeps_the_region_that_was_asked_for(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    let first = term.run("multicred as --back");
    assert_eq!(first.status, 1, "{}", first.output);
    term.does("multicred as bob --region eu-south-2");
    term.becomes("carol");
    term.does("multicred as --back");
    assert_eq!((term.shown(), term.exported("AWS_REGION")), ("(bob)".to_owned(), Some("eu-south-2".to_owned())));
    term.does("multicred as --back --region eu-north-1");
    assert_eq!((term.shown(), term.exported("AWS_REGION")), ("(carol)".to_owned(), Some("eu-north-1".to_owned())));
}

fn renew_brings_a_new_key_of_the_same_identity_without_a_question(shell: Shell) {
    let person = Person::new().with_admin();
    let mut term = person.opens(shell);
    let nobody = term.run("multicred renew");
    assert_eq!(nobody.status, 1, "{}", nobody.output);
    becomes_admin(&mut term, &person);
    let key = term.exported("AWS_ACCESS_KEY_ID");
    // What was obtained in this very second counts as renewed.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    term.does("multicred renew");
    assert_eq!(term.shown(), "(prod/Admin)");
    assert_ne!(term.exported("AWS_ACCESS_KEY_ID"), key);
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(-)", "a renewal is no identity of its own");
}

fn nobody_has_no_variable_at_all(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_PROFILE", "mine"));
    term.becomes("west");
    term.becomes("-");
    let variables = term.variables();
    let names = CREDENTIAL_VARIABLES.iter().chain(&REGION_VARIABLES).chain(&HIDDEN_VARIABLES);
    for name in names.copied() {
        assert_eq!(variables.exported.get(name).or(variables.unexported.get(name)), None, "{name}");
    }
    // What the person says to multicred is no variable of a switch's.
    let is_ours = |name: &&String| name.to_lowercase().contains("multicred") && *name != "MULTICRED_KEY";
    let ours = variables.exported.keys().filter(is_ours).collect::<Vec<_>>();
    assert!(ours.is_empty(), "{ours:?}");
}

fn an_unknown_name_changes_nothing_and_exits_3(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    fails_without_a_trace(&mut term, 3, |term| drop(term.enter("multicred as wets")));
    term.becomes("west");
    fails_without_a_trace(&mut term, 3, |term| drop(term.enter("multicred as wets")));
    assert!(term.screen().contains("west"), "the nearest name is said");
}

fn a_wrong_mfa_code_changes_nothing_and_exits_5(shell: Shell) {
    let person = Person::new().with_admin();
    let mut term = person.opens(shell);
    term.becomes("west");
    fails_without_a_trace(&mut term, 5, |term| {
        term.send_line("multicred as prod/Admin");
        term.wait_for_text("MFA code for");
        term.send_line("000000");
    });
}

fn an_aws_that_is_down_changes_nothing_and_exits_6(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    person.sts.fault_always("*", Fault::DropBefore);
    fails_without_a_trace(&mut term, 6, |term| drop(term.enter("multicred as carol")));
}

fn ctrl_c_at_the_mfa_prompt_changes_nothing_and_exits_130(shell: Shell) {
    let person = Person::new().with_admin();
    let mut term = person.opens(shell);
    term.becomes("bob");
    fails_without_a_trace(&mut term, 130, |term| {
        term.send_line("multicred as prod/Admin");
        term.wait_for_text("MFA code for");
        term.ctrl_c();
        term.wait_for_prompt();
    });
    assert!(term.enter("/bin/stty -a").contains(" echo "), "the terminal echoes again");
    assert_eq!(term.enter("echo still here"), "still here");
}

/// zsh's own status of an interrupted `$(…)` is 2, and cannot be another without going on with the rest of the line.
fn ctrl_c_while_aws_is_silent_changes_nothing_and_exits_130(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    if shell != Shell::Fish {
        term.does("set -o noclobber; set -v; set -x");
    }
    person.sts.fault_always("*", Fault::Hang);
    let calls = person.sts.count("*");
    let status = if shell == Shell::Zsh { 2 } else { 130 };
    fails_without_a_trace(&mut term, status, |term| {
        term.send_line("multicred as carol; echo went on");
        assert!(person.sts.wait_for_calls("*", calls + 1, std::time::Duration::from_secs(20)));
        term.ctrl_c();
        term.wait_for_prompt();
        assert!(!term.since_sent().contains("\nwent on"), "{}", term.screen());
    });
}

fn a_key_set_by_hand_shows_as_a_question_mark(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "AKIABYHAND"));
    assert_eq!(term.shown(), "(?)");
    term.becomes("bob");
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "AKIABYHAND"));
    assert_eq!(term.shown(), "(?)");
    term.does("multicred renew");
    assert_eq!(term.shown(), "(bob)");
    term.does(&crate::person::unset(shell, "AWS_ACCESS_KEY_ID"));
    assert_eq!(term.shown(), "(?)");
    term.becomes("-");
}

fn the_persons_own_key_shows_as_a_question_mark_before_any_switch(shell: Shell) {
    let mut person = Person::new();
    person.env.set("AWS_ACCESS_KEY_ID", "AKIAOWN");
    let mut term = person.opens(shell);
    assert_eq!(term.shown(), "(?)");
    term.becomes("bob");
}

fn reading_init_again_changes_nothing(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &assign(shell, "AWS_PROFILE", "mine"));
    term.becomes("west");
    term.becomes("bob");
    let before = Snapshot::of(&mut term);
    term.does(crate::person::init(shell));
    Snapshot::of(&mut term).is_the_same_as(&before);
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(west)");
    term.does(crate::person::init(shell));
    term.does("multicred deactivate");
    assert_eq!((term.shown().as_str(), term.unexported("AWS_PROFILE").as_deref()), ("", Some("mine")));
}
