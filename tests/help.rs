//! `--help`: of every command, as it is at 80 columns, with examples that the command line takes.
//!
//! `UPDATE_HELP=1 cargo test --test suite help::` writes the files in `tests/help/` anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use multicred::cli::{self, examples};
use multicred::credential_text::command_words;

use crate::support::env::Hermetic;

/// Every command that is not hidden, as it is typed behind `multicred`, with its help at 80 columns.
pub fn helps() -> BTreeMap<String, String> {
    fn look(command: &Command, name: &str, helps: &mut BTreeMap<String, String>) {
        let words = ["multicred"].into_iter().chain(name.split_whitespace()).chain(["--help"]);
        let help = cli::command_line().term_width(80).try_get_matches_from(words).unwrap_err();
        helps.insert(name.to_owned(), help.render().to_string());
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            look(inner, [name, inner.get_name()].join(" ").trim_start(), helps);
        }
    }
    let mut helps = BTreeMap::new();
    look(&cli::command_line(), "", &mut helps);
    assert!(helps.len() > 30, "{helps:?}");
    helps
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")
}

fn file_of(command: &str) -> String {
    format!("{}.txt", ["multicred", command].join(" ").trim_end().replace(' ', "-"))
}

#[test]
fn the_help_of_each_command_is_the_one_in_its_file() {
    let helps: BTreeMap<String, String> =
        helps().into_iter().map(|(command, help)| (file_of(&command), help)).collect();
    if std::env::var_os("UPDATE_HELP").is_some() {
        let _ = fs::remove_dir_all(folder());
        fs::create_dir_all(folder()).unwrap();
        for (file, help) in &helps {
            fs::write(folder().join(file), help).unwrap();
        }
    }
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    let kept: BTreeMap<String, String> = fs::read_dir(folder()).unwrap().map(read).collect();
    let names = |all: &BTreeMap<String, String>| all.keys().cloned().collect::<Vec<_>>();
    let update = "UPDATE_HELP=1 cargo test --test suite help:: writes tests/help/ anew; look at the difference";
    assert_eq!(names(&kept), names(&helps), "{update}");
    for (file, help) in &helps {
        assert_eq!(&kept[file], help, "{file}: {update}");
    }
}

#[test]
fn no_line_of_help_is_wider_than_eighty_columns() {
    for (command, help) in helps() {
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "multicred {command} --help: {line}");
        }
    }
}

#[test]
fn the_program_prints_that_very_help() {
    let mut env = Hermetic::new();
    env.set("COLUMNS", "80");
    let helps = helps();
    for command in ["", "as", "key add"] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        env.run(&words).ok().stdout_is(&helps[command]);
    }
}

#[test]
fn each_command_has_an_example_of_itself() {
    let helps = helps();
    let without: Vec<&String> = helps.keys().filter(|command| examples::of(command).is_empty()).collect();
    assert!(without.is_empty(), "give these an example in src/cli/examples.rs: {without:?}");
    for command in examples::commands() {
        assert!(helps.contains_key(command), "src/cli/examples.rs has examples of '{command}', which is no command");
        let is_of = |line: &str| line.contains(["multicred", command].join(" ").trim_end());
        assert!(examples::of(command).iter().any(|(_, line)| is_of(line)), "no example of '{command}' is one of it");
    }
}

/// The calls of multicred in a line of shell.
fn calls(line: &str) -> Vec<Vec<String>> {
    let inner = line.split_once("$(").map_or(line, |(_, rest)| rest.split(')').next().unwrap());
    let commands = inner.split([';', '|']).map(|command| command.split(" > ").next().unwrap().trim());
    let commands = commands.filter(|command| command.split(' ').next() == Some("multicred"));
    commands.map(|command| command_words(&command.replace("$$", "4711")).expect("words")).collect()
}

#[test]
fn the_command_line_takes_every_example() {
    for command in examples::commands() {
        for (what, line) in examples::of(command) {
            let calls = calls(line);
            assert!(!calls.is_empty(), "{line} calls multicred nowhere");
            for call in calls {
                let parsed = cli::parse(call.into_iter().map(Into::into).collect());
                assert!(parsed.is_ok(), "{line} ({what}): {}", parsed.unwrap_err());
            }
            assert!(line.len() < 78 && what.len() < 76, "too wide: {what}: {line}");
        }
    }
}
