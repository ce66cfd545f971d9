//! A store of an earlier version, opened by this one.

use std::fs;
use std::path::Path;

use crate::scene::store::{self, Copy, beside};
use crate::scene::{Scene, key_in_code, tree};
use crate::support::env::Background;

fn version(path: &Path) -> i64 {
    Copy::of(path).connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_store_of_version_1_that_many_open_at_once_is_migrated_once_with_nothing_lost() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    let path = scene.env.store();
    // Slots of version 1 have no proof that they were made by somebody who had the key.
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE key_slot SET tag = NULL", []).unwrap();
    let (before, newest) = (store::content(&path), version(&path));
    for _ in 0..3 {
        store::make_version_1(&path);
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
    store::make_version_1(&path);
    scene.env.run(&["list"]).ok();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(&path, suffix));
    }
    fs::rename(beside(&path, ".v1"), &path).unwrap();
    scene.become_in_bash("dev/Writer").ok();
    assert!(store::content(&path).contains(&scene.bob.access_key_id));
    assert!(before.lines().filter(|line| !line.is_empty()).count() > 5);
}
