//! The rows of mentaws: a table of profiles, whose secret keys alone are encrypted.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::fernet::{DoesNotOpen, FernetKey};
use crate::credential_text::{EXPIRY_KEYS, Parts};

/// Where the keyring has its key.
pub const SERVICE: &str = "mentaws";
/// As whose it has it there.
pub const ACCOUNT: &str = "encryption_key";
/// The table, and what is read of it.
pub const TABLES: &[&str] = &["creds"];
/// See [`Row`].
pub const QUERY: &str =
    "SELECT profile, aws_access_key_id, aws_secret_access_key, other_options FROM creds ORDER BY profile";

/// A profile as it is kept.
pub struct Row {
    /// Its name.
    pub profile: String,
    /// Empty where the section had no key.
    pub access_key_id: String,
    /// Encrypted.
    pub secret: String,
    /// Whatever else its section had, as JSON.
    pub other_options: String,
}

impl Row {
    /// Whether there is a credential in it: mentaws keeps the sections without one, too.
    pub fn has_key(&self) -> bool {
        !self.access_key_id.is_empty()
    }

    /// The credential.
    ///
    /// # Errors
    /// The key is another one.
    pub fn opened(&self, key: &FernetKey) -> Result<Parts, DoesNotOpen> {
        let others: Map<String, Value> = serde_json::from_str(&self.other_options).unwrap_or_default();
        let option = |name: &str| others.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Parts {
            section: Some(self.profile.clone()),
            access_key_id: Some(Zeroizing::new(self.access_key_id.clone())),
            secret_access_key: Some(key.open(&self.secret)?),
            session_token: option("aws_session_token").map(Zeroizing::new),
            expiry: EXPIRY_KEYS.iter().find_map(|name| option(name)),
            region: option("region"),
            mfa_serial: option("mfa_serial"),
        })
    }
}
