//! What a person changes by hand in a switched shell is the person's: it is shown, kept, and given back.

use crate::person::{Doing, Person, export, in_each_shell, init};
use crate::support::process;
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    a_key_set_by_hand_survives_deactivate,
    a_key_set_by_hand_comes_back_after_the_switch_that_replaced_it,
    of_a_half_changed_key_only_the_persons_half_is_kept,
    a_profile_chosen_by_hand_comes_back,
    a_program_killed_at_its_prompt_leaves_a_terminal_that_echoes,
];

fn sets_a_key_by_hand(term: &mut Terminal) {
    for (name, value) in [("AWS_ACCESS_KEY_ID", "AKIABYHAND"), ("AWS_SECRET_ACCESS_KEY", "secret by hand")] {
        term.does(&export(term.shell(), name, value));
    }
    assert_eq!(term.shown(), "(?)");
}

fn holds_the_key_by_hand(term: &mut Terminal) {
    let children = term.env_of_shell();
    assert_eq!(children.get("AWS_ACCESS_KEY_ID").map(String::as_str), Some("AKIABYHAND"));
    assert_eq!(children.get("AWS_SECRET_ACCESS_KEY").map(String::as_str), Some("secret by hand"));
    assert_eq!(children.get("AWS_SESSION_TOKEN"), None);
}

fn a_key_set_by_hand_survives_deactivate(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    sets_a_key_by_hand(&mut term);
    term.does("multicred deactivate");
    holds_the_key_by_hand(&mut term);
}

fn a_key_set_by_hand_comes_back_after_the_switch_that_replaced_it(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    sets_a_key_by_hand(&mut term);
    term.becomes("carol");
    term.does("multicred deactivate");
    holds_the_key_by_hand(&mut term);
}

fn of_a_half_changed_key_only_the_persons_half_is_kept(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "AKIABYHAND"));
    term.becomes("carol");
    term.does("multicred as -");
    person.tells_no_secret(&term.all_variables());
    term.does("multicred deactivate");
    assert_eq!(term.value("AWS_ACCESS_KEY_ID").as_deref(), Some("AKIABYHAND"));
    assert_eq!(term.value("AWS_SECRET_ACCESS_KEY"), None);
}

fn a_profile_chosen_by_hand_comes_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    term.does(&export(shell, "AWS_PROFILE", "by-hand"));
    term.becomes("carol");
    assert_eq!(term.value("AWS_PROFILE"), None);
    term.does("multicred deactivate");
    assert_eq!(term.value("AWS_PROFILE").as_deref(), Some("by-hand"));
}

fn a_program_killed_at_its_prompt_leaves_a_terminal_that_echoes(shell: Shell) {
    let person = Person::new().with_admin();
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.send_line("multicred as prod/Admin");
    term.wait_for_text("MFA code for");
    let shell_pid = term.pid().to_string();
    let asker = descendants(&shell_pid).pop().expect("multicred is running");
    process::run(std::process::Command::new("kill").args(["-KILL", &asker]));
    term.wait_for_prompt();
    assert_eq!(term.shown(), "(bob)");
    let modes = term.enter("/bin/stty -a");
    for mode in ["-echo ", "-icanon", "-isig"] {
        assert!(!modes.contains(mode), "{mode} in: {modes}");
    }
}

/// The processes below one, the deepest last.
fn descendants(pid: &str) -> Vec<String> {
    let listed = process::output(std::process::Command::new("ps").args(["-o", "pid=", "--ppid", pid]));
    let children = String::from_utf8_lossy(&listed.stdout).into_owned();
    let with_their_own = |child: &str| {
        let mut all = vec![child.to_owned()];
        all.extend(descendants(child));
        all
    };
    children.split_whitespace().flat_map(with_their_own).collect()
}

#[test]
fn where_the_prompt_is_readonly_a_switch_still_works_and_says_that_it_cannot_show() {
    let person = Person::new();
    let before = "PROMPT_COMMAND=:; readonly PROMPT_COMMAND";
    let mut term =
        Terminal::start(Shell::Bash, &person.env, &format!("{before}\n{} || echo failed", init(Shell::Bash)));
    assert!(term.screen().contains("PROMPT_COMMAND or PS1 is readonly"), "{}", term.screen());
    assert!(!term.screen().contains("failed"), "{}", term.screen());
    term.does("multicred as bob");
    assert_eq!(term.value("MULTICRED_IDENTITY").as_deref(), Some("bob"));
    term.does("multicred deactivate");
    assert_eq!(term.value("MULTICRED_IDENTITY"), None);
}
