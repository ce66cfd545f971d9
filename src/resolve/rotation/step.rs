//! The steps, in their order. Each is written down once it is done, so that a kill costs at most the step itself.

use super::room::made_nothing;
use super::{RotateError, Rotated, Rotation};
use crate::identity::route::CredentialKind;
use crate::resolve::{Orphan, ResolveError};
use crate::secret::Credential;
use crate::store::{Durability, NewCredential, Phase, RotationRow, StoreError, Writing};
use crate::sts::StsError;

impl Rotation<'_, '_> {
    /// From the beginning; `before` is what an earlier run had intended, and not come to.
    pub(super) fn begin(&mut self, old: &str, before: Option<&RotationRow>) -> Result<Rotated, RotateError> {
        self.warn_of_root();
        self.resolver.confirm_protected(&self.row)?;
        self.agree_on_copies(old)?;
        self.choose_signer(old)?;
        let journal = self.intend(old, before)?;
        self.set_out();
        if self.is_told_to_stop() {
            self.end()?;
            return Err(RotateError::Cancelled);
        }
        let new = self.create(&journal)?;
        let journal = self.keep(journal, &new)?;
        self.finish(journal, &new, false)
    }

    /// Writes the intent down, and makes room for the new key.
    fn intend(&mut self, old: &str, before: Option<&RotationRow>) -> Result<RotationRow, RotateError> {
        let keys = self.list_keys()?;
        let ids: Vec<String> = keys.iter().map(|key| key.access_key_id.clone()).collect();
        // What an earlier run has deleted, and was killed before it could say so here.
        let gone = before.iter().flat_map(|before| &before.known).filter(|key| *key != old && !ids.contains(key));
        let gone: Vec<String> = gone.cloned().collect();
        let others: Vec<String> = ids.iter().filter(|id| *id != old).cloned().collect();
        let journal = RotationRow {
            identity: self.row.id,
            old_key: old.to_owned(),
            new_key: None,
            phase: Phase::Intended,
            known: ids,
            started_at: self.resolver.context.now(),
        };
        // Where the store cannot be written, AWS is asked for nothing. Before another key goes, too.
        self.write(|writing| writing.put_rotation(&journal))?;
        self.drop_deleted(&gone)?;
        let made = self.agree_on_room(old, keys, before).and_then(|agreed| self.make_room(old, &agreed));
        if let Err(error) = made {
            if !error.may_have_deleted() {
                self.take_journal_back(&journal, before)?;
            }
            return Err(error);
        }
        self.drop_deleted(&others)?;
        Ok(journal)
    }

    /// Only where nothing was done at AWS: else the next run finds by the journal what is gone there.
    fn take_journal_back(&mut self, journal: &RotationRow, before: Option<&RotationRow>) -> Result<(), RotateError> {
        self.write(|writing| match before {
            Some(before) => writing.put_rotation(before),
            None => writing.end_rotation(journal.identity),
        })
    }

    /// From where an earlier run was left.
    pub(super) fn resume(&mut self, journal: RotationRow) -> Result<Rotated, RotateError> {
        let new = journal.new_key.clone().unwrap_or_default();
        let (shown, old) = (self.shown(), &journal.old_key);
        self.resolver.context.note(&format!("the rotation of {old} of {shown} was interrupted, and goes on: {new}"));
        self.resolver.confirm_protected(&self.row)?;
        let in_use = if journal.phase == Phase::Stored && self.stores(old)? { old.clone() } else { new.clone() };
        self.choose_signer(&in_use)?;
        let held = self.resolver.long_term_keys(&self.row)?.into_iter().find(|held| held.access_key_id == new);
        let held = held.ok_or_else(|| RotateError::NotStored(self.shown()))?;
        let new = self.resolver.open(&held, &self.holder())?;
        self.set_out();
        self.finish(journal, &new, true)
    }

    /// One attempt, whatever happens.
    fn create(&mut self, journal: &RotationRow) -> Result<Credential, RotateError> {
        let user = self.user();
        let progress = self.progress("CreateAccessKey");
        let made = self.iam.create_access_key(user.as_deref(), self.signing());
        drop(progress);
        let id = made.as_ref().map(|made| format!(" {}", made.credential.access_key_id)).unwrap_or_default();
        self.record_call(&format!("CreateAccessKey{id}"), made.as_ref().map(|made| made.request_id.as_deref()));
        let error = match made {
            Ok(made) if journal.known.contains(&made.credential.access_key_id) => {
                StsError::Unusable { action: "CreateAccessKey", reason: "a key that is not new".to_owned() }
            }
            Ok(made) => return Ok(made.credential),
            Err(error) => error,
        };
        let shown = self.shown();
        if made_nothing(&error) {
            self.end()?;
            return Err(match error {
                StsError::Refused { code, message, .. } if code == "LimitExceeded" => {
                    RotateError::NoRoomYet { shown, message }
                }
                error => error.into(),
            });
        }
        let orphan = self.look_for_orphan(journal)?;
        if matches!(orphan, Orphan::Deleted(_)) {
            self.end()?;
        }
        Err(RotateError::LostReply { shown, error: Box::new(error), orphan })
    }

    /// Stores the new key, behind the old one.
    fn keep(&mut self, journal: RotationRow, new: &Credential) -> Result<RotationRow, RotateError> {
        let id = new.access_key_id.as_str();
        let (holder, now, identity) = (self.holder(), self.resolver.context.now(), self.row.id);
        let journal = RotationRow { new_key: Some(id.to_owned()), phase: Phase::Stored, ..journal };
        let put = |writing: &Writing<'_>, sealed: &crate::secret::Sealed| {
            let new = NewCredential {
                access_key_id: id,
                kind: CredentialKind::LongTerm,
                request_hash: None,
                sealed,
                created_at: now,
                expires_at: None,
                expiry_is_guess: false,
                restricted_as: None,
            };
            let is_stored = writing.put_key_behind(identity, &journal.old_key, &new)?;
            if is_stored {
                writing.put_rotation(&journal)?;
            }
            Ok(is_stored)
        };
        let stored = self
            .resolver
            .store_and_keys()
            .and_then(|(store, mut keys)| keys.put(store, Durability::Synced, (&holder, id, &new.material), put));
        match stored {
            Ok(true) => Ok(journal),
            Ok(false) => Err(self.take_back(id, ResolveError::CredentialGone)),
            Err(error) => Err(self.take_back(id, error)),
        }
    }

    /// A key that could not be stored is deleted again: its secret is about to be lost.
    fn take_back(&mut self, new: &str, error: ResolveError) -> RotateError {
        let left = self.delete_key(new).is_err().then(|| new.to_owned());
        if left.is_none() {
            // A disk that failed in the last moment may have stored it all the same; it is of no use then. What is
            // written down still is found out by the next run.
            let identity = self.row.id;
            let _ = self.write(|writing| {
                writing.remove_long_term_key(new)?;
                writing.end_rotation(identity)
            });
        }
        RotateError::NotKept { shown: self.shown(), error: Box::new(error), left }
    }

    /// From a stored new key to the end of the old one.
    fn finish(&mut self, journal: RotationRow, new: &Credential, resumed: bool) -> Result<Rotated, RotateError> {
        let mut journal = journal;
        while journal.phase < Phase::InUse {
            self.check_told(&journal)?;
            self.prove(&journal, new)?;
            journal = self.take_into_use(&journal)?;
        }
        self.sign_with(new);
        while journal.phase < Phase::Retired {
            self.check_told(&journal)?;
            self.step(&journal, |at| Ok(at.set_active(&journal.old_key, false)?))?;
            let retired = RotationRow { phase: Phase::Retired, ..journal.clone() };
            self.step(&journal, |at| at.write(|writing| writing.put_rotation(&retired)))?;
            journal = retired;
        }
        self.check_told(&journal)?;
        self.prove_again(&journal, new)?;
        self.check_told(&journal)?;
        self.step(&journal, |at| Ok(at.delete_key(&journal.old_key)?))?;
        let identity = self.row.id;
        self.step(&journal, |at| {
            at.write(|writing| {
                writing.remove_long_term_key(&journal.old_key)?;
                writing.end_rotation(identity)
            })
        })?;
        let copies = self.copies(&journal.old_key).unwrap_or_default();
        let new_key = new.access_key_id.clone();
        Ok(Rotated { old_key: journal.old_key, new_key, resumed, by_another: false, copies })
    }

    /// AWS takes the new key, and for whom it should. One that can never be taken goes again.
    fn prove(&mut self, journal: &RotationRow, new: &Credential) -> Result<(), RotateError> {
        let Err(error) = self.verify(new) else { return Ok(()) };
        let ResolveError::Sts(StsError::Refused { code, .. }) = &error else {
            return Err(self.unfinished(journal, error));
        };
        if self.is_told_to_stop() {
            return Err(self.unfinished(journal, error));
        }
        let key = new.access_key_id.clone();
        if self.stores(&journal.old_key)? && self.can_never_be_taken(&key, code) {
            self.write(|writing| {
                writing.remove_long_term_key(&key)?;
                writing.end_rotation(journal.identity)
            })?;
        }
        Err(RotateError::NotTaken { shown: self.shown(), key, error: Box::new(error) })
    }

    /// Whether AWS does not even list the key; or has it, and its secret is another one than that which came (an answer
    /// that was cut short): then it is deleted. That AWS takes the signature of the list shows that no clock is wrong.
    fn can_never_be_taken(&self, key: &str, code: &str) -> bool {
        let Ok(keys) = self.list_keys() else { return false };
        let is_listed = keys.iter().any(|listed| listed.access_key_id == key);
        !is_listed || (code == "SignatureDoesNotMatch" && self.delete_key(key).is_ok())
    }

    /// From now on the new key is the one in use, and nothing is left that was obtained with the old one.
    fn take_into_use(&mut self, journal: &RotationRow) -> Result<RotationRow, RotateError> {
        let in_use = RotationRow { phase: Phase::InUse, ..journal.clone() };
        let (new, now) = (in_use.new_key.clone().unwrap_or_default(), self.resolver.context.now());
        self.step(journal, |at| {
            at.write(|writing| {
                writing.put_key_in_front(&new, now)?;
                writing.forget_sessions_of_key(in_use.identity)?;
                writing.put_rotation(&in_use)
            })
        })?;
        Ok(in_use)
    }

    /// AWS takes the new key also without the old one, else the old one comes back.
    fn prove_again(&mut self, journal: &RotationRow, new: &Credential) -> Result<(), RotateError> {
        let Err(error) = self.verify(new) else { return Ok(()) };
        let refused = matches!(&error, ResolveError::Sts(StsError::Refused { .. }));
        let is_back = refused && self.stores(&journal.old_key)? && self.set_active(&journal.old_key, true).is_ok();
        if !is_back {
            return Err(self.unfinished(journal, error));
        }
        let stored = RotationRow { phase: Phase::Stored, ..journal.clone() };
        let now = self.resolver.context.now();
        self.step(journal, |at| {
            at.write(|writing| {
                writing.put_key_in_front(&stored.old_key, now)?;
                writing.put_rotation(&stored)
            })
        })?;
        Err(RotateError::NotTaken { shown: self.shown(), key: new.access_key_id.clone(), error: Box::new(error) })
    }

    /// A step after which it can be told what is so.
    fn step(
        &mut self,
        journal: &RotationRow,
        work: impl FnOnce(&mut Self) -> Result<(), RotateError>,
    ) -> Result<(), RotateError> {
        work(self).map_err(|error| match error {
            RotateError::Resolve(error) => self.unfinished(journal, error),
            error => error,
        })
    }

    fn unfinished(&self, journal: &RotationRow, error: ResolveError) -> RotateError {
        if let Err(interrupted) = self.check_told(journal) {
            return interrupted;
        }
        let (old, new) = (journal.old_key.clone(), journal.new_key.clone().unwrap_or_default());
        RotateError::Unfinished { shown: self.shown(), phase: journal.phase, old, new, error: Box::new(error) }
    }

    fn check_told(&self, journal: &RotationRow) -> Result<(), RotateError> {
        if !self.is_told_to_stop() {
            return Ok(());
        }
        let (old, new) = (journal.old_key.clone(), journal.new_key.clone().unwrap_or_default());
        Err(RotateError::Interrupted { shown: self.shown(), phase: journal.phase, old, new })
    }

    fn end(&mut self) -> Result<(), RotateError> {
        let identity = self.row.id;
        self.write(|writing| writing.end_rotation(identity))
    }

    pub(super) fn write(
        &mut self,
        work: impl FnOnce(&Writing<'_>) -> Result<(), StoreError>,
    ) -> Result<(), RotateError> {
        let store = self.resolver.catalogue.store_mut().ok_or(ResolveError::CredentialGone)?;
        store.erase_what_is_replaced();
        Ok(store.write(Durability::Synced, work)?)
    }
}
