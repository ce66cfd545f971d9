//! Sealing: secrets under the store key, and the store key under key slots.

mod binding;
mod command_slot;
mod file_slot;
pub mod keyring_slot;
mod passphrase_slot;
pub(crate) mod record;
mod recovery_slot;
mod slot;
pub mod ssh_agent_slot;

use zeroize::Zeroizing;

use crate::secret::{KeyMaterial, Sealed, Secret};

use binding::length_prefixed;

pub use binding::{Binding, OriginalBinding, SlotBinding, wrap_binding};
pub use command_slot::CommandSlot;
pub use file_slot::FileSlot;
pub use passphrase_slot::PassphraseSlot;
pub use recovery_slot::{RecoverySlot, looks_like_code, seems_like_code};
pub use slot::{Pin, SlotSecret, WrappedKey, wrap_to};

/// The first byte of every sealed value: how it is sealed.
const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 24;
/// The epoch of a store's first key.
pub const FIRST_EPOCH: i64 = 1;

/// Why something could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed value was made with another key, or was changed, or belongs to another row.
    #[error("the sealed secret of {0} does not open: it was changed, moved, or sealed with another key")]
    DoesNotOpen(String),
    /// The same of a file's kept content.
    #[error("the kept content of {0} does not open: it was changed, moved, or sealed with another key")]
    OriginalDoesNotOpen(String),
    /// A later version of multicred sealed it.
    #[error("what is sealed of {what} has format {format}, which this version does not know")]
    Format {
        /// Of which credential or file.
        what: String,
        /// The format's number.
        format: u8,
    },
    /// A key slot did not yield the store key.
    #[error("key slot {slot} ({kind}) does not open: {reason}")]
    Slot {
        /// The slot's number.
        slot: i64,
        /// Its kind.
        kind: String,
        /// Why.
        reason: String,
    },
    /// A key file could not be made.
    #[error("the key file {path} cannot be written: {reason}")]
    KeyFile {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// No record is that long.
    #[error("what is to be sealed is too long")]
    TooLong,
    /// The agent that held the key does so no longer.
    #[error("the agent no longer holds the store's key: {0}")]
    Agent(String),
}

/// Fills an array with random bytes.
///
/// # Errors
/// The system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| SealError::Random(error.to_string()))?;
    Ok(bytes)
}

/// The epoch of a store's next key. Not the next number: copies of one store that are rotated apart, or a store that was
/// restored and rotated again, would have different keys under the same one, and agents and seals would mix them up.
///
/// # Errors
/// The system gives no random numbers.
pub fn next_epoch() -> Result<i64, SealError> {
    // 52 bits, so that a reader of JSON that knows only floating-point numbers gets it whole.
    let drawn = u64::from_le_bytes(random()?) >> 12;
    Ok(drawn.cast_signed() + FIRST_EPOCH + 1)
}

/// The random 256-bit key that seals every secret of one store.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// A new random key.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self, SealError> {
        random().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The same key, for another thread of this process.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self(self.0.clone())
    }

    /// The key itself, for an agent that is to hold it. The name is long so that every use stands out in a review.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A slot's proof that it was made by somebody who had this key, with the slot's pin in it.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn slot_tag(&mut self, pin: &Pin, binding: &SlotBinding<'_>) -> Result<Vec<u8>, SealError> {
        Ok(self.seal_record(&**pin, &binding.associated_data())?.0)
    }
}

/// What seals and opens records: the store key itself, or an agent that holds it.
pub trait Sealer {
    /// Seals a record.
    ///
    /// # Errors
    /// The system gives no random numbers, or the agent is gone.
    fn seal_record(&mut self, record: &[u8], associated_data: &[u8]) -> Result<Sealed, SealError>;

    /// Opens a record; `None` where it does not open.
    ///
    /// # Errors
    /// The agent is gone.
    fn open_record(&mut self, sealed: &Sealed, associated_data: &[u8])
    -> Result<Option<Zeroizing<Vec<u8>>>, SealError>;

    /// The pin in a slot's proof; `None` where the slot is not as it was made.
    ///
    /// # Errors
    /// The agent is gone.
    fn pin_of(&mut self, tag: &[u8], binding: &SlotBinding<'_>) -> Result<Option<Pin>, SealError> {
        let record = self.open_record(&Sealed(tag.to_vec()), &binding.associated_data())?;
        Ok(record.and_then(|record| <[u8; 32]>::try_from(record.as_slice()).ok()).map(Pin::new))
    }

    /// Seals the secret parts of a credential.
    ///
    /// # Errors
    /// As [`seal_record`](Self::seal_record).
    fn seal(&mut self, material: &KeyMaterial, binding: &Binding<'_>) -> Result<Sealed, SealError> {
        self.seal_record(&encode(material), &binding.associated_data())
    }

    /// Opens what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// Another key, another binding, or changed bytes: never garbage.
    fn open(&mut self, sealed: &Sealed, binding: &Binding<'_>) -> Result<KeyMaterial, SealError> {
        let what = binding.access_key_id;
        check_format(sealed, what)?;
        let record = self.open_record(sealed, &binding.associated_data())?;
        record.and_then(|record| decode(&record)).ok_or_else(|| SealError::DoesNotOpen(what.to_owned()))
    }

    /// Seals a file's content.
    ///
    /// # Errors
    /// As [`seal_record`](Self::seal_record).
    fn seal_original(&mut self, content: &[u8], binding: &OriginalBinding<'_>) -> Result<Sealed, SealError> {
        self.seal_record(content, &binding.associated_data())
    }

    /// Opens what [`seal_original`](Self::seal_original) sealed.
    ///
    /// # Errors
    /// Another key, another binding, or changed bytes: never garbage.
    fn open_original(
        &mut self,
        sealed: &Sealed,
        binding: &OriginalBinding<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        check_format(sealed, binding.path)?;
        let content = self.open_record(sealed, &binding.associated_data())?;
        content.ok_or_else(|| SealError::OriginalDoesNotOpen(binding.path.to_owned()))
    }
}

impl Sealer for StoreKey {
    fn seal_record(&mut self, record: &[u8], associated_data: &[u8]) -> Result<Sealed, SealError> {
        record::seal(&self.0, record, associated_data)?.map(Sealed).ok_or(SealError::TooLong)
    }

    fn open_record(
        &mut self,
        sealed: &Sealed,
        associated_data: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        Ok(record::open(&self.0, &sealed.0, associated_data))
    }
}

fn check_format(sealed: &Sealed, what: &str) -> Result<(), SealError> {
    match sealed.0.first() {
        Some(&format) if format > FORMAT => Err(SealError::Format { what: what.to_owned(), format }),
        _ => Ok(()),
    }
}

/// The record that is sealed: the secret key, and the session token where there is one.
fn encode(material: &KeyMaterial) -> Zeroizing<Vec<u8>> {
    let secret = material.secret_access_key.expose().as_bytes();
    let token = material.session_token.as_ref().map(|token| token.expose().as_bytes());
    Zeroizing::new(match token {
        Some(token) => length_prefixed(&[secret, token]),
        None => length_prefixed(&[secret]),
    })
}

fn decode(record: &[u8]) -> Option<KeyMaterial> {
    let (secret_access_key, rest) = take_text(record)?;
    let session_token = match rest {
        [] => None,
        rest => match take_text(rest)? {
            (token, []) => Some(token),
            _ => return None,
        },
    };
    Some(KeyMaterial { secret_access_key, session_token })
}

fn take_text(bytes: &[u8]) -> Option<(Secret, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((Secret::new(std::str::from_utf8(text).ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Binding<'static> =
        Binding { store_id: b"store", key_epoch: 1, identity: "aws:111122223333:user:alice", access_key_id: "AKIA1" };

    fn material(token: Option<&str>) -> KeyMaterial {
        KeyMaterial { secret_access_key: Secret::new("s3cr3t%#;=\"'\\ é"), session_token: token.map(Secret::new) }
    }

    #[test]
    fn what_is_sealed_opens_with_and_without_a_token() {
        let mut key = StoreKey::generate().unwrap();
        for material in [material(None), material(Some("")), material(Some(&"t".repeat(5000)))] {
            let sealed = key.seal(&material, &HERE).unwrap();
            assert_eq!(key.open(&sealed, &HERE).unwrap(), material);
        }
    }

    #[test]
    fn any_flipped_bit_and_any_truncation_is_an_error_that_names_the_credential() {
        let mut key = StoreKey::generate().unwrap();
        let sealed = key.seal(&material(Some("token")), &HERE).unwrap();
        for index in 0..sealed.0.len() {
            let mut flipped = sealed.clone();
            flipped.0[index] ^= 1;
            assert!(key.open(&flipped, &HERE).is_err(), "byte {index}");
            let cut = Sealed(sealed.0[..index].to_vec());
            assert_eq!(key.open(&cut, &HERE), Err(SealError::DoesNotOpen("AKIA1".into())), "cut at {index}");
        }
    }

    #[test]
    fn a_files_content_opens_only_as_what_it_is() {
        let mut key = StoreKey::generate().unwrap();
        let here = OriginalBinding { store_id: b"store", key_epoch: 1, path: "/home/a/.aws/config", kept_at: 7 };
        for content in [&b""[..], b"[a]\r\n\xff", &[7; 10_000]] {
            let sealed = key.seal_original(content, &here).unwrap();
            assert_eq!(&**key.open_original(&sealed, &here).unwrap(), content);
            for elsewhere in [
                OriginalBinding { store_id: b"other", ..here },
                OriginalBinding { key_epoch: 2, ..here },
                OriginalBinding { path: "/home/a/.aws/credentials", ..here },
                OriginalBinding { kept_at: 8, ..here },
            ] {
                let failed = SealError::OriginalDoesNotOpen(elsewhere.path.to_owned());
                assert_eq!(key.open_original(&sealed, &elsewhere).unwrap_err(), failed, "{elsewhere:?}");
            }
        }
    }

    #[test]
    fn neither_a_credential_nor_a_file_opens_as_the_other() {
        let mut key = StoreKey::generate().unwrap();
        let secret = key.seal(&material(Some("token")), &HERE).unwrap();
        let file = OriginalBinding { store_id: b"store", key_epoch: 1, path: "AKIA1", kept_at: 0 };
        assert!(key.open_original(&secret, &file).is_err());
        let content = key.seal_original(&encode(&material(None)), &file).unwrap();
        assert!(key.open(&content, &HERE).is_err());
        assert!(key.open(&content, &Binding { identity: "original of a file", ..HERE }).is_err());
    }

    #[test]
    fn a_value_moved_to_another_row_store_or_epoch_does_not_open() {
        let mut key = StoreKey::generate().unwrap();
        let sealed = key.seal(&material(None), &HERE).unwrap();
        for elsewhere in [
            Binding { store_id: b"other", ..HERE },
            Binding { key_epoch: 2, ..HERE },
            Binding { identity: "aws:111122223333:user:mallory", ..HERE },
            Binding { access_key_id: "AKIA2", ..HERE },
        ] {
            assert!(key.open(&sealed, &elsewhere).is_err(), "{elsewhere:?}");
        }
        assert!(StoreKey::generate().unwrap().open(&sealed, &HERE).is_err());
    }
}
