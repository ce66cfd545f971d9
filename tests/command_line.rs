//! The command line: help where one looks for it, and errors that a terminal shows as they are.

use crate::scene::traced;
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

#[test]
fn a_flag_that_there_is_not_is_no_identitys_name() {
    let env = Hermetic::new();
    for words in [
        &["as", "--bogus"][..],
        &["as", "--shell", "bash", "--bogus"],
        &["as", "--shell", "bash", "--shell-pid", "1", "--bogus"],
        &["as", "--shell", "bash", "-x"],
        &["credential-process", "--bogus"],
        &["env", "--bogus"],
        &["show", "--bogus"],
        &["why", "--bogus"],
    ] {
        env.run(words).code(2).stdout_is("").stderr_has("unexpected argument");
    }
    env.run(&["show", "--", "--bogus"]).code(3).stderr_has("called '--bogus'");
    env.run(&["show", "-"]).code(3);
}

/// Each line began with the program's name.
#[test]
fn without_a_command_the_help_is_shown_as_it_is() {
    let env = Hermetic::new();
    let help = env.run(&["--help"]).ok().stdout.clone();
    let bare = env.run(&[]);
    let rest = bare.code(2).stdout_is("").stderr.split_once('\n').unwrap().1;
    let lines: Vec<&str> = rest.lines().filter(|line| line.starts_with("multicred: ")).collect();
    assert_eq!(lines, ["multicred: no command is named", "multicred: multicred COMMAND --help says more of each"]);
    assert!(bare.stderr.contains("\n  init ") && help.contains("\n  init "), "{bare}");
    let beside = env.run(&["as", "--shell", "bash", "--help"]);
    beside.ok().stdout_is("").holds(!beside.stderr.contains("multicred: "), "as it is");
}

/// What several processes said at once on one terminal came out mixed, in the middle of lines.
#[test]
fn each_line_of_an_error_is_one_write() {
    let env = Hermetic::new();
    let (output, calls) = traced::run(&env, &["show", "nobody"], None, &[]);
    let lines = calls.iter().filter(|call| call.line.starts_with("write(2,")).count();
    assert_eq!(lines, output.stderr.lines().count(), "{calls:?}");
}
