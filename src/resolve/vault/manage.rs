//! Adding and removing key slots, and changing the store key itself. None of it is done through the agent, which never
//! hands the key out.

use super::make::{NewSlot, is_fleeting};
use super::unlock::hold;
use super::{Keys, TRIES, binding, original_binding};
use crate::identity::Holder;
use crate::prompt::PromptError;
use crate::resolve::ResolveError;
use crate::seal::{Sealer, SlotBinding, StoreKey, wrap_to};
use crate::secret::Secret;
use crate::store::{Durability, KeySlot, Store, StoreError, StoreMeta, Writing};

/// Rows that are sealed anew before the next ones are read.
const BATCH: u32 = 500;

/// A slot that was added.
#[derive(Debug)]
pub struct Added {
    /// Its number.
    pub number: i64,
    /// Its kind.
    pub kind: &'static str,
    /// The recovery code, which is to be shown this once.
    pub code: Option<Secret>,
    /// What a person should know of it.
    pub note: Option<String>,
}

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
}

impl Keys<'_> {
    /// Adds a way in.
    ///
    /// # Errors
    /// No slot opens the store now, or the new one cannot be made.
    pub fn add(&mut self, store: &mut Store, new: &NewSlot) -> Result<Added, ResolveError> {
        // First of all: a person who cannot open the store is not asked for a new passphrase.
        let (meta, mut key, _) = self.slot_key(store, |_| true)?;
        let path = store.path().to_owned();
        let made = self.make(new, &path, &meta.id)?;
        if store.read().key_slots()?.1.iter().any(|slot| slot.kind == made.kind && slot.params == made.params) {
            let reason = "the store has that very slot already".to_owned();
            return Err(ResolveError::NewSlot { kind: made.kind, reason });
        }
        let slot = made.stored(&mut key, &meta.id, meta.key_epoch)?;
        let now = self.context.now();
        let number = store.write(Durability::Synced, |writing| {
            writing.check_key_epoch(meta.key_epoch)?;
            writing.add_slot(&slot, now)
        })?;
        Ok(Added { number, kind: made.kind, code: made.code, note: made.note })
    }

    /// Removes a way in, once another one has been seen to open the store; with `unproven`, whether or not one does.
    ///
    /// # Errors
    /// There is no such slot, none that would last is left, or none of the others opens the store.
    pub fn remove(&mut self, store: &mut Store, number: i64, unproven: bool) -> Result<KeySlot, ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        let gone = slots.into_iter().find(|slot| slot.id == number).ok_or(ResolveError::NoSlot(number))?;
        let rest = |slot: &KeySlot| slot.id != number;
        check_lasts(&store.read().key_slots()?.1, number)?;
        if !unproven {
            self.slot_key(store, rest).map_err(|error| match error {
                ResolveError::Prompt(PromptError::Cancelled) => error,
                error => ResolveError::OnlyWayIn { number, why: error.to_string() },
            })?;
        }
        store.erase_what_is_replaced();
        store.write(Durability::Synced, |writing| {
            writing.check_key_epoch(meta.key_epoch)?;
            // Another process may be removing the others.
            check_lasts(&writing.read().key_slots()?.1, number)?;
            Ok::<_, ResolveError>(writing.remove_slot(number)?)
        })?;
        Ok(gone)
    }

    /// Gives the store a new key: every secret is sealed anew, every slot opens the new key, in one transaction. A slot
    /// that cannot be opened now is given it by its public key.
    ///
    /// # Errors
    /// No slot opens the store, a seal does not open, or a slot may have been slipped in: nothing is changed.
    pub fn rotate(&mut self, store: &mut Store) -> Result<Rotated, ResolveError> {
        for _ in 1..TRIES {
            match self.rotate_once(store) {
                Err(ResolveError::Store(StoreError::KeyChanged(_))) => {}
                done => return done,
            }
        }
        self.rotate_once(store)
    }

    fn rotate_once(&mut self, store: &mut Store) -> Result<Rotated, ResolveError> {
        let (meta, mut former, by) = self.slot_key(store, |_| true)?;
        let is_held = self.agent(&meta).is_some();
        let mut key = StoreKey::generate()?;
        let next = StoreMeta { id: meta.id.clone(), key_epoch: meta.key_epoch + 1 };
        store.erase_what_is_replaced();
        let rotated = store.write(Durability::Synced, |writing| {
            writing.check_key_epoch(meta.key_epoch)?;
            let mut work = Rotation { writing, former: (&mut former, &meta), new: (&mut key, &next) };
            let (credentials, originals) = (work.credentials()?, work.originals()?);
            let slots = work.slots(|slot| self.is_genuine(writing, slot, &by))?;
            writing.set_key_epoch(next.key_epoch)?;
            Ok::<_, ResolveError>(Rotated { key_epoch: next.key_epoch, credentials, originals, slots })
        })?;
        self.vault.unlocked = None;
        if is_held && let Err(error) = hold(self.context, &next, &key) {
            self.context.note(&format!("the agent does not have the new key: {error}"));
        }
        Ok(rotated)
    }

    /// Whether an old slot, which has no proof that it was made by somebody who had the store key, is what it says: its
    /// secret, where it is at hand, gives its public key.
    fn is_genuine(&self, writing: &Writing<'_>, slot: &KeySlot, opened_by: &KeySlot) -> bool {
        let Ok(meta) = writing.read().meta() else { return false };
        let kind_and_params = (slot.kind.as_str(), slot.params.as_str());
        let may_run = slot.id == opened_by.id || super::slot::cost(&slot.kind) == 0;
        let secret = || super::slot::secret(self.context, writing.path(), &meta, kind_and_params, false).ok();
        may_run && secret().is_some_and(|secret| super::slot::is_own(&secret, slot))
    }
}

/// That some slot other than this one is left which lives longer than the machine runs.
fn check_lasts(slots: &[KeySlot], number: i64) -> Result<(), ResolveError> {
    let mut rest = slots.iter().filter(|slot| slot.id != number).peekable();
    if rest.peek().is_none() {
        return Err(ResolveError::LastSlot { number, why: "it is the last way in" });
    }
    if rest.all(|slot| is_fleeting(&slot.kind, &slot.params)) {
        return Err(ResolveError::LastSlot { number, why: "the kernel forgets all the others at the next boot" });
    }
    Ok(())
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
    fn slots(&mut self, is_genuine: impl Fn(&KeySlot) -> bool) -> Result<usize, ResolveError> {
        let (_, slots) = self.writing.read().key_slots()?;
        let tags = self.writing.read().slot_tags()?;
        for slot in &slots {
            let former = SlotBinding {
                store_id: &self.former.1.id,
                key_epoch: self.former.1.key_epoch,
                kind: &slot.kind,
                params: &slot.params,
                public_key: &slot.public_key,
            };
            let tag = tags.iter().find(|(number, _)| *number == slot.id).and_then(|(_, tag)| tag.as_deref());
            let is_ours = match tag {
                Some(tag) => self.former.0.has_tagged(tag, &former),
                None => is_genuine(slot),
            };
            if !is_ours {
                return Err(ResolveError::ForeignSlot { number: slot.id, kind: slot.kind.clone() });
            }
            let wrapped = wrap_to(&slot.public_key, self.new.0, &self.new.1.id)?;
            let tag = self.new.0.slot_tag(&SlotBinding { key_epoch: self.new.1.key_epoch, ..former })?;
            self.writing.rewrap_slot(slot.id, &wrapped, &tag)?;
        }
        Ok(slots.len())
    }
}
