//! The command line: help where one looks for it, and errors that a terminal shows as they are.

use crate::support::env::Hermetic;
use crate::support::terminal::{Shell, Terminal};

#[test]
fn help_is_a_word_too() {
    let env = Hermetic::new();
    let flag = env.run(&["as", "--help"]).ok().stdout.clone();
    assert_eq!(env.run(&["help", "as"]).ok().stdout, flag);
    assert!(env.run(&["help"]).ok().stdout.contains("Commands:"));
}

#[test]
fn a_wrong_word_is_named_plainly_on_a_terminal() {
    let env = Hermetic::new();
    let mut terminal = Terminal::start(Shell::Bash, &env, "");
    let shown = terminal.enter("multicred bogus");
    assert!(shown.contains("multicred: unrecognized subcommand 'bogus'"), "{shown}");
    assert!(!shown.contains('?'), "no escape sequence, whole or mangled: {shown}");
    assert_eq!(terminal.status(), 2);
}
