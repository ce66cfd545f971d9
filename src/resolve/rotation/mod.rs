//! The rotation of a long-term key: a new one is made, stored, and seen to work before the old one goes. At every moment
//! the store has a key that works, and the journal knows what is still to be done.

mod ask;
mod call;
mod error;
mod room;
mod select;
mod step;

use crate::identity::{Holder, Kind};
use crate::lock::{self, HopLock};
use crate::prompt::{Told, Unaskable};
use crate::secret::Credential;
use crate::store::{IdentityRow, Phase, RotationRow};
use crate::sts::StsSettings;
use crate::sts::iam::Iam;
use crate::sts::settings::default_region;

use super::Resolver;

pub use error::{Orphan, RotateError};
pub use select::Subject;

/// What the person has agreed to, and how to ask for more.
pub struct Consent<'a> {
    /// That the old key stops working where it stands in AWS files, too.
    pub yes: bool,
    /// That this other key of the user is deleted.
    pub delete_other: Option<&'a str>,
    /// Whether anybody can be asked.
    pub can_ask: &'a dyn Fn() -> Result<(), Unaskable>,
    /// Asks a question that is answered yes or no.
    pub ask: &'a dyn Fn(&str) -> Result<bool, Unaskable>,
}

/// A rotation that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that is gone.
    pub old_key: String,
    /// The one in its place.
    pub new_key: String,
    /// Whether an earlier run began it.
    pub resumed: bool,
    /// Whether another process did it while this one waited.
    pub by_another: bool,
    /// Profiles that have the old key, each with where it stands.
    pub copies: Vec<(String, String)>,
}

/// One rotation at work.
struct Rotation<'r, 'c> {
    resolver: &'r mut Resolver<'c>,
    consent: &'r Consent<'r>,
    iam: Iam,
    row: IdentityRow,
    /// The regions in which IAM and STS are asked.
    regions: (String, String),
    /// Who signs the calls to IAM, once that is known.
    signer: Option<Credential>,
    /// Whether a new key may be about, which not all of AWS knows yet.
    has_begun: bool,
    /// Signals that came meanwhile, once they are held back.
    told: Option<Told>,
}

impl Resolver<'_> {
    /// Replaces a long-term key, or finishes what an earlier run of it began.
    ///
    /// # Errors
    /// See [`RotateError`]: each says which key is in use then.
    pub fn rotate(&mut self, subject: &Subject, consent: &Consent<'_>) -> Result<Rotated, RotateError> {
        let chosen = self.chosen_key(subject)?;
        let _alone = self.lock_rotation(&subject.row)?;
        let Some(store) = self.catalogue.store() else { return Err(RotateError::NotStored(subject.row.shown())) };
        store.end_snapshot();
        let journal = store.read().rotation_of(subject.row.id)?;
        if journal.is_none() && store.read().credential_with_key(&chosen)?.is_none() {
            return self.by_another(&subject.row, chosen);
        }
        let mut rotation = Rotation::new(self, &subject.row, consent)?;
        let result = rotation.run(journal, &chosen);
        rotation.record(None, None, result.as_ref().map_or_else(RotateError::outcome, |_| "ok".to_owned()).as_str());
        result
    }

    /// Another process has replaced the key while this one waited for it.
    fn by_another(&self, row: &IdentityRow, old_key: String) -> Result<Rotated, RotateError> {
        let newest = self.long_term_keys(row)?.into_iter().next();
        let new_key = newest.ok_or_else(|| RotateError::NotStored(row.shown()))?.access_key_id;
        Ok(Rotated { old_key, new_key, resumed: false, by_another: true, copies: Vec::new() })
    }

    fn lock_rotation(&self, row: &IdentityRow) -> Result<HopLock, RotateError> {
        let folder = self.context.runtime_folder().join("locks");
        let (name, shown) = (self.rotation_lock_name(row)?, row.shown());
        let what = format!("rotating the key of {shown}");
        let waiting = |holder: &str| {
            self.context.note(&format!("waiting for process {holder}, which rotates the key of {shown}"));
        };
        HopLock::take(&folder, &name, &what, lock::PATIENCE, waiting)
            .map_err(|error| RotateError::Resolve(error.into()))
    }
}

impl<'r, 'c> Rotation<'r, 'c> {
    fn new(resolver: &'r mut Resolver<'c>, row: &IdentityRow, consent: &'r Consent<'r>) -> Result<Self, RotateError> {
        let settings = StsSettings::read_of_iam(|name| resolver.context.own_variable(name).map(Into::into));
        let iam = Iam::new(settings.map_err(super::ResolveError::from)?)?;
        // IAM is one for the whole partition, and signed for in its first region.
        let of_iam = default_region(&row.identity.partition).to_owned();
        let of_sts = resolver.sts_region(row)?;
        let row = row.clone();
        Ok(Self { resolver, consent, iam, row, regions: (of_iam, of_sts), signer: None, has_begun: false, told: None })
    }

    fn run(&mut self, journal: Option<RotationRow>, chosen: &str) -> Result<Rotated, RotateError> {
        let Some(journal) = journal else { return self.begin(chosen, None) };
        let has_new = match &journal.new_key {
            Some(new) => self.stores(new)?,
            None => false,
        };
        match journal.phase {
            Phase::Stored | Phase::InUse | Phase::Retired if has_new => self.resume(journal),
            // The new key was removed from the store by hand, or never came there.
            _ => self.begin(chosen, Some(&journal)),
        }
    }

    /// The user's name, which IAM is told; a root user has none.
    fn user(&self) -> Option<String> {
        (self.row.identity.kind == Kind::User).then(|| self.row.identity.name.clone())
    }

    fn holder(&self) -> Holder {
        Holder::Identity(self.row.identity.clone())
    }

    fn shown(&self) -> String {
        self.row.shown()
    }

    /// From here on a key may be made or gone: Ctrl-C is heard between two steps.
    fn set_out(&mut self) {
        self.has_begun = true;
        // Where nobody can listen to signals, the journal is enough.
        self.told = Told::listen().ok();
    }
}
