//! Shells inside shells, each with multicred in it.

use crate::person::{Doing, Person, export, in_each_shell};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    an_inner_shell_is_who_the_outer_one_is_and_switches_for_itself,
    what_an_outer_multicred_set_is_never_given_back_as_the_persons_own,
    a_change_by_hand_outside_shows_inside,
    renew_works_for_an_inherited_identity,
    an_inner_shell_gives_the_persons_own_region_back,
    a_shell_of_another_kind_inherits_the_identity,
];

#[track_caller]
fn enters(term: &mut Terminal, shell: Shell) {
    let command = match shell {
        Shell::Bash => "bash --noprofile -i",
        Shell::Zsh => "zsh --no-globalrcs -i",
        Shell::Fish => "fish -i",
    };
    term.enter_shell(shell, command);
}

fn an_inner_shell_is_who_the_outer_one_is_and_switches_for_itself(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    let outer = term.env_of_shell();
    enters(&mut term, shell);
    assert_eq!(term.shown(), "(west)");
    term.becomes("bob");
    assert_ne!(term.env_of_shell()["AWS_ACCESS_KEY_ID"], outer["AWS_ACCESS_KEY_ID"]);
    term.leave_shell();
    assert_eq!(term.shown(), "(west)");
    assert_eq!(term.env_of_shell()["AWS_ACCESS_KEY_ID"], outer["AWS_ACCESS_KEY_ID"]);
    term.does("multicred deactivate");
    assert_eq!(term.value("AWS_ACCESS_KEY_ID"), None);
}

fn what_an_outer_multicred_set_is_never_given_back_as_the_persons_own(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    enters(&mut term, shell);
    term.becomes("bob");
    assert_eq!(term.value("AWS_REGION"), None, "us-west-2 was west's, not the person's");
    person.tells_no_secret(&term.variables().unexported.into_values().filter(|v| v.len() < 9_000).collect::<String>());
    term.becomes("-");
    term.becomes("carol");
    term.does("multicred deactivate");
    for name in crate::person::CREDENTIAL_VARIABLES.into_iter().chain(crate::person::REGION_VARIABLES) {
        assert_eq!(term.value(name), None, "{name}");
    }
}

fn a_change_by_hand_outside_shows_inside(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "AKIABYHAND"));
    enters(&mut term, shell);
    assert_eq!(term.shown(), "(?)");
    term.becomes("west");
    term.leave_shell();
    assert_eq!(term.shown(), "(?)");
}

fn renew_works_for_an_inherited_identity(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    enters(&mut term, shell);
    term.does("multicred renew");
    assert_eq!(term.shown(), "(west)");
    let back = term.run("multicred as --back");
    assert_eq!((back.status, term.shown().as_str()), (1, "(west)"), "{}", back.output);
    term.becomes("bob");
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(west)");
}

fn an_inner_shell_gives_the_persons_own_region_back(shell: Shell) {
    let mut person = Person::new();
    person.env.set("AWS_REGION", "ap-south-1");
    let mut term = person.opens(shell);
    // bob has no region: what the inner shell inherits is the person's own.
    term.becomes("bob");
    enters(&mut term, shell);
    term.becomes("west");
    assert_eq!(term.exported("AWS_REGION").as_deref(), Some("us-west-2"));
    term.becomes("-");
    assert_eq!(term.exported("AWS_REGION").as_deref(), Some("ap-south-1"));
}

fn a_shell_of_another_kind_inherits_the_identity(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    let other = if shell == Shell::Fish { Shell::Bash } else { Shell::Fish };
    term.write_rc(other, crate::person::init(other));
    enters(&mut term, other);
    assert_eq!(term.shown(), "(west)");
    term.becomes("bob");
    term.becomes("-");
    term.leave_shell();
    assert_eq!(term.shown(), "(west)");
}
