//! A key file that is missing, wrong or loose; a sealed value that was moved or changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::scene::refusal::Refusal;
use crate::scene::store::beside;
use crate::scene::{Scene, ini, key_in_code, store};

fn key_file(scene: &Scene) -> PathBuf {
    beside(&scene.env.store(), ".key")
}

#[test]
fn without_its_key_file_the_store_is_locked_and_no_new_key_is_made() {
    let scene = Scene::with_bobs_roles();
    let before = store::content(&scene.env.store());
    fs::remove_file(key_file(&scene)).unwrap();
    scene.become_in_bash("dev/Reader").refused(4, &["locked", "multicred.db.key"]);
    scene.env.run_with_stdin(&["import", "-"], ini("a", &scene.alice)).refused(4, &["locked", "multicred.db.key"]);
    assert!(!key_file(&scene).exists());
    assert_eq!(store::content(&scene.env.store()), before);
    scene.env.run(&["list"]).ok().stdout_has("dev/Reader");
    scene.env.run(&["why", "dev/Reader"]).ok();
}

#[test]
fn a_key_file_that_is_wrong_in_any_way_is_named_and_left_as_it_is() {
    let scene = Scene::with_bobs_roles();
    let other = Scene::with_bob();
    let (right, wrong) = (fs::read(key_file(&scene)).unwrap(), fs::read(key_file(&other)).unwrap());
    let mut flipped = right.clone();
    flipped[30] ^= 1;
    let long = [right.clone(), vec![b'x'; 10_000]].concat();
    for (says, content) in [
        ("another store", wrong),
        ("multicred.db.key", flipped),
        ("not a multicred key file", right[..20].to_vec()),
        ("not a multicred key file", Vec::new()),
        ("not a multicred key file", b"something else entirely\n".to_vec()),
        ("multicred.db.key", b"\xff\xfe\x00".to_vec()),
        ("not a multicred key file", long),
    ] {
        fs::write(key_file(&scene), &content).unwrap();
        scene.become_in_bash("bob").refused(4, &["locked", says]);
        assert_eq!(fs::read(key_file(&scene)).unwrap(), content);
    }
    fs::write(key_file(&scene), right).unwrap();
    scene.become_in_bash("bob").ok();
}

#[test]
fn a_folder_or_a_pipe_in_the_place_of_the_key_file_is_named_and_nothing_hangs() {
    let scene = Scene::with_bob();
    fs::remove_file(key_file(&scene)).unwrap();
    fs::create_dir(key_file(&scene)).unwrap();
    scene.become_in_bash("bob").refused(4, &["locked", "multicred.db.key"]);
    fs::remove_dir(key_file(&scene)).unwrap();
    scene.env.program("mkfifo", &[&key_file(&scene).to_string_lossy()]).run().ok();
    scene.become_in_bash("bob").refused(4, &["locked", "multicred.db.key"]);
}

#[test]
fn a_key_file_that_others_can_read_is_tightened() {
    let scene = Scene::with_bob();
    fs::set_permissions(key_file(&scene), fs::Permissions::from_mode(0o644)).unwrap();
    scene.become_in_bash("bob").ok().calm();
    assert_eq!(fs::metadata(key_file(&scene)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_old_key_file_is_used_again_for_a_new_store_and_something_else_is_not_overwritten() {
    let scene = Scene::with_bob();
    let old = fs::read(key_file(&scene)).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&scene.env.store(), suffix)).unwrap();
    }
    scene.import(&scene.bob, "bob");
    assert_eq!(fs::read(key_file(&scene)).unwrap(), old);
    let fresh = Scene::new();
    fs::create_dir_all(fresh.env.path("data/multicred")).unwrap();
    fs::write(key_file(&fresh), "my notes\n").unwrap();
    let output = fresh.env.run_with_stdin(&["import", "-"], ini("a", &fresh.alice));
    output.refused(1, &["multicred.db.key"]);
    assert_eq!(fs::read_to_string(key_file(&fresh)).unwrap(), "my notes\n");
    assert!(!fresh.env.store().exists());
}

#[test]
fn a_sealed_value_that_was_changed_moved_or_cut_does_not_open_and_the_error_names_it() {
    let scene = Scene::with_bob();
    scene.import(&scene.alice, "alice");
    let (alice, bob) = (scene.alice.access_key_id.clone(), scene.bob.access_key_id.clone());
    let of = |key: &str| format!("(SELECT sealed FROM credential WHERE access_key_id = '{key}')");
    let set = |key: &str, value: &str| format!("UPDATE credential SET sealed = {value} WHERE access_key_id = '{key}'");
    let flip = format!("cast(substr({0}, 1, 40) || x'00' || substr({0}, 42) AS BLOB)", of(&bob));
    let original = fs::read(scene.env.store()).unwrap();
    let wal = fs::read(beside(&scene.env.store(), "-wal")).unwrap();
    for damage in [
        set(&bob, &of(&alice)),
        set(&bob, &flip),
        set(&bob, "x''"),
        set(&bob, "x'01'"),
        set(&bob, "x'ff0000'"),
        set(&bob, "zeroblob(100)"),
        format!("UPDATE credential SET access_key_id = 'AKIAMALLORYMALLORYXX' WHERE access_key_id = '{bob}'"),
        "UPDATE identity SET name = 'mallory' WHERE name = 'bob'".to_owned(),
        "UPDATE account SET account_id = '999999999999'".to_owned(),
    ] {
        fs::write(scene.env.store(), &original).unwrap();
        fs::write(beside(&scene.env.store(), "-wal"), &wal).unwrap();
        let _ = fs::remove_file(beside(&scene.env.store(), "-shm"));
        let changed = Connection::open(scene.env.store()).unwrap().execute(&damage, []).unwrap();
        assert!(changed >= 1, "{damage}");
        let key = if damage.contains("MALLORY") { "AKIAMALLORYMALLORYXX" } else { &bob };
        let output = scene.become_in_bash(key);
        output.refused(1, &[key]);
        output.nowhere(&scene.alice.secret).nowhere(&scene.bob.secret);
        let says = output.stderr.contains("does not open") || output.stderr.contains("does not know");
        output.holds(says, "the sealed value that does not open");
    }
}

/// Another store's id in the same row: the whole file was put together from two.
#[test]
fn a_sealed_value_of_another_store_does_not_open() {
    let (mine, theirs) = (Scene::with_bob(), Scene::new());
    theirs.sts.world(|world| world.add_key("arn:aws:iam::111122223333:user/bob", &mine.bob));
    theirs.import(&mine.bob, "bob");
    let copy = store::Copy::of(&theirs.env.store());
    let sealed = copy.texts("SELECT hex(sealed) FROM credential").concat();
    let connection = Connection::open(mine.env.store()).unwrap();
    connection.execute_batch(&format!("UPDATE credential SET sealed = x'{sealed}'")).unwrap();
    drop(connection);
    mine.become_in_bash(&mine.bob.access_key_id).refused(1, &["does not open"]);
}

#[test]
fn a_kind_of_first_key_that_cannot_be_the_first_is_a_usage_error_and_makes_nothing() {
    let scene = Scene::new();
    for kind in ["nonsense", "file ", "recovery", "keyutils", "command"] {
        let import = scene.env.command(&["import", "-"]).set("MULTICRED_KEY", kind).stdin(ini("a", &scene.alice));
        import.run().refused(2, &["MULTICRED_KEY", kind]);
        assert!(!scene.env.store().exists() && !key_file(&scene).exists());
    }
    assert_eq!(key_in_code(""), None);
}
