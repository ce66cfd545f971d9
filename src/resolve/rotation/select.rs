//! Which key is rotated.

use super::RotateError;
use crate::identity::hash::{Hasher, hex};
use crate::identity::route::{CredentialKind, Held};
use crate::identity::{Holder, Kind};
use crate::resolve::{Resolver, Target};
use crate::secret::Credential;
use crate::store::{IdentityRow, Owner, Phase, RotationRow};
use crate::sts::iam::Iam;
use crate::sts::settings::{default_region, signing_region};
use crate::sts::{Signing, StsSettings};

/// Whose key is rotated, and which one.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The identity.
    pub row: IdentityRow,
    /// The access key id, where that was said.
    pub key: Option<String>,
}

impl Resolver<'_> {
    /// Whose key a name means.
    ///
    /// # Errors
    /// The name means nothing, or somebody without a long-term key in the store.
    pub fn subject(&self, name: &str) -> Result<Subject, RotateError> {
        let escaped = || name.escape_debug().to_string();
        let target = self.catalogue.lookup(name)?;
        let subject = match target {
            Target::Nobody => return Err(RotateError::NotStored(escaped())),
            Target::OfProfiles(_) => return Err(no_key(escaped(), Kind::Role)),
            Target::Known(row) => Subject { row, key: None },
            Target::Key(credential, holder) => {
                let row = self.catalogue.row_of(&holder)?.ok_or_else(|| RotateError::NotStored(escaped()))?;
                if credential.held.kind != CredentialKind::LongTerm {
                    return Err(RotateError::NotStored(escaped()));
                }
                Subject { row, key: Some(credential.held.access_key_id.clone()) }
            }
            Target::Profile(profile) => {
                if profile.role().is_some() {
                    return Err(no_key(escaped(), Kind::Role));
                }
                let key = profile.key.as_ref().map(|key| key.access_key_id.clone());
                let owner = key.as_deref().map(|key| self.catalogue.owner_of_file_key(key)).transpose()?;
                let row = owner.map(|owner| self.catalogue.row_of(&owner)).transpose()?.flatten();
                let row = match row {
                    Some(row) => row,
                    // One that asks multicred, or whose source does, is the identity that it leads to.
                    None => self.by_destination(name)?.ok_or_else(|| RotateError::NotStored(escaped()))?,
                };
                Subject { row, key }
            }
        };
        self.chosen_key(&subject)?;
        Ok(subject)
    }

    fn by_destination(&self, name: &str) -> Result<Option<IdentityRow>, RotateError> {
        let target = self.catalogue.lookup(name)?;
        let destination = self.catalogue.destination(&target, name)?;
        Ok(self.catalogue.row_of(&destination.route.target().holder)?)
    }

    /// The long-term keys of an identity that the store has, the one in use first.
    pub(super) fn long_term_keys(&self, row: &IdentityRow) -> Result<Vec<Held>, RotateError> {
        let held = self.catalogue.held_by(&Owner::Identity(row.id))?;
        Ok(held.into_iter().filter(|held| held.kind == CredentialKind::LongTerm).collect())
    }

    /// The key that is to go. Where a rotation has begun, it is that one's.
    pub(super) fn chosen_key(&self, subject: &Subject) -> Result<String, RotateError> {
        let shown = subject.row.shown();
        match subject.row.identity.kind {
            Kind::User | Kind::Root => {}
            kind => return Err(no_key(shown, kind)),
        }
        let store = self.catalogue.store().ok_or_else(|| RotateError::NotStored(shown.clone()))?;
        let keys: Vec<String> = self.long_term_keys(&subject.row)?.into_iter().map(|held| held.access_key_id).collect();
        let journal = store.read().rotation_of(subject.row.id)?;
        // Where only the intent was written down, a key that is named counts; a rotation that has made one comes first.
        let is_other = |journal: &RotationRow| {
            let of_journal = [Some(&journal.old_key), journal.new_key.as_ref()];
            subject.key.as_ref().is_some_and(|key| keys.contains(key) && !of_journal.contains(&Some(key)))
        };
        if let Some(journal) = journal.as_ref().filter(|journal| is_other(journal) && journal.phase != Phase::Intended)
        {
            return Err(RotateError::OtherPending { shown, old: journal.old_key.clone() });
        }
        if let Some(journal) = journal.filter(|journal| !is_other(journal)) {
            let is_stored = |key: &String| keys.contains(key);
            let of_journal = [Some(&journal.old_key), journal.new_key.as_ref()].into_iter().flatten();
            if let Some(key) = of_journal.clone().find(|key| is_stored(key)) {
                // Where only the new key is left, the old one is still to be deleted at AWS.
                let begun = journal.new_key.as_ref().is_some_and(is_stored);
                return Ok(if begun { journal.old_key.clone() } else { key.clone() });
            }
        }
        match (&subject.key, &keys[..]) {
            (Some(key), _) if keys.contains(key) => Ok(key.clone()),
            (Some(_), _) | (None, []) => Err(RotateError::NotStored(shown)),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(RotateError::ManyKeys { shown, keys }),
        }
    }

    /// Every long-term key of the store that was made more than so many seconds ago, and what has begun and not ended.
    /// When a key was imported is known; where that is not long enough ago, AWS is asked when it was made, with the key
    /// itself: that needs no code. The reasons why that could not be told come with it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn subjects_older_than(&mut self, age: i64) -> Result<(Vec<Subject>, Vec<String>), RotateError> {
        let Some(store) = self.catalogue.store() else { return Ok((Vec::new(), Vec::new())) };
        let rows = store.read().identities()?;
        let before = self.context.now() - age;
        let (mut subjects, mut remarks) = (Vec::new(), Vec::new());
        for row in rows.into_iter().filter(|row| matches!(row.identity.kind, Kind::User | Kind::Root)) {
            let Some(store) = self.catalogue.store() else { break };
            if store.read().rotation_of(row.id)?.is_some() {
                subjects.push(Subject { row, key: None });
                continue;
            }
            // The one in use first. AWS lets nobody have a third key: where both are old, the second one has to go for the
            // first one's successor.
            for held in self.long_term_keys(&row)? {
                let is_old = held.created_at < before || {
                    let made_at = self.made_at(&row, &held);
                    if let Err(error) = &made_at {
                        remarks.push(format!(
                            "{} of {}: when it was made is not known: {error}",
                            held.access_key_id,
                            row.shown()
                        ));
                    }
                    made_at.ok().flatten().is_some_and(|made_at| made_at < before)
                };
                if is_old {
                    subjects.push(Subject { row: row.clone(), key: Some(held.access_key_id.clone()) });
                    break;
                }
            }
        }
        Ok((subjects, remarks))
    }

    /// When AWS made a key.
    fn made_at(&mut self, row: &IdentityRow, held: &Held) -> Result<Option<i64>, RotateError> {
        let credential: Credential = self.open(held, &Holder::Identity(row.identity.clone()))?;
        let settings = StsSettings::read_of_iam(|name| self.context.own_variable(name).map(Into::into));
        let iam = Iam::new(settings.map_err(crate::resolve::ResolveError::from)?)?;
        let user = (row.identity.kind == Kind::User).then_some(row.identity.name.as_str());
        let signing = Signing { credential: Some(&credential), region: default_region(&row.identity.partition) };
        let (keys, _) = iam.list_access_keys(user, signing)?;
        Ok(keys.into_iter().find(|key| key.access_key_id == held.access_key_id).and_then(|key| key.created_at))
    }

    /// The region in which STS is asked about an identity.
    pub(super) fn sts_region(&mut self, row: &IdentityRow) -> Result<String, RotateError> {
        let partition = &row.identity.partition;
        let sts = self.sts()?;
        Ok(signing_region(partition, [sts.environment_region(), row.region.as_deref()]))
    }

    pub(super) fn rotation_lock_name(&self, row: &IdentityRow) -> Result<String, RotateError> {
        let id = match self.catalogue.store() {
            Some(store) => hex(store.read().meta()?.id.get(..4).unwrap_or_default()),
            None => String::new(),
        };
        let hash = Hasher::new("rotation").field("identity", Some(&row.identity.key())).finish().short();
        Ok(format!("{id}-{hash}"))
    }
}

fn no_key(shown: String, kind: Kind) -> RotateError {
    let kind = match kind {
        Kind::Federated => "a federated user",
        _ => "a role",
    };
    RotateError::HasNoKey { shown, kind }
}
