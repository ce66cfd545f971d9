//! A store of an earlier version, opened by this one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken scene is a failed test")]

mod scene;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use scene::store::{self, Copy, beside};
use scene::{Scene, key_in_code, tree};
use support::env::Background;

const VERSION_1: &str = include_str!("../src/store/migrations/0001_initial.sql");
/// `mcrd`
const APPLICATION_ID: i32 = 0x6d63_7264;

/// Puts a store as version 1 made it in the place of this one, with the same rows.
fn make_version_1(path: &Path) {
    let old = beside(path, "-as-it-was");
    let connection = Connection::open(&old).unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    connection.execute("ATTACH ?1 AS new", [path.to_str().unwrap()]).unwrap();
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table'";
    let mut statement = connection.prepare(tables).unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    drop(statement);
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    for table in tables {
        // Columns that came later are at the end.
        let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}', 'main')");
        let columns: String = connection.query_row(&columns, [], |row| row.get(0)).unwrap();
        connection.execute_batch(&format!("INSERT INTO main.{table} SELECT {columns} FROM new.{table}")).unwrap();
    }
    connection.execute_batch("DETACH new").unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.close().unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&old, path).unwrap();
}

fn version(path: &Path) -> i64 {
    Copy::of(path).connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_store_of_version_1_that_many_open_at_once_is_migrated_once_with_nothing_lost() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    let path = scene.env.store();
    let (before, newest) = (store::content(&path), version(&path));
    for _ in 0..3 {
        make_version_1(&path);
        let _ = fs::remove_file(beside(&path, ".v1"));
        assert_eq!(version(&path), 1);
        let key = &scene.bob.access_key_id;
        let start = |number: usize| match number % 2 {
            0 => scene.env.spawn(&["list"]),
            _ => scene.env.spawn(&["as", "--shell", "bash", key]),
        };
        let processes: Vec<Background> = (0..10).map(start).collect();
        for (number, process) in processes.into_iter().enumerate() {
            let output = process.end();
            output.ok();
            assert!(number % 2 == 0 || key_in_code(&output.stdout) == Some(key.as_str()));
        }
        assert_eq!(version(&path), newest);
        assert_eq!(store::content(&path), before);
        assert!(Copy::of(&path).is_whole());
        let aside = beside(&path, ".v1");
        assert_eq!(version(&aside), 1, "the copy is of the store as it was");
        assert!(Copy::of(&aside).is_whole());
        assert_eq!(Copy::of(&aside).count("credential"), Copy::of(&path).count("credential"));
        tree::assert_private(scene.env.home());
        assert!(!beside(&path, ".partial").exists());
    }
}

#[test]
fn the_copy_that_was_made_of_a_store_is_a_store_that_opens() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    let before = store::content(&path);
    make_version_1(&path);
    scene.env.run(&["list"]).ok();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(&path, suffix));
    }
    fs::rename(beside(&path, ".v1"), &path).unwrap();
    scene.become_in_bash("dev/Writer").ok();
    assert!(store::content(&path).contains(&scene.bob.access_key_id));
    assert!(before.lines().filter(|line| !line.is_empty()).count() > 5);
}
