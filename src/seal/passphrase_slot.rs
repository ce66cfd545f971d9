//! The `passphrase` slot: a secret that a person knows, made costly to guess.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{SealError, SlotSecret, random};
use crate::secret::Secret;

/// 64 MiB, three passes: RFC 9106's second recommendation, with one lane since one core computes it. OWASP asks for at
/// least 19 MiB and two passes. A tenth of a second here, once a day where an agent runs.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// What no store that we made asks for: a damaged one must not take all memory, or for ever.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 64;

/// How a passphrase becomes a slot's secret: Argon2id (RFC 9106).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassphraseSlot {
    kdf: String,
    /// Memory in KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl PassphraseSlot {
    /// The slot's kind, as stored.
    pub const KIND: &'static str = "passphrase";
    const KDF: &'static str = "argon2id";

    /// A new slot's way, with a random salt.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, SealError> {
        let salt = STANDARD.encode(random::<16>()?);
        Ok(Self { kdf: Self::KDF.to_owned(), memory: MEMORY_KIB, passes: PASSES, lanes: LANES, salt })
    }

    /// The secret that a passphrase gives.
    ///
    /// # Errors
    /// A reason in words: what the slot remembers cannot be followed.
    pub fn secret(&self, passphrase: &Secret) -> Result<SlotSecret, String> {
        let within = self.memory <= MOST_MEMORY_KIB && self.passes <= MOST_PASSES && self.lanes <= MOST_LANES;
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32)).ok().filter(|_| within);
        let (Some(params), Self::KDF) = (params, self.kdf.as_str()) else {
            return Err("what it says of its Argon2id cannot be followed".to_owned());
        };
        let salt = STANDARD.decode(&self.salt).map_err(|_| "its salt is damaged".to_owned())?;
        let mut secret = Zeroizing::new([0u8; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let filled = argon2.hash_password_into(passphrase.expose().as_bytes(), &salt, &mut *secret);
        filled.map_err(|error| format!("Argon2id: {error}"))?;
        Ok(SlotSecret(secret))
    }

    /// How it is kept from being guessed, in words.
    pub fn describe(&self) -> String {
        format!("{}, {} MiB, {} passes", self.kdf, self.memory / 1024, self.passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_passphrase_gives_the_same_secret_with_the_same_salt_only() {
        let (slot, other) = (PassphraseSlot::new().unwrap(), PassphraseSlot::new().unwrap());
        let secret = |slot: &PassphraseSlot, text: &str| *slot.secret(&Secret::new(text)).unwrap().0;
        assert_eq!(secret(&slot, "grün 🔑"), secret(&slot, "grün 🔑"));
        assert_ne!(secret(&slot, "grün 🔑"), secret(&slot, "grün 🔑 "));
        assert_ne!(secret(&slot, "grün 🔑"), secret(&other, "grün 🔑"));
    }

    #[test]
    fn the_parameters_are_at_least_those_that_owasp_asks_for() {
        let slot = PassphraseSlot::new().unwrap();
        assert!(slot.memory >= 19 * 1024 && slot.passes >= 2 && STANDARD.decode(&slot.salt).unwrap().len() >= 16);
    }

    #[test]
    fn what_a_damaged_slot_asks_for_is_refused_and_not_tried() {
        let slot = PassphraseSlot::new().unwrap();
        for bad in [
            PassphraseSlot { memory: u32::MAX, ..slot.clone() },
            PassphraseSlot { passes: u32::MAX, ..slot.clone() },
            PassphraseSlot { lanes: 0, ..slot.clone() },
            PassphraseSlot { kdf: "scrypt".to_owned(), ..slot.clone() },
            PassphraseSlot { salt: "!".to_owned(), ..slot.clone() },
            PassphraseSlot { salt: String::new(), ..slot.clone() },
        ] {
            assert!(bad.secret(&Secret::new("x")).is_err(), "{bad:?}");
        }
    }
}
