//! No tracing, no trap and no variable shows a secret.

use crate::person::{Doing, Person, assign, export, in_each_shell, init};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![secrets_live_in_exported_variables_only, the_history_file_holds_no_secret,];

/// Not among anybody's keys: what the person had in the shell before.
const OWN_SECRET: &str = "the-persons-own-secret";

/// Everything that handles secrets, with something that watches; gives the terminal for a look at what it watched.
#[track_caller]
fn is_not_seen_by(shell: Shell, watching: &str, is_watching: &str) -> (Person, Terminal) {
    let person = Person::new();
    // What reading and restoring the person's own secret shows is as bad as what the switch shows.
    let rc = format!("{}\n{}", assign(shell, "AWS_SECRET_ACCESS_KEY", OWN_SECRET), init(shell));
    let mut term = Terminal::start(shell, &person.env, &rc);
    term.enter(watching);
    let start = term.transcript().len();
    for command in ["as west", "as bob", "as --back", "renew", "-q as bob", "as -", "as bob", "deactivate"] {
        term.enter(&format!("multicred {command}"));
    }
    // Before the shell is asked anything, since the trap would see that. A trap that printed to the terminal would print behind the prompt too; traps write into a file.
    let seen = term.transcript().split_off(start) + &seen_in(&person);
    assert!(seen.contains(is_watching), "nothing was watching: {seen}");
    person.tells_no_secret(&seen);
    assert!(!seen.contains(OWN_SECRET), "{seen}");
    assert_eq!(term.value("AWS_SECRET_ACCESS_KEY").as_deref(), Some(OWN_SECRET), "{}", term.screen());
    (person, term)
}

fn seen_in(person: &Person) -> String {
    std::fs::read_to_string(person.env.path("seen")).unwrap_or_default()
}

#[test]
fn bash_shows_no_secret_to_xtrace() {
    let (_person, mut term) = is_not_seen_by(Shell::Bash, "set -x", "+ multicred as west");
    assert!(term.enter("echo on").contains("+ echo on"), "xtrace is on again");
}

#[test]
fn bash_shows_no_secret_to_xtrace_into_a_file() {
    is_not_seen_by(Shell::Bash, "exec 9>seen; BASH_XTRACEFD=9; set -x", "+ multicred as west");
}

#[test]
fn bash_shows_no_secret_to_verbose() {
    is_not_seen_by(Shell::Bash, "set -v", "multicred as west");
}

#[test]
fn bash_shows_no_secret_to_a_debug_trap() {
    let trap = r#"set -T; trap 'echo "debug: $BASH_COMMAND $_ ${__multicred_code-}" >>seen' DEBUG"#;
    let (person, mut term) = is_not_seen_by(Shell::Bash, trap, "debug: multicred as west");
    term.enter("f() { echo in f; }; f");
    assert!(seen_in(&person).contains("debug: echo in f"), "functrace is on again");
}

#[test]
fn bash_shows_no_secret_to_extdebug() {
    let trap = r#"shopt -s extdebug; trap 'echo "debug: $BASH_COMMAND" >>seen' DEBUG"#;
    is_not_seen_by(Shell::Bash, trap, "debug: multicred");
}

#[test]
fn bash_shows_no_secret_to_err_and_return_traps() {
    let trap = r#"set -ET; trap 'echo "err: $BASH_COMMAND ${__multicred_code-}" >>seen' ERR
        trap 'echo "return: $BASH_COMMAND ${__multicred_code-}" >>seen' RETURN"#;
    is_not_seen_by(Shell::Bash, &trap.replace('\n', ";"), "return: ");
}

#[test]
fn zsh_shows_no_secret_to_xtrace() {
    let (_person, mut term) = is_not_seen_by(Shell::Zsh, "setopt xtrace", "multicred as west");
    assert!(term.enter("echo on").contains("> echo on"), "xtrace is on again");
}

#[test]
fn zsh_shows_no_secret_to_verbose() {
    is_not_seen_by(Shell::Zsh, "setopt verbose", "multicred as west");
}

#[test]
fn zsh_shows_no_secret_to_traced_functions() {
    is_not_seen_by(Shell::Zsh, "functions -T multicred", "+multicred:");
}

#[test]
fn zsh_shows_no_secret_to_a_debug_trap() {
    let trap = r#"trap 'echo "debug: $ZSH_DEBUG_CMD $_ ${__multicred_code-}" >>seen' DEBUG"#;
    let (person, mut term) = is_not_seen_by(Shell::Zsh, trap, "debug: multicred as west");
    term.enter("echo on");
    assert!(seen_in(&person).contains("debug: echo on"), "the trap is there again");
}

#[test]
fn zsh_shows_no_secret_to_a_debug_function() {
    let trap = r#"TRAPDEBUG() { echo "debug: $ZSH_DEBUG_CMD ${__multicred_code-}" >>seen }"#;
    let (_person, mut term) = is_not_seen_by(Shell::Zsh, trap, "debug: multicred as west");
    assert!(term.functions().contains("TRAPDEBUG"));
}

#[test]
fn zsh_shows_no_secret_to_an_err_trap() {
    let trap = r#"trap 'echo "err: ${__multicred_code-}" >>seen' ZERR; false"#;
    is_not_seen_by(Shell::Zsh, trap, "err: ");
}

#[test]
fn fish_shows_no_secret_to_fish_trace() {
    let (_person, mut term) = is_not_seen_by(Shell::Fish, "set -g fish_trace 1", "> multicred as west");
    assert!(term.enter("echo on").contains("> echo on"), "the trace is on again");
}

#[test]
fn fish_shows_no_secret_to_an_exported_fish_trace() {
    let (_person, mut term) = is_not_seen_by(Shell::Fish, "set -gx fish_trace 1", "> multicred as west");
    assert_eq!(term.exported("fish_trace").as_deref(), Some("1"));
}

fn secrets_live_in_exported_variables_only(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    for name in ["west", "bob", "-", "carol"] {
        term.becomes(name);
    }
    let unexported = term.variables().unexported;
    for (name, value) in &unexported {
        let leaked = person.secrets().iter().any(|secret| value.contains(secret));
        // zsh's own tables hold every variable, exported ones included.
        assert!(!leaked || name == "parameters", "{name}");
    }
    term.becomes("-");
    person.tells_no_secret(&term.all_variables());
    person.tells_no_secret(&term.transcript());
}

fn the_history_file_holds_no_secret(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    term.does(&export(shell, "X", "y"));
    let home = person.env.home().to_owned();
    assert_eq!(term.exit(), 0);
    let file = match shell {
        Shell::Bash => home.join(".bash_history"),
        Shell::Zsh => home.join(".zsh_history"),
        Shell::Fish => home.join("data/fish/fish_history"),
    };
    let history = std::fs::read_to_string(file).expect("a history");
    assert!(history.contains("multicred as west"), "{history}");
    person.tells_no_secret(&history);
}
