//! The kernel's keyring of this user: gone with the machine's power, or when it was not used for some days.

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

use super::{Keyring, KeyringError, KeyringParams};

/// Longer than anything of ours, in bytes.
const LONGEST: usize = 256;

/// One key's place.
pub(super) struct Kernel {
    ring: KeyRing,
    description: String,
    account: String,
}

impl Kernel {
    /// # Errors
    /// The kernel, or a container around us, has no keyrings for us.
    pub(super) fn open(params: &KeyringParams) -> Result<Self, KeyringError> {
        // To be read, a key must be reached from a keyring of the process: asking for the persistent one links it there.
        let persistent = KeyRing::get_persistent(KeyRingIdentifier::Session);
        // A kernel may be without persistent ones.
        let ring = persistent.or_else(|_| KeyRing::from_special_id(KeyRingIdentifier::User, true)).map_err(failed)?;
        let description = format!("{}:{}", params.service, params.account);
        Ok(Self { ring, description, account: params.account.clone() })
    }

    fn key(&self) -> Result<Key, KeyringError> {
        self.ring.search(&self.description).map_err(|error| match error {
            KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked => {
                KeyringError::NotFound(self.account.clone())
            }
            error => failed(error),
        })
    }
}

impl Keyring for Kernel {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let mut buffer = Zeroizing::new([0u8; LONGEST]);
        let length = self.key()?.read(&mut *buffer).map_err(failed)?;
        let content = buffer.get(..length).ok_or_else(|| KeyringError::NoKey(self.account.clone()))?;
        Ok(Zeroizing::new(content.to_vec()))
    }

    fn write(&self, _label: &str, content: &str) -> Result<(), KeyringError> {
        self.ring.add_key(&self.description, content).map(|_| ()).map_err(failed)
    }

    fn erase(&self) -> Result<(), KeyringError> {
        self.key()?.invalidate().map_err(failed)
    }

    fn ready(&self) -> Result<(), KeyringError> {
        Ok(())
    }
}

fn failed(error: KeyError) -> KeyringError {
    KeyringError::Failed(error.to_string())
}
