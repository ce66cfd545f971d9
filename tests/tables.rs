//! Every table as it looks: on terminals of 60, 80 and 200 columns, and in a pipe. What it should look like is in
//! `tests/tables/`; with `MULTICRED_WRITE_TABLES=1` that is written anew, to be read before it is committed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::scene::Scene;
use crate::support::env::{Hermetic, Shell};
use crate::support::terminal::{RED, Setup, Terminal};

const WRITE: &str = "MULTICRED_WRITE_TABLES";
const WIDTHS: [u16; 3] = [60, 80, 200];
const GREEN: u8 = 2;
const YELLOW: u8 = 3;

/// Every character that IAM takes in a name, in 64 of them.
const ANY_NAME: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345+=,.@-";
const LONG_PROFILE: &str = "a-profile.whose-name-is-far-too-long-for-any-column-of-any-table-in-a-small-terminal";
const WIDE_PROFILE: &str = "漢字のプロファイル";

/// Somebody in every state, names of every sort, and nothing that changes from run to run but the folders.
fn rich() -> Scene {
    let mut scene = Scene::with_bob();
    let config = format!(
        "[profile {LONG_PROFILE}]\nrole_arn = arn:aws:iam::111122223333:role/Long\nsource_profile = bob\n\
         [profile \"{WIDE_PROFILE}\"]\nrole_arn = arn:aws-cn:iam::444455556666:role/{WIDE_PROFILE_ROLE}\nsource_profile = bob\n\
         [profile empty]\nregion = eu-west-1\n\
         [profile corp]\nsso_session = corp\nsso_account_id = 222233334444\nsso_role_name = Reader\n\
         [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         [profile a\u{1b}[2Jb]\nregion = eu-west-1\n"
    );
    scene.env.write("aws-config", config).set("AWS_CONFIG_FILE", "aws-config");
    scene.env.write("data/multicred/history.jsonl", HISTORY);
    let sql = format!(
        "BEGIN;
         UPDATE account SET colour = 'green' WHERE alias = 'dev';
         UPDATE credential SET access_key_id = 'AKIAIOSFODNN7EXAMPLE', created_at = unixepoch() - 127 * 86400 - 3600;
         INSERT INTO account (id, partition, account_id, alias, colour, protected) VALUES
             (10, 'aws', '222233334444', 'prod', 'blue', 1), (11, 'aws-us-gov', '333344445555', NULL, NULL, 0);
         INSERT INTO identity (id, account, kind, name, path, mfa_serial) VALUES
             (20, 10, 'user', 'alice', '/', 'arn:aws:iam::222233334444:mfa/alice'),
             (21, 10, 'role', 'Admin', '/', NULL), (22, 10, 'role', '{ANY_NAME}', '/some/path/', NULL),
             (23, 11, 'root', '', NULL, NULL), (24, 11, 'federated', 'bob@example.com', NULL, NULL),
             (25, 10, 'role', 'Reader', '/', NULL);
         INSERT INTO link (target, parent, role_arn, created_at) VALUES
             (21, 20, 'arn:aws:iam::222233334444:role/Admin', 0), (25, 21, 'arn:aws:iam::222233334444:role/Reader', 0),
             (22, 21, 'arn:aws:iam::222233334444:role/some/path/{ANY_NAME}', 0);
         INSERT INTO credential (identity, access_key_id, kind, sealed, created_at, expires_at, expiry_is_guess, restricted_as)
         VALUES
             (20, 'AKIAI44QH8DHBEXAMPLE', 'long-term', x'00', unixepoch() - 3 * 86400 - 60, NULL, 0, NULL),
             (21, 'ASIAI44QH8DHBEXAMPLE', 'imported', x'00', unixepoch() - 601, unixepoch() + 899, 1, NULL),
             (24, 'ASIAIOSFODNN7EXAMPLE', 'imported', x'00', unixepoch() - 90000, unixepoch() - 86500, 0, NULL);
         INSERT INTO credential (identity, access_key_id, kind, request_hash, sealed, created_at, expires_at, restricted_as)
         SELECT id, 'ASIARESTRICTED00EXAM', 'role', zeroblob(32), x'00', unixepoch() - 60, unixepoch() + 3 * 3600 + 59, ''
         FROM identity WHERE name = 'Reader';
         COMMIT;"
    );
    Connection::open(scene.env.store()).unwrap().execute_batch(&sql).unwrap();
    scene
}

const WIDE_PROFILE_ROLE: &str = "Wide";

const HISTORY: &str = r#"{"time":1767225600,"event":"import","shell_pid":4711,"identity":"bob","outcome":"ok"}
{"time":1767225660,"event":"hop","shell_pid":4711,"identity":"222233334444/a-role-with-a-rather-long-name","action":"AssumeRole","request_id":"8b1f3c3a-2d0e-4a57-9a4e-0c9d0f6f2a11","outcome":"ok"}
{"time":1767225661,"event":"switch","shell_pid":4711,"identity":"prod/Admin","outcome":"AWS refused AssumeRole: AccessDenied: User is not authorized to perform sts:AssumeRole"}
{"time":1767225662,"event":"switch","shell_pid":2147483647,"identity":"漢字 \u001b[2J","outcome":"ok"}
"#;

const TABLES: [(&str, &[&str]); 7] = [
    ("list", &["list"]),
    ("list-credentials", &["list", "--credentials"]),
    ("list-accounts", &["list", "--accounts"]),
    ("tree", &["tree"]),
    ("show", &["show", "prod/Admin"]),
    ("stats", &["stats"]),
    ("history", &["history"]),
];

/// Without what differs from machine to machine and from version to version: the home, the size of SQLite's file, and its
/// schema.
fn plain(env: &Hermetic, text: &str) -> String {
    let schema = format!("schema {}\n", multicred::store::current_schema());
    let text = text.replace(&env.home().display().to_string(), "HOME").replace(&schema, "schema N\n");
    let sizes = text.split(' ').zip(text.split(' ').skip(1)).filter(|(_, unit)| unit.starts_with("KiB")).map(|it| it.0);
    sizes.fold(text.clone(), |text, size| text.replace(&format!("{size} KiB"), "N KiB"))
}

fn terminal(env: &Hermetic, columns: u16) -> Terminal {
    Setup::new(Shell::Bash).size(60, columns).start(env, "")
}

#[test]
fn every_table_fits_the_terminal_and_is_one_line_a_row_in_a_pipe() {
    let scene = rich();
    let mut terminals = WIDTHS.map(|columns| (columns, terminal(&scene.env, columns)));
    let mut differing = Vec::new();
    for (name, words) in TABLES {
        let mut text = String::new();
        for (columns, terminal) in &mut terminals {
            let shown = terminal.run(&format!("multicred {} 2>/dev/null", words.join(" "))).output;
            writeln!(text, "{columns} columns:\n{}\n", plain(&scene.env, &shown)).unwrap();
        }
        write!(text, "a pipe:\n{}", plain(&scene.env, &scene.env.run(words).ok().stdout)).unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/tables/{name}.txt"));
        if std::env::var_os(WRITE).is_some() {
            fs::write(&file, &text).unwrap();
        }
        if fs::read_to_string(&file).unwrap_or_default() != text {
            differing.push(format!("--- {name}, not as in {}:\n{text}", file.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn no_name_is_cut_on_the_smallest_terminal() {
    let scene = rich();
    let mut terminal = terminal(&scene.env, 40);
    for words in ["list", "tree", "list --credentials"] {
        let shown = terminal.run(&format!("multicred {words}")).output;
        let any = format!("prod/{ANY_NAME}");
        for name in [&any, LONG_PROFILE, WIDE_PROFILE, "prod/Admin"].iter().filter(|_| !words.ends_with("credentials"))
        {
            assert!(shown.contains(*name), "{words} has cut {name}:\n{shown}");
        }
        assert!(shown.contains("dev/Reader") || shown.contains("prod/Reader"), "{shown}");
    }
}

#[test]
fn a_pipe_has_a_row_a_line_whose_fields_awk_tells_apart() {
    let scene = rich();
    for words in [&["list"][..], &["list", "--credentials"], &["list", "--accounts"]] {
        let output = scene.env.run(words);
        let rows = scene.env.run(&[words, &["--json"]].concat()).ok().json().as_array().unwrap().len();
        let lines: Vec<&str> = output.ok().stdout.lines().collect();
        assert_eq!(lines.len(), rows + 1, "{}", output.stdout);
        let fields = |line: &str| line.split("  ").filter(|field| !field.trim().is_empty()).count();
        let heads = fields(lines[0]);
        for line in &lines {
            // The reasons come last, and not everybody has one.
            assert!((fields(line) == heads) || (words == ["list"] && fields(line) + 1 == heads), "{line}");
            assert!(!line.ends_with(' ') && !line.contains('\u{1b}'), "{line:?}");
        }
    }
}

#[test]
fn states_are_coloured_on_a_terminal_unless_somebody_says_no() {
    let mut scene = rich();
    // What was imported is good for nobody protected who can be had for less long.
    Connection::open(scene.env.store()).unwrap().execute("UPDATE account SET protected = 0", []).unwrap();
    let mut terminal = terminal(&scene.env, 80);
    terminal.run("multicred list --account dev");
    assert!(terminal.shows_in_colour("127d", YELLOW), "{}", terminal.screen());
    terminal.run("multicred list --kind federated");
    assert!(terminal.shows_in_colour("expired", RED), "{}", terminal.screen());
    terminal.run("multicred list --account prod --state ready");
    assert!(terminal.shows_in_colour("ready 14m", GREEN), "{}", terminal.screen());
    for quiet in [
        "NO_COLOR=1 multicred list",
        "multicred list --color never",
        "TERM=dumb multicred list",
        "multicred list | cat",
    ] {
        terminal.run("clear");
        let before = terminal.transcript().len();
        terminal.run(quiet);
        assert!(!terminal.transcript()[before..].contains("\u{1b}[3"), "{quiet} was coloured");
    }
    scene.env.set("NO_COLOR", "1");
    scene.env.run(&["list", "--color", "always"]).ok().stdout_has("\u{1b}[32mready 14m\u{1b}[0m");
    scene.env.run(&["list"]).ok().nowhere("\u{1b}");
}
