//! What is lost with a key: whether its secret is anywhere else, and whether AWS takes it still.

use super::{ResolveError, Resolver};
use crate::aws_config;
use crate::secret::Credential;
use crate::store::IdentityRow;
use crate::sts::{Signing, StsError, settings};

/// What AWS says of a key that it does not have, or that is inactive. Any other refusal may be of something else.
const NO_SUCH_KEY: [&str; 2] = ["InvalidClientTokenId", "UnrecognizedClientException"];

/// Whether AWS takes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Live,
    /// It says that there is none: deleted, or inactive.
    Gone,
    /// Nobody can tell, and why.
    Unknown(String),
}

impl Resolver<'_> {
    /// The profile of the person's files that has this very key of the store. Where the store stays locked, one with its
    /// access key id is taken for it.
    ///
    /// # Errors
    /// The files or the store cannot be read, or a person who was asked for a passphrase says no.
    pub fn copy_of(&mut self, access_key_id: &str) -> Result<Option<String>, ResolveError> {
        let Some(files) = self.catalogue.files().cloned() else { return Ok(None) };
        let mut profiles = self.catalogue.profiles()?;
        profiles.retain(|profile| profile.key.as_ref().is_some_and(|key| key.access_key_id == access_key_id));
        if profiles.is_empty() {
            return Ok(None);
        }
        let stored = match self.stored_material(access_key_id) {
            Err(error) if error.is_no() => return Err(error),
            stored => stored.ok().flatten(),
        };
        let is_copy = |material| stored.as_ref().is_none_or(|stored| *stored == material);
        let found = profiles.into_iter().find(|profile| {
            let key = profile.key.as_ref();
            let read = key.and_then(|key| aws_config::read_key(&files, &profile.name, key).ok());
            read.is_some_and(|credential| is_copy(credential.material))
        });
        Ok(found.map(|profile| profile.name))
    }

    /// Asks AWS whether it takes a stored key.
    ///
    /// # Errors
    /// A person who was asked for a passphrase says no.
    pub fn life_of(&mut self, access_key_id: &str, whose: Option<&IdentityRow>) -> Result<Life, ResolveError> {
        match self.ask_for_life(access_key_id, whose) {
            Err(error) if error.is_no() => Err(error),
            Err(ResolveError::Sts(StsError::Refused { code, .. })) if NO_SUCH_KEY.contains(&&*code) => Ok(Life::Gone),
            Err(error) => Ok(Life::Unknown(error.to_string())),
            Ok(()) => Ok(Life::Live),
        }
    }

    fn ask_for_life(&mut self, access_key_id: &str, whose: Option<&IdentityRow>) -> Result<(), ResolveError> {
        let material = self.stored_material(access_key_id)?.ok_or(ResolveError::CredentialGone)?;
        let credential = Credential { access_key_id: access_key_id.to_owned(), material, expires_at: None };
        let sts = self.sts()?;
        let own = whose.and_then(|row| row.region.as_deref());
        let partition = whose.map_or("aws", |row| row.identity.partition.as_str());
        // What another partition says of a key is that it does not know it.
        let region = settings::signing_region(partition, [sts.environment_region(), own]);
        sts.get_caller_identity(Signing { credential: Some(&credential), region: &region })?;
        Ok(())
    }
}
