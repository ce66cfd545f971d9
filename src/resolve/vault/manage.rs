//! Adding and removing key slots. Neither is done through the agent, which never hands the key out.

use super::Keys;
use super::make::{Made, NewSlot, is_fleeting};
use super::unlock::Opened;
use crate::prompt::PromptError;
use crate::resolve::ResolveError;
use crate::secret::Secret;
use crate::store::{Durability, KeySlot, Store, StoreError};

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
    public_key: [u8; 32],
}

impl Added {
    /// Removes the slot again: nobody has seen its code, and so it opens nothing for anybody.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn take_back(&self, store: &mut Store) -> Result<(), ResolveError> {
        store.write(Durability::Synced, |writing| {
            let (_, slots) = writing.read().key_slots()?;
            if slots.iter().any(|slot| slot.id == self.number && slot.public_key[..] == self.public_key[..]) {
                writing.remove_slot(self.number)?;
            }
            Ok(())
        })
    }
}

impl Keys<'_> {
    /// Adds a way in.
    ///
    /// # Errors
    /// No slot opens the store now, or the new one cannot be made.
    pub fn add(&mut self, store: &mut Store, new: &NewSlot) -> Result<Added, ResolveError> {
        // First of all: a person who cannot open the store is not asked for a new passphrase.
        let mut opened = self.slot_key(store, &|_| true)?;
        let (_, there) = store.read().key_slots()?;
        let made = self.make(new, store.path(), &opened.meta.id, &there)?;
        self.unless_rotated(store, |keys, store| {
            if store.read().meta()? != opened.meta {
                opened = keys.slot_key(store, &|_| true)?;
            }
            keys.add_once(store, &mut opened, &made)
        })
    }

    fn add_once(&mut self, store: &mut Store, opened: &mut Opened, made: &Made) -> Result<Added, ResolveError> {
        let slot = made.stored(&mut opened.key, &opened.meta)?;
        let now = self.context.now();
        let number = store.write(Durability::Synced, |writing| {
            writing.check_key(&opened.meta)?;
            // The same secret, under whichever name, is no second way in.
            if writing.read().key_slots()?.1.iter().any(|there| there.public_key[..] == slot.public_key[..]) {
                let reason = "the store has that very slot already".to_owned();
                return Err(ResolveError::NewSlot { kind: made.kind, reason });
            }
            Ok(writing.add_slot(&slot, now)?)
        })?;
        let (kind, public_key) = (made.kind, slot.public_key);
        Ok(Added { number, kind, code: made.code.clone(), note: made.note.clone(), public_key })
    }

    /// Removes a way in, once another one that lasts has been seen to open the store; with `unproven`, whether or not one
    /// does.
    ///
    /// # Errors
    /// There is no such slot, none that would last is left, or none of the others opens the store.
    pub fn remove(&mut self, store: &mut Store, number: i64, unproven: bool) -> Result<KeySlot, ResolveError> {
        self.unless_rotated(store, |keys, store| keys.remove_once(store, number, unproven))
    }

    fn remove_once(&mut self, store: &mut Store, number: i64, unproven: bool) -> Result<KeySlot, ResolveError> {
        let (mut meta, slots) = store.read().key_slots()?;
        let gone = slots.iter().find(|slot| slot.id == number).ok_or(ResolveError::NoSlot(number))?.clone();
        check_lasts(&slots, number)?;
        let mut proof = None;
        if !unproven {
            let may_serve = |slot: &KeySlot| slot.id != number && lasts(slot);
            let opened = self.slot_key(store, &may_serve).map_err(|error| match error {
                ResolveError::Prompt(PromptError::Cancelled) => error,
                error => ResolveError::OnlyWayIn { number, why: error.to_string() },
            })?;
            (meta, proof) = (opened.meta, Some(opened.slot));
        }
        store.erase_what_is_replaced();
        store.write(Durability::Synced, |writing| {
            writing.check_key(&meta)?;
            // Another process may be removing the others, among them the one that was seen to open the store.
            let (_, slots) = writing.read().key_slots()?;
            check_lasts(&slots, number)?;
            let is_there = |proof: &KeySlot| slots.iter().any(|slot| is_same(slot, proof));
            if !is_same_at(&slots, number, &gone) || !proof.as_ref().is_none_or(is_there) {
                return Err(ResolveError::Store(StoreError::KeyChanged(writing.path().to_owned())));
            }
            Ok::<_, ResolveError>(writing.remove_slot(number)?)
        })?;
        Ok(gone)
    }
}

fn is_same(one: &KeySlot, other: &KeySlot) -> bool {
    one.id == other.id && one.public_key == other.public_key && one.wrapped == other.wrapped
}

/// Whether the slot of that number is gone, or still the one that was looked at.
fn is_same_at(slots: &[KeySlot], number: i64, looked_at: &KeySlot) -> bool {
    slots.iter().find(|slot| slot.id == number).is_none_or(|slot| is_same(slot, looked_at))
}

fn lasts(slot: &KeySlot) -> bool {
    !is_fleeting(&slot.kind, &slot.params)
}

/// That some slot other than this one is left which lives longer than the machine runs.
fn check_lasts(slots: &[KeySlot], number: i64) -> Result<(), ResolveError> {
    let mut rest = slots.iter().filter(|slot| slot.id != number).peekable();
    if rest.peek().is_none() {
        return Err(ResolveError::LastSlot { number, why: "it is the last way in" });
    }
    if !rest.any(lasts) {
        return Err(ResolveError::LastSlot { number, why: "the kernel forgets all the others at the next boot" });
    }
    Ok(())
}
