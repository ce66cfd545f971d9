//! `deactivate`: every function, hook, variable and change of the prompt is gone.

use std::collections::BTreeMap;

use crate::person::snapshot::Snapshot;
use crate::person::{Doing, Person, export, in_each_shell, init};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    the_shell_is_as_before_init,
    the_shell_is_as_before_init_with_a_prompt_and_hooks_of_its_own,
    the_shell_is_as_before_init_under_strict_options,
    nothing_of_the_prompt_stays_when_it_was_coloured,
    keep_creds_leaves_the_credentials_only,
    init_works_again_afterwards,
    other_words_after_deactivate_are_refused,
];

/// Takes a shell through init, switches and deactivate.
#[track_caller]
fn leaves_no_trace(person: &Person, term: &mut Terminal) {
    let (prompt, before) = (term.prompt(), Snapshot::of(term));
    term.does(init(term.shell()));
    term.becomes("west");
    term.becomes("bob");
    term.does("multicred as --back");
    term.enter(if term.shell() == Shell::Fish { "multicred as no-one" } else { "multicred as no-one || true" });
    person.tells_no_secret(&term.transcript());
    term.does("multicred deactivate");
    assert_eq!(term.prompt(), prompt);
    Snapshot::of(term).is_the_same_as(&before);
    let program = term.enter("command -v multicred");
    assert!(program.contains("/multicred"), "{program}");
}

fn the_shell_is_as_before_init(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start(shell, &person.env, &export(shell, "AWS_PROFILE", "mine"));
    leaves_no_trace(&person, &mut term);
}

fn the_shell_is_as_before_init_with_a_prompt_and_hooks_of_its_own(shell: Shell) {
    let person = Person::new();
    let rc = match shell {
        Shell::Bash => r"PROMPT_COMMAND='hook=1;'; PS1='\u@\h:\w \$(echo x)\n$(echo y)${hook} $ '; trap : DEBUG",
        Shell::Zsh => {
            "setopt prompt_subst; PROMPT='%n %~ $(echo y) %% '; RPROMPT=r; psvar=(a b)
            precmd() { hook=1 }; mine() { : }; precmd_functions=(mine); preexec_functions=(mine)"
        }
        Shell::Fish => {
            "function fish_prompt; echo \"$status|$pipestatus \"; echo -n 'x $ '; end
            function fish_mode_prompt; echo -n '[m]'; end
            function mine --on-event fish_prompt; set -g hook 1; end"
        }
    };
    leaves_no_trace(&person, &mut Terminal::start(shell, &person.env, rc));
}

fn the_shell_is_as_before_init_under_strict_options(shell: Shell) {
    let person = Person::new();
    let rc = match shell {
        Shell::Bash => "set -euo pipefail; set -C; shopt -s extdebug nullglob; alias mine=ls; IFS=_; set -f",
        Shell::Zsh => {
            "setopt no_unset pipe_fail no_clobber ksh_arrays sh_word_split warn_create_global; alias -g mine=ls; IFS=_"
        }
        Shell::Fish => "fish_vi_key_bindings",
    };
    leaves_no_trace(&person, &mut Terminal::start(shell, &person.env, rc));
}

fn nothing_of_the_prompt_stays_when_it_was_coloured(shell: Shell) {
    let person = Person::new();
    person.env.run(&["account", crate::person::DEV, "--alias", "dev", "--color", "red"]).ok();
    leaves_no_trace(&person, &mut Terminal::start(shell, &person.env, ""));
}

fn keep_creds_leaves_the_credentials_only(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start(shell, &person.env, &export(shell, "AWS_PROFILE", "mine"));
    let (prompt, before) = (term.prompt(), term.variables());
    term.does(init(shell));
    term.becomes("west");
    let switched = term.env_of_shell();
    term.does("multicred deactivate --keep-creds");
    assert_eq!(term.prompt(), prompt);
    let after = term.variables();
    let mut expected: BTreeMap<String, String> = before.exported;
    expected.remove("AWS_PROFILE");
    for name in crate::person::CREDENTIAL_VARIABLES.into_iter().chain(crate::person::REGION_VARIABLES) {
        expected.insert(name.to_owned(), switched[name].clone());
    }
    assert_eq!(after.exported, expected);
    let ours = after.unexported.keys().filter(|name| name.contains("multicred")).collect::<Vec<_>>();
    assert!(ours.is_empty(), "{ours:?}");
    let functions = term.functions().into_iter().filter(|name| name.contains("multicred")).collect::<Vec<_>>();
    assert!(functions.is_empty(), "{functions:?}");
}

fn init_works_again_afterwards(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.does("multicred deactivate");
    assert_eq!(term.shown(), "");
    term.does(init(shell));
    assert_eq!(term.shown(), "(-)");
    term.becomes("west");
    term.does("multicred deactivate");
    assert_eq!((term.shown().as_str(), term.value("AWS_REGION")), ("", None));
}

fn other_words_after_deactivate_are_refused(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    let ran = term.run("multicred deactivate --keep-credentials");
    assert_eq!(ran.status, 2, "{}", ran.output);
    assert_eq!(term.shown(), "(bob)");
    assert!(term.enter("multicred deactivate --help").contains("--keep-creds"));
    assert_eq!(term.shown(), "(bob)");
}

/// What others write around the call in `PROMPT_COMMAND` must be left as commands.
#[test]
fn bash_leaves_a_prompt_command_that_others_extended_in_order() {
    let person = Person::new();
    let cases = [
        // Before init, after init, after deactivate.
        ("PROMPT_COMMAND='a=1;'", "PROMPT_COMMAND=\"$PROMPT_COMMAND; b=1\"", true),
        ("PROMPT_COMMAND='a=1'", "PROMPT_COMMAND+=$'\\nb=1'", true),
        ("PROMPT_COMMAND='a=1'", "PROMPT_COMMAND=\"b=1;$PROMPT_COMMAND\"", true),
        ("unset PROMPT_COMMAND", "PROMPT_COMMAND=\"b=1; $PROMPT_COMMAND\"", false),
        ("unset PROMPT_COMMAND", "PROMPT_COMMAND=\"$PROMPT_COMMAND;b=1\"", false),
        ("PROMPT_COMMAND=('a=1' 'c=1')", "PROMPT_COMMAND+=('b=1')", true),
        ("PROMPT_COMMAND=('a=1')", "PROMPT_COMMAND=('b=1' \"${PROMPT_COMMAND[@]}\")", true),
    ];
    for (before, after, has_a) in cases {
        let mut term = person.opens_with(Shell::Bash, before);
        term.does(after);
        assert_eq!(term.shown(), "(-)", "{before} {after}");
        term.does("multicred deactivate; unset a b");
        assert_eq!((term.shown(), term.value("b").as_deref()), (String::new(), Some("1")), "{before} {after}");
        assert_eq!(term.value("a").is_some(), has_a, "{before} {after}");
        let left = term.hooks();
        assert!(!left.contains("multicred"), "{left}");
        assert!(!term.screen().contains("error"), "{}", term.screen());
    }
}
