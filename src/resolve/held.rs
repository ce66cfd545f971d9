//! Credentials that exist: opened, proven, discarded.

use super::{Destination, Keys, ResolveError, Resolver};
use crate::aws_config;
use crate::identity::Holder;
use crate::identity::plan::Start;
use crate::identity::route::{Held, Place};
use crate::secret::{Credential, KeyMaterial, Secret};
use crate::store::{Durability, Store};
use crate::sts::Signing;

/// A guessed expiry that turned out to be too early is moved on by this many seconds.
const ANOTHER_GUESS: i64 = 15 * 60;

impl Resolver<'_> {
    /// A person who must type a passphrase does so before AWS is asked, and before others wait for its answer. A store
    /// that stays locked keeps nobody from a credential.
    pub(super) fn unlock_first(&mut self) -> Result<(), ResolveError> {
        let Some((store, mut keys)) = self.keys() else { return Ok(()) };
        match keys.unlock_now(store) {
            Err(error) if error.is_no() => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens the store, made where there is none, so that a lock on it is known of now.
    ///
    /// # Errors
    /// The store cannot be made, or nothing opens it.
    pub fn unlock(&mut self) -> Result<(), ResolveError> {
        let (store, mut keys) = self.store_and_keys()?;
        keys.unlock_now(store)
    }

    /// Opens a credential that exists.
    pub(super) fn open(&mut self, held: &Held, holder: &Holder) -> Result<Credential, ResolveError> {
        match &held.place {
            Place::Store(id) => {
                let (store, mut keys) = self.keys().ok_or(ResolveError::CredentialGone)?;
                let material = keys.open(store, *id, holder, &held.access_key_id)?;
                let access_key_id = held.access_key_id.clone();
                Ok(Credential { access_key_id, material, expires_at: held.expires_at })
            }
            Place::Profile(name) => {
                let gone = || ResolveError::CredentialGone;
                let profile = self.catalogue.profile(name)?.ok_or_else(gone)?;
                let key = profile.key.as_ref().ok_or_else(gone)?;
                Ok(aws_config::read_key(self.catalogue.files().ok_or_else(gone)?, name, key)?)
            }
            Place::Environment => {
                let variable = |name: &str| self.context.setting(name).map(|value| Secret::new(value.into_owned()));
                let secret_access_key = variable("AWS_SECRET_ACCESS_KEY").ok_or(ResolveError::CredentialGone)?;
                let material = KeyMaterial { secret_access_key, session_token: variable("AWS_SESSION_TOKEN") };
                let access_key_id = held.access_key_id.clone();
                Ok(Credential { access_key_id, material, expires_at: held.expires_at })
            }
        }
    }

    /// The secret parts of a stored credential; `None` where the store has no such key.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn stored_material(&mut self, access_key_id: &str) -> Result<Option<KeyMaterial>, ResolveError> {
        let Some(store) = self.catalogue.store() else { return Ok(None) };
        let Some(row) = store.read().credential_with_key(access_key_id)? else { return Ok(None) };
        let holder = self.catalogue.holder_of(&row)?;
        let (Place::Store(id), Some((store, mut keys))) = (row.held.place, self.keys()) else { return Ok(None) };
        keys.open(store, id, &holder, access_key_id).map(Some)
    }

    /// Asks AWS whether a credential with a guessed expiry still works. If not it is discarded, here and in the store.
    pub(super) fn still_works(&mut self, destination: &mut Destination, start: &Start) -> Result<bool, ResolveError> {
        let credential = self.open(&start.held, &start.holder)?;
        let reach = destination.reach[start.node].clone();
        let region = self.region_of(&destination.route, start.node, &reach)?;
        let signing = Signing { credential: Some(&credential), region: &region };
        let answer = self.sts_for(&reach)?.get_caller_identity(signing);
        let works = match answer {
            Ok(_) => true,
            Err(error) if error.is_refusal() => false,
            Err(error) => return Err(error.into()),
        };
        if let (Place::Store(id), Some(store), false) = (&start.held.place, self.catalogue.store_mut(), self.only_reads)
        {
            let until = self.context.now() + ANOTHER_GUESS;
            store.write(Durability::Obtainable, |writing| {
                if works { writing.set_guessed_expiry(*id, until) } else { writing.remove_credential(*id) }
            })?;
        }
        if !works {
            for node in &mut destination.route.nodes {
                node.held.retain(|held| held.access_key_id != start.held.access_key_id);
            }
        }
        Ok(works)
    }

    /// The store, made where there is none, and the keys that open it.
    ///
    /// # Errors
    /// The store cannot be made.
    pub fn store_and_keys(&mut self) -> Result<(&mut Store, Keys<'_>), ResolveError> {
        self.catalogue.create_store(&mut self.vault, &mut *self.prompter)?;
        let store = self.catalogue.store_mut().ok_or(ResolveError::CredentialGone)?;
        Ok((store, Keys::new(&mut self.vault, self.context, &mut *self.prompter)))
    }

    /// The store, and the keys that open it; `None` where there is no store.
    pub fn keys(&mut self) -> Option<(&mut Store, Keys<'_>)> {
        let store = self.catalogue.store_mut()?;
        Some((store, Keys::new(&mut self.vault, self.context, &mut *self.prompter)))
    }
}
