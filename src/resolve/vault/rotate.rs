//! A new store key. What it takes from outside (a secret that opens the store, proofs of old slots) is had before the
//! transaction: nobody is asked, and no program is run, while other processes wait.

use super::unlock::Opened;
use super::with_agent::replace;
use super::{Keys, TRIES, binding, original_binding, tagged, wrapping};
use crate::context::Context;
use crate::identity::Holder;
use crate::identity::hash::hex;
use crate::lock::{HopLock, LockError, PATIENCE};
use crate::resolve::ResolveError;
use crate::seal::{FileSlot, Pin, Sealer, SlotBinding, StoreKey, next_epoch, wrap_to};
use crate::store::{Durability, KeySlot, SlotTag, Store, StoreError, StoreMeta, Writing};

/// Rows that are sealed anew before the next ones are read.
const BATCH: u32 = 500;

/// What was done for a new store key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Which store key it is now.
    pub key_epoch: i64,
    /// How many credentials were sealed anew.
    pub credentials: u64,
    /// How many kept contents of files.
    pub originals: u64,
    /// How many slots open it.
    pub slots: usize,
    /// Whether nothing of what was sealed before is left in the file.
    pub rewritten: bool,
}

impl Keys<'_> {
    /// Gives the store a new key: every secret is sealed anew, every slot opens the new key, in one transaction. A slot
    /// that cannot be opened now is given it by its public key.
    ///
    /// # Errors
    /// No slot opens the store, a seal does not open, or a slot may have been slipped in: nothing is changed.
    pub fn rotate(&mut self, store: &mut Store) -> Result<Rotated, ResolveError> {
        let meta = store.read().meta()?;
        let _alone = match rotation_lock(self.context, &meta, PATIENCE) {
            // Without a place for locks, the store's own are enough.
            Err(LockError::Unusable { .. }) => None,
            taken => Some(taken?),
        };
        for _ in 1..TRIES {
            match self.rotate_once(store) {
                Err(ResolveError::Store(StoreError::KeyChanged(_))) => {}
                done => return done,
            }
        }
        self.rotate_once(store)
    }

    fn rotate_once(&mut self, store: &mut Store) -> Result<Rotated, ResolveError> {
        let mut opened = self.slot_key(store, &|_| true)?;
        let proven = self.proven(store, &opened)?;
        let mut key = StoreKey::generate()?;
        let next = StoreMeta { id: opened.meta.id.clone(), key_epoch: next_epoch()? };
        store.erase_what_is_replaced();
        let rotated = store.write(Durability::Synced, |writing| {
            writing.check_key(&opened.meta)?;
            let mut work = Rotation { writing, former: (&mut opened.key, &opened.meta), new: (&mut key, &next) };
            let (credentials, originals) = (work.credentials()?, work.originals()?);
            let slots = work.slots(&proven)?;
            writing.set_key_epoch(next.key_epoch)?;
            Ok::<_, ResolveError>(Rotated {
                key_epoch: next.key_epoch,
                credentials,
                originals,
                slots,
                rewritten: false,
            })
        })?;
        self.vault.unlocked = None;
        if let Err(error) = replace(self.context, store, &next, &key) {
            self.context.note(&format!("the agent does not have the new key: {error}"));
        }
        Ok(Rotated { rewritten: store.rewrite(), ..rotated })
    }

    /// Which of the slots that are too old to have a proof in the store are what they say: each with the public key that
    /// its secret gives, which is at hand and opens the same store key. Whoever slips a slot in cannot wrap that key.
    fn proven(&self, store: &Store, opened: &Opened) -> Result<Vec<Proven>, ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        let mut proven = vec![(opened.slot.id, opened.public_key, opened.pin.clone())];
        for slot in slots.iter().filter(|slot| slot.kind == FileSlot::KIND) {
            let kind_and_params = (slot.kind.as_str(), slot.params.as_str());
            let Ok(secret) = super::slot::secret(self.context, store.path(), &meta, kind_and_params, false) else {
                continue;
            };
            let key = secret.unwrap_key(&slot.wrapped, &wrapping(&meta));
            if key.is_some_and(|key| key.expose() == opened.key.expose()) {
                proven.push((slot.id, secret.public_key(), secret.pin()));
            }
        }
        Ok(proven)
    }

    /// The slots that were changed, or put there by somebody who does not have the store's key. Those that are older than
    /// the proof say nothing either way.
    ///
    /// # Errors
    /// The store is locked, or cannot be read.
    pub fn foreign_slots(&mut self, store: &Store) -> Result<Vec<KeySlot>, ResolveError> {
        let (slots, tags) = (store.read().key_slots()?.1, store.read().slot_tags()?);
        self.with_sealer(store, |sealer, meta| {
            let mut foreign = Vec::new();
            for slot in &slots {
                let tag = tag_of(&tags, slot);
                let pin = tag.map(|tag| sealer.pin_of(tag, &tagged(meta, named(slot)))).transpose()?;
                if pin.is_some_and(|pin| pin.is_none()) {
                    foreign.push(slot.clone());
                }
            }
            Ok(foreign)
        })
    }
}

/// Held while a store gets a new key, and until the agent has it, too.
pub(super) fn rotation_lock(
    context: &Context,
    meta: &StoreMeta,
    patience: std::time::Duration,
) -> Result<HopLock, LockError> {
    let folder = context.runtime_folder().join("locks");
    let waiting =
        |holder: &str| context.note(&format!("waiting for process {holder}, which gives the store a new key"));
    HopLock::take(&folder, &format!("rotate-{}", hex(&meta.id)), "giving the store a new key", patience, waiting)
}

/// A store on its way from one key to the next.
struct Rotation<'w, 's> {
    writing: &'w Writing<'s>,
    former: (&'w mut StoreKey, &'w StoreMeta),
    new: (&'w mut StoreKey, &'w StoreMeta),
}

impl Rotation<'_, '_> {
    fn credentials(&mut self) -> Result<u64, ResolveError> {
        let (mut last, mut count) = (i64::MIN, 0);
        loop {
            let rows = self.writing.read().sealed_after(last, BATCH)?;
            let Some(end) = rows.last().map(|row| row.id) else { return Ok(count) };
            for row in &rows {
                let sealed = self.writing.read().sealed(row.id)?.ok_or(ResolveError::CredentialGone)?;
                let identity = row.holder.as_ref().map(Holder::key).unwrap_or_default();
                let (former, meta) = (&mut *self.former.0, self.former.1);
                let material = former.open(&sealed, &binding(meta, &identity, &row.access_key_id))?;
                let (new, next) = (&mut *self.new.0, self.new.1);
                let sealed = new.seal(&material, &binding(next, &identity, &row.access_key_id))?;
                self.writing.reseal_credential(row.id, &sealed)?;
            }
            last = end;
            count += rows.len() as u64;
        }
    }

    fn originals(&mut self) -> Result<u64, ResolveError> {
        let (mut last, mut count) = (String::new(), 0);
        while let Some(path) = self.writing.read().original_after(&last)? {
            let row = self.writing.read().original(&path)?.ok_or(ResolveError::CredentialGone)?;
            let content =
                self.former.0.open_original(&row.sealed, &original_binding(self.former.1, &path, row.kept_at))?;
            let sealed = self.new.0.seal_original(&content, &original_binding(self.new.1, &path, row.kept_at))?;
            self.writing.reseal_original(&path, &sealed)?;
            last = path;
            count += 1;
        }
        Ok(count)
    }

    /// Seals the new key to each slot; its public key must be the one that it was made with.
    fn slots(&mut self, proven: &[Proven]) -> Result<usize, ResolveError> {
        let (_, slots) = self.writing.read().key_slots()?;
        let tags = self.writing.read().slot_tags()?;
        for slot in &slots {
            let tag = tag_of(&tags, slot);
            let former = tagged(self.former.1, named(slot));
            let pin = match tag {
                Some(tag) => self.former.0.pin_of(tag, &former)?,
                None => pin_of(slot, proven),
            };
            let foreign = || ResolveError::ForeignSlot { number: slot.id, kind: slot.kind.clone() };
            let pin = pin.ok_or_else(foreign)?;
            let wrapped = wrap_to(&slot.public_key, &pin, self.new.0, &wrapping(self.new.1))?;
            let tag = self.new.0.slot_tag(&pin, &SlotBinding { key_epoch: self.new.1.key_epoch, ..former })?;
            self.writing.rewrap_slot(slot.id, &wrapped, &tag)?;
        }
        Ok(slots.len())
    }
}

/// The proof of a slot, where it has one.
fn tag_of<'t>(tags: &'t [SlotTag], slot: &KeySlot) -> Option<&'t [u8]> {
    tags.iter().find(|(number, _)| *number == slot.id).and_then(|(_, tag)| tag.as_deref())
}

/// What a slot's proof is about.
fn named(slot: &KeySlot) -> (&str, &str, &[u8]) {
    (&slot.kind, &slot.params, &slot.public_key)
}

/// A slot whose secret is at hand: its number, the public key that the secret gives, and its pin.
type Proven = (i64, [u8; 32], Pin);

fn pin_of(slot: &KeySlot, proven: &[Proven]) -> Option<Pin> {
    let is_it = |(number, public_key, _): &&Proven| *number == slot.id && public_key[..] == slot.public_key[..];
    proven.iter().find(is_it).map(|(.., pin)| pin.clone())
}
