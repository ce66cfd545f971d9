//! What runs before each prompt: no fork, and nothing a person's shell could notice.

use crate::person::{Doing, Person, export, in_each_shell, init};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    an_idle_prompt_forks_nothing,
    a_coloured_prompt_that_tells_of_a_hand_forks_nothing,
    the_status_of_the_persons_command_survives,
    everything_works_under_strict_options,
    a_failing_command_under_errexit_is_all_that_ends_the_shell,
    history_has_the_persons_commands_only,
    jobs_stay_where_they_are,
];

fn an_idle_prompt_forks_nothing(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start_traced(shell, &person.env, init(shell));
    assert_eq!(term.count_forks(3), 0);
    term.becomes("west");
    assert_eq!(term.count_forks(5), 0);
    let caught = term.forks_during(|term| drop(term.enter("/bin/true")));
    assert!(!caught.is_empty(), "strace sees forks");
}

fn a_coloured_prompt_that_tells_of_a_hand_forks_nothing(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start_traced(shell, &person.env, init(shell));
    term.does(&export(shell, "MULTICRED_COLOR", "red"));
    assert_eq!(term.count_forks(2), 0);
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "x"));
    assert_eq!(term.count_forks(2), 0);
    let caught = term.forks_during(|term| match shell {
        Shell::Bash => drop(term.enter("PS1='anew $ '")),
        Shell::Zsh => drop(term.enter("PROMPT='anew %% '")),
        Shell::Fish => drop(term.enter("function fish_prompt; echo -n 'anew $ '; end")),
    });
    assert!(caught.is_empty(), "{caught:?}");
}

fn the_status_of_the_persons_command_survives(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    let (fails, statuses) = match shell {
        Shell::Bash => ("(exit 3) | (exit 4) | (exit 5)", "${PIPESTATUS[*]}"),
        Shell::Zsh => ("(exit 3) | (exit 4) | (exit 5)", "${pipestatus[*]}"),
        Shell::Fish => ("sh -c 'exit 3' | sh -c 'exit 4' | sh -c 'exit 5'", "$pipestatus"),
    };
    for who in ["-", "west"] {
        term.becomes(who);
        let shown = match shell {
            Shell::Bash | Shell::Zsh => "echo \"status $?\"",
            Shell::Fish => "echo \"status $status\"",
        };
        term.enter(fails);
        assert_eq!(term.enter(shown), "status 5");
        term.enter(fails);
        assert_eq!(term.enter(&format!("echo \"all {statuses}\"")), "all 3 4 5");
        term.enter(if shell == Shell::Fish { "not true" } else { "! true" });
        assert_eq!(term.status(), 1);
    }
    term.enter("multicred as nobody-knows");
    assert_eq!(term.status(), 3, "the function passes the status on");
    term.enter("multicred lsit");
    assert_eq!(term.status(), 2);
}

/// What comes after the hook in `PROMPT_COMMAND`, or among the other hooks, sees the status too.
#[test]
fn hooks_after_ours_see_the_status_of_the_persons_command() {
    let person = Person::new();
    let mut bash = person.opens(Shell::Bash);
    bash.does("PROMPT_COMMAND+=$'\\nseen=$?'");
    bash.enter("(exit 7)");
    assert_eq!((bash.value("seen").as_deref(), bash.status()), (Some("7"), 7));
    let mut zsh = person.opens(Shell::Zsh);
    zsh.does("after() { seen=$? }; precmd_functions+=(after)");
    zsh.enter("(exit 7)");
    assert_eq!((zsh.value("seen").as_deref(), zsh.status()), (Some("7"), 7));
}

fn everything_works_under_strict_options(shell: Shell) {
    let rc = match shell {
        Shell::Bash => {
            "set -eu -o pipefail; set -C; set -f; shopt -s extdebug nullglob failglob nocasematch localvar_inherit
             trap : ERR DEBUG RETURN; IFS=_o"
        }
        Shell::Zsh => {
            "setopt err_exit no_unset pipe_fail no_clobber ksh_arrays sh_word_split glob_subst warn_create_global
             setopt posix_builtins csh_null_glob no_nomatch ksh_glob err_return; IFS=_o"
        }
        Shell::Fish => "set -g IFS _o",
    };
    let person = Person::new();
    let mut term = person.opens_with(shell, rc);
    term.becomes("west");
    assert_eq!(term.exported("AWS_REGION").as_deref(), Some("us-west-2"));
    term.becomes("bob");
    assert_eq!(term.value("AWS_REGION"), None);
    term.does("multicred as --back");
    term.does("multicred renew");
    assert_eq!(term.shown(), "(west)");
    term.does(init(shell));
    term.becomes("-");
    term.does("multicred deactivate");
    assert_eq!(term.shown(), "");
    let screen = term.screen();
    assert!(!screen.contains("unbound") && !screen.contains("parameter not set"), "{screen}");
    assert!(!screen.contains("scalar parameter") && !screen.contains("bad "), "{screen}");
}

/// With errexit, the hook of a prompt that shows a failure must not end the shell; a failing command does.
fn a_failing_command_under_errexit_is_all_that_ends_the_shell(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    match shell {
        Shell::Fish => return,
        Shell::Bash => term.does("set -eE"),
        Shell::Zsh => term.does("setopt err_exit"),
    };
    term.enter("if false; then :; fi; ! true");
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "x"));
    assert_eq!(term.shown(), "(?)");
    term.enter("multicred as nobody-knows || true");
    term.becomes("bob");
    term.send_line("multicred as nobody-knows");
    assert_eq!(term.ended(), 3);
}

fn history_has_the_persons_commands_only(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.enter("echo hi");
    term.does("multicred as -");
    assert_eq!(term.history(), ["multicred as bob", "echo hi", "multicred as -"]);
}

fn jobs_stay_where_they_are(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.enter("sleep 77 &");
    term.becomes("bob");
    let jobs = term.enter("jobs");
    assert_eq!(jobs.lines().filter(|line| line.contains("sleep 77")).count(), 1, "{jobs}");
    assert!(!jobs.contains("multicred"), "{jobs}");
    term.enter(if shell == Shell::Fish { "kill $last_pid" } else { "kill $!" });
}
