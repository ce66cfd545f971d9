//! The long-term keys of a world: which there are, whether they work, when they were used.

use super::world::World;

/// A long-term key as IAM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    pub access_key_id: String,
    pub is_active: bool,
}

impl World {
    /// The keys of a user, or of an account's root, by their ids.
    pub fn keys_of(&self, owner_arn: &str) -> Vec<KeyState> {
        let owned = self.keys.iter().filter(|(_, key)| key.owner.arn() == owner_arn);
        owned.map(|(id, key)| KeyState { access_key_id: id.clone(), is_active: key.is_active }).collect()
    }

    /// The secrets of all keys that there are.
    pub fn key_secrets(&self) -> Vec<String> {
        self.keys.values().map(|key| key.secret.clone()).collect()
    }

    /// Lets the user's policy ask for MFA in every call of IAM.
    pub fn iam_wants_mfa(&mut self, user_arn: &str) {
        self.iam_wants_mfa.insert(user_arn.to_owned());
    }

    /// From now on a key that IAM makes is unknown to the next so many requests that are signed with it.
    pub fn new_keys_unknown_for(&mut self, requests: usize) {
        self.new_keys_unknown_for = requests;
    }

    /// Deletes a key, as an administrator does.
    pub fn delete_key(&mut self, access_key_id: &str) {
        assert!(self.keys.remove(access_key_id).is_some(), "no key {access_key_id}");
    }

    /// Makes a key so many seconds older.
    pub fn age_key(&mut self, access_key_id: &str, seconds: i64) {
        match self.keys.get_mut(access_key_id) {
            Some(key) => key.made_at -= seconds,
            None => panic!("no key {access_key_id}"),
        }
    }

    /// Whether AWS does not know the key everywhere; each request that finds it so brings the end of that nearer.
    pub(super) fn is_not_known_yet(&mut self, access_key_id: &str) -> bool {
        let Some(key) = self.keys.get_mut(access_key_id).filter(|key| key.unknown_for > 0) else { return false };
        key.unknown_for -= 1;
        true
    }

    pub(super) fn note_use(&mut self, access_key_id: &str, service: &str, region: &str) {
        let now = self.now();
        if let Some(key) = self.keys.get_mut(access_key_id) {
            key.last_used = Some((now, service.to_owned(), region.to_owned()));
        }
    }
}
