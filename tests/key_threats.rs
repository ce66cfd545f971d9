//! Somebody who can write to the store's file but does not have its key: nothing ever opens as something else, and a new
//! key is never sealed to a stranger.

use std::fs;

use multicred::seal::{FileSlot, SlotSecret, StoreKey, wrap_binding, wrap_to};
use rusqlite::{Connection, params};

use crate::scene::refusal::Refusal;
use crate::scene::slots::{Copied, PASSPHRASE, Secrets, text, with_passphrase, without_key_file};
use crate::scene::store::{Copy, beside, content};
use crate::scene::{Scene, ini, key_in_code};

struct Siege {
    scene: Scene,
    secrets: Secrets,
    /// The store's file, as it was.
    kept: Vec<u8>,
}

impl Siege {
    /// A store with slots of four kinds and two keys.
    fn new() -> Self {
        let mut scene = Scene::with_bobs_roles();
        scene.import(&scene.alice, "alice");
        let secrets = Secrets::add_to(&mut scene);
        let kept = fs::read(scene.env.store()).unwrap();
        assert!(fs::metadata(beside(&scene.env.store(), "-wal")).map_or(0, |wal| wal.len()) == 0);
        Self { scene, secrets, kept }
    }

    fn change(&self, sql: &str) {
        let changed = self.connection().execute(sql, []).unwrap();
        assert!(changed >= 1, "{sql}");
    }

    fn connection(&self) -> Connection {
        Connection::open(self.scene.env.store()).unwrap()
    }

    /// The store as it was.
    fn put_back(&self) {
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.scene.env.store(), suffix));
        }
        fs::write(self.scene.env.store(), &self.kept).unwrap();
    }

    /// The rotation is refused in these words, and changes nothing.
    #[track_caller]
    fn is_refused(&self, code: i32, says: &[&str]) {
        let before = content(&self.scene.env.store());
        self.scene.env.run(&["key", "rotate"]).refused(code, says);
        assert_eq!(content(&self.scene.env.store()), before);
    }
}

#[test]
fn a_slot_that_was_changed_in_any_way_is_refused_by_its_number_and_nothing_is_changed() {
    let siege = Siege::new();
    let theirs = SlotSecret::generate().unwrap().public_key();
    let theirs = theirs.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    for number in 1..=4 {
        let at = format!("WHERE id = {number}");
        let says = format!("key slot {number} (");
        for change in [
            format!("UPDATE key_slot SET public_key = x'{theirs}' {at}"),
            format!("UPDATE key_slot SET public_key = x'{theirs}', tag = NULL {at}"),
            format!("UPDATE key_slot SET public_key = zeroblob(32) {at}"),
            format!("UPDATE key_slot SET tag = zeroblob(41) {at}"),
            format!("UPDATE key_slot SET tag = (SELECT tag FROM key_slot WHERE id <> {number}) {at}"),
            format!("UPDATE key_slot SET params = params || ' ' {at}"),
        ] {
            siege.change(&change);
            siege.is_refused(1, &[&says, "nothing was changed", "key remove"]);
            siege.put_back();
        }
    }
    for number in 2..=4 {
        siege.change(&format!("UPDATE key_slot SET kind = 'keyring' WHERE id = {number}"));
        siege.is_refused(1, &[&format!("key slot {number} (keyring)")]);
        siege.put_back();
        siege.change(&format!("UPDATE key_slot SET tag = NULL WHERE id = {number}"));
        siege.is_refused(1, &[&format!("key slot {number} (")]);
        siege.put_back();
    }
    siege.scene.env.run(&["key", "rotate"]).ok();
    siege.secrets.open(&siege.scene.env.store());
}

/// Their key would seal whatever is stored from then on.
#[test]
fn a_key_that_somebody_puts_in_the_place_of_the_stores_opens_by_no_slot() {
    let siege = Siege::new();
    let copy = Copied::of(&siege.scene.env.store());
    let id: Vec<u8> = siege.connection().query_row("SELECT id FROM store", [], |row| row.get(0)).unwrap();
    let (theirs, stranger) = (StoreKey::generate().unwrap(), SlotSecret::generate().unwrap());
    for slot in copy.slots() {
        let wrapped = wrap_to(&slot.public_key, &stranger.pin(), &theirs, &wrap_binding(&id, 7)).unwrap();
        let sql = "UPDATE key_slot SET wrapped = ?2 WHERE id = ?1";
        siege.connection().execute(sql, params![slot.id, wrapped]).unwrap();
    }
    siege.change("UPDATE store SET key_epoch = 7");
    siege.change("DELETE FROM credential");
    siege.scene.env.run(&["unlock"]).refused(4, &["key slot 1 (file) does not open"]);
    siege.put_back();
    siege.secrets.open(&siege.scene.env.store());
}

#[test]
fn the_doctor_names_a_slot_that_was_put_there_without_the_key() {
    let siege = Siege::new();
    siege.scene.env.run(&["doctor", "--check"]).ok();
    siege.change(
        "INSERT INTO key_slot (kind, params, public_key, wrapped, created_at, tag)
         SELECT 'recovery', params, public_key, wrapped, created_at, tag FROM key_slot WHERE kind = 'passphrase'",
    );
    siege.scene.env.run(&["doctor", "--check"]).code(1).stdout_has("key slot 5 (recovery) was changed, or put there");
}

/// It names a key file of the stranger's, or is a copy of a row that is there.
#[test]
fn a_slot_that_somebody_without_the_key_has_slipped_in_is_refused_by_its_number() {
    let siege = Siege::new();
    let theirs = Scene::with_bob();
    let key_file = siege.scene.env.path("theirs.key");
    fs::copy(beside(&theirs.env.store(), ".key"), &key_file).unwrap();
    let their_slot = Copied::of(&theirs.env.store()).slots().remove(0);
    let file_params = serde_json::json!({ "path": key_file }).to_string();
    let own_key = StoreKey::generate().unwrap();
    let meta = wrap_binding(&[0; 16], 1);
    for (kind, params, public_key, wrapped) in [
        ("file", file_params.as_str(), their_slot.public_key.clone(), their_slot.wrapped.clone()),
        (
            "file",
            &file_params,
            their_slot.public_key.clone(),
            wrap_to(&their_slot.public_key, &FileSlot::at(&key_file).read().unwrap().pin(), &own_key, &meta).unwrap(),
        ),
        ("command", r#"{"command":"echo hush"}"#, vec![9; 32], vec![1; 73]),
        ("recovery", r#"{"salt":"AAAA"}"#, vec![9; 32], vec![1; 73]),
        ("of-tomorrow", "{}", vec![9; 32], vec![1; 73]),
    ] {
        for tag in ["NULL", "zeroblob(41)", "(SELECT tag FROM key_slot WHERE id = 1)"] {
            let sql = format!(
                "INSERT INTO key_slot (kind, params, public_key, wrapped, created_at, tag) VALUES (?1, ?2, ?3, ?4, 1, {tag})"
            );
            siege.connection().execute(&sql, params![kind, params, public_key, wrapped]).unwrap();
            siege.is_refused(1, &["key slot 5 ("]);
            // The remedy works.
            siege.scene.env.run(&["key", "remove", "5"]).ok();
            siege.scene.env.run(&["key", "rotate"]).ok();
            siege.put_back();
        }
    }
}

#[test]
fn an_old_key_file_slot_without_a_proof_is_given_one_and_others_are_refused_with_a_remedy_that_works() {
    let siege = Siege::new();
    siege.change("UPDATE key_slot SET tag = NULL WHERE id = 1");
    siege.scene.env.run(&["key", "rotate"]).ok().calm();
    assert_eq!(Copy::of(&siege.scene.env.store()).texts("SELECT count(*) FROM key_slot WHERE tag IS NULL"), ["0"]);
    siege.secrets.open(&siege.scene.env.store());
    siege.put_back();
    siege.change("UPDATE key_slot SET tag = NULL");
    siege.is_refused(1, &["key slot 2 (passphrase)", "key remove 2", "key add passphrase"]);
    // At hand, and what the store is opened with: then it is proven.
    without_key_file(&siege.scene, || {
        siege.change("UPDATE key_slot SET tag = NULL WHERE id = 2");
        let rotate = with_passphrase(&siege.scene, siege.scene.env.command(&["key", "rotate"]), PASSPHRASE);
        rotate.run().refused(1, &["key slot 1 (file)"]);
        siege.put_back();
        siege.change("UPDATE key_slot SET tag = NULL WHERE id = 2");
        with_passphrase(&siege.scene, siege.scene.env.command(&["key", "rotate"]), PASSPHRASE).run().ok().calm();
    });
    siege.secrets.open(&siege.scene.env.store());
    siege.put_back();
    siege.change("UPDATE key_slot SET tag = NULL WHERE id = 2");
    siege.scene.env.run(&["key", "remove", "2"]).ok();
    let again = siege.scene.env.path("again");
    fs::write(&again, PASSPHRASE).unwrap();
    siege.scene.env.run(&["key", "add", "passphrase", "--passphrase-file", text(&again)]).ok();
    siege.scene.env.run(&["key", "rotate"]).ok().calm();
    without_key_file(&siege.scene, || {
        let switch = siege.scene.env.command(&["as", "--shell", "bash", "bob"]);
        with_passphrase(&siege.scene, switch, PASSPHRASE).run().ok();
    });
}

#[test]
fn a_credential_whose_seal_is_broken_is_named_and_importing_it_again_mends_it() {
    let siege = Siege::new();
    let Scene { env, bob, alice, .. } = &siege.scene;
    let moved = format!(
        "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE access_key_id = '{}') WHERE access_key_id = '{}'",
        alice.access_key_id, bob.access_key_id
    );
    for damage in [
        moved.as_str(),
        "UPDATE credential SET sealed = zeroblob(90) WHERE identity = (SELECT id FROM identity WHERE name = 'bob')",
        "UPDATE identity SET name = 'mallory' WHERE name = 'bob'",
    ] {
        siege.change(damage);
        siege.is_refused(1, &[&bob.access_key_id, "import the credential", "restore"]);
        let refused = env.run_with_stdin(
            &["import", "-"],
            ini(
                "default",
                &crate::support::sts::KeyPair { access_key_id: bob.access_key_id.clone(), secret: "x".repeat(40) },
            ),
        );
        refused.refused(5, &[&bob.access_key_id]);
        env.run_with_stdin(&["import", "-"], ini("default", bob)).ok().calm();
        env.run(&["key", "rotate"]).ok().calm();
        assert_eq!(env.run(&["doctor", "--check", "--json"]).json()["seals"]["broken"], 0);
        let code = siege.scene.become_in_bash(&bob.access_key_id);
        code.ok().stdout_has(&bob.secret);
        let whose = Copy::of(&env.store()).texts(&format!(
            "SELECT name FROM identity i JOIN credential c ON c.identity = i.id WHERE access_key_id = '{}'",
            bob.access_key_id
        ));
        assert_eq!(whose, ["bob"]);
        siege.put_back();
    }
}

#[test]
fn a_session_whose_seal_is_broken_is_named_and_a_fresh_one_mends_it() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    let broken = Connection::open(scene.env.store()).unwrap();
    broken.execute_batch("UPDATE credential SET sealed = zeroblob(90) WHERE kind = 'role'").unwrap();
    drop(broken);
    scene.env.run(&["key", "rotate"]).refused(1, &["ASIA", "--fresh"]);
    scene.become_in_bash("dev/Writer").refused(1, &["ASIA", "--fresh"]);
    scene.env.run(&["as", "--shell", "bash", "--fresh", "dev/Reader"]).ok();
    scene.env.run(&["as", "--shell", "bash", "--fresh", "dev/Writer"]).ok();
    scene.env.run(&["key", "rotate"]).ok().calm();
    scene.become_in_bash("dev/Writer").ok();
}

#[test]
fn wrapped_keys_that_change_places_open_nothing_and_are_told() {
    let siege = Siege::new();
    let of = |number: i64| format!("(SELECT wrapped FROM key_slot WHERE id = {number})");
    siege
        .connection()
        .execute_batch(
            "CREATE TEMP TABLE kept AS SELECT id, wrapped FROM key_slot;
             UPDATE key_slot SET wrapped = (SELECT wrapped FROM kept WHERE id = 5 - key_slot.id)",
        )
        .unwrap();
    siege.scene.become_in_bash("bob").refused(4, &["locked", "key slot 1 (file)"]);
    for typed in [PASSPHRASE, &siege.secrets.code] {
        let switch = siege.scene.env.command(&["as", "--shell", "bash", "bob"]);
        with_passphrase(&siege.scene, switch, typed).run().refused(4, &["locked"]);
    }
    siege.put_back();
    siege.change(&format!("UPDATE key_slot SET wrapped = {} WHERE id = 1", of(2)));
    siege.scene.become_in_bash("bob").refused(4, &["locked", "key slot 1 (file)"]);
    let switch = siege.scene.env.command(&["as", "--shell", "bash", &siege.scene.bob.access_key_id]);
    let code = with_passphrase(&siege.scene, switch, PASSPHRASE).run();
    assert_eq!(key_in_code(&code.ok().stdout), Some(siege.scene.bob.access_key_id.as_str()));
}

#[test]
fn rows_of_an_older_epoch_put_back_never_open_as_something_else() {
    let siege = Siege::new();
    let (env, path) = (&siege.scene.env, siege.scene.env.store());
    let seals = |copy: &Copy| copy.texts("SELECT hex(sealed) FROM credential ORDER BY id");
    let (old, epoch) = (seals(&Copy::of(&path)), Copied::of(&path).epoch());
    env.run(&["key", "rotate"]).ok();
    let bob = &siege.scene.bob;
    for also in [String::new(), format!("UPDATE store SET key_epoch = {epoch};")] {
        let kept = fs::read(&path).unwrap();
        let ids = Copy::of(&path).texts("SELECT id FROM credential ORDER BY id");
        let rows = ids.iter().zip(&old);
        let replay = rows.fold(String::new(), |sql, (id, seal)| {
            sql + &format!("UPDATE credential SET sealed = x'{seal}' WHERE id = {id};")
        });
        siege.connection().execute_batch(&(replay + &also)).unwrap();
        let code = siege.scene.become_in_bash(&bob.access_key_id);
        code.holds(matches!(code.status, 1 | 4), "a refusal").stdout_is("").calm().nowhere(&bob.secret);
        let again = env.run(&["key", "rotate"]);
        again.holds(matches!(again.status, 1 | 4), "a refusal").stdout_is("").calm();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, suffix));
        }
        fs::write(&path, kept).unwrap();
    }
    siege.scene.become_in_bash(&bob.access_key_id).ok().stdout_has(&bob.secret);
}

/// A new epoch alone, or the former one, is not the store's.
#[test]
fn an_epoch_that_was_changed_locks_the_store() {
    let siege = Siege::new();
    for epoch in ["0", "2", "-1", "9007199254740993"] {
        siege.change(&format!("UPDATE store SET key_epoch = {epoch}"));
        siege.scene.become_in_bash("bob").refused(4, &["locked", "key slot 1 (file)"]);
        siege.is_refused(4, &["locked"]);
        siege.put_back();
    }
}
