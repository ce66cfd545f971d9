//! A store with slots of several kinds, and what each of them opens: found out with the program's own cipher, but
//! without its commands, so that a slot can be tried whose secret they are not given.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use multicred::seal::{
    Binding, CommandSlot, FileSlot, OriginalBinding, PassphraseSlot, RecoverySlot, Sealer, SlotSecret, StoreKey,
    wrap_binding,
};
use multicred::secret::Secret;
use multicred::store::{KeySlot, Store};
use serde::de::DeserializeOwned;

use super::Scene;
use super::store::{Copy, beside};
use crate::support::env::Invocation;

pub const ANOTHER_PASSPHRASE: &str = "another one, of somebody with a good memory";
pub const PASSPHRASE: &str = "correct horse battery staple";
pub const PRINTED: &str = "what-the-command-prints-8d1f0c6e52";

/// What a store gives away to somebody who has its key: every secret, by what it belongs to.
pub type Everything = BTreeMap<String, String>;

/// The secrets of a store's slots, by the slots' numbers.
pub struct Secrets {
    of: BTreeMap<i64, SlotSecret>,
    /// The recovery code.
    pub code: String,
}

fn params<T: DeserializeOwned>(slot: &KeySlot) -> T {
    serde_json::from_str(&slot.params).expect("what the slot remembers")
}

impl Secrets {
    /// Adds a passphrase, a recovery code and a command to the key file of a store. None of them is at hand afterwards.
    #[track_caller]
    pub fn add_to(scene: &mut Scene) -> Self {
        let (passphrase, printed) = (scene.env.path("passphrase"), scene.env.path("printed"));
        scene.env.write("passphrase", format!("{PASSPHRASE}\n")).write("printed", PRINTED);
        scene.env.run(&["key", "add", "passphrase", "--passphrase-file", text(&passphrase)]).ok();
        let code = scene.env.run(&["key", "add", "recovery"]).ok().stdout.trim().to_owned();
        scene.env.run(&["key", "add", "command", "--", "cat", text(&printed)]).ok();
        for file in [passphrase, printed] {
            fs::remove_file(file).expect("a file to remove");
        }
        let slots = Copied::of(&scene.env.store()).slots();
        Self { of: slots.iter().map(|slot| (slot.id, secret(scene, slot, &code))).collect(), code }
    }

    /// The slots' numbers.
    pub fn numbers(&self) -> Vec<i64> {
        self.of.keys().copied().collect()
    }

    /// Knows the slots that were added since, too: with the same passphrase and command, and this code.
    pub fn learn(&mut self, scene: &Scene, code: &str) {
        for slot in Copied::of(&scene.env.store()).slots() {
            self.of.entry(slot.id).or_insert_with(|| secret(scene, &slot, code));
        }
    }

    pub fn forget(&mut self, number: i64) {
        self.of.remove(&number);
    }

    /// What each slot that is there opens: the very same, and all of the store.
    #[track_caller]
    pub fn open(&self, path: &Path) -> Everything {
        let store = Copied::of(path);
        let slots = store.slots();
        let mut opened: Vec<(Everything, [u8; 32])> = Vec::new();
        for slot in &slots {
            let secret = self.of.get(&slot.id).unwrap_or_else(|| panic!("slot {} is nobody's", slot.id));
            let key =
                store.key(secret, slot).unwrap_or_else(|| panic!("slot {} ({}) opens nothing", slot.id, slot.kind));
            let bytes = *key.expose();
            opened.push((store.everything(key), bytes));
        }
        let first = opened.first().expect("a store that something opens").clone();
        assert!(opened.iter().all(|other| *other == first), "the slots open different things");
        first.0
    }

    /// The store key that a slot opens.
    #[track_caller]
    pub fn key(&self, path: &Path, number: i64) -> StoreKey {
        let store = Copied::of(path);
        let slot = store.slots().into_iter().find(|slot| slot.id == number).expect("that slot");
        store.key(&self.of[&number], &slot).expect("a slot that opens")
    }
}

fn secret(scene: &Scene, slot: &KeySlot, code: &str) -> SlotSecret {
    match slot.kind.as_str() {
        "file" => {
            let params: serde_json::Value = params(slot);
            FileSlot::at(scene.env.store().with_file_name(params["path"].as_str().expect("a path"))).look()
        }
        "passphrase" => {
            let of = |text: &str| params::<PassphraseSlot>(slot).secret(&Secret::new(text));
            let is_its = |secret: &SlotSecret| secret.public_key()[..] == slot.public_key[..];
            of(PASSPHRASE).ok().filter(is_its).map_or_else(|| of(ANOTHER_PASSPHRASE), Ok)
        }
        "recovery" => params::<RecoverySlot>(slot).secret(&Secret::new(code)),
        "command" => params::<CommandSlot>(slot).secret(&Secret::new(PRINTED)),
        kind => panic!("no secret of a slot of the kind {kind}"),
    }
    .expect("its secret")
}

/// A copy of a store, opened for looking.
pub struct Copied {
    copy: Copy,
    store: Store,
}

impl Copied {
    pub fn of(path: &Path) -> Self {
        let copy = Copy::of(path);
        let place = copy.connection.path().expect("a copy in a file").to_owned();
        let store = Store::open_to_look(Path::new(&place)).expect("a store").expect("it is there");
        Self { copy, store }
    }

    pub fn slots(&self) -> Vec<KeySlot> {
        self.store.read().key_slots().expect("its slots").1
    }

    pub fn epoch(&self) -> i64 {
        self.store.read().meta().expect("what it says of itself").key_epoch
    }

    fn key(&self, secret: &SlotSecret, slot: &KeySlot) -> Option<StoreKey> {
        let meta = self.store.read().meta().expect("what it says of itself");
        secret.unwrap_key(&slot.wrapped, &wrap_binding(&meta.id, meta.key_epoch))
    }

    /// Every secret; fails where one does not open.
    #[track_caller]
    pub fn everything(&self, key: StoreKey) -> Everything {
        self.try_everything(key).unwrap_or_else(|what| panic!("{what} does not open"))
    }

    /// Every secret, or the first thing that does not open.
    pub fn try_everything(&self, mut key: StoreKey) -> Result<Everything, String> {
        let (read, mut all) = (self.store.read(), Everything::new());
        let meta = read.meta().expect("what it says of itself");
        let (store_id, key_epoch) = (meta.id.as_slice(), meta.key_epoch);
        for row in read.sealed_after(i64::MIN, u32::MAX).expect("its credentials") {
            let (sealed, identity) =
                (read.sealed(row.id).expect("a row").expect("a seal"), row.holder.expect("whose").key());
            let binding = Binding { store_id, key_epoch, identity: &identity, access_key_id: &row.access_key_id };
            let material = key.open(&sealed, &binding).map_err(|_| row.access_key_id.clone())?;
            let token = material.session_token.as_ref().map_or("", Secret::expose);
            all.insert(row.access_key_id, format!("{} {token}", material.secret_access_key.expose()));
        }
        for path in self.copy.texts("SELECT path FROM file_original") {
            let row = read.original(&path).expect("a row").expect("an original");
            let binding = OriginalBinding { store_id, key_epoch, path: &path, kept_at: row.kept_at };
            let content = key.open_original(&row.sealed, &binding).map_err(|_| path.clone())?;
            all.insert(path, String::from_utf8_lossy(&content).into_owned());
        }
        Ok(all)
    }
}

/// A command with nothing at hand but what it is given: the key file is away.
pub fn without_key_file(scene: &Scene, work: impl FnOnce()) {
    let (file, away) = (beside(&scene.env.store(), ".key"), scene.env.path("key-that-is-away"));
    fs::rename(&file, &away).expect("the key file");
    work();
    fs::rename(&away, &file).expect("the key file");
}

/// Gives a command a passphrase, or a code.
pub fn with_passphrase(scene: &Scene, command: Invocation, passphrase: &str) -> Invocation {
    let file = scene.env.path("typed");
    fs::write(&file, passphrase).expect("a file");
    command.set("MULTICRED_PASSPHRASE_FILE", text(&file))
}

/// A path as a word of a command.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}
