//! The keyrings of macOS and Windows, through keyring-core. Untested there: the tests have a stand-in of its own.

use std::sync::Arc;

use keyring_core::api::CredentialStore;
use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use super::{Keyring, KeyringError, KeyringParams};

/// One item's place.
pub(super) struct Native {
    entry: Entry,
    account: String,
}

impl Native {
    /// # Errors
    /// The system's keyring cannot be used.
    #[cfg(any(target_os = "macos", windows))]
    pub(super) fn open(params: &KeyringParams) -> Result<Self, KeyringError> {
        #[cfg(target_os = "macos")]
        let store = apple_native_keyring_store::keychain::Store::new();
        #[cfg(windows)]
        let store = windows_native_keyring_store::Store::new();
        let store: Arc<CredentialStore> = store.map_err(|error| told(&error, &params.account))?;
        Self::within(&store, params)
    }

    fn within(store: &Arc<CredentialStore>, params: &KeyringParams) -> Result<Self, KeyringError> {
        let entry = Entry::new_in_store(store, &params.service, &params.account);
        let entry = entry.map_err(|error| told(&error, &params.account))?;
        Ok(Self { entry, account: params.account.clone() })
    }
}

impl Keyring for Native {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        self.entry.get_secret().map(Zeroizing::new).map_err(|error| told(&error, &self.account))
    }

    fn write(&self, _label: &str, content: &str) -> Result<(), KeyringError> {
        self.entry.set_secret(content.as_bytes()).map_err(|error| told(&error, &self.account))
    }

    fn erase(&self) -> Result<(), KeyringError> {
        self.entry.delete_credential().map_err(|error| told(&error, &self.account))
    }

    fn ready(&self) -> Result<(), KeyringError> {
        Ok(())
    }
}

/// An error's own words, but never the content that some carry.
fn told(error: &Error, account: &str) -> KeyringError {
    match error {
        Error::NoEntry => KeyringError::NotFound(account.to_owned()),
        Error::Ambiguous(_) => KeyringError::Several(account.to_owned()),
        Error::NoStorageAccess(_) => KeyringError::Locked,
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeyringError::NoKey(account.to_owned()),
        error => KeyringError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Backend;
    use super::*;

    #[test]
    fn an_item_is_written_read_and_erased() {
        let store: Arc<CredentialStore> = keyring_core::mock::Store::new().unwrap();
        let params = super::super::params(Some(Backend::Keychain), "a");
        let item = Native::within(&store, &params).unwrap();
        let missing = KeyringError::NotFound("a".to_owned());
        assert_eq!(item.read().unwrap_err(), missing);
        item.write("label", "content").unwrap();
        assert_eq!(**item.read().unwrap(), *b"content");
        item.erase().unwrap();
        assert_eq!(item.erase().unwrap_err(), missing);
    }

    #[test]
    fn no_error_shows_what_an_item_has() {
        let told = told(&Error::BadEncoding(b"secret".to_vec()), "a");
        assert_eq!(told, KeyringError::NoKey("a".to_owned()));
    }
}
