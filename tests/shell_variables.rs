//! The person's own variables: saved, kept out of the way, given back as they were; and what must not be touched.

use crate::person::snapshot::Snapshot;
use crate::person::{Doing, Person, assign, export, in_each_shell, unset};
use crate::support::terminal::{Shell, Terminal};

in_each_shell![
    the_persons_own_variables_come_back_with_their_exportedness,
    values_of_any_bytes_come_back,
    a_variable_set_while_somebody_stays_the_persons,
    a_variable_removed_while_nobody_does_not_come_back,
    the_own_region_returns_with_an_identity_that_has_none,
    the_own_region_returns_with_nobody,
    a_region_that_is_not_exported_returns_as_it_was,
    a_region_changed_by_hand_is_the_persons,
    a_region_removed_by_hand_is_the_persons,
    a_region_removed_while_nobody_does_not_come_back,
    every_other_aws_variable_stays,
    nothing_of_ours_is_exported_with_allexport,
];

fn the_persons_own_variables_come_back_with_their_exportedness(shell: Shell) {
    let person = Person::new();
    let rc = [
        export(shell, "AWS_PROFILE", "mine"),
        assign(shell, "AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        export(shell, "AWS_ACCESS_KEY_ID", "AKIAOWN"),
        assign(shell, "AWS_SECRET_ACCESS_KEY", "own secret"),
        export(shell, "AWS_REGION", "ap-south-1"),
        export(shell, "AWS_SESSION_TOKEN", ""),
    ];
    let mut term = person.opens_with(shell, &rc.join("\n"));
    let before = term.variables();
    term.becomes("west");
    assert_eq!(term.value("AWS_PROFILE"), None);
    term.becomes("bob");
    term.becomes("-");
    assert_eq!((term.value("AWS_PROFILE"), term.value("AWS_ACCESS_KEY_ID")), (None, None));
    term.becomes("carol");
    term.does("multicred deactivate");
    let after = term.variables();
    let aws = |name: &String| name.starts_with("AWS_");
    let exported = |all: &crate::support::terminal::Variables| {
        all.exported.clone().into_iter().filter(|(name, _)| aws(name)).collect::<Vec<_>>()
    };
    assert_eq!(exported(&after), exported(&before));
    for name in ["AWS_ROLE_ARN", "AWS_SECRET_ACCESS_KEY"] {
        assert_eq!(after.unexported.get(name), before.unexported.get(name), "{name}");
        assert!(after.unexported.contains_key(name), "{name}");
    }
}

fn values_of_any_bytes_come_back(shell: Shell) {
    let hostile = "a\tb\n'\"$(touch pwned)`touch pwned`\\ !! % ; x=y\u{1}\u{7f}é🦀\n\n";
    let mut person = Person::new();
    person.env.set("AWS_PROFILE", hostile).set("AWS_ACCOUNT_ID", hostile).set("AWS_ROLE_SESSION_NAME", "=x=");
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.becomes("-");
    term.does("multicred deactivate");
    let child = term.env_of_shell();
    assert_eq!((child["AWS_PROFILE"].as_str(), child["AWS_ACCOUNT_ID"].as_str()), (hostile, hostile));
    assert_eq!(child["AWS_ROLE_SESSION_NAME"], "=x=");
    assert!(!person.env.path("pwned").exists());
}

fn a_variable_set_while_somebody_stays_the_persons(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_PROFILE", "old"));
    term.becomes("bob");
    term.does(&export(shell, "AWS_PROFILE", "new"));
    term.does("multicred deactivate");
    assert_eq!(term.exported("AWS_PROFILE").as_deref(), Some("new"));
}

fn a_variable_removed_while_nobody_does_not_come_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_PROFILE", "old"));
    term.does(&unset(shell, "AWS_PROFILE"));
    term.becomes("bob");
    term.does("multicred deactivate");
    assert_eq!(term.value("AWS_PROFILE"), None);
}

#[track_caller]
fn regions(term: &mut Terminal) -> [Option<String>; 2] {
    let mut child = term.env_of_shell();
    ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| child.remove(name))
}

fn both(region: &str) -> [Option<String>; 2] {
    [Some(region.to_owned()), Some(region.to_owned())]
}

fn the_own_region_returns_with_an_identity_that_has_none(shell: Shell) {
    let mut person = Person::new();
    person.env.set("AWS_DEFAULT_REGION", "ap-south-1");
    let mut term = person.opens(shell);
    let own = [None, Some("ap-south-1".to_owned())];
    term.becomes("bob");
    assert_eq!(regions(&mut term), own);
    term.becomes("west");
    assert_eq!(regions(&mut term), both("us-west-2"));
    term.becomes("bob");
    assert_eq!(regions(&mut term), own);
    term.does("multicred deactivate");
    assert_eq!(regions(&mut term), own);
}

fn the_own_region_returns_with_nobody(shell: Shell) {
    let mut person = Person::new();
    // The same region as the switch sets: it is the person's all the same.
    person.env.set("AWS_REGION", "us-west-2");
    let mut term = person.opens(shell);
    term.becomes("west");
    term.becomes("-");
    assert_eq!(regions(&mut term), [Some("us-west-2".to_owned()), None]);
}

fn a_region_that_is_not_exported_returns_as_it_was(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &assign(shell, "AWS_REGION", "ap-south-1"));
    term.becomes("west");
    assert_eq!(regions(&mut term), both("us-west-2"));
    term.becomes("bob");
    assert_eq!(regions(&mut term), [None, None]);
    assert_eq!(term.unexported("AWS_REGION").as_deref(), Some("ap-south-1"));
}

fn a_region_changed_by_hand_is_the_persons(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_REGION", "ap-south-1"));
    term.becomes("west");
    term.does(&export(shell, "AWS_REGION", "sa-east-1"));
    term.becomes("bob");
    assert_eq!(regions(&mut term), [Some("sa-east-1".to_owned()), None]);
    term.becomes("west");
    assert_eq!(regions(&mut term), both("us-west-2"));
    term.does("multicred deactivate");
    assert_eq!(regions(&mut term), [Some("sa-east-1".to_owned()), None]);
}

fn a_region_removed_by_hand_is_the_persons(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_REGION", "ap-south-1"));
    term.becomes("west");
    term.does(&unset(shell, "AWS_REGION"));
    term.becomes("-");
    assert_eq!(regions(&mut term), [None, None]);
}

fn a_region_removed_while_nobody_does_not_come_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_REGION", "ap-south-1"));
    term.becomes("west");
    term.becomes("-");
    term.does(&unset(shell, "AWS_REGION"));
    term.becomes("west");
    term.becomes("bob");
    assert_eq!(regions(&mut term), [None, None]);
    term.does(&export(shell, "AWS_REGION", "sa-east-1"));
    term.does(&unset(shell, "AWS_REGION"));
    term.becomes("west");
    term.becomes("-");
    assert_eq!(regions(&mut term), [None, None]);
}

fn every_other_aws_variable_stays(shell: Shell) {
    let mut person = Person::new();
    person.env.set("AWS_PAGER", "").set("AWS_CA_BUNDLE", "").set("AWS_MAX_ATTEMPTS", "2");
    let mut term = person.opens(shell);
    let before = term.env_of_shell();
    term.becomes("west");
    term.becomes("-");
    assert_eq!(term.env_of_shell(), before);
}

/// What was saved would reach every child otherwise.
fn nothing_of_ours_is_exported_with_allexport(shell: Shell) {
    if shell == Shell::Fish {
        return;
    }
    let person = Person::new();
    let mut term = person.opens_with(shell, "set -a; AWS_SECRET_ACCESS_KEY=own; export -n AWS_X 2>/dev/null");
    term.becomes("west");
    let leaked = term.env_of_shell().into_iter().filter(|(_, value)| value.ends_with("own")).collect::<Vec<_>>();
    assert!(leaked.is_empty(), "{leaked:?}");
}

/// A readonly variable would stop the code midway.
fn is_refused_before_anything_changes(shell: Shell, readonly: &str, name: &str, status: i32) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    term.does(readonly);
    let before = Snapshot::of(&mut term);
    let calls = person.sts.count("*");
    let ran = term.run("multicred as west");
    assert_eq!(ran.status, status, "{}", ran.output);
    assert!(ran.output.contains(name) && ran.output.contains("nothing was changed"), "{}", ran.output);
    assert_eq!(person.sts.count("*"), calls, "it is refused before anybody is asked");
    Snapshot::of(&mut term).is_the_same_as(&before);
    assert_eq!(term.shown(), "(bob)");
}

#[test]
fn bash_refuses_where_a_variable_is_readonly() {
    for name in ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"] {
        is_refused_before_anything_changes(Shell::Bash, &format!("readonly {name}"), name, 1);
    }
}

#[test]
fn zsh_refuses_where_a_variable_is_readonly() {
    for name in ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"] {
        is_refused_before_anything_changes(Shell::Zsh, &format!("typeset -gr {name}"), name, 1);
    }
}

#[test]
fn fish_refuses_where_a_variable_is_universal() {
    is_refused_before_anything_changes(Shell::Fish, "set -Ux AWS_PROFILE mine", "AWS_PROFILE", 1);
}
