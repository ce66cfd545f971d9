//! What `doctor` finds, and that it changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use multicred::store::{Durability, OriginalRow, Store};
use rusqlite::Connection;
use serde_json::Value;

use crate::scene::store::{Copy, beside};
use crate::scene::{Scene, tree};
use crate::support::env::Output;

/// bob's key, two sessions of his, and a file whose content was kept.
fn rich() -> Scene {
    let mut scene = Scene::with_bobs_roles();
    scene.import(&scene.alice, "alice");
    scene.become_in_bash("dev/Writer").ok();
    scene.env.aws_config("# mine\n");
    scene.env.run(&["sync", "dev/Reader"]).ok();
    scene
}

fn change(scene: &Scene, sql: &str) {
    assert!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

fn findings(output: &Output) -> Vec<Value> {
    output.json()["findings"].as_array().unwrap().clone()
}

#[test]
fn a_healthy_store_has_no_findings_and_is_left_exactly_as_it_is() {
    let scene = rich();
    scene.env.run(&["doctor"]).ok();
    let before = tree::tree(scene.env.home());
    scene.env.run(&["doctor"]).ok().stdout_has("nothing is wrong").stdout_has("opens here without asking");
    let checked = scene.env.run(&["doctor", "--check", "--json"]);
    let seals = &checked.ok().json()["seals"];
    assert_eq!(seals["broken"], 0);
    assert_eq!(seals["credentials"], Copy::of(&scene.env.store()).count("credential"));
    assert_eq!(seals["originals"], 1);
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
    for secret in scene.secrets() {
        checked.nowhere(&secret);
    }
}

#[test]
fn without_a_store_nothing_is_wrong_and_none_is_made() {
    let scene = Scene::new();
    let output = scene.env.run(&["doctor", "--check"]);
    output.ok().stdout_has("there is no store").stdout_has("nothing is wrong");
    assert!(!scene.env.path("data/multicred").exists());
}

#[test]
fn every_seal_that_does_not_open_is_named_and_every_other_one_is_tried() {
    type Damage = fn(&mut Vec<u8>, &[u8]);
    let damages: [(&str, Damage); 5] = [
        ("the first bit flipped", |sealed, _| sealed[0] ^= 0x80),
        ("a bit flipped", |sealed, _| sealed[40] ^= 1),
        ("cut short", |sealed, _| sealed.truncate(50)),
        ("emptied", |sealed, _| sealed.clear()),
        ("moved from another row", |sealed, other| *sealed = other.to_vec()),
    ];
    for (damage, change) in damages {
        let scene = rich();
        let key = &scene.bob.access_key_id;
        let connection = Connection::open(scene.env.store()).unwrap();
        let sealed = |key: &str| -> Vec<u8> {
            let sql = "SELECT sealed FROM credential WHERE access_key_id = ?1";
            connection.query_row(sql, [key], |row| row.get(0)).unwrap()
        };
        let mut changed = sealed(key);
        change(&mut changed, &sealed(&scene.alice.access_key_id));
        let sql = "UPDATE credential SET sealed = ?1 WHERE access_key_id = ?2";
        assert_eq!(connection.execute(sql, rusqlite::params![changed, key]).unwrap(), 1);
        drop(connection);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.code(1);
        let found = findings(&output);
        assert_eq!(found.len(), 1, "{damage}: {found:?}");
        assert_eq!(found[0]["about"], format!("credential {key}"), "{damage}");
        assert!(found[0]["fact"].as_str().unwrap().contains("user/bob"), "{damage}: {found:?}");
        assert!(found[0]["remedy"].as_str().unwrap().contains("restore"));
        let seals = &output.json()["seals"];
        let all = Copy::of(&scene.env.store()).count("credential");
        assert_eq!((seals["credentials"].as_i64(), seals["broken"].as_i64()), (Some(all), Some(1)), "{damage}");
        scene.env.run(&["doctor"]).ok();
    }
}

#[test]
fn an_identity_that_was_edited_loses_each_of_its_credentials_by_name() {
    let scene = rich();
    change(&scene, "UPDATE identity SET name = 'mallory' WHERE name = 'bob'");
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    let keys = Copy::of(&scene.env.store()).texts(
        "SELECT 'credential ' || access_key_id FROM credential c JOIN identity i ON i.id = c.identity
         WHERE i.name = 'mallory' ORDER BY c.id",
    );
    let named: Vec<Value> = findings(&output).iter().map(|finding| finding["about"].clone()).collect();
    assert_eq!(named, keys);
    assert!(!keys.is_empty());
}

#[test]
fn a_kept_file_that_was_changed_or_moved_is_named_by_its_path() {
    for sql in ["UPDATE file_original SET path = path || '2'", "UPDATE file_original SET kept_at = kept_at + 1"] {
        let scene = rich();
        change(&scene, sql);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.code(1);
        let path = Copy::of(&scene.env.store()).texts("SELECT path FROM file_original").remove(0);
        assert_eq!(findings(&output)[0]["about"], format!("original {path}"));
        assert_eq!(output.json()["seals"]["broken"], 1);
    }
}

#[test]
fn a_reference_to_nothing_and_a_damaged_page_are_found_and_the_rest_is_still_tried() {
    let scene = rich();
    let connection = Connection::open(scene.env.store()).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = off; DELETE FROM identity WHERE name = 'Reader'").unwrap();
    drop(connection);
    let output = scene.env.run(&["doctor", "--check"]);
    output
        .code(1)
        .stdout_has("belongs to a row of identity that is not there")
        .stdout_has("that it belongs to is gone");
    let path = scene.env.store();
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: usize =
        Copy::of(&path).texts("SELECT rootpage FROM sqlite_schema WHERE name = 'credential'")[0].parse().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[(root - 1) * 4096..][..200].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    assert!(output.json()["findings"].to_string().contains("damaged"));
    assert_eq!(output.json()["seals"]["originals"], 1);
}

#[test]
fn loose_modes_are_told_with_the_command_that_mends_each_and_are_not_mended() {
    let scene = rich();
    let path = scene.env.store();
    let folder = path.parent().unwrap();
    let loose = [(path.clone(), 0o644), (beside(&path, ".key"), 0o640), (folder.join("history.jsonl"), 0o604)];
    for (file, mode) in &loose {
        fs::set_permissions(file, fs::Permissions::from_mode(*mode)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    let output = scene.env.run(&["doctor"]);
    output.code(1).stdout_has(&format!("chmod go-w {}", folder.display()));
    for (file, mode) in &loose {
        output.stdout_has(&format!("chmod 600 {}", file.display()));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, *mode);
    }
    // What it says is what mends it.
    for line in output.stdout.lines().filter_map(|line| line.trim().strip_prefix("chmod ")) {
        let words: Vec<&str> = line.split(' ').collect();
        scene.env.program("chmod", &words).run().ok();
    }
    scene.env.run(&["doctor"]).ok();
}

#[test]
fn a_key_file_that_is_gone_or_anothers_is_told_and_a_store_that_does_not_open_is_locked() {
    let scene = rich();
    let key = beside(&scene.env.store(), ".key");
    let away = beside(&key, ".away");
    fs::rename(&key, &away).unwrap();
    let named = key.to_string_lossy().into_owned();
    scene.env.run(&["doctor"]).code(1).stdout_has("slot 1 (file)").stdout_has("does not open").stdout_has(&named);
    scene.env.run(&["doctor", "--check"]).code(4).stdout_has("locked").stdout_has("bring");
    let other = Scene::with_bob();
    fs::copy(beside(&other.env.store(), ".key"), &key).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("is the key of another store");
    fs::rename(&away, &key).unwrap();
    scene.env.run(&["doctor", "--check"]).ok();
}

#[test]
fn what_is_no_store_a_newer_one_and_what_a_lost_one_left_are_findings() {
    let mut scene = Scene::new();
    scene.env.write("data/multicred/multicred.db", "text, not a database");
    scene.env.run(&["doctor"]).code(1).stdout_has("not a multicred store");
    let scene = rich();
    change(&scene, "UPDATE account SET colour = 'red'");
    Connection::open(scene.env.store()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("newer multicred");
    let scene = rich();
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    fs::remove_file(scene.env.store()).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("multicred.db-wal");
}

#[test]
fn an_older_store_is_told_and_not_migrated() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    crate::scene::store::make_version_1(&path);
    let before = fs::read(&path).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("its schema is 1");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!beside(&path, ".v1").exists());
    scene.env.run(&["list"]).ok();
    scene.env.run(&["doctor"]).ok();
}

/// More rows than are looked up at once.
#[test]
fn every_one_of_very_many_seals_is_tried_once() {
    let scene = Scene::with_bob();
    let connection = Connection::open(scene.env.store()).unwrap();
    let many = "INSERT INTO credential (identity, access_key_id, kind, sealed, created_at)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700)
                SELECT identity, 'AKIA' || i, kind, sealed, created_at FROM n, credential";
    connection.execute(many, []).unwrap();
    drop(connection);
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let row = OriginalRow { sealed: multicred::secret::Sealed(vec![1, 2, 3]), kept_at: 0 };
    let kept: Result<bool, multicred::store::StoreError> =
        store.write(Durability::Synced, |writing| writing.keep_original("/some/file", &row));
    kept.unwrap();
    drop(store);
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    let seals = &output.json()["seals"];
    assert_eq!((seals["credentials"].as_i64(), seals["broken"].as_i64()), (Some(1701), Some(1701)));
    assert_eq!(findings(&output).len(), 1701);
}
