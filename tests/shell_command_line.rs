//! How the function reads its words, and where it refuses.

use crate::person::{Doing, Person, in_each_shell, init};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    global_flags_stand_before_and_after_the_verb,
    another_store_is_remembered_by_renew_and_back,
    help_is_shown_and_nothing_is_evaluated,
    a_flag_without_its_value_is_a_usage_error,
    every_other_command_goes_to_the_program_as_it_is,
    without_init_there_is_the_line_to_add,
    the_persons_aliases_do_not_reach_into_ours,
    a_changed_ifs_does_no_harm,
    the_persons_variables_of_common_names_are_left_alone,
    init_of_an_unknown_shell_is_a_usage_error,
    a_script_can_switch,
];

fn global_flags_stand_before_and_after_the_verb(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    for command in ["-q as bob", "--color never as west", "as -q bob", "--no-input --color=never as west --quiet"] {
        term.does(&format!("multicred {command}"));
        let name = if command.contains("bob") { "(bob)" } else { "(west)" };
        assert_eq!(term.shown(), name, "{command}");
    }
    term.does("multicred --no-input renew");
    term.does("multicred -q deactivate");
    assert_eq!(term.shown(), "");
}

fn another_store_is_remembered_by_renew_and_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    let store = person.env.path("other store.db");
    term.does("multicred --store 'other store.db' as bob");
    term.does("mkdir elsewhere; cd elsewhere");
    assert!(store.exists());
    assert_eq!(term.shown(), "(bob)");
    assert!(!person.env.store().exists());
    term.does("multicred renew");
    term.does("multicred as -");
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(bob)");
    assert!(!person.env.store().exists(), "{}", term.screen());
}

fn help_is_shown_and_nothing_is_evaluated(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    for command in ["as --help", "as -h", "renew --help", "--help", "deactivate -h", "as west --help"] {
        let ran = term.run(&format!("multicred {command}"));
        assert_eq!(ran.status, 0, "{command}: {}", ran.output);
        assert!(ran.output.contains("Usage") || term.scrollback().contains("Usage"), "{command}: {}", ran.output);
        assert_eq!(term.shown(), "(bob)");
    }
}

fn a_flag_without_its_value_is_a_usage_error(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    for command in ["--store", "as --region", "as", "renew --bogus", "as bob --bogus", "--bogus as bob"] {
        let ran = term.run(&format!("multicred --no-input {command}"));
        assert_ne!(ran.status, 0, "{command}: {}", ran.output);
        assert_eq!(term.shown(), "(-)", "{command}");
    }
}

fn every_other_command_goes_to_the_program_as_it_is(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    assert!(term.does("multicred status").contains("bob"));
    assert!(term.does("multicred --json status").contains("\"identity\""));
    assert!(term.does("multicred status --json | cat").contains("\"identity\""));
    assert_eq!(term.run("multicred lsit").status, 2);
    assert_eq!(term.run("multicred").status, 2);
}

fn without_init_there_is_the_line_to_add(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start(shell, &person.env, "");
    for command in ["as bob", "renew", "deactivate"] {
        let ran = term.run(&format!("multicred {command}"));
        assert_eq!(ran.status, 2, "{command}: {}", ran.output);
        assert!(ran.output.contains(init(shell)), "{command}: {}", ran.output);
    }
    person.tells_no_secret(&term.transcript());
    assert_eq!(term.value("AWS_ACCESS_KEY_ID"), None);
}

fn the_persons_aliases_do_not_reach_into_ours(shell: Shell) {
    let builtins = "local declare printf unset export command set shift shopt typeset setopt trap print return emulate";
    let aliases: String = match shell {
        Shell::Bash | Shell::Zsh => {
            builtins.split(' ').fold(String::new(), |all, name| all + &format!("alias {name}='echo ALIAS {name}'\n"))
        }
        // An alias of fish is a function; one called like a builtin breaks fish's own functions too.
        Shell::Fish => "alias cat 'echo ALIAS'".to_owned(),
    };
    let ours = "alias as='multicred as'\nalias mc=multicred\nalias renew=false";
    let person = Person::new();
    let mut term = person.opens_with(shell, &format!("{ours}\n{aliases}"));
    for (command, shown) in
        [("as bob", "(bob)"), ("mc as west", "(west)"), ("mc as --back", "(bob)"), ("mc renew", "(bob)")]
    {
        term.enter(command);
        assert_eq!(term.shown(), shown, "{command}: {}", term.screen());
    }
    assert!(term.env_of_shell().contains_key("AWS_ACCESS_KEY_ID"));
    assert!(term.all_variables().contains("ALIAS"), "the aliases are still there");
    term.enter("mc deactivate");
    assert_eq!(term.shown(), "");
    let screen = term.scrollback();
    assert!(!screen.contains("\nALIAS"), "{screen}");
}

fn a_changed_ifs_does_no_harm(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    for ifs in ["IFS=", "IFS=_", "IFS=M_ao/", "IFS=' '"] {
        term.enter(&if shell == Shell::Fish { ifs.replacen("IFS=", "set -g IFS ", 1) } else { ifs.to_owned() });
        term.does("multicred as west --region eu-west-1");
        assert_eq!((term.shown(), term.exported("AWS_REGION")), ("(west)".to_owned(), Some("eu-west-1".to_owned())));
        term.does("multicred renew");
        assert_eq!(term.exported("AWS_REGION").as_deref(), Some("eu-west-1"), "{ifs}");
        term.becomes("bob");
        term.does("multicred as --back");
        assert_eq!(term.shown(), "(west)", "{ifs}");
        term.becomes("-");
        term.does(init(shell));
    }
    term.does("multicred deactivate");
    assert_eq!(term.shown(), "");
}

fn the_persons_variables_of_common_names_are_left_alone(shell: Shell) {
    let person = Person::new();
    let names =
        ["name", "code", "text", "word", "words", "before", "own", "status_", "rest", "verb", "global", "colour"];
    let set = names.map(|name| crate::person::assign(shell, name, "mine")).join("\n");
    let set = if shell == Shell::Fish { set } else { set + "\nreadonly name code text word own" };
    let mut term = person.opens_with(shell, &set);
    term.becomes("west");
    term.does("multicred as -");
    term.does("multicred deactivate");
    for name in names {
        assert_eq!(term.value(name).as_deref(), Some("mine"), "{name}");
    }
}

fn init_of_an_unknown_shell_is_a_usage_error(shell: Shell) {
    let person = Person::new();
    for name in [format!("{}x", shell.name()), "$(touch pwned)".to_owned(), String::new()] {
        person.env.run(&["init", &name]).code(2).stdout_is("").stderr_has("bash, zsh and fish");
    }
    assert!(person.env.run(&["init", shell.name()]).ok().stderr.is_empty());
}

fn a_script_can_switch(shell: Shell) {
    let person = Person::new();
    let script = match shell {
        Shell::Bash | Shell::Zsh => {
            format!(
                "set -eu; {}; multicred as west; echo region=$AWS_REGION; multicred as nobody-knows; echo on",
                init(shell)
            )
        }
        Shell::Fish => {
            format!("{}; multicred as west; echo region=$AWS_REGION; multicred as nobody-knows", init(shell))
        }
    };
    let ran = person.env.program(shell.name(), &["-c", &script]).run();
    ran.code(3).stdout_has("region=us-west-2");
    assert!(!ran.stdout.contains("\non"), "{ran}");
}

/// A switch there would be gone with the subshell, and whoever reads on would take it for done.
#[test]
fn bash_and_zsh_refuse_in_a_subshell_and_in_a_pipeline() {
    let person = Person::new();
    for shell in [Shell::Bash, Shell::Zsh] {
        let mut term = person.opens(shell);
        for command in ["(multicred as bob)", "multicred as bob | cat", "x=$(multicred as bob)", "(multicred renew)"] {
            let calls = person.sts.count("*");
            term.enter("set -o pipefail");
            let ran = term.run(command);
            assert_eq!(ran.status, 2, "{command}: {}", ran.output);
            assert!(ran.output.contains("subshell or a pipeline"), "{command}: {}", ran.output);
            assert_eq!((person.sts.count("*"), term.shown().as_str()), (calls, "(-)"));
        }
        let inside = format!("({}; multicred as bob; /usr/bin/env | grep -c ^AWS_SECRET)", init(shell));
        assert_eq!(
            term.enter(&inside).lines().last(),
            Some("1"),
            "a subshell with an init of its own is its own shell"
        );
    }
}
