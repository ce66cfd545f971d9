//! The store copied into one file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use multicred::store::{Durability, Store, StoreError};
use rusqlite::Connection;

use crate::scene::refusal::Refusal;
use crate::scene::store::{self, Copy, beside};
use crate::scene::{DEV, Scene, tree};

const WRITERS: u64 = 8;

/// Puts two accounts at a time into the store until told to stop; gives the longest time that one write took.
fn write_pairs(path: &Path, writer: u64, stop: &AtomicBool) -> Duration {
    let mut store = Store::open(path).unwrap().unwrap();
    let mut longest = Duration::ZERO;
    for number in 0..90_000 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = writer * 100_000 + number;
        let start = Instant::now();
        let written: Result<(), StoreError> = store.write(Durability::Obtainable, |writing| {
            writing.ensure_account("aws", &format!("7{id:011}"))?;
            writing.ensure_account("aws", &format!("8{id:011}")).map(drop)
        });
        written.unwrap();
        longest = longest.max(start.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    longest
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_while_eight_write_is_one_moment_of_the_store_and_holds_nobody_up() {
    let scene = Scene::with_bobs_roles();
    let (path, stop) = (scene.env.store(), AtomicBool::new(false));
    let (path, stop) = (&path, &stop);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|n| scope.spawn(move || write_pairs(path, n, stop))).collect();
        let mut last = 0;
        for number in 0..8 {
            std::thread::sleep(Duration::from_millis(60));
            let file = format!("copy-{number}.db");
            scene.env.run(&["backup", &file]).ok().calm();
            let copy = Copy::of(&scene.env.path(&file));
            assert!(copy.is_whole());
            let count =
                |first: &str| copy.texts(&format!("SELECT count(*) FROM account WHERE account_id LIKE '{first}%'"));
            assert_eq!(count("7"), count("8"), "half of a transaction is in the copy");
            let found: u64 = count("7")[0].parse().unwrap();
            assert!(found >= last, "a later copy has less");
            last = found;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(last > 0, "nobody wrote");
        for writer in writers {
            let longest = writer.join().unwrap();
            assert!(longest < Duration::from_secs(5), "a write took {longest:?}");
        }
    });
}

#[test]
fn a_backup_is_one_private_file_that_opens_with_the_key_file_and_not_without() {
    let scene = Scene::with_bobs_roles();
    // Something that stands in the WAL alone.
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    let folder = scene.env.path("elsewhere");
    fs::create_dir(&folder).unwrap();
    let output = scene.env.command(&["backup", "elsewhere/copy.db"]).run();
    let key = beside(&scene.env.store(), ".key");
    output.ok().calm().stdout_is("").stderr_has("NOT in the backup").stderr_has(&key.to_string_lossy());
    assert_eq!(names_in(&folder), ["copy.db"]);
    let copy = folder.join("copy.db");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store::content(&copy), store::content(&scene.env.store()));
    assert_eq!(Copy::of(&copy).texts("PRAGMA journal_mode"), ["delete"]);
    tree::assert_sealed(&folder, &scene.secrets());
    let copy = copy.to_string_lossy();
    scene.env.run(&["--store", &copy, "as", "--shell", "bash", "bob"]).refused(4, &["locked"]);
    fs::copy(&key, folder.join("multicred.db.key")).unwrap();
    scene.env.run(&["--store", &copy, "as", "--shell", "bash", "bob"]).ok().stdout_has("AWS_SECRET_ACCESS_KEY");
    let history = fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    assert!(history.contains("\"backup\""));
}

#[test]
fn what_is_there_already_is_kept_and_force_replaces_nothing_but_a_backup() {
    let mut scene = Scene::with_bob();
    scene.env.write("mine.txt", "mine");
    fs::create_dir(scene.env.path("folder")).unwrap();
    for name in ["mine.txt", "folder", "data/multicred/multicred.db.key"] {
        scene.env.run(&["backup", name]).refused(1, &["is there already", "--force"]);
        scene.env.run(&["backup", "--force", name]).refused(1, &["is no backup", "not touched"]);
    }
    assert_eq!(fs::read_to_string(scene.env.path("mine.txt")).unwrap(), "mine");
    scene.env.run(&["backup", "copy.db"]).ok();
    scene.env.run(&["account", DEV, "--alias", "later"]).ok();
    scene.env.run(&["backup", "copy.db"]).refused(1, &["is there already"]);
    scene.env.run(&["backup", "--force", "copy.db"]).ok();
    assert!(store::content(&scene.env.path("copy.db")).contains("later"));
    scene.become_in_bash("bob").ok();
}

#[test]
fn the_store_itself_and_what_belongs_to_it_are_refused_by_whatever_name() {
    let scene = Scene::with_bob();
    let path = scene.env.store();
    symlink(&path, scene.env.path("link.db")).unwrap();
    fs::hard_link(&path, scene.env.path("hard.db")).unwrap();
    let before = store::content(&path);
    let names = ["", "-wal", "-shm", "-journal"].map(|suffix| beside(&path, suffix).to_string_lossy().into_owned());
    for name in names.iter().map(String::as_str).chain(["link.db", "hard.db"]) {
        for words in [&["backup", name][..], &["backup", "--force", name]] {
            scene.env.run(words).refused(1, &["belongs to the store itself"]);
        }
    }
    assert_eq!(store::content(&path), before);
    scene.env.run(&["backup", "-"]).refused(2, &["is not printed"]);
    assert!(!scene.env.path("-").exists());
}

#[test]
fn without_a_store_there_is_no_backup_and_no_store_is_made() {
    let scene = Scene::new();
    scene.env.run(&["backup", "copy.db"]).refused(1, &["no store", "--store"]);
    assert!(!scene.env.path("copy.db").exists());
    assert!(!scene.env.path("data/multicred").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_left_alone() {
    let scene = Scene::with_bob();
    scene.env.run(&["backup", "nowhere/copy.db"]).refused(1, &["nowhere", "folder"]);
    scene.env.run(&["backup", "/proc/copy.db"]).refused(1, &["/proc", "folder"]);
    let closed = scene.env.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::metadata(&closed).unwrap().uid() != 0 {
        scene.env.run(&["backup", "closed/copy.db"]).refused(1, &["closed", "cannot be written"]);
    }
    assert!(names_in(&closed).is_empty());
}

#[test]
fn what_a_killed_backup_left_in_the_folder_goes_with_the_next_one() {
    let mut scene = Scene::with_bob();
    for suffix in ["", "-wal", "-shm", "-journal"] {
        scene.env.write(&format!("to/.multicred-backup.draft{suffix}"), "left");
    }
    scene.env.run(&["backup", "to/copy.db"]).ok();
    assert_eq!(names_in(&scene.env.path("to")), ["copy.db"]);
}

#[test]
fn backups_into_one_folder_at_once_are_all_made() {
    let scene = Scene::with_bob();
    let started: Vec<_> = (0..6).map(|number| scene.env.spawn(&["backup", &format!("copy-{number}.db")])).collect();
    for backup in started {
        backup.end().ok().calm();
    }
    for number in 0..6 {
        assert!(Copy::of(&scene.env.path(format!("copy-{number}.db"))).is_whole());
    }
}

/// A copy of the damage would be found out when it is too late.
#[test]
fn a_damaged_store_gives_no_backup() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let root: usize =
        Copy::of(&path).texts("SELECT rootpage FROM sqlite_schema WHERE name = 'credential'")[0].parse().unwrap();
    bytes[(root - 1) * 4096..][..200].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let output = scene.env.run(&["backup", "copy.db"]);
    output.refused(1, &["damaged", "doctor --check"]);
    assert!(!scene.env.path("copy.db").exists());
    assert!(!scene.env.path(".multicred-backup.draft").exists());
}
