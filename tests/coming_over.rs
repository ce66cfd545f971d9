//! `import --from multicred-py`, and what holds for every tool: its files stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, store};
use crate::support::env::Hermetic;
use crate::support::sts::{Fault, KeyPair};

/// Every file below a folder: its bytes, when it was last written, and its mode.
pub fn state_of(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u32)> {
    let mut state = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            state.extend(state_of(&path));
        } else {
            let it = fs::metadata(&path).unwrap();
            state.insert(path.clone(), (fs::read(&path).unwrap(), it.mtime(), it.mtime_nsec(), it.mode()));
        }
    }
    state
}

/// The schema of cg2v/aws-credential-manager, as `SQLAlchemy` makes it from that tool's classes.
const SCHEMA: &str = "
    CREATE TABLE aws_account (id INTEGER NOT NULL, account_id VARCHAR(20) NOT NULL, created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL, PRIMARY KEY (id), UNIQUE (account_id));
    CREATE TABLE aws_identity (id INTEGER NOT NULL, arn VARCHAR(100) NOT NULL, aws_account_id INTEGER NOT NULL,
        userid VARCHAR(20), cred_type VARCHAR(20) NOT NULL, name VARCHAR(100) NOT NULL, created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL, PRIMARY KEY (id),
        CONSTRAINT unique_identity UNIQUE (aws_account_id, cred_type, name), UNIQUE (arn),
        FOREIGN KEY(aws_account_id) REFERENCES aws_account (id));
    CREATE TABLE aws_role_identity_source (id INTEGER NOT NULL, target_aws_identity_id INTEGER NOT NULL,
        parent_aws_identity_id INTEGER NOT NULL, role_arn VARCHAR(100) NOT NULL, created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL, PRIMARY KEY (id), UNIQUE (target_aws_identity_id),
        FOREIGN KEY(target_aws_identity_id) REFERENCES aws_identity (id),
        FOREIGN KEY(parent_aws_identity_id) REFERENCES aws_identity (id));
    CREATE TABLE aws_credential (id INTEGER NOT NULL, aws_identity_id INTEGER NOT NULL,
        aws_access_key_id VARCHAR(20) NOT NULL, aws_secret_access_key VARCHAR(40) NOT NULL,
        aws_session_token VARCHAR(100), created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, PRIMARY KEY (id),
        UNIQUE (aws_access_key_id), FOREIGN KEY(aws_identity_id) REFERENCES aws_identity (id));
";
const LONG_AGO: &str = "2024-01-31 23:59:59.123456";

/// A database of the Python tool's, with alice's key and a role of hers.
pub fn python_database(env: &Hermetic, alice: &KeyPair) -> Old {
    let old = Old::at(env.path(".aws/multicred.db"));
    old.credential(&user("alice"), &alice.access_key_id, &alice.secret, None, LONG_AGO);
    old.link(&session(PROD, "Developer"), &user("alice"), &role(PROD, "Developer"));
    old
}

/// A database of the Python tool.
pub struct Old {
    connection: Connection,
    path: PathBuf,
}

impl Old {
    fn at(path: PathBuf) -> Self {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        Self { connection, path }
    }

    pub fn of(scene: &Scene) -> Self {
        Self::at(scene.env.path(".aws/multicred.db"))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap()
    }

    fn identity(&self, arn: &str) -> i64 {
        let account = arn.split(':').nth(4).unwrap();
        let name = arn.split('/').nth(1).unwrap_or(account);
        let now = "2026-01-31 12:00:00.000000";
        let add = "INSERT OR IGNORE INTO aws_account (account_id, created_at, updated_at) VALUES (?1, ?2, ?2)";
        self.connection.execute(add, [account, now]).unwrap();
        let add = "INSERT OR IGNORE INTO aws_identity (arn, aws_account_id, cred_type, name, created_at, updated_at)
            VALUES (?1, (SELECT id FROM aws_account WHERE account_id = ?2), ?1, ?3, ?4, ?4)";
        self.connection.execute(add, [arn, account, name, now]).unwrap();
        self.connection.query_row("SELECT id FROM aws_identity WHERE arn = ?1", [arn], |row| row.get(0)).unwrap()
    }

    pub fn credential(&self, arn: &str, id: &str, secret: &str, token: Option<&str>, created_at: &str) {
        let identity = self.identity(arn);
        let add = "INSERT INTO aws_credential (aws_identity_id, aws_access_key_id, aws_secret_access_key,
            aws_session_token, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)";
        self.connection.execute(add, (identity, id, secret, token, created_at)).unwrap();
    }

    pub fn link(&self, target: &str, parent: &str, role_arn: &str) {
        let (target, parent) = (self.identity(target), self.identity(parent));
        let add = "INSERT INTO aws_role_identity_source (target_aws_identity_id, parent_aws_identity_id, role_arn,
            created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)";
        self.connection.execute(add, (target, parent, role_arn, LONG_AGO)).unwrap();
    }
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::{DEV}:user/{name}")
}

fn role(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

fn session(account: &str, name: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{name}/alice")
}

/// alice's and bob's keys, a session that has ended long ago, one that AWS says has, and who is assumed from whom.
fn usual(scene: &Scene) -> Old {
    let old = Old::of(scene);
    for (name, key) in [("alice", &scene.alice), ("bob", &scene.bob)] {
        old.credential(&user(name), &key.access_key_id, &key.secret, None, LONG_AGO);
    }
    let token = "t".repeat(300);
    old.credential(&session(PROD, "Admin"), "ASIAIOSFODNN7EXAMPL1", "hush-hush-1", Some(&token), LONG_AGO);
    old.link(&session(PROD, "Admin"), &user("alice"), &role(PROD, "Admin"));
    old.link(&session(PROD, "Auditor"), &session(PROD, "Admin"), &role(PROD, "Auditor"));
    old.link(&role(DEV, "Reader"), &user("bob"), &role(DEV, "Reader"));
    old
}

#[test]
fn the_python_tools_keys_and_links_come_over_and_its_database_stays_as_it_is() {
    let scene = Scene::new();
    let old = usual(&scene);
    let before = state_of(old.folder());
    let done = scene.env.run(&["import", "--from", "multicred-py"]);
    done.ok().calm().stdout_has(&scene.alice.access_key_id).stdout_has(&scene.bob.access_key_id);
    done.stderr_has("2 imported, 3 linked, 1 expired; nothing there was changed");
    for secret in scene.secrets() {
        done.nowhere(&secret);
    }
    assert_eq!(scene.sts.count("*"), 2, "nobody is asked about a session of long ago");
    assert_eq!(state_of(old.folder()), before);
    let reader = scene.become_in_bash(&role(DEV, "Reader"));
    reader.ok().stdout_has("AWS_SESSION_TOKEN");
    scene.env.run(&["history"]).ok().stdout_has("link").stdout_has(&role(PROD, "Auditor"));
    let why = scene.env.run(&["why", &role(PROD, "Auditor")]);
    why.ok().stdout_has("Admin").stdout_has("alice");

    let again = scene.env.run(&["import", "--from", "multicred-py", "--json"]);
    let answer = again.ok().json();
    let counts = json!({ "imported": 0, "already_stored": 2, "linked": 0, "sessions": 0, "sign_ins": 0,
        "without_key": 0, "expired": 1, "failed": 0 });
    assert_eq!(answer["counts"], counts);
    assert_eq!(answer["links"].as_array().unwrap().len(), 3);
    assert!(answer["links"].as_array().unwrap().iter().all(|link| link["already_stored"] == true), "{answer}");
    assert_eq!(state_of(old.folder()), before);
}

#[test]
fn what_stands_only_in_the_log_of_a_database_that_is_open_elsewhere_is_read_and_nothing_is_made_beside_it() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    old.connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
    old.credential(&user("bob"), &scene.bob.access_key_id, &scene.bob.secret, None, LONG_AGO);
    let before = state_of(old.folder());
    assert!(before.keys().any(|path| path.to_string_lossy().ends_with("-wal")), "{:?}", before.keys());
    scene.env.run(&["import", "--from", "multicred-py"]).ok().stdout_has(&scene.bob.access_key_id);
    assert_eq!(state_of(old.folder()), before);

    // As a copy without the file that SQLite would have to make.
    let copy = scene.env.path("copy/multicred.db");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    for end in ["", "-wal"] {
        fs::copy(format!("{}{end}", old.path.display()), format!("{}{end}", copy.display())).unwrap();
    }
    let before = state_of(copy.parent().unwrap());
    let there = copy.to_string_lossy();
    let dry = scene.env.run(&["import", "--from", "multicred-py", &there, "--dry-run", "--json"]);
    assert_eq!(dry.ok().json()["counts"]["already_stored"], 1);
    assert_eq!(state_of(copy.parent().unwrap()), before);
}

#[test]
fn a_dry_run_says_the_same_and_asks_nobody_and_makes_no_store() {
    let scene = Scene::new();
    let old = usual(&scene);
    let before = state_of(old.folder());
    let dry = scene.env.run(&["import", "--from", "multicred-py", "--dry-run"]);
    dry.ok().calm().stdout_has(&scene.alice.access_key_id).stdout_has(&role(PROD, "Auditor"));
    dry.stderr_has("2 would be imported, 3 would be linked, 1 expired");
    for secret in scene.secrets() {
        dry.nowhere(&secret);
    }
    assert_eq!(scene.sts.count("*"), 0);
    assert!(!scene.env.store().exists());
    assert_eq!(state_of(old.folder()), before);
}

#[test]
fn what_is_refused_is_named_and_keeps_nothing_else_from_coming_over() {
    let scene = Scene::new();
    let old = usual(&scene);
    let token = "t".repeat(300);
    let now = "2099-01-31 12:00:00.000000";
    old.credential(&user("bob"), "AKIAIOSFODNN7STRANGE", "hush-hush-2", None, now);
    old.credential(&user("bob"), "hush-hush-3", "AKIAIOSFODNN7SWAPPED", None, now);
    old.credential(&session(PROD, "Admin"), "ASIAIOSFODNN7EXAMPL2", "hush-hush-4", Some(&token), now);
    old.link(&role(DEV, "Self"), &role(DEV, "Self"), &role(DEV, "Self"));
    old.link(&role(DEV, "There"), &role(DEV, "Back"), &role(DEV, "There"));
    old.link(&role(DEV, "Back"), &role(DEV, "There"), &role(DEV, "Back"));
    old.link(&role(DEV, "OfRoot"), &format!("arn:aws:iam::{DEV}:root"), &role(DEV, "OfRoot"));
    old.link(&role(DEV, "Other"), &user("bob"), &role(DEV, "Another"));
    old.link(&role(DEV, "Bad"), &user("bob"), "\u{1b}[31m$(touch pwned)\n");
    let done = scene.env.run(&["import", "--from", "multicred-py"]);
    done.code(1).calm().stdout_has(&scene.alice.access_key_id).stderr_has("InvalidClientTokenId");
    for name in ["Self", "OfRoot", "Other", "Bad"] {
        done.stderr_has(&format!("role/{name}: its link is not taken"));
    }
    for number in 1..=4 {
        done.nowhere(&format!("hush-hush-{number}"));
    }
    // Of the two that lead to each other, the first is as good as any other.
    done.stderr_has("role/Back: its link is not taken").stderr_has("2 imported, 4 linked");
    scene.become_in_bash(&role(DEV, "Reader")).ok();
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn a_session_that_aws_calls_expired_is_counted_and_is_no_failure() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    let now = "2099-01-31 12:00:00.000000";
    old.credential(&session(PROD, "Admin"), "ASIAIOSFODNN7EXAMPL2", "hush", Some(&"t".repeat(300)), now);
    scene.sts.fault_always("*", Fault::refuse(403, "ExpiredToken", "The security token is expired"));
    scene.env.run(&["import", "--from", "multicred-py"]).ok().stderr_has("0 imported, 1 expired");
}

#[test]
fn a_link_that_the_person_has_made_otherwise_stays() {
    let scene = Scene::with_bobs_roles();
    let old = Old::of(&scene);
    old.link(&role(DEV, "Reader"), &user("alice"), &role(DEV, "Reader"));
    let done = scene.env.run(&["import", "--from", "multicred-py"]);
    done.ok().stderr_has("which stays").stderr_has("1 linked otherwise");
    scene.env.run(&["why", "dev/Reader"]).ok().stdout_has("bob");
}

#[test]
fn where_aws_cannot_be_reached_the_first_one_says_so_and_the_next_run_goes_on() {
    let mut scene = Scene::new();
    let old = usual(&scene);
    let url = scene.sts.url();
    scene.env.endpoint("http://127.0.0.1:9");
    scene.env.run(&["import", "--from", "multicred-py"]).code(6).calm().stderr_has("0 imported");
    scene.env.endpoint(&url);
    scene.env.run(&["import", "--from", "multicred-py"]).ok().stderr_has("2 imported");
    drop(old);
}

#[test]
fn another_file_than_that_of_the_tool_is_refused_with_what_it_is() {
    let scene = Scene::new();
    let old = usual(&scene);
    let at = |name: &str| scene.env.path(name).to_string_lossy().into_owned();
    fs::write(at("text"), "hello").unwrap();
    fs::write(at("short"), &fs::read(&old.path).unwrap()[..3000]).unwrap();
    fs::copy(&old.path, at("busy.db")).unwrap();
    fs::write(at("busy.db-journal"), b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7rest").unwrap();
    let there = old.path.to_string_lossy().into_owned();
    for (tool, path, says) in [
        ("multicred-py", at("nowhere"), "No such file"),
        ("multicred-py", at("text"), "it is no SQLite database"),
        ("multicred-py", at("short"), "is no database of the Python multicred"),
        ("multicred-py", "/dev/zero".to_owned(), "no regular file"),
        ("multicred-py", at("busy.db"), "being written"),
        ("mentaws", there, "it has no table creds"),
    ] {
        scene.env.run(&["import", "--from", tool, &path]).refused(1, &[says]);
        assert!(!scene.env.store().exists(), "{path}");
    }
}

#[test]
fn what_makes_no_sense_together_is_a_wrong_command_line() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    for arguments in [
        &["import", "--from", "granted"][..],
        &["import", "--dry-run"],
        &["import", "--from", "mentaws", "--all"],
        &["import", "--from", "mentaws", "--label", "x"],
        &["import", "--from", "mentaws", "--watch", "x"],
        &["import", "--watch"],
        &["import", "--watch", "-"],
        &["import", "a", "b"],
    ] {
        scene.env.run(arguments).code(2).calm();
    }
    assert_eq!(store::content(&scene.env.store()), before);
}
