//! What README and CONTRIBUTING promise, held against the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use multicred::env_change::{OURS, SETS};
use multicred::shell::Dialect;
use serde_json::Value;

use crate::coming_over::python_database;
use crate::support::agent::Running;
use crate::support::env::Hermetic;
use crate::support::served::Served;
use crate::support::sign_in::SignIn;
use crate::support::sts::{Fault, Role, StrictSts, World};

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The text of README under this heading, up to the next one of its kind.
#[track_caller]
fn section(heading: &str) -> String {
    let readme = file("README.md");
    let from = readme.split(&format!("\n## {heading}\n")).nth(1);
    from.unwrap_or_else(|| panic!("README has no section {heading}")).split("\n## ").next().unwrap().to_owned()
}

/// The rows of a section's tables, cell by cell, without the heads.
fn rows(section: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let unescaped = line.replace("\\|", "\u{0}");
        unescaped.trim_matches('|').split('|').map(|cell| cell.replace('\u{0}', "|").trim().to_owned()).collect()
    };
    let lines: Vec<&str> = section.lines().collect();
    let is_row = |index: &usize| {
        let next_is_rule = lines.get(index + 1).is_some_and(|next| next.starts_with("|---"));
        lines[*index].starts_with('|') && !lines[*index].starts_with("|---") && !next_is_rule
    };
    (0..lines.len()).filter(is_row).map(|index| cells(lines[index])).collect()
}

/// The first cells, without their backquotes.
fn names(section: &str) -> BTreeSet<String> {
    rows(section).iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_of_commands_is_the_one_of_the_program() {
    let help = Hermetic::new().run(&["--help"]).ok().stdout.clone();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // A description that is too long goes on in a line that is indented further.
    let commands = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: BTreeSet<String> = commands.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(names(&section("Commands")), commands);
}

#[test]
fn every_flag_named_exists() {
    let env = Hermetic::new();
    let commands = names(&section("Commands"));
    let helps: String = commands.iter().map(|command| env.run(&[command, "--help"]).ok().stdout.clone()).collect();
    for text in [section("Commands"), section("Variables"), section("Install")] {
        for flag in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| word.starts_with("--"))
        {
            assert!(flag.chars().all(|c| c == '-') || helps.contains(flag), "{flag}");
        }
    }
}

#[test]
fn the_table_of_exit_codes_is_the_one_of_the_program() {
    let source = file("src/error.rs");
    let declared = source.split("pub enum Exit {").nth(1).unwrap().split("\n}").next().unwrap();
    let mut expected = vec![("0".to_owned(), "it worked".to_owned())];
    let mut meaning = String::new();
    for line in declared.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            text.trim_end_matches('.').clone_into(&mut meaning);
        } else if let Some((_, code)) = line.trim_end_matches(',').split_once(" = ") {
            expected.push((code.to_owned(), meaning.to_lowercase()));
        }
    }
    let documented: Vec<(String, String)> =
        rows(&section("Exit codes")).into_iter().map(|row| (row[0].clone(), row[1].to_lowercase())).collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_variables_are_those_of_the_program() {
    let section = section("Variables");
    assert_eq!(names(&section), OURS.map(str::to_owned).into());
    for name in SETS {
        assert!(section.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_lines_for_startup_files_are_those_of_the_program() {
    let documented: Vec<(String, String)> = rows(&section("Install"))
        .into_iter()
        .map(|row| (row[0].clone(), row[2].trim_matches('`').to_owned()))
        .collect();
    let expected: Vec<(String, String)> =
        Dialect::ALL.iter().map(|dialect| (dialect.name().to_owned(), dialect.rc_line().to_owned())).collect();
    assert_eq!(documented, expected);
}

/// The example of one command's JSON.
#[track_caller]
pub fn example(command: &str) -> Value {
    let section = section("JSON");
    let from = section.split(&format!("\n`{command}`")).nth(1).unwrap_or_else(|| panic!("no example of {command}"));
    let json = from.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(json).unwrap_or_else(|error| panic!("the example of {command} is no JSON: {error}"))
}

/// Fails where one has a key that the other has not, at any depth; an empty list or a null says nothing.
#[track_caller]
pub fn assert_same_keys(place: &str, documented: &Value, printed: &Value) {
    match (documented, printed) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<BTreeSet<String>>();
            assert_eq!(keys(ours), keys(theirs), "{place}");
            for (key, value) in ours {
                assert_same_keys(&format!("{place}.{key}"), value, &theirs[key]);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            for (mine, printed) in ours.iter().take(1).flat_map(|mine| theirs.iter().map(move |value| (mine, value))) {
                assert_same_keys(&format!("{place}[]"), mine, printed);
            }
        }
        (documented, printed) => {
            let kind = |value: &Value| (value.is_object(), value.is_array(), value.is_string(), value.is_number());
            let known = !documented.is_null() && !printed.is_null();
            assert!(!known || kind(documented) == kind(printed), "{place}: {documented} and {printed}");
        }
    }
}

#[test]
fn the_examples_of_json_have_the_keys_that_are_printed() {
    let mut world = World::new();
    let key = world.user("111122223333", "alice");
    world.role(Role::new("222233334444", "Admin").trust("arn:aws:iam::111122223333:user/alice"));
    let sts = StrictSts::start(world);
    let mut env = Hermetic::new();
    let id = &key.access_key_id;
    let keys = format!("[alice]\naws_access_key_id = {id}\naws_secret_access_key = {}\n", key.secret);
    let sign_in = SignIn::start(&sts);
    env.set("MULTICRED_SIGNIN_ENDPOINT", sign_in.url());
    env.endpoint(&sts.url()).aws_credentials(&keys);
    let reader = "[profile reader]\nsource_profile = alice\nrole_arn = arn:aws:iam::222233334444:role/Reader\n";
    env.aws_config(&format!("[profile broken]\nrole_arn = arn:aws:iam::222233334444:role/Other\n{reader}"));
    let holds = |command: &str, words: &[&str]| {
        let output = env.run(&[words, &["--json"]].concat());
        let printed = output.ok().json();
        assert!(printed.as_array().is_none_or(|list| !list.is_empty()), "{command} printed nothing");
        assert_same_keys(command, &example(command), &printed);
    };
    holds("status", &["status"]);
    holds("import", &["import"]);
    holds("import", &["import"]);
    let _python = python_database(&env, &key);
    holds("import --from", &["import", "--from", "multicred-py", "--dry-run"]);
    holds("import --from", &["import", "--from", "multicred-py"]);
    holds("account", &["account", "222233334444", "--alias", "prod", "--color", "red"]);
    env.run(&["link", "prod/Admin", "--parent", "alice"]).ok();
    holds("list", &["list"]);
    holds("list --credentials", &["list", "--credentials"]);
    holds("list --accounts", &["list", "--accounts"]);
    holds("stats", &["stats"]);
    holds("why", &["why", "prod/Admin"]);
    holds("show", &["show", "prod/Admin"]);
    env.run(&["as", "--shell", "bash", "prod/Admin"]).ok();
    holds("why", &["why", "prod/Admin"]);
    holds("why", &["why", "alice"]);
    holds("why", &["why", "reader"]);
    for name in ["prod/Admin", "alice", "reader", "broken"] {
        holds("show", &["show", name]);
    }
    holds("tree", &["tree"]);
    holds("tree", &["tree", "prod/Admin"]);
    holds("history", &["history", "-n", "1"]);
    holds("whoami", &["exec", "prod/Admin", "--", "multicred", "whoami"]);
    holds("config", &["config"]);
    holds("console", &["console", "prod/Admin", "--print", "--service", "s3", "--region", "eu-west-1"]);
    holds("sync", &["sync", "--all"]);
    for words in
        [&["setup", "--yes", "--temporary"][..], &["refresh"], &["status", "--profiles"], &["unsetup", "--yes"]]
    {
        let command = if words[0] == "status" { "status --profiles" } else { words[0] };
        holds(command, words);
    }
    holds("backup", &["backup", "copy.db"]);
    holds("restore", &["restore", "--yes", "copy.db"]);
    holds("doctor", &["doctor", "--check"]);
    holds("key list", &["key", "list"]);
    holds("key add", &["key", "add", "recovery"]);
    holds("key list", &["key", "list"]);
    holds("key rotate", &["key", "rotate"]);
    env.run(&["rotate", "alice"]).code(4);
    holds("rotate", &["rotate", "alice", "--yes"]);
    sts.fault_always("DeleteAccessKey", Fault::unavailable());
    env.run(&["rotate", "111122223333/user/alice"]).code(6);
    holds("rotate --pending", &["rotate", "--pending"]);
    holds("agent start", &["agent", "start"]);
    let agent = Running::found(&env);
    agent.holding_a_key();
    holds("agent status", &["agent", "status"]);
    holds("agent status", &["exec", "--live", "prod/Admin", "--", "multicred", "agent", "status"]);
    holds("lock", &["lock"]);
    holds("unlock", &["unlock"]);
    let served = Served::start(&env, &["prod/Admin", "--region", "eu-central-1"]);
    assert_same_keys("serve", &example("serve"), &served.told);
    holds("agent stop", &["agent", "stop"]);
    let carol = sts.world(|world| world.user("111122223333", "carol"));
    let added = env.command(&["add", "carol", "--env", "--add-config", "--json"]);
    let added = added.set("AWS_ACCESS_KEY_ID", carol.access_key_id).set("AWS_SECRET_ACCESS_KEY", carol.secret).run();
    assert_same_keys("add", &example("add"), &added.ok().json());
    holds("label", &["label", "prod/Admin", "admin"]);
    holds("forget", &["forget"]);
    holds("unlink", &["unlink", "admin"]);
    env.run(&["link", "admin", "--parent", "111122223333/user/alice"]).ok();
    env.run(&["link", "prod/Auditor", "--parent", "admin"]).ok();
    env.run(&["as", "--shell", "bash", "admin"]).ok();
    holds("remove", &["remove", "admin", "--yes"]);
}

#[test]
fn what_the_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contributing = file("CONTRIBUTING.md");
    let layout = contributing.split("## Layout\n\n```\n").nth(1).unwrap().split("```").next().unwrap();
    for word in layout.lines().filter_map(|line| line.split_whitespace().next()) {
        assert!(root.join(word).exists(), "CONTRIBUTING names {word}");
    }
    for document in ["README.md", "CONTRIBUTING.md", "docs/containers.md"] {
        let prose: String = file(document).split("```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(link.starts_with("https://") || root.join(link).exists(), "{document} links to {link}");
        }
    }
    let makefile = file("Makefile");
    for document in ["README.md", "CONTRIBUTING.md"] {
        let text = file(document);
        let commands = text.split(['`', '\n']).filter_map(|code| code.strip_prefix("make "));
        for target in commands.filter_map(|rest| rest.split_whitespace().next()) {
            assert!(makefile.contains(&format!("\n{target}:")), "{document} says make {target}");
        }
    }
    let manifest = file("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(
        file("README.md").contains(&format!("Rust {version} or newer")),
        "README names another Rust than {version}"
    );
}
