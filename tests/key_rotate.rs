//! `key rotate`: afterwards all that could be opened before can be, by every way in, and nothing that is older can.

use std::collections::BTreeSet;
use std::fs;

use multicred::seal::StoreKey;
use rusqlite::Connection;

use crate::scene::refusal::Refusal;
use crate::scene::slots::{Copied, PASSPHRASE, PRINTED, Secrets, with_passphrase, without_key_file};
use crate::scene::store::{Copy, beside, content};
use crate::scene::{Scene, ini, key_in_code, tree};
use crate::support::agent::Running;
use crate::support::sts::KeyPair;

/// Two users' keys, two roles' sessions, and a file's kept content.
fn full() -> Scene {
    let mut scene = Scene::with_bobs_roles();
    scene.import(&scene.alice, "alice");
    scene.become_in_bash("dev/Writer").ok();
    scene.env.aws_config("# mine\n[profile own]\nregion = eu-west-1\n");
    scene.env.run(&["sync", "dev/Reader"]).ok();
    scene
}

#[track_caller]
fn rotate(scene: &Scene) {
    scene.env.run(&["key", "rotate"]).ok().calm();
}

#[track_caller]
fn is_clean(scene: &Scene) {
    let checked = scene.env.run(&["doctor", "--check", "--json"]);
    assert_eq!(checked.ok().calm().json()["seals"]["broken"], 0, "{checked}");
    assert!(Copy::of(&scene.env.store()).is_whole());
}

fn seals(scene: &Scene) -> BTreeSet<Vec<u8>> {
    let copy = Copy::of(&scene.env.store());
    let queries = [
        "SELECT sealed FROM credential",
        "SELECT sealed FROM file_original",
        "SELECT wrapped FROM key_slot",
        "SELECT tag FROM key_slot",
    ];
    let mut all = BTreeSet::new();
    for query in queries {
        let mut statement = copy.connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        all.extend(rows.map(Result::unwrap));
    }
    all
}

/// Which of these seals are found in a file of the store: by the nonce, which no other has.
fn found(scene: &Scene, seals: &BTreeSet<Vec<u8>>) -> usize {
    let bytes: Vec<u8> = ["", "-wal", "-journal"]
        .iter()
        .filter_map(|suffix| fs::read(beside(&scene.env.store(), suffix)).ok())
        .flatten()
        .collect();
    seals.iter().filter(|seal| bytes.windows(16).any(|window| window == &seal[8..24])).count()
}

#[test]
fn everything_opens_after_a_rotation_by_every_slot_also_those_whose_secret_was_absent() {
    let mut scene = full();
    let secrets = Secrets::add_to(&mut scene);
    let path = scene.env.store();
    let (before, epoch) = (secrets.open(&path), Copied::of(&path).epoch());
    assert!(before.len() >= 5, "{:?}", before.keys());
    let mut epochs = BTreeSet::from([epoch]);
    for _ in 0..3 {
        rotate(&scene);
        assert_eq!(secrets.open(&path), before);
        epochs.insert(Copied::of(&path).epoch());
        is_clean(&scene);
    }
    assert_eq!(epochs.len(), 4, "each key has a name of its own");
    let calls = scene.sts.count("AssumeRole");
    for name in ["dev/Writer", "dev/Reader"] {
        scene.become_in_bash(name).ok().calm();
    }
    assert_eq!(scene.sts.count("AssumeRole"), calls, "what was obtained before serves on");
    for key in [&scene.alice, &scene.bob] {
        let code = scene.become_in_bash(&key.access_key_id);
        assert_eq!(key_in_code(&code.ok().stdout), Some(key.access_key_id.as_str()));
        code.stdout_has(&key.secret);
    }
    tree::assert_sealed(&scene.env.path("data"), &scene.secrets());
    tree::assert_private(scene.env.home());
}

#[test]
fn each_way_in_alone_is_enough_for_the_program_after_a_rotation_and_for_the_next_one() {
    let mut scene = full();
    let secrets = Secrets::add_to(&mut scene);
    rotate(&scene);
    let bob = scene.bob.access_key_id.clone();
    without_key_file(&scene, || {
        scene.become_in_bash(&bob).refused(4, &["locked"]);
        for typed in [PASSPHRASE, &secrets.code] {
            with_passphrase(&scene, scene.env.command(&["as", "--shell", "bash", &bob]), typed).run().ok();
            with_passphrase(&scene, scene.env.command(&["key", "rotate"]), typed).run().ok().calm();
        }
        fs::write(scene.env.path("printed"), PRINTED).unwrap();
        scene.become_in_bash(&bob).ok().calm();
        rotate(&scene);
        fs::remove_file(scene.env.path("printed")).unwrap();
    });
    scene.become_in_bash(&bob).ok().calm();
    secrets.open(&scene.env.store());
}

#[test]
fn rotate_tells_how_much_it_has_sealed_anew() {
    let mut scene = full();
    Secrets::add_to(&mut scene);
    let told = scene.env.run(&["key", "rotate", "--json"]).ok().json();
    let copy = Copy::of(&scene.env.store());
    assert_eq!(told["credentials"], copy.count("credential"));
    assert_eq!((told["originals"].as_i64(), told["slots"].as_i64()), (Some(1), Some(4)));
    assert_eq!(told["rewritten"], true);
    assert_eq!(told["key_epoch"], Copied::of(&scene.env.store()).epoch());
    scene.env.run(&["key", "rotate"]).ok().stdout_is("").stderr_has("a new key").stderr_has("4 key slots");
}

#[test]
fn neither_the_former_key_nor_its_wrapped_bytes_put_back_open_anything() {
    let mut scene = full();
    let secrets = Secrets::add_to(&mut scene);
    let path = scene.env.store();
    let former = secrets.key(&path, 1);
    let wrapped = Copy::of(&path).texts("SELECT hex(wrapped) FROM key_slot ORDER BY id");
    rotate(&scene);
    assert!(Copied::of(&path).try_everything(former).is_err());
    Copied::of(&path).everything(secrets.key(&path, 1));
    let wrapped_then = Copy::of(&path).texts("SELECT hex(wrapped) FROM key_slot ORDER BY id");
    rotate(&scene);
    for old in [wrapped, wrapped_then] {
        let kept = fs::read(&path).unwrap();
        for (number, bytes) in (1..).zip(&old) {
            let change = format!("UPDATE key_slot SET wrapped = x'{bytes}' WHERE id = {number}");
            Connection::open(&path).unwrap().execute_batch(&change).unwrap();
        }
        scene.become_in_bash("bob").refused(4, &["locked", "key slot 1"]);
        scene.env.run_with_stdin(&["import", "-"], ini("new", &more_keys(&scene, 1)[0])).refused(4, &["locked"]);
        scene.env.run(&["key", "rotate"]).refused(4, &["locked"]);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, suffix));
        }
        fs::write(&path, kept).unwrap();
        scene.become_in_bash("bob").ok();
    }
}

fn more_keys(scene: &Scene, count: usize) -> Vec<KeyPair> {
    static NAMES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let name = || format!("user{}", NAMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    scene.sts.world(|world| (0..count).map(|_| world.user(crate::scene::DEV, &name())).collect())
}

#[test]
fn no_byte_of_what_was_ever_sealed_before_is_left_in_the_store_or_its_wal() {
    let mut scene = full();
    let secrets = Secrets::add_to(&mut scene);
    grow(&scene, &mut secrets.key(&scene.env.store(), 1), 300);
    let mut old = seals(&scene);
    // Whole pages of it, which nothing fills again.
    let grown = "DELETE FROM credential WHERE access_key_id LIKE 'AKIAGROWN%' AND id % 10 <> 0";
    Connection::open(scene.env.store()).unwrap().execute_batch(grown).unwrap();
    let gone: BTreeSet<_> = old.difference(&seals(&scene)).cloned().collect();
    assert!(found(&scene, &gone) > 0, "what was deleted is there before");
    // Sessions that were replaced leave their seals in free space.
    for _ in 0..3 {
        scene.env.run(&["as", "--shell", "bash", "--fresh", "dev/Writer"]).ok();
        old.extend(seals(&scene));
    }
    scene.env.run(&["key", "remove", "2"]).ok();
    old.extend(seals(&scene));
    assert!(found(&scene, &old) > 0, "they are there before");
    rotate(&scene);
    assert_eq!(found(&scene, &old), 0, "of {}", old.len());
    let new = seals(&scene);
    assert_eq!(found(&scene, &new), new.len(), "the new ones are there");
    let size = fs::metadata(beside(&scene.env.store(), "-wal")).map_or(0, |wal| wal.len());
    assert_eq!(size, 0, "the WAL is empty");
}

#[test]
fn where_another_process_reads_for_long_a_rotation_is_done_and_says_what_is_left_behind() {
    let scene = full();
    let reader = Connection::open(scene.env.store()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM credential").unwrap();
    let rows: i64 = reader.query_row("SELECT count(*) FROM credential", [], |row| row.get(0)).unwrap();
    assert!(rows > 0);
    scene.env.run(&["key", "rotate"]).ok().calm().stderr_has("until the next rotation");
    drop(reader);
    is_clean(&scene);
    let old = seals(&scene);
    rotate(&scene);
    assert_eq!(found(&scene, &old), 0);
}

#[test]
fn a_store_of_five_thousand_credentials_gets_a_new_key_and_all_of_them_open() {
    let mut scene = full();
    let secrets = Secrets::add_to(&mut scene);
    let path = scene.env.store();
    let mut key = secrets.key(&path, 1);
    grow(&scene, &mut key, 5000);
    let before = secrets.open(&path);
    assert!(before.len() >= 5005);
    rotate(&scene);
    assert_eq!(secrets.open(&path), before);
    is_clean(&scene);
}

/// Adds credentials as the program would.
fn grow(scene: &Scene, key: &mut StoreKey, count: usize) {
    use multicred::identity::route::CredentialKind;
    use multicred::seal::{Binding, Sealer};
    use multicred::secret::{KeyMaterial, Secret};
    use multicred::store::{Durability, NewCredential, Store, StoreError};
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let meta = store.read().meta().unwrap();
    let bob = store.read().credential_with_key(&scene.bob.access_key_id).unwrap().unwrap();
    let binding = |access_key_id: &str, key: &mut StoreKey, material: &KeyMaterial| {
        let identity = format!("aws:{}:user:bob", crate::scene::DEV);
        key.seal(
            material,
            &Binding { store_id: &meta.id, key_epoch: meta.key_epoch, identity: &identity, access_key_id },
        )
    };
    let written: Result<(), StoreError> = store.write(Durability::Synced, |writing| {
        for number in 0..count {
            let access_key_id = format!("AKIAGROWN{number:011}");
            let material =
                KeyMaterial { secret_access_key: Secret::new(format!("grown secret {number}")), session_token: None };
            let sealed = binding(&access_key_id, key, &material).unwrap();
            let new = NewCredential {
                access_key_id: &access_key_id,
                kind: CredentialKind::LongTerm,
                request_hash: None,
                sealed: &sealed,
                created_at: 1,
                expires_at: None,
                expiry_is_guess: false,
                restricted_as: None,
            };
            writing.put_credential(&bob.owner, &new)?;
        }
        Ok(())
    });
    written.unwrap();
}

#[test]
fn an_answer_that_was_kept_before_a_rotation_does_not_serve_after_it() {
    let scene = full();
    let answers = scene.env.path("run/multicred/answers");
    let kept = || fs::read_dir(&answers).map_or(0, Iterator::count);
    assert!(crate::scene::seat::eventually(|| {
        scene.become_in_bash("dev/Writer").ok();
        kept() > 0
    }));
    let set_aside = tempfile::tempdir().unwrap();
    tree::copy(&answers, set_aside.path());
    rotate(&scene);
    assert_eq!(kept(), 0, "they are removed");
    tree::copy(set_aside.path(), &answers);
    // What an answer would serve from: the credential is not in the store any more.
    Connection::open(scene.env.store()).unwrap().execute_batch("DELETE FROM credential WHERE kind = 'role'").unwrap();
    let calls = scene.sts.count("AssumeRole");
    scene.become_in_bash("dev/Writer").ok();
    assert_eq!(scene.sts.count("AssumeRole"), calls + 2);
}

#[test]
fn an_agent_that_held_the_former_key_holds_the_new_one_and_no_other() {
    let scene = full();
    let agent = Running::start(&scene.env);
    rotate(&scene);
    assert_eq!(agent.client().status().unwrap().held, [], "one that held nothing holds nothing");
    scene.env.run(&["unlock"]).ok();
    let mut client = agent.client();
    client.hold(b"another store", 7, &crate::support::agent::KEY).unwrap();
    for _ in 0..2 {
        rotate(&scene);
        let held = client.status().unwrap().held;
        assert_eq!(held.len(), 2);
        let ours: Vec<_> = held.iter().filter(|held| held.store_id != b"another store").collect();
        assert_eq!(ours[0].key_epoch, Copied::of(&scene.env.store()).epoch());
        without_key_file(&scene, || {
            scene.become_in_bash("bob").ok().calm();
        });
    }
    scene.env.run(&["lock"]).ok();
    rotate(&scene);
    assert_eq!(client.status().unwrap().held, []);
    without_key_file(&scene, || {
        scene.become_in_bash("bob").refused(4, &["locked"]);
    });
}

/// OpenSSH's agent with one key, ended by its pid.
struct OpenSsh(crate::support::env::Background);

impl OpenSsh {
    fn start(scene: &Scene) -> Self {
        let (socket, key) = (scene.env.path("ssh.sock"), scene.env.path("id"));
        let _ = fs::remove_file(&socket);
        let agent = scene.env.program("ssh-agent", &["-D", "-a", socket.to_str().unwrap()]).spawn();
        assert!(crate::scene::seat::eventually(|| std::os::unix::net::UnixStream::connect(&socket).is_ok()));
        if !key.exists() {
            let words = ["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()];
            scene.env.program("ssh-keygen", &words).run().ok();
        }
        let add = scene.env.program("ssh-add", &[key.to_str().unwrap()]);
        add.set("SSH_AUTH_SOCK", socket.to_str().unwrap()).run().ok();
        Self(agent)
    }

    fn end(mut self) {
        self.0.kill();
    }
}

#[test]
fn a_slot_of_an_ssh_agent_that_does_not_run_opens_the_store_after_a_rotation() {
    let mut scene = full();
    let socket = scene.env.path("ssh.sock").to_str().unwrap().to_owned();
    scene.env.set("SSH_AUTH_SOCK", socket);
    let agent = OpenSsh::start(&scene);
    scene.env.run(&["key", "add", "ssh-agent"]).ok();
    agent.end();
    for _ in 0..2 {
        rotate(&scene);
    }
    without_key_file(&scene, || {
        scene.become_in_bash("bob").refused(4, &["locked", "key slot 2 (ssh-agent)"]);
        let agent = OpenSsh::start(&scene);
        scene.become_in_bash("bob").ok().calm();
        rotate(&scene);
        scene.become_in_bash("bob").ok().calm();
        agent.end();
    });
    scene.become_in_bash("bob").ok().calm();
}

#[test]
fn without_an_agent_none_is_started_by_a_rotation() {
    let scene = full();
    rotate(&scene);
    assert!(!crate::support::agent::socket(&scene.env).exists());
}

#[test]
fn a_store_that_nothing_opens_is_not_rotated_even_where_the_agent_holds_its_key() {
    let scene = full();
    let _agent = Running::start(&scene.env);
    scene.env.run(&["unlock"]).ok();
    let before = content(&scene.env.store());
    without_key_file(&scene, || {
        scene.env.run(&["key", "rotate"]).refused(4, &["locked", "multicred.db.key"]);
    });
    assert_eq!(content(&scene.env.store()), before);
    Scene::new().env.run(&["key", "rotate"]).refused(1, &["there is no store"]);
}
