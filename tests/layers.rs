//! The shape of the program, read from its source: which module may use which, and what may stand where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// No I/O, no clock, no environment.
const PURE: &[&str] = &[
    "aws_config::document",
    "coming_over",
    "console",
    "credential_text",
    "env_change",
    "export",
    "identity",
    "percent",
    "secret",
];
/// What adapters read their files by.
const FILES: &[&str] = &["regular_file"];
/// Each reaches out of the process in one way; they do not know each other.
const ADAPTERS: &[&str] = &[
    "agent",
    "aws_config",
    "browser",
    "endpoint",
    "history",
    "launch",
    "lock",
    "other_tools",
    "progress",
    "prompt",
    "seal",
    "settings",
    "shell",
    "store",
    "sts",
    "subprocess",
    "watched",
];
/// From a typed name to a credential.
const USE_CASE: &[&str] = &["resolve"];

/// Whether a module may use another one: arrows point down only.
fn may_use(module: &str, other: &str) -> bool {
    let is_below = |layers: &[&[&str]]| layers.iter().any(|layer| layer.contains(&other));
    match module {
        "main" => ["command", "context"].contains(&other),
        "command" => {
            let beside = [
                "asking",
                "changing",
                "completion",
                "handing",
                "importing",
                "keeping",
                "live",
                "synced_profile",
                "table",
            ];
            ["agent::server", "cli", "context", "error"].contains(&other)
                || beside.contains(&other)
                || is_below(&[USE_CASE, ADAPTERS, PURE])
        }
        // What the commands share that open live sessions.
        "live" => {
            ["asking", "cli", "context", "error", "handing"].contains(&other)
                || is_below(&[USE_CASE, ADAPTERS, FILES, PURE])
        }
        // What is imported comes from texts, from other tools, and from files that are watched.
        "importing" => {
            ["asking", "cli", "context", "error"].contains(&other) || is_below(&[USE_CASE, ADAPTERS, FILES, PURE])
        }
        // What the commands share that keep the credentials file clean.
        "keeping" => {
            ["asking", "context", "error", "importing", "synced_profile"].contains(&other)
                || is_below(&[USE_CASE, ADAPTERS, PURE])
        }
        // What the commands that obtain a credential share.
        "asking" | "handing" => ["cli", "context", "error"].contains(&other) || is_below(&[USE_CASE, ADAPTERS, PURE]),
        // What the commands share that change the store, or write profiles that ask multicred.
        "changing" | "synced_profile" => ["context", "error"].contains(&other) || is_below(&[USE_CASE, ADAPTERS, PURE]),
        // What the commands share that print tables.
        "table" => other == "context" || is_below(&[USE_CASE, PURE]),
        // How a line goes on, from a tree of clap's that it is given; its tests take the real one.
        "completion" => ["cli", "shell"].contains(&other) || is_below(&[PURE]),
        // clap's types name what flags are parsed into.
        "cli" => ["context", "shell"].contains(&other) || is_below(&[PURE]),
        // One table from the errors of every layer to what a person is told.
        "error" => is_below(&[USE_CASE, ADAPTERS, PURE]),
        "resolve" => other == "context" || is_below(&[ADAPTERS, FILES, PURE]),
        "progress" => other == "context" || is_below(&[PURE]),
        // A window that asks is another program.
        "prompt" => other == "subprocess" || is_below(&[PURE]),
        module if ADAPTERS.contains(&module) => is_below(&[FILES, PURE]),
        module if FILES.contains(&module) || PURE.contains(&module) => is_below(&[PURE]),
        // The other end of the agent's socket: a program of its own beside the commands, which locks, seals and serves.
        "agent::server" => ["agent", "endpoint", "lock", "seal"].contains(&other) || is_below(&[PURE]),
        // The edge of the process.
        "context" => is_below(&[PURE]),
        // The list of modules.
        "lib" => false,
        module => panic!("{module} has no layer: say in this test where it belongs"),
    }
}

/// A file of `src/`, its comments taken out.
struct Source {
    path: PathBuf,
    /// Line numbers from 1, and code.
    code: Vec<(usize, String)>,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let without_comment = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
        let code = text.lines().map(without_comment).enumerate().map(|(index, line)| (index + 1, line)).collect();
        Self { path: path.to_owned(), code }
    }

    /// `store/links.rs` is of `store`.
    fn module(&self) -> String {
        module_of(self.path.with_extension("").iter().skip(1).map(|part| part.to_str().unwrap()))
    }

    /// The modules named behind `crate::` (in `main.rs`, behind `multicred::`), each with its line.
    fn uses(&self) -> BTreeSet<(usize, String)> {
        let from = if self.module() == "main" { "multicred::" } else { "crate::" };
        let mut uses = BTreeSet::new();
        for (line, code) in &self.code {
            for path in code.split(from).skip(1) {
                assert!(!path.starts_with('{'), "{}:{line}: write one `use` for each module", self.path.display());
                let words = path.split("::").map(|part| part.split(|c| !is_word(c)).next().unwrap_or_default());
                uses.insert((*line, module_of(words)));
            }
        }
        uses
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The first part of a path; the document inside `aws_config` and the server inside `agent` are modules of their own
/// layers.
fn module_of<'p>(mut path: impl Iterator<Item = &'p str>) -> String {
    match (path.next().unwrap_or_default(), path.next()) {
        ("aws_config", Some("document")) => "aws_config::document".to_owned(),
        ("agent", Some("server")) => "agent::server".to_owned(),
        (first, _) => first.to_owned(),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let mut folders = vec![PathBuf::from(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&path));
            }
        }
    }
    assert!(found.len() > 5, "{folder} was not read");
    found
}

/// Fails with all of them.
#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_module_uses_only_what_lies_below_it() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let module = source.module();
        for (line, other) in source.uses() {
            if other != module && !may_use(&module, &other) {
                faults.push(format!("{}:{line}: {module} must not use {other}", source.path.display()));
            }
        }
    }
    none(&faults);
}

#[test]
fn only_sts_names_the_crates_of_aws() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let names = manifest.lines().filter(|line| line.starts_with("aws-")).filter_map(|line| line.split(' ').next());
    let crates: Vec<String> = names.map(|name| name.replace('-', "_")).collect();
    assert!(crates.contains(&"aws_sdk_sts".to_owned()), "{crates:?}");
    let mut faults = Vec::new();
    for source in sources("src").into_iter().filter(|source| source.module() != "sts") {
        for (line, code) in &source.code {
            if let Some(name) = crates.iter().find(|name| code.contains(name.as_str())) {
                faults.push(format!("{}:{line}: {name}", source.path.display()));
            }
        }
    }
    none(&faults);
}

#[test]
fn nothing_is_unsafe() {
    let unsafe_lines = |source: &Source| {
        let lines = source.code.iter().filter(|(_, code)| code.split(|c| !is_word(c)).any(|word| word == "unsafe"));
        lines.map(|(line, _)| format!("{}:{line}", source.path.display())).collect::<Vec<_>>()
    };
    none(&sources("src").iter().flat_map(unsafe_lines).collect::<Vec<_>>());
}

/// `CredentialProcess` as a file is called.
fn in_snake_case(variant: &str) -> String {
    let inner = |(index, character): (usize, char)| {
        if character.is_ascii_uppercase() && index > 0 { format!("_{character}") } else { character.to_string() }
    };
    variant.chars().enumerate().map(inner).collect::<String>().to_lowercase()
}

#[test]
fn the_folder_of_commands_is_the_list_of_verbs() {
    let declared = fs::read_to_string(root().join("src/cli.rs")).unwrap();
    let verbs = declared.split("pub enum Verb {").nth(1).unwrap().split("\n}").next().unwrap();
    let mut expected: Vec<String> = verbs
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .map(|variant| in_snake_case(variant.split('(').next().unwrap_or_default()))
        .map(|verb| format!("src/command/{verb}.rs"))
        .chain(["src/command/mod.rs".to_owned()])
        .collect();
    expected.sort();
    let mut files: Vec<String> =
        sources("src/command").iter().map(|source| source.path.to_str().unwrap().to_owned()).collect();
    files.sort();
    assert_eq!(files, expected);
}

/// What is not on the list would not be run, and nobody would miss it.
#[test]
fn every_file_of_tests_is_a_module_of_the_suite() {
    let list = fs::read_to_string(root().join("tests/main.rs")).unwrap();
    let missing = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let is_module = path.join("mod.rs").exists() || path.extension().is_some_and(|extension| extension == "rs");
        (is_module && name != "main" && !list.contains(&format!("\nmod {name};\n"))).then_some(name)
    };
    let files = fs::read_dir(root().join("tests")).unwrap();
    none(&files.filter_map(|file| missing(file.unwrap().path())).collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long_to_be_about_one_thing() {
    const MOST_LINES: usize = 400;
    let too_long = |source: &Source| {
        let lines = source.code.len();
        (lines > MOST_LINES).then(|| format!("{}: {lines} lines", source.path.display()))
    };
    none(&sources("src").iter().filter_map(too_long).collect::<Vec<_>>());
}
