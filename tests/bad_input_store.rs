//! What may stand where the store should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use crate::scene::refusal::Refusal;
use crate::scene::store::{Copy, beside};
use crate::scene::{DEV, Scene, ini, key_in_code, store, tree};
use crate::support::env::Output;

const SWITCH: [&str; 4] = ["as", "--shell", "bash", "dev/Reader"];

/// Every sort of command, each of which meets the store.
fn every_command(scene: &Scene) -> Vec<Output> {
    let commands: [&[&str]; 4] = [&SWITCH, &["list"], &["account", DEV, "--alias", "x"], &["why", "bob"]];
    let mut outputs: Vec<Output> = commands.iter().map(|words| scene.env.run(words)).collect();
    outputs.push(scene.env.run_with_stdin(&["import", "-"], ini("a", &scene.alice)));
    outputs
}

/// Writes the WAL into the database file, so that the file is all there is.
fn one_file(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
}

#[test]
fn a_database_of_another_program_is_named_and_left_untouched() {
    let scene = Scene::new();
    let path = scene.env.store();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE places (url TEXT); INSERT INTO places VALUES ('x')").unwrap();
    drop(foreign);
    let before = tree::tree(path.parent().unwrap());
    for output in every_command(&scene) {
        output.refused(1, &["another program", "places", "it was not touched", "--store"]);
    }
    tree::assert_same(&before, &tree::tree(path.parent().unwrap()));
}

#[test]
fn a_database_of_another_program_in_wal_mode_and_with_an_odd_name_is_left_untouched() {
    let scene = Scene::new();
    let path = scene.env.path("a dir?x=1#y%41/other.db");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let foreign = Connection::open(&path).unwrap();
    foreign.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    foreign.execute_batch("CREATE TABLE places (url TEXT)").unwrap();
    drop(foreign);
    let before = tree::tree(path.parent().unwrap());
    let output = scene.env.run(&["--store", &path.to_string_lossy(), "list"]);
    output.refused(1, &["another program", "places"]);
    tree::assert_same(&before, &tree::tree(path.parent().unwrap()));
}

#[test]
fn what_is_no_store_at_all_is_named_and_left_untouched() {
    let garbage: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let text = b"[default]\naws_access_key_id = x\n".repeat(10);
    for content in [&garbage[..], &text, b"x", b"SQLite format 3\0", &garbage[..100]] {
        let mut scene = Scene::new();
        scene.env.write("data/multicred/multicred.db", content);
        let before = tree::tree(&scene.env.path("data"));
        for output in every_command(&scene) {
            output.refused(1, &["multicred.db", "not a multicred store", "it was not touched"]);
        }
        tree::assert_same(&before, &tree::tree(&scene.env.path("data")));
    }
}

#[test]
fn a_folder_or_a_pipe_in_its_place_is_named_and_nothing_hangs() {
    let scene = Scene::new();
    fs::create_dir_all(scene.env.store()).unwrap();
    for output in every_command(&scene) {
        output.refused(1, &["multicred.db", "not a multicred store"]);
    }
    let pipe = scene.env.path("pipe");
    scene.env.program("mkfifo", &[&pipe.to_string_lossy()]).run().ok();
    scene.env.run(&["--store", &pipe.to_string_lossy(), "list"]).refused(1, &["pipe", "not a multicred store"]);
    scene.env.run(&["--store", "/dev/null", "list"]).refused(1, &["/dev/null", "not a multicred store"]);
    scene.env.run(&["--store", "/dev/null/x", "account", DEV, "--alias", "x"]).refused(1, &["/dev/null"]);
}

#[test]
fn an_empty_file_counts_as_no_store_and_becomes_one() {
    let mut scene = Scene::new();
    scene.env.write("data/multicred/multicred.db", "");
    scene.env.run(&["list"]).ok();
    assert_eq!(fs::metadata(scene.env.store()).unwrap().len(), 0, "reading made a store of it");
    scene.import(&scene.bob, "bob");
    scene.become_in_bash("bob").ok();
    tree::assert_private(scene.env.home());
}

#[test]
fn a_newer_store_is_refused_and_keeps_every_row() {
    let scene = Scene::with_bobs_roles();
    let connection = Connection::open(scene.env.store()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = store::content(&scene.env.store());
    for output in every_command(&scene) {
        output.refused(1, &["newer multicred", "99"]);
    }
    assert_eq!(store::content(&scene.env.store()), before);
}

#[test]
fn a_store_that_lost_its_tables_is_called_damaged_with_a_remedy() {
    for damage in [
        "DROP TABLE credential",
        "DROP TABLE store",
        "DELETE FROM store",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -7",
        "PRAGMA foreign_keys = off; ALTER TABLE identity RENAME COLUMN name TO nom",
    ] {
        let scene = Scene::with_bobs_roles();
        Connection::open(scene.env.store()).unwrap().execute_batch(damage).unwrap();
        let output = scene.env.run(&SWITCH);
        output.refused(1, &["multicred.db", "damaged", "backup"]);
    }
}

/// Whatever the damage, the answer is an error that says so, or the right credential: never a wrong one, no panic.
#[test]
fn a_store_cut_short_or_with_flipped_bytes_never_gives_a_wrong_answer() {
    let scene = Scene::with_bobs_roles();
    let right = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    let path = scene.env.store();
    one_file(&path);
    let whole = fs::read(&path).unwrap();
    let cuts = [1, 15, 16, 99, 100, 101, 512, 4095, 4096, 4097, 8192, 20_000, whole.len() - 4096, whole.len() - 1];
    let flips = (0..whole.len()).step_by(whole.len() / 90);
    let damaged = cuts.iter().map(|length| whole[..*length].to_vec()).chain(flips.map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        bytes
    }));
    for (number, bytes) in damaged.enumerate() {
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, suffix));
        }
        fs::write(&path, &bytes).unwrap();
        for words in [&SWITCH[..], &["list"]] {
            let output = scene.env.run(words);
            output.calm();
            match output.status {
                0 if words == SWITCH => {
                    let same = key_in_code(&output.stdout) == key_in_code(&right);
                    let secret = right.lines().find(|line| line.contains("AWS_SECRET_ACCESS_KEY")).unwrap();
                    let answered = output.stdout.contains(secret);
                    output.holds(!same || answered, &format!("the secret that belongs to the key (damage {number})"));
                }
                0 => {}
                1 | 3 | 4 => {
                    output.refused(output.status, &[]);
                }
                _ => {
                    output.holds(false, &format!("exit code 0, 1, 3 or 4 (damage {number})"));
                }
            }
        }
    }
}

/// A WAL would be played into any new store of its name.
#[test]
fn what_a_removed_store_left_beside_it_never_gets_into_a_new_one() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE account SET colour = 'red'", []).unwrap();
    let wal = fs::read(beside(&path, "-wal")).unwrap();
    assert!(!wal.is_empty(), "this test needs a WAL that is left");
    drop(connection);
    for suffix in ["", "-shm"] {
        let _ = fs::remove_file(beside(&path, suffix));
    }
    fs::write(beside(&path, "-wal"), &wal).unwrap();
    let output = scene.env.run(&["account", "333344445555", "--alias", "third"]);
    if output.status == 0 {
        let copy = Copy::of(&path);
        assert!(copy.is_whole());
        assert_eq!(copy.texts("SELECT account_id FROM account"), ["333344445555"]);
    } else {
        output.refused(1, &["multicred.db-wal", "move it aside"]);
        assert_eq!(fs::read(beside(&path, "-wal")).unwrap(), wal, "it may be all that is left");
    }
}

#[test]
fn a_store_that_others_can_read_is_tightened_with_a_warning_and_works() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    for suffix in ["", "-wal", "-shm"] {
        fs::set_permissions(beside(&path, suffix), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let output = scene.env.run(&SWITCH);
    output.ok().calm().stderr_has("readable by others").stderr_has("0600");
    tree::assert_private(scene.env.home());
    let again = scene.env.run(&SWITCH);
    again.ok().stderr_is("");
}

#[test]
fn side_files_that_others_can_read_are_tightened_though_the_store_itself_is_private() {
    let scene = Scene::with_bobs_roles();
    let wal = beside(&scene.env.store(), "-wal");
    fs::set_permissions(&wal, fs::Permissions::from_mode(0o644)).unwrap();
    scene.become_in_bash("dev/Reader").ok();
    tree::assert_private(scene.env.home());
}

#[test]
fn a_store_of_another_user_is_refused() {
    let scene = Scene::with_bobs_roles();
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; everybody meets a file of root's.
        let output = scene.env.run(&["--store", "/etc/passwd", "list"]);
        output.refused(1, &["/etc/passwd", "belongs to another user", "--store"]);
        return;
    }
    std::os::unix::fs::chown(scene.env.store(), Some(65_534), Some(65_534)).unwrap();
    let before = fs::read(scene.env.store()).unwrap();
    for output in every_command(&scene) {
        output.refused(1, &["belongs to another user", "65534", "--store"]);
    }
    assert_eq!(fs::read(scene.env.store()).unwrap(), before);
}

#[test]
fn a_folder_that_others_may_write_in_is_told_and_not_changed() {
    let scene = Scene::new();
    let folder = scene.env.path("shared");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let output = scene.env.run(&["--store", "shared/s.db", "account", DEV, "--alias", "x"]);
    output.ok().stderr_has("others may write");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o777);
    assert_eq!(fs::metadata(folder.join("s.db")).unwrap().permissions().mode() & 0o777, 0o600);
}
