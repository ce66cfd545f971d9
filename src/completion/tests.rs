use super::*;
use crate::cli;

fn wanted(line: &str) -> Wanted {
    let mut before: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let current = before.pop().unwrap();
    read(&cli::command_line(), &before, &current).wanted
}

fn words(line: &str) -> Vec<String> {
    match wanted(line) {
        Wanted::Words(words) => words.into_iter().map(|candidate| candidate.word).collect(),
        other => vec![format!("{other:?}")],
    }
}

fn names(line: &str) -> Option<(Names, String, String)> {
    match wanted(line) {
        Wanted::Names { of, lead, start, .. } => Some((of, lead, start)),
        _ => None,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as names gives it")]
fn name(of: Names, start: &str) -> Option<(Names, String, String)> {
    Some((of, String::new(), start.to_owned()))
}

#[test]
fn verbs_come_first_and_hidden_ones_never() {
    assert_eq!(words("who"), ["whoami"]);
    assert_eq!(words("-q who"), ["whoami"]);
    assert_eq!(words("key r"), ["remove", "rotate"]);
    assert!(!words("").contains(&"complete".to_owned()));
    assert!(!words("agent ").contains(&"fetch".to_owned()));
    assert_eq!(words("man exe"), ["exec"]);
}

#[test]
fn whoever_may_be_named_is_looked_up() {
    assert_eq!(names("as pr"), name(Names::IdentityOrNobody, "pr"));
    assert_eq!(names("as --region eu-west-1 pr"), name(Names::IdentityOrNobody, "pr"));
    for line in ["exec x", "env x", "show x", "why x", "tree x", "console x", "serve x", "link x", "sync a b x"] {
        assert_eq!(names(line), name(Names::Identity, "x"), "{line}");
    }
    assert_eq!(names("link r --parent x"), name(Names::Identity, "x"));
    assert_eq!(names("link r --parent=x"), Some((Names::Identity, "--parent=".to_owned(), "x".to_owned())));
    assert_eq!(names("refresh -p bob,pr"), Some((Names::Identity, "bob,".to_owned(), "pr".to_owned())));
    assert_eq!(
        names("refresh --profile=a,bob,"),
        Some((Names::Identity, "--profile=a,bob,".to_owned(), String::new()))
    );
    assert_eq!(names("account x"), name(Names::Account, "x"));
    assert_eq!(names("list --account x"), name(Names::Account, "x"));
    assert_eq!(names("import -p x"), name(Names::Profile, "x"));
    assert_eq!(names("as prod/Admin x"), None);
}

#[test]
fn flags_are_those_of_the_command_and_of_all_of_them_and_each_counts_once() {
    assert_eq!(words("as --fr"), ["--fresh"]);
    assert_eq!(words("renew --fr"), ["--fresh"]);
    assert!(words("as --fresh --fr").is_empty());
    assert_eq!(words("as --tag a=b --ta"), ["--tag"]);
    assert_eq!(words("why --st"), ["--store"]);
    assert_eq!(words("as --shell").len(), 0);
    assert_eq!(words("as -").first().map(String::as_str), Some("-"));
    assert!(!words("why -").contains(&"-".to_owned()));
}

#[test]
fn values_are_those_that_the_flag_takes() {
    assert_eq!(words("list --state ready --state n"), ["needs-mfa", "needs-sign-in", "no-credential"]);
    assert_eq!(words("env --format d"), ["dotenv", "docker"]);
    assert_eq!(words("env -f d"), ["dotenv", "docker"]);
    assert_eq!(words("as --region=eu-n"), ["--region=eu-north-1"]);
    assert_eq!(words("account prod --color r"), ["red"]);
    assert_eq!(words("init z"), ["zsh"]);
    assert!(words("as --duration ").is_empty());
}

#[test]
fn files_are_the_shells_and_so_is_another_programs_command_line() {
    for line in ["import x", "backup ", "as --policy x", "env x --policy=a", "--store x", "man --dir x"] {
        assert_eq!(wanted(line), Wanted::File, "{line}");
    }
    for line in ["exec prod/Admin -- ", "exec prod/Admin -- aws s3 l", "exec -- x", "key add command -- pa"] {
        assert_eq!(wanted(line), Wanted::OfProgram, "{line}");
    }
    assert_eq!(words("exec prod/Admin "), ["--"]);
}

#[test]
fn the_store_that_the_line_names_is_the_one_to_ask() {
    let store = |line: &str| {
        let before: Vec<String> = line.split(' ').map(str::to_owned).collect();
        read(&cli::command_line(), &before, "").store
    };
    assert_eq!(store("--store a as").as_deref(), Some("a"));
    assert_eq!(store("as --store=b").as_deref(), Some("b"));
    assert_eq!(store("as"), None);
}

/// A new argument that is in no table would be completed by nothing, and nobody would know.
#[test]
fn it_is_known_of_every_argument_what_it_takes() {
    fn look(command: &Command, name: &str, unknown: &mut Vec<String>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_last_set()) {
            let is_known = !arg.get_possible_values().is_empty()
                || is_path(arg)
                || value_of(name, arg.get_id().as_str()).is_some()
                || (name, arg.get_id().as_str()) == ("key remove", "number");
            if !is_known {
                unknown.push(format!("{name}: {}", arg.get_id()));
            }
        }
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            look(inner, [name, inner.get_name()].join(" ").trim_start(), unknown);
        }
    }
    let mut unknown = Vec::new();
    look(&cli::command_line(), "", &mut unknown);
    assert!(unknown.is_empty(), "say in src/completion/values.rs what these take: {unknown:?}");
}
