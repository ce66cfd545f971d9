//! Key slots: each wraps the store key with a secret of its own.
//!
//! A slot also keeps a public key derived from its secret, so that a new store key can be sealed to a slot whose
//! secret is not at hand.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{NONCE_LENGTH, SealError, StoreKey, random};

/// How a store key is wrapped: directly under a key derived from the slot's secret.
const WRAPPED_WITH_SECRET: u8 = 1;

/// A slot's 256-bit secret.
pub struct SlotSecret(pub(super) Zeroizing<[u8; 32]>);

/// What the store keeps of a slot.
#[derive(Debug)]
pub struct WrappedKey {
    /// X25519 public key derived from the slot's secret.
    pub public_key: [u8; 32],
    /// The store key, wrapped.
    pub wrapped: Vec<u8>,
}

impl SlotSecret {
    /// A new random secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self, SealError> {
        random().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// A slot's secret from what its kind yields (a signature, a program's output): HKDF-SHA-256.
    pub(super) fn extracted(material: &[u8], salt: &[u8], purpose: &[u8]) -> Self {
        let mut secret = Zeroizing::new([0u8; 32]);
        // Expanding 32 bytes is far below HKDF's limit of 8,160: it cannot fail.
        let _ = Hkdf::<Sha256>::new(Some(salt), material).expand(purpose, &mut *secret);
        Self(secret)
    }

    /// Wraps a store key.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn wrap(&self, key: &StoreKey, store_id: &[u8]) -> Result<WrappedKey, SealError> {
        let nonce: [u8; NONCE_LENGTH] = random()?;
        let payload = Payload { msg: &*key.0, aad: store_id };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::DoesNotOpen("the store key".to_owned()))?;
        let mut wrapped = vec![WRAPPED_WITH_SECRET];
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&sealed);
        Ok(WrappedKey { public_key: self.public_key(), wrapped })
    }

    /// Unwraps a store key; `None` where this is not the secret it was wrapped with, or the bytes were changed.
    pub fn unwrap_key(&self, wrapped: &[u8], store_id: &[u8]) -> Option<StoreKey> {
        let (&format, rest) = wrapped.split_first()?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LENGTH)?;
        if format != WRAPPED_WITH_SECRET {
            return None;
        }
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let payload = Payload { msg: sealed, aad: store_id };
        let opened = Zeroizing::new(self.cipher().decrypt(&XNonce::from(nonce), payload).ok()?);
        let bytes: [u8; 32] = opened.as_slice().try_into().ok()?;
        Some(StoreKey(Zeroizing::new(bytes)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.derive(b"multicred slot wrap v1")))
    }

    fn public_key(&self) -> [u8; 32] {
        let secret = x25519_dalek::StaticSecret::from(*self.derive(b"multicred slot x25519 v1"));
        x25519_dalek::PublicKey::from(&secret).to_bytes()
    }

    fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0u8; 32]);
        // Expanding 32 bytes is far below HKDF's limit of 8,160: it cannot fail.
        let _ = Hkdf::<Sha256>::new(None, &*self.0).expand(purpose, &mut *derived);
        derived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_unwraps_and_only_for_its_store() {
        let (secret, other) = (SlotSecret::generate().unwrap(), SlotSecret::generate().unwrap());
        let key = StoreKey::generate().unwrap();
        let wrapped = secret.wrap(&key, b"store").unwrap().wrapped;
        assert_eq!(secret.unwrap_key(&wrapped, b"store").unwrap().0, key.0);
        assert!(other.unwrap_key(&wrapped, b"store").is_none());
        assert!(secret.unwrap_key(&wrapped, b"other").is_none());
        for index in 0..wrapped.len() {
            let mut flipped = wrapped.clone();
            flipped[index] ^= 1;
            assert!(secret.unwrap_key(&flipped, b"store").is_none(), "byte {index}");
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose() {
        let secret = SlotSecret::generate().unwrap();
        assert_ne!(secret.derive(b"a"), secret.derive(b"b"));
        assert_ne!(*secret.derive(b"a"), [0u8; 32]);
    }
}
