//! Many processes, one store: made once, and every change kept.

use std::fs;

use crate::scene::store::{self, Copy};
use crate::scene::{DEV, Scene, ini, tree};
use crate::support::env::Background;
use crate::support::sts::KeyPair;

const CROWD: usize = 20;

fn more_keys(scene: &Scene, count: usize) -> Vec<KeyPair> {
    scene.sts.world(|world| (0..count).map(|number| world.user(DEV, &format!("user{number}"))).collect())
}

fn import_at_once(scene: &Scene, keys: &[KeyPair]) {
    let start = |key: &KeyPair| scene.env.command(&["import", "-"]).stdin(ini("default", key)).spawn();
    let imports: Vec<Background> = keys.iter().map(start).collect();
    for import in imports {
        import.end().ok();
    }
}

fn files_beside(scene: &Scene) -> Vec<String> {
    let folder = scene.env.store();
    let folder = fs::read_dir(folder.parent().unwrap()).unwrap();
    let mut names: Vec<String> =
        folder.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn twenty_first_uses_at_once_make_one_store_with_one_key_and_nobody_fails() {
    let scene = Scene::new();
    let accounts: Vec<String> = (0..CROWD).map(|number| format!("{}", 100_000_000_000 + number)).collect();
    let start = |account: &String| scene.env.spawn(&["account", account, "--alias", &format!("a{account}")]);
    let processes: Vec<Background> = accounts.iter().map(start).collect();
    let mut makers = 0;
    for process in processes {
        makers += usize::from(process.end().ok().stderr.contains("a new store"));
    }
    assert_eq!(makers, 1, "how many say that the store is new");
    let copy = Copy::of(&scene.env.store());
    assert!(copy.is_whole());
    assert_eq!(copy.texts("SELECT account_id FROM account ORDER BY 1"), accounts);
    assert_eq!((copy.count("store"), copy.count("key_slot")), (1, 1));
    let wanted = ["history.jsonl", "multicred.db", "multicred.db-shm", "multicred.db-wal", "multicred.db.key"];
    assert_eq!(files_beside(&scene), wanted);
    tree::assert_private(scene.env.home());
}

#[test]
fn imports_of_different_keys_at_once_into_no_store_are_all_stored_and_all_open() {
    let scene = Scene::new();
    let keys = more_keys(&scene, CROWD);
    import_at_once(&scene, &keys);
    let copy = Copy::of(&scene.env.store());
    assert!(copy.is_whole());
    assert_eq!((copy.count("credential"), copy.count("identity"), copy.count("account")), (20, 20, 1));
    for key in &keys {
        let code = scene.become_in_bash(&key.access_key_id);
        code.ok().stdout_has(&key.secret);
    }
    tree::assert_sealed(scene.env.home(), &keys.into_iter().map(|key| key.secret).collect::<Vec<_>>());
}

#[test]
fn imports_of_the_same_key_at_once_store_it_once_and_nobody_fails() {
    let scene = Scene::new();
    import_at_once(&scene, &vec![scene.bob.clone(); CROWD]);
    let copy = Copy::of(&scene.env.store());
    assert_eq!((copy.count("credential"), copy.count("identity")), (1, 1));
}

#[test]
fn links_aliases_and_switches_at_once_lose_nothing() {
    let scene = Scene::with_bobs_roles();
    let alias = |number: usize| {
        scene.env.spawn(&["account", &format!("{}", 100_000_000_000 + number), "--alias", &format!("a{number}")])
    };
    let link = |number: usize| scene.env.spawn(&["link", &format!("dev/Role{number}"), "--parent", "bob"]);
    let switch = |_| scene.env.spawn(&["as", "--shell", "bash", "dev/Writer"]);
    let processes: Vec<Background> = (0..8).flat_map(|number| [alias(number), link(number), switch(number)]).collect();
    for process in processes {
        process.end().ok();
    }
    let copy = Copy::of(&scene.env.store());
    assert!(copy.is_whole());
    assert_eq!(copy.texts("SELECT count(*) FROM account WHERE alias LIKE 'a%'"), ["8"]);
    assert_eq!(copy.count("link"), 2 + 8);
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    let history = fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    for line in history.lines() {
        let whole: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(whole.is_ok(), "lines of the history are mixed: {line}");
    }
}

#[test]
fn an_alias_that_many_want_at_once_goes_to_one_of_them() {
    let scene = Scene::with_bob();
    let start =
        |number: usize| scene.env.spawn(&["account", &format!("{}", 100_000_000_000 + number), "--alias", "prod"]);
    let processes: Vec<Background> = (0..10).map(start).collect();
    let codes: Vec<i32> = processes.into_iter().map(|process| process.end().status).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 0 | 2)), "{codes:?}");
    assert_eq!(Copy::of(&scene.env.store()).texts("SELECT count(*) FROM account WHERE alias = 'prod'"), ["1"]);
}

/// A first use that is stopped in the middle must not hang every other one without a word.
#[test]
fn a_first_use_that_is_stopped_halfway_keeps_the_others_waiting_for_a_bounded_time() {
    let scene = Scene::new();
    let store = scene.env.store();
    fs::create_dir_all(store.parent().unwrap()).unwrap();
    let folder = fs::File::open(store.parent().unwrap()).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let output = scene.env.run(&["account", DEV, "--alias", "dev"]);
    output.code(1).stderr_has("locked by another process").stderr_has("run the command again");
    drop(folder);
    scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
    assert!(store::content(&store).contains(DEV));
}
