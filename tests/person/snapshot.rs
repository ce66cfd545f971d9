//! Everything a shell has that a person could notice: to compare before and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::terminal::{Shell, Terminal};

/// What changes from one moment to the next by itself, and what belongs to the way the shell is asked.
const VOLATILE: [&str; 43] = [
    "_",
    "RANDOM",
    "SRANDOM",
    "SECONDS",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
    "LINENO",
    "HISTCMD",
    "HISTNO",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_COMMAND",
    "BASH_LINENO",
    "BASH_MONOSECONDS",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "FUNCNAME",
    "PIPESTATUS",
    "TTYIDLE",
    "ZSH_SUBSHELL",
    "ZSH_EVAL_CONTEXT",
    "zsh_eval_context",
    "history",
    "historywords",
    "jobstates",
    "jobtexts",
    "pipestatus",
    "status",
    "?",
    "CMD_DURATION",
    "last_pid",
    "fish_killring",
    "usergroups",
    "modules",
    "functions_source",
    "LASTWIDGET",
    "WIDGET",
    "status_generation",
    "funcfiletrace",
    "funcsourcetrace",
    "funcstack",
    "functrace",
];

/// Everything a shell has that a person could notice.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    exported: BTreeMap<String, String>,
    unexported: BTreeMap<String, String>,
    functions: BTreeSet<String>,
    hooks: String,
    prompt: String,
    options: String,
    aliases: String,
}

impl Snapshot {
    #[track_caller]
    pub fn of(term: &mut Terminal) -> Self {
        let variables = term.variables();
        Self {
            exported: lasting(variables.exported),
            unexported: lasting(variables.unexported),
            functions: functions(term),
            hooks: hooks(term),
            prompt: term.prompt_source() + &modes(term),
            options: options(term),
            aliases: aliases(term),
        }
    }

    /// Fails, naming what differs.
    #[track_caller]
    pub fn is_the_same_as(&self, before: &Self) {
        let mut differences = differing("exported", &before.exported, &self.exported);
        differences.extend(differing("unexported", &before.unexported, &self.unexported));
        let more = self.functions.difference(&before.functions).map(|name| format!("function {name} is new"));
        let less = before.functions.difference(&self.functions).map(|name| format!("function {name} is gone"));
        differences.extend(more.chain(less));
        let texts = [
            ("hooks", &before.hooks, &self.hooks),
            ("prompt", &before.prompt, &self.prompt),
            ("options", &before.options, &self.options),
            ("aliases", &before.aliases, &self.aliases),
        ];
        let changed = texts.into_iter().filter(|(_, before, after)| before != after);
        differences.extend(changed.map(|(what, before, after)| format!("{what}: {before:?}\n  now {after:?}")));
        assert!(differences.is_empty(), "the shell is not as it was:\n{}", differences.join("\n"));
    }
}

fn lasting(mut variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    // zsh keeps whole tables of its functions, options and parameters in variables; they are compared as what they are.
    let tables = ["functions", "parameters", "options", "dis_functions", "builtins", "commands", "widgets", "keymaps"];
    variables.retain(|name, _| !VOLATILE.contains(&name.as_str()) && !tables.contains(&name.as_str()));
    variables
}

/// fish loads functions of its own from files whenever it likes.
fn functions(term: &mut Terminal) -> BTreeSet<String> {
    match term.shell() {
        Shell::Bash | Shell::Zsh => term.functions(),
        Shell::Fish => {
            let own = "for f in (functions --all --names | string match --invert '__fish*')
                path filter -qf $fish_function_path/$f.fish; or echo $f
            end";
            term.ask(own).lines().map(str::to_owned).collect()
        }
    }
}

fn hooks(term: &mut Terminal) -> String {
    let hooks = term.hooks();
    hooks.lines().filter(|line| !line.contains(" __fish_")).collect::<Vec<_>>().join("\n")
}

/// fish shows the mode before the prompt.
fn modes(term: &mut Terminal) -> String {
    if term.shell() == Shell::Fish { term.ask("functions --no-details fish_mode_prompt") } else { String::new() }
}

/// An alias of fish is a function.
fn aliases(term: &mut Terminal) -> String {
    if term.shell() == Shell::Fish { String::new() } else { term.ask("alias") }
}

fn options(term: &mut Terminal) -> String {
    match term.shell() {
        Shell::Bash => term.ask("set +o; shopt -p"),
        Shell::Zsh => term.ask("setopt"),
        Shell::Fish => String::new(),
    }
}

fn differing(what: &str, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    differ.map(|name| format!("{what} {name}: {:?}\n  now {:?}", before.get(name), after.get(name))).collect()
}

/// Runs a command that fails so, and finds the shell as it was.
#[track_caller]
pub fn fails_without_a_trace(term: &mut Terminal, status: i32, fails: impl FnOnce(&mut Terminal)) {
    let (prompt, before) = (term.prompt(), Snapshot::of(term));
    fails(term);
    assert_eq!(term.status(), status, "{}", term.screen());
    assert_eq!(term.prompt(), prompt);
    Snapshot::of(term).is_the_same_as(&before);
}
