//! No home, or one that cannot be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini, key_in_code, tree};
use crate::support::env::{Hermetic, Invocation};

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// A scene whose multicred any user can run, wherever cargo built it.
fn scene() -> (Scene, tempfile::TempDir) {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let binary = folder.path().join("multicred");
    let built = Hermetic::new().binary().to_owned();
    if fs::hard_link(&built, &binary).is_err() {
        fs::copy(&built, &binary).unwrap();
    }
    (Scene::in_home(Hermetic::with_binary(&binary)), folder)
}

fn give(path: &Path, owner: u32) {
    lchown(path, Some(owner), Some(owner)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}

/// multicred as somebody whom modes bind: root they do not.
fn as_mortal(scene: &Scene, words: &[&str]) -> Invocation {
    if !rustix::process::geteuid().is_root() {
        return scene.env.command(words);
    }
    give(scene.env.home().parent().unwrap(), NOBODY);
    let id = NOBODY.to_string();
    let binary = scene.env.binary().to_string_lossy().into_owned();
    let setpriv = ["--reuid", &id, "--regid", &id, "--clear-groups", &binary];
    scene.env.program("setpriv", &[&setpriv[..], words].concat())
}

fn forbid_writing(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o500)).unwrap();
}

#[test]
fn without_home_what_needs_a_place_says_so_and_what_does_not_works() {
    let scene = Scene::with_bob();
    let path = scene.env.store().to_string_lossy().into_owned();
    let homeless = |words: &[&str]| {
        scene.env.command(words).unset("HOME").unset("XDG_DATA_HOME").unset("XDG_CONFIG_HOME").folder("/")
    };
    for words in [&["list"][..], &["as", "--shell", "bash", "bob"], &["why", "bob"], &["account", DEV]] {
        homeless(words).run().refused(1, &["HOME", "--store"]);
    }
    homeless(&["import", "-"]).stdin(ini("a", &scene.alice)).run().refused(1, &["HOME", "--store"]);
    homeless(&["import", "--all"]).run().refused(1, &["HOME"]);
    homeless(&["status"]).run().ok().stdout_has("nobody");
    homeless(&["init", "bash"]).run().ok();
    homeless(&["as", "--shell", "bash", "-"]).run().ok();
    let code = homeless(&["--store", &path, "as", "--shell", "bash", &scene.bob.access_key_id]).run();
    assert!(key_in_code(&code.ok().stdout).is_some());
    homeless(&["list"]).set("MULTICRED_STORE", &path).run().ok().stdout_has("bob");
    homeless(&["--store", &path, "import", "-"]).stdin(ini("a", &scene.alice)).run().ok();
}

#[test]
fn a_relative_home_or_data_folder_is_no_panic() {
    let scene = Scene::with_bob();
    scene.env.command(&["list"]).set("XDG_DATA_HOME", "relative").run().ok();
    scene.env.command(&["list"]).set("HOME", "").unset("XDG_DATA_HOME").run().refused(1, &["HOME"]);
    scene.env.command(&["list"]).set("HOME", "/nowhere").unset("XDG_DATA_HOME").run().ok();
}

#[test]
fn in_a_home_that_cannot_be_written_a_first_use_is_refused_and_leaves_no_trace() {
    let (scene, _binary) = scene();
    forbid_writing(&scene.env.path("data"));
    let before = tree::tree(&scene.env.path("data"));
    let import = as_mortal(&scene, &["import", "-"]).stdin(ini("a", &scene.alice)).run();
    import.refused(1, &["data", "--store"]);
    as_mortal(&scene, &["account", DEV, "--alias", "dev"]).run().refused(1, &["data", "--store"]);
    for words in [&["list"][..], &["status"], &["as", "--shell", "bash", "-"]] {
        as_mortal(&scene, words).run().ok();
    }
    let names = |tree: &tree::Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&tree::tree(&scene.env.path("data"))));
}

fn with_stored_key() -> (Scene, tempfile::TempDir) {
    let (scene, binary) = scene();
    as_mortal(&scene, &["import", "-", "--label", "bob"]).stdin(ini("a", &scene.bob)).run().ok();
    as_mortal(&scene, &["account", DEV, "--alias", "dev"]).run().ok();
    as_mortal(&scene, &["link", "dev/Reader", "--parent", "bob"]).run().ok();
    (scene, binary)
}

#[test]
fn in_a_folder_that_cannot_be_written_a_store_that_is_in_use_goes_on_working() {
    let (scene, _binary) = with_stored_key();
    forbid_writing(&scene.env.path("data/multicred"));
    let switch = as_mortal(&scene, &["as", "--shell", "bash", "dev/Reader"]).run();
    assert!(key_in_code(&switch.ok().calm().stdout).is_some());
    as_mortal(&scene, &["list"]).run().ok().stdout_has("dev/Reader");
}

/// FLOOR: a WAL store without its side files cannot be opened where they cannot be made.
#[test]
fn a_store_without_side_files_in_a_folder_that_cannot_be_written_works_or_says_what_to_do() {
    let (scene, _binary) = with_stored_key();
    let store = scene.env.store();
    let connection = rusqlite::Connection::open(&store).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    assert!(!crate::scene::store::beside(&store, "-wal").exists());
    forbid_writing(&scene.env.path("data/multicred"));
    for words in [&["as", "--shell", "bash", "dev/Reader"][..], &["list"]] {
        let output = as_mortal(&scene, words).run();
        if output.status != 0 {
            output.refused(1, &["multicred.db", "make its folder writable"]);
        }
    }
}

#[test]
fn a_store_file_that_cannot_be_written_is_named() {
    let (scene, _binary) = with_stored_key();
    for suffix in ["", "-wal", "-shm"] {
        let file = crate::scene::store::beside(&scene.env.store(), suffix);
        fs::set_permissions(file, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let output = as_mortal(&scene, &["account", DEV, "--alias", "other"]).run();
    output.refused(1, &["multicred.db", "cannot be written"]);
    let switch = as_mortal(&scene, &["as", "--shell", "bash", "dev/Reader"]).run();
    if switch.status != 0 {
        switch.refused(1, &["multicred.db"]);
    }
}

#[test]
fn a_history_that_cannot_be_written_is_told_and_stops_nothing() {
    let (scene, _binary) = with_stored_key();
    let history = scene.env.path("data/multicred/history.jsonl");
    fs::remove_file(&history).unwrap();
    fs::create_dir(&history).unwrap();
    let switch = as_mortal(&scene, &["as", "--shell", "bash", "dev/Reader"]).run();
    switch.ok().calm().stderr_has("history");
    assert!(key_in_code(&switch.stdout).is_some());
}

#[test]
fn a_runtime_folder_that_is_no_safe_place_for_locks_is_refused_with_a_remedy() {
    let scene = Scene::with_bob();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    let locks = scene.env.path("run/multicred/locks");
    fs::create_dir_all(&locks).unwrap();
    fs::set_permissions(&locks, fs::Permissions::from_mode(0o777)).unwrap();
    scene.become_in_bash("dev/Reader").refused(1, &["locks", "XDG_RUNTIME_DIR"]);
    fs::remove_dir(&locks).unwrap();
    fs::write(&locks, "").unwrap();
    scene.become_in_bash("dev/Reader").refused(1, &["locks", "XDG_RUNTIME_DIR"]);
    fs::remove_file(&locks).unwrap();
    std::os::unix::fs::symlink(scene.env.path("data"), &locks).unwrap();
    scene.become_in_bash("dev/Reader").refused(1, &["locks", "XDG_RUNTIME_DIR"]);
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}
