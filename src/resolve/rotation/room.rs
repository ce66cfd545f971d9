//! Room for a new key: AWS lets nobody have more than two.

use jiff::Timestamp;

use super::ask::or_cancelled;
use super::{Orphan, RotateError, Rotation};
use crate::store::RotationRow;
use crate::sts::StsError;
use crate::sts::iam::{LastUsed, ListedKey};

/// Of the name that a question is about.
const ACTION: &str = "GetAccessKeyLastUsed";

impl Rotation<'_, '_> {
    /// Whatever other keys take the room, where the person wants them deleted.
    pub(super) fn agree_on_room(
        &self,
        old: &str,
        keys: Vec<ListedKey>,
        before: Option<&RotationRow>,
    ) -> Result<Vec<String>, RotateError> {
        if !keys.iter().any(|key| key.access_key_id == old) {
            return Err(RotateError::NotListed { shown: self.shown(), key: old.to_owned() });
        }
        if self.consent.delete_other == Some(old) {
            return Err(RotateError::NotAnother(old.to_owned()));
        }
        if let Some(other) =
            self.consent.delete_other.filter(|other| keys.iter().all(|key| key.access_key_id != *other))
        {
            self.resolver.context.note(&format!("{} has no key {other}: nothing is deleted", self.shown()));
        }
        let is_inactive = keys.iter().any(|key| key.access_key_id == old && !key.is_active);
        if is_inactive && keys.len() > 1 {
            // The other one may be the only one that works.
            return Err(RotateError::Inactive { shown: self.shown(), key: old.to_owned() });
        }
        let others: Vec<ListedKey> = keys.into_iter().filter(|key| key.access_key_id != old).collect();
        for other in &others {
            self.agree_on_deleting(old, other, before)?;
        }
        Ok(others.into_iter().map(|other| other.access_key_id).collect())
    }

    /// Deletes what was agreed on.
    pub(super) fn make_room(&self, old: &str, agreed: &[String]) -> Result<(), RotateError> {
        for other in agreed {
            self.delete_key(other).map_err(|error| self.not_seen_gone(old, other, error))?;
            self.resolver.context.note(&format!("{other} is deleted"));
        }
        Ok(())
    }

    /// A refusal to delete it has left it there; after anything else it may be gone.
    fn not_seen_gone(&self, old: &str, other: &str, error: StsError) -> RotateError {
        match error {
            StsError::Refused { action: "DeleteAccessKey", .. } => error.into(),
            error => RotateError::NotSeenGone {
                shown: self.shown(),
                old: old.to_owned(),
                other: other.to_owned(),
                error: Box::new(error),
            },
        }
    }

    /// A key goes by its name, or by a yes to a question that tells what is known of it.
    fn agree_on_deleting(&self, old: &str, other: &ListedKey, before: Option<&RotationRow>) -> Result<(), RotateError> {
        let other_key = other.access_key_id.clone();
        if self.consent.delete_other == Some(other_key.as_str()) {
            return Ok(());
        }
        let says = self.describe(other, before)?;
        let shown = self.shown();
        let fact = format!("AWS lets {shown} have two keys, and there are two: {old}, and {says}");
        let answer = self.ask(&fact, &format!("Delete {other_key} for good?"));
        or_cancelled(answer.map_err(|why| RotateError::NoRoom {
            shown,
            key: old.to_owned(),
            other: says,
            other_key,
            why,
        })?)
    }

    /// What is known of a key, in words.
    fn describe(&self, key: &ListedKey, before: Option<&RotationRow>) -> Result<String, RotateError> {
        let id = &key.access_key_id;
        let used = self.ask_iam((ACTION, id), |iam, signing| iam.get_access_key_last_used(id, signing));
        let is_stored = self.stores(id)?;
        let never_used = matches!(&used, Ok(LastUsed { at: None, .. }));
        let is_orphan = never_used && !is_stored && before.is_some_and(|before| !before.known.contains(id));
        let mut says = vec![id.clone()];
        says.push(if key.is_active { "active".to_owned() } else { "inactive".to_owned() });
        says.extend(key.created_at.map(|time| format!("made on {}", date(time))));
        says.push(match used {
            Ok(LastUsed { at: None, .. }) => "never used".to_owned(),
            Ok(used) => say_used(&used),
            Err(error) => format!("of which AWS does not say when it was last used: {error}"),
        });
        says.extend(is_stored.then(|| "which the store has, too".to_owned()));
        says.extend(is_orphan.then(|| "made by a rotation that was interrupted: nobody has its secret".to_owned()));
        for (profile, place) in self.copies(id)? {
            says.push(format!("which stands in profile {profile} ({place})"));
        }
        Ok(says.join(", "))
    }

    /// What has become of a key that AWS may have made before its reply was lost.
    pub(super) fn look_for_orphan(&self, journal: &RotationRow) -> Result<Orphan, RotateError> {
        let Ok(keys) = self.list_keys() else { return Ok(Orphan::Unknown) };
        let mut new = keys.into_iter().map(|key| key.access_key_id).filter(|key| !journal.known.contains(key));
        let Some(key) = new.next() else { return Ok(Orphan::Unknown) };
        if self.stores(&key)? {
            return Ok(Orphan::Unknown);
        }
        let fact = format!("AWS has made {key}, and its secret is lost with the reply");
        let is_agreed = self.ask(&fact, &format!("Delete {key} again?")).unwrap_or(false);
        if is_agreed && self.delete_key(&key).is_ok() { Ok(Orphan::Deleted(key)) } else { Ok(Orphan::Left(key)) }
    }

    /// Whether the store has a credential with this access key id.
    pub(super) fn stores(&self, key: &str) -> Result<bool, RotateError> {
        let Some(store) = self.resolver.catalogue.store() else { return Ok(false) };
        Ok(store.read().credential_with_key(key)?.is_some())
    }

    /// What was deleted at AWS is of no use in the store.
    pub(super) fn drop_deleted(&mut self, others: &[String]) -> Result<(), RotateError> {
        for key in others {
            if self.stores(key)? {
                self.write(|writing| writing.remove_long_term_key(key))?;
            }
        }
        Ok(())
    }
}

/// Whether nothing can have been made: AWS said no before it began.
pub(super) fn made_nothing(error: &StsError) -> bool {
    match error {
        StsError::Unavailable { code, .. } => crate::sts::is_throttling(code),
        StsError::NoAnswer { .. } | StsError::Unusable { .. } => false,
        _ => true,
    }
}

fn say_used(used: &LastUsed) -> String {
    let when = used.at.map(|time| format!("last used on {}", date(time))).unwrap_or_default();
    let service = used.service.as_ref().map(|service| format!(" for {service}")).unwrap_or_default();
    let region = used.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
    when + &service + &region
}

fn date(time: i64) -> String {
    Timestamp::from_second(time).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}
