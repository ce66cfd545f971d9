//! Every value, whatever its bytes, survives the way through each shell, and nothing in it is run.

use std::collections::BTreeMap;

use multicred::env_change::EnvChange;
use multicred::shell::{Dialect, render};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::person::{Doing, Person, in_each_shell};
use crate::support::env::{Hermetic, Shell};

in_each_shell![
    every_hostile_value_reaches_a_child_exactly,
    any_value_reaches_a_child_exactly,
    a_request_of_hostile_words_is_asked_again_exactly,
];

fn dialect(shell: Shell) -> Dialect {
    match shell {
        Shell::Bash => Dialect::Bash,
        Shell::Zsh => Dialect::Zsh,
        Shell::Fish => Dialect::Fish,
    }
}

/// Each means something to some shell, prompt, terminal or parser.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "  two  blanks  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n\n",
    "line\nline",
    "ends\n",
    "\nbegins",
    "a\n\n",
    "'",
    "''",
    "'''",
    "\"",
    "\"\"",
    "`",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "'\\''",
    "\\n",
    "\\\n",
    "ends\\",
    "$",
    "$$",
    "$HOME",
    "${HOME}",
    "$(touch pwned)",
    "`touch pwned`",
    "$((1+1))",
    "$'\\n'",
    "$\"x\"",
    "${IFS}",
    "'$(touch pwned)'",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "'\ntouch pwned\n'",
    "\\'; touch pwned #",
    "; touch pwned",
    "& touch pwned",
    "| touch pwned",
    "> pwned",
    "< /dev/null",
    "(touch pwned)",
    "(touch pwned | source)",
    "{a,b}",
    "{1..9}",
    "*",
    "?",
    "[a-z]",
    "~",
    "~root",
    "#",
    "# comment",
    "!",
    "!!",
    "!-1",
    "!touch",
    "^a^b",
    "%",
    "%%",
    "%F{red}",
    "%n%m",
    "%1v",
    "=ls",
    "==",
    "-n",
    "--",
    "-e x",
    "A=b",
    "\u{1}",
    "\u{1}\u{2}",
    "\u{7}",
    "\u{8}",
    "\u{b}\u{c}",
    "\u{1b}[31m",
    "\u{1b}]0;owned\u{7}",
    "\u{7f}",
    "\u{80}\u{9b}",
    "é",
    "日本語",
    "🦀👩‍👩‍👧",
    "e\u{301}",
    "\u{202e}rtl",
    "\u{feff}bom",
    "\u{fffd}",
    "\u{10ffff}",
    "\u{f601}",
    "\u{e000}",
    "EOF",
    "${x:?}",
    "function f { touch pwned; }",
    "end; touch pwned",
    "\u{a0}",
    "\u{2028}",
];

/// Those, and some that are made.
fn hostile_values() -> Vec<String> {
    let all_ascii: String = (1..=127_u8).map(char::from).collect();
    let backwards: String = all_ascii.chars().rev().collect();
    let long = "IQoJb3JpZ2luX2VjE/+=".repeat(256);
    let hostile_and_long = "'\\\"$(touch pwned)`!\n%".repeat(250);
    let made = [all_ascii, backwards, long, hostile_and_long, "'".repeat(1_000), "\\".repeat(999), "\n".repeat(500)];
    HOSTILE.iter().copied().map(str::to_owned).chain(made).collect()
}

/// Names that no shell and no test uses.
fn names(count: usize) -> Vec<&'static str> {
    (0..count).map(|index| -> &'static str { Box::leak(format!("HOSTILE_{index}").into_boxed_str()) }).collect()
}

/// What a child of the shell reads once the shell has evaluated the change.
fn read_back(env: &Hermetic, shell: Shell, values: &[String]) -> BTreeMap<String, String> {
    let names = names(values.len());
    let mut change = EnvChange::default();
    names.iter().zip(values).for_each(|(name, value)| change.set(name, value.as_str()));
    change.remember_request(vec!["bob".to_owned()]);
    let evaluated = env.exported(shell, &render(dialect(shell), &change), &names);
    assert_eq!(evaluated.status, 0, "{}", evaluated.output);
    assert!(evaluated.output.stderr.is_empty() && evaluated.output.stdout.is_empty(), "{}", evaluated.output);
    evaluated.exported
}

fn every_hostile_value_reaches_a_child_exactly(shell: Shell) {
    let (env, values) = (Hermetic::new(), hostile_values());
    assert!(values.len() >= 79, "{}", values.len());
    let read = read_back(&env, shell, &values);
    for (name, value) in names(values.len()).into_iter().zip(&values) {
        assert_eq!(read.get(name), Some(value), "{name}");
    }
    assert!(!env.path("pwned").exists());
}

/// Values made of pieces that are special to some shell, many in each run of a shell.
fn any_value_reaches_a_child_exactly(shell: Shell) {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "'",
            "\\",
            "\"",
            "$",
            "`",
            "!",
            "\n",
            "%",
            "(",
            ")",
            "touch pwned",
            ";",
            "\u{1b}",
            "é",
            "🦀"
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_filter("no environment holds a zero byte", |c| *c != '\0').prop_map(String::from),
    ];
    let value = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    let env = Hermetic::new();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let run = runner.run(&prop::collection::vec(value, 40), |values| {
        let read = read_back(&env, shell, &values);
        for (name, value) in names(values.len()).into_iter().zip(&values) {
            prop_assert_eq!(read.get(name), Some(value));
        }
        Ok(())
    });
    if let Err(error) = run {
        panic!("{shell}: {error}");
    }
    assert!(!env.path("pwned").exists());
}

/// The words go into an array of the shell, and out of it again as arguments.
fn a_request_of_hostile_words_is_asked_again_exactly(shell: Shell) {
    let words: Vec<String> = hostile_values().into_iter().filter(|word| word.len() < 100).collect();
    let mut change = EnvChange::default();
    change.remember_request(words.clone());
    let array = if shell == Shell::Fish { "$__multicred_request" } else { r#""${__multicred_request[@]}""# };
    let code = format!("{}\n/usr/bin/printf '%s\\0' {array}\n", render(dialect(shell), &change));
    let evaluated = Hermetic::new().exported(shell, &code, &[]);
    let read: Vec<&str> = evaluated.output.stdout.split_terminator('\0').collect();
    assert_eq!(read, words);
}

/// The whole way in a terminal: the function, its capture, its eval.
#[test]
fn a_hostile_profile_name_is_renewed_under_its_own_name_in_each_shell() {
    let name = "it's \\ $(touch pwned) `x` \"y\" %n";
    let person = Person::new().with_profile(name);
    for shell in Shell::ALL {
        let mut term = person.opens(shell);
        let typed = match shell {
            Shell::Bash | Shell::Zsh => name.replace('\'', r"'\''"),
            Shell::Fish => name.replace('\\', r"\\").replace('\'', r"\'"),
        };
        term.enter(&format!("multicred as '{typed}'"));
        term.becomes("bob");
        term.does("multicred as --back");
        term.does("multicred renew");
        assert_eq!(term.exported("MULTICRED_IDENTITY").as_deref(), Some(name));
        assert!(!person.env.path("pwned").exists());
    }
}
