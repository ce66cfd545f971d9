//! The desktop's keyring: the Secret Service on the session bus.
//!
//! What goes over the bus is encrypted (a DH session). That keeps secrets out of a log of the bus, and no more: whoever
//! can take part in the bus can ask the keyring itself.

use std::collections::HashMap;

use dbus_secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use zeroize::Zeroizing;

use super::{Keyring, KeyringError, KeyringParams, Wait};

/// The library prompts for no longer than this after nobody waits any more, in seconds.
const GRACE: u64 = 5;

/// One item's place.
pub(super) struct Desktop<'w> {
    service: SecretService,
    params: &'w KeyringParams,
    wait: &'w Wait,
}

impl<'w> Desktop<'w> {
    /// # Errors
    /// There is no session bus, or no keyring on it.
    pub(super) fn connect(params: &'w KeyringParams, wait: &'w Wait) -> Result<Self, KeyringError> {
        loop {
            let seconds = wait.left().as_secs() + GRACE;
            match SecretService::connect_with_max_prompt_timeout(EncryptionType::Dh, seconds) {
                Ok(service) => return Ok(Self { service, params, wait }),
                // The library waits two seconds for an answer: too little for one that the bus has to start first.
                Err(error) if name(&error).ends_with(".NoReply") && !wait.left().is_zero() => {}
                Err(error) => return Err(told(&error)),
            }
        }
    }

    /// The names that keyring programs (keyring-rs, Python's `keyring`) have agreed on.
    fn attributes(&self) -> HashMap<&str, &str> {
        HashMap::from([("service", self.params.service.as_str()), ("username", self.params.account.as_str())])
    }

    /// The one item, unlocked.
    fn item(&self) -> Result<Item<'_>, KeyringError> {
        let account = || self.params.account.clone();
        let found = self.service.search_items(self.attributes()).map_err(|error| told(&error))?;
        let mut items: Vec<Item<'_>> = found.unlocked.into_iter().chain(found.locked).collect();
        let item = items.pop().ok_or_else(|| KeyringError::NotFound(account()))?;
        if !items.is_empty() {
            return Err(KeyringError::Several(account()));
        }
        if item.is_locked().map_err(|error| told(&error))? {
            self.while_locked(|| item.unlock())?;
        }
        Ok(item)
    }

    /// Where new items go.
    fn collection(&self) -> Result<Collection<'_>, KeyringError> {
        self.service.get_default_collection().map_err(|error| match error {
            Error::NoResult => KeyringError::NoDefault,
            error => told(&error),
        })
    }

    fn while_locked(&self, unlock: impl FnOnce() -> Result<(), Error>) -> Result<(), KeyringError> {
        if !self.wait.may_ask {
            return Err(KeyringError::Locked);
        }
        self.wait.asks_to_unlock();
        let unlocked = unlock().map_err(|error| told(&error));
        self.wait.asks_no_more();
        unlocked
    }
}

impl Keyring for Desktop<'_> {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        self.item()?.get_secret().map(Zeroizing::new).map_err(|error| told(&error))
    }

    fn write(&self, label: &str, content: &str) -> Result<(), KeyringError> {
        let collection = self.collection()?;
        if collection.is_locked().map_err(|error| told(&error))? {
            self.while_locked(|| collection.unlock())?;
        }
        // Nobody waits any more: what is written now would be nobody's.
        if self.wait.left().is_zero() {
            return Err(KeyringError::Locked);
        }
        let made = collection.create_item(label, self.attributes(), content.as_bytes(), false, "text/plain");
        made.map(|_| ()).map_err(|error| told(&error))
    }

    fn erase(&self) -> Result<(), KeyringError> {
        self.item()?.delete().map_err(|error| told(&error))
    }

    fn ready(&self) -> Result<(), KeyringError> {
        let is_locked = self.collection()?.is_locked().map_err(|error| told(&error))?;
        if is_locked { Err(KeyringError::Locked) } else { Ok(()) }
    }
}

/// The bus's name of an error, or nothing.
fn name(error: &Error) -> &str {
    if let Error::Dbus(error) = error { error.name().unwrap_or_default() } else { "" }
}

/// What a person can do about it decides what it is.
fn told(error: &Error) -> KeyringError {
    let words = || match error {
        Error::Dbus(error) => error.message().unwrap_or_default().to_owned(),
        error => error.to_string(),
    };
    let name = name(error);
    match (error, name.rsplit('.').next().unwrap_or_default()) {
        (Error::Locked, _) | (_, "IsLocked") => KeyringError::Locked,
        (Error::Prompt, _) => KeyringError::Dismissed,
        // What libdbus says where it has no address, or nobody listens at it.
        (_, "NotSupported" | "NoServer" | "FileNotFound" | "BadAddress" | "AuthFailed" | "Disconnected") => {
            KeyringError::NoBus(words())
        }
        (_, "ServiceUnknown" | "NameHasNoOwner") => KeyringError::NoService(words()),
        _ if name.contains(".Spawn.") => KeyringError::NoService(words()),
        _ => KeyringError::Failed(words()),
    }
}
