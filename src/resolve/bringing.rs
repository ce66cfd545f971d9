//! A credential that a person brings: whether it is known, whose it is, and how it is stored.

use super::{ResolveError, Resolver};
use crate::credential_text::Found;
use crate::identity::Holder;
use crate::identity::request::is_region;
use crate::identity::route::CredentialKind;
use crate::seal::SealError;
use crate::secret::{Credential, KeyMaterial};
use crate::store::{Durability, IdentityRow, NewCredential, Owner, StoreError, Writing};
use crate::sts::{Caller, Signing, Sts, settings};

/// An expiry that nobody told us is guessed as this many seconds from now.
const GUESSED_LIFE: i64 = 3600;

/// What the store knows of a key.
pub enum Known {
    /// Nothing.
    No,
    /// Its seal is broken: it is verified and stored as if it were new.
    Broken,
    /// All of it. The stored secret was opened, for a note that all is well must be true.
    Whole(Box<IdentityRow>),
    /// It has the key with another secret than this.
    OtherSecret,
}

/// The kind under which it is stored.
pub fn kind(found: &Found) -> CredentialKind {
    if found.session_token.is_some() { CredentialKind::Imported } else { CredentialKind::LongTerm }
}

/// Its end, epoch seconds UTC, and whether that is a guess.
pub fn expiry(found: &Found, now: i64) -> (Option<i64>, bool) {
    match (&found.session_token, found.expires_at) {
        (None, _) => (None, false),
        (Some(_), Some(end)) => (Some(end), false),
        (Some(_), None) => (Some(now + GUESSED_LIFE), true),
    }
}

fn material(found: &Found) -> KeyMaterial {
    KeyMaterial {
        secret_access_key: found.secret_access_key.clone().into(),
        session_token: found.session_token.clone().map(Into::into),
    }
}

/// Asks AWS over this connection: in this region, else in the environment's, else in the one beside it.
pub(super) fn caller_by(sts: &Sts, found: &Found, region: Option<&str>) -> Result<Caller, ResolveError> {
    let access_key_id = found.access_key_id.clone();
    let credential = Credential { access_key_id, material: material(found), expires_at: found.expires_at };
    let beside = found.region.as_deref().filter(|region| is_region(region));
    let region = region.or(sts.environment_region()).or(beside).unwrap_or(settings::default_region("aws"));
    Ok(sts.get_caller_identity(Signing { credential: Some(&credential), region })?)
}

impl Resolver<'_> {
    /// Whether the store has it.
    ///
    /// # Errors
    /// The store cannot be read, or is locked.
    pub fn knows(&mut self, found: &Found) -> Result<Known, ResolveError> {
        let Some(row) = self.owner_of_key(&found.access_key_id)? else { return Ok(Known::No) };
        match self.stored_material(&found.access_key_id) {
            Err(ResolveError::Seal(SealError::DoesNotOpen(_) | SealError::Format { .. })) => Ok(Known::Broken),
            stored => Ok(match stored? {
                None => Known::No,
                Some(stored) if stored == material(found) => Known::Whole(Box::new(row)),
                Some(_) => Known::OtherSecret,
            }),
        }
    }

    /// The identity whose key the store has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner_of_key(&self, access_key_id: &str) -> Result<Option<IdentityRow>, ResolveError> {
        let store = self.catalogue.store();
        Ok(store.map(|store| store.read().owner_of_key(access_key_id)).transpose()?.flatten())
    }

    /// The ids of the long-term keys that the store has of somebody, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn keys_of_user(&self, arn: &str) -> Result<Vec<String>, ResolveError> {
        let (Some(store), Ok(parsed)) = (self.catalogue.store(), crate::identity::arn::parse(arn)) else {
            return Ok(Vec::new());
        };
        match store.read().identity(&parsed.identity)? {
            Some(row) => self.keys_of(&row),
            None => Ok(Vec::new()),
        }
    }

    /// The same of an identity that is known.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn keys_of(&self, row: &IdentityRow) -> Result<Vec<String>, ResolveError> {
        let Some(store) = self.catalogue.store() else { return Ok(Vec::new()) };
        let held = store.read().credentials_of(&Owner::Identity(row.id))?.into_iter();
        let held = held.filter(|held| held.kind == CredentialKind::LongTerm);
        Ok(held.map(|held| held.access_key_id).collect())
    }

    /// The identity whose key the store had, before it was rotated.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner_of_retired_key(&self, access_key_id: &str) -> Result<Option<IdentityRow>, ResolveError> {
        let store = self.catalogue.store();
        Ok(store.map(|store| store.read().owner_of_retired_key(access_key_id)).transpose()?.flatten())
    }

    /// Asks AWS whose it is: in this region, else in the environment's, else in the one beside it.
    ///
    /// # Errors
    /// AWS refuses it, or does not answer.
    pub fn caller_of(&mut self, found: &Found, region: Option<&str>) -> Result<Caller, ResolveError> {
        caller_by(self.sts()?, found, region)
    }

    /// Stores it as its owner's, and what `describe` says of them, all at once; over a broken one, where there is one.
    ///
    /// # Errors
    /// The store cannot be written, or is locked.
    pub fn take_in(
        &mut self,
        found: &Found,
        caller: &Caller,
        over_broken: bool,
        describe: impl Fn(&Writing<'_>, &IdentityRow) -> Result<(), StoreError>,
    ) -> Result<IdentityRow, ResolveError> {
        let now = self.context.now();
        let identity = &caller.arn.identity;
        let (holder, material) = (Holder::Identity(identity.clone()), material(found));
        let (expires_at, expiry_is_guess) = expiry(found, now);
        let (store, mut keys) = self.store_and_keys()?;
        let secret = (&holder, found.access_key_id.as_str(), &material);
        let row = keys.put(store, Durability::Synced, secret, |writing, sealed| {
            let new = NewCredential {
                access_key_id: &found.access_key_id,
                kind: kind(found),
                request_hash: None,
                sealed,
                created_at: now,
                expires_at,
                expiry_is_guess,
                restricted_as: None,
            };
            let owner = writing.ensure_owner(&holder, caller.arn.path.as_deref())?;
            if !writing.put_credential(&owner, &new)? && over_broken {
                writing.replace_credential(&owner, &new)?;
            }
            if let Some(row) = writing.read().identity(identity)? {
                writing.set_unique_id(row.id, caller.unique_id.split(':').next().unwrap_or_default())?;
                describe(writing, &row)?;
            }
            writing.read().identity(identity)
        })?;
        row.ok_or(ResolveError::CredentialGone)
    }
}
