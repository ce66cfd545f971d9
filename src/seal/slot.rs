//! Key slots: each wraps the store key with a secret of its own.
//!
//! A slot also keeps a public key derived from its secret, so that a new store key can be sealed to a slot whose
//! secret is not at hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use super::{NONCE_LENGTH, SealError, StoreKey, random};

/// How a store key is wrapped: directly under a key derived from the slot's secret.
const WRAPPED_WITH_SECRET: u8 = 1;
/// Or to the slot's public key, by somebody who does not have its secret: an ephemeral X25519 public key precedes the
/// nonce, and the wrapping key is derived from the agreed secret and both public keys.
const WRAPPED_TO_PUBLIC_KEY: u8 = 2;
const PUBLIC_KEY_LENGTH: usize = 32;

/// A slot's 256-bit secret.
pub struct SlotSecret(pub(super) Zeroizing<[u8; 32]>);

/// See [`SlotSecret::pin`].
pub type Pin = Zeroizing<[u8; 32]>;

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
        Self(expand(&Hkdf::<Sha256>::new(Some(salt), material), purpose))
    }

    /// The secret as one line of text, behind the word that says what it is.
    pub(super) fn to_text(&self, header: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{header} {}", *Zeroizing::new(STANDARD.encode(*self.0))))
    }

    /// The secret of such a line; `None` where it is something else.
    pub(super) fn from_text(header: &str, text: &str) -> Option<Self> {
        let (found, encoded) = text.trim_end().split_once(' ')?;
        let decoded = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().ok()?;
        (found == header).then(|| Self(Zeroizing::new(bytes)))
    }

    /// Wraps a store key; for what `binding` is, see [`wrap_binding`](super::wrap_binding).
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn wrap(&self, key: &StoreKey, binding: &[u8]) -> Result<WrappedKey, SealError> {
        let sealed = encrypt(&self.wrapping_key(), key, binding)?;
        Ok(WrappedKey { public_key: self.public_key(), wrapped: [&[WRAPPED_WITH_SECRET][..], &sealed].concat() })
    }

    /// Unwraps a store key; `None` where this is not the secret it was wrapped for, or the bytes were changed.
    pub fn unwrap_key(&self, wrapped: &[u8], binding: &[u8]) -> Option<StoreKey> {
        match wrapped.split_first()? {
            (&WRAPPED_WITH_SECRET, sealed) => decrypt(&self.wrapping_key(), sealed, binding),
            (&WRAPPED_TO_PUBLIC_KEY, rest) => {
                let (ephemeral, sealed) = rest.split_first_chunk::<PUBLIC_KEY_LENGTH>()?;
                let agreed = self.exchange_secret().diffie_hellman(&PublicKey::from(*ephemeral));
                let wrapping_key = agreed_key(&agreed, &self.pin(), ephemeral, &self.public_key())?;
                decrypt(&wrapping_key, sealed, binding)
            }
            _ => None,
        }
    }

    /// The X25519 public key derived from the secret.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LENGTH] {
        PublicKey::from(&self.exchange_secret()).to_bytes()
    }

    /// What the slot's secret and the store's key have in common, and nobody else knows: a key that is wrapped to the slot
    /// without its secret is known by it to come from the store.
    pub fn pin(&self) -> Pin {
        self.derive(b"multicred slot pin v1")
    }

    fn wrapping_key(&self) -> Zeroizing<[u8; 32]> {
        self.derive(b"multicred slot wrap v1")
    }

    fn exchange_secret(&self) -> StaticSecret {
        StaticSecret::from(*self.derive(b"multicred slot x25519 v1"))
    }

    fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        expand(&Hkdf::<Sha256>::new(None, &*self.0), purpose)
    }
}

/// Wraps a store key for a slot whose secret is not at hand: only that secret unwraps it, with the same `binding`. Without
/// the slot's pin anybody who can write to the store could put a key of their own in the place of the store's.
///
/// # Errors
/// The system gives no random numbers, or the public key is none.
pub fn wrap_to(public_key: &[u8], pin: &Pin, key: &StoreKey, binding: &[u8]) -> Result<Vec<u8>, SealError> {
    let bad = || SealError::DoesNotOpen("the store key".to_owned());
    let public_key: [u8; PUBLIC_KEY_LENGTH] = public_key.try_into().map_err(|_| bad())?;
    let ephemeral = StaticSecret::from(random::<32>()?);
    let ours = PublicKey::from(&ephemeral).to_bytes();
    let agreed = ephemeral.diffie_hellman(&PublicKey::from(public_key));
    let wrapping_key = agreed_key(&agreed, pin, &ours, &public_key).ok_or_else(bad)?;
    let sealed = encrypt(&wrapping_key, key, binding)?;
    Ok([&[WRAPPED_TO_PUBLIC_KEY][..], &ours, &sealed].concat())
}

/// `None` for a public key that gives everybody the same secret (RFC 7748, section 6.1).
fn agreed_key(agreed: &SharedSecret, pin: &Pin, ephemeral: &[u8], public_key: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let material = Zeroizing::new([agreed.as_bytes(), &pin[..]].concat());
    let hkdf = Hkdf::<Sha256>::new(Some(&[ephemeral, public_key].concat()), &material);
    agreed.was_contributory().then(|| expand(&hkdf, b"multicred slot wrap to public key v1"))
}

fn expand(hkdf: &Hkdf<Sha256>, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0u8; 32]);
    // Expanding 32 bytes is far below HKDF's limit of 8,160: it cannot fail.
    let _ = hkdf.expand(purpose, &mut *derived);
    derived
}

/// A nonce, then the store key's ciphertext.
fn encrypt(wrapping_key: &[u8; 32], key: &StoreKey, binding: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE_LENGTH] = random()?;
    let payload = Payload { msg: &*key.0, aad: binding };
    let cipher = XChaCha20Poly1305::new(&Key::from(*wrapping_key));
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::TooLong)?;
    Ok([&nonce[..], &sealed].concat())
}

fn decrypt(wrapping_key: &[u8; 32], sealed: &[u8], binding: &[u8]) -> Option<StoreKey> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
    let payload = Payload { msg: sealed, aad: binding };
    let cipher = XChaCha20Poly1305::new(&Key::from(*wrapping_key));
    let opened = Zeroizing::new(cipher.decrypt(&XNonce::from(*nonce), payload).ok()?);
    let bytes: [u8; 32] = opened.as_slice().try_into().ok()?;
    Some(StoreKey(Zeroizing::new(bytes)))
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
    fn a_key_wrapped_to_a_slot_without_its_secret_opens_with_that_secret_alone() {
        let (secret, other) = (SlotSecret::generate().unwrap(), SlotSecret::generate().unwrap());
        let key = StoreKey::generate().unwrap();
        let wrapped = wrap_to(&secret.public_key(), &secret.pin(), &key, b"store").unwrap();
        assert_eq!(secret.unwrap_key(&wrapped, b"store").unwrap().0, key.0);
        assert!(other.unwrap_key(&wrapped, b"store").is_none());
        assert!(secret.unwrap_key(&wrapped, b"other").is_none());
        for index in 0..wrapped.len() {
            let mut flipped = wrapped.clone();
            flipped[index] ^= 1;
            assert!(secret.unwrap_key(&flipped, b"store").is_none(), "byte {index}");
            assert!(secret.unwrap_key(&wrapped[..index], b"store").is_none(), "cut at {index}");
        }
    }

    #[test]
    fn a_key_of_somebody_who_knows_the_public_key_alone_does_not_unwrap() {
        let (secret, other) = (SlotSecret::generate().unwrap(), SlotSecret::generate().unwrap());
        let theirs = StoreKey::generate().unwrap();
        let wrapped = wrap_to(&secret.public_key(), &other.pin(), &theirs, b"store").unwrap();
        assert!(secret.unwrap_key(&wrapped, b"store").is_none());
    }

    #[test]
    fn no_key_is_wrapped_to_a_public_key_that_anybody_could_open() {
        let key = StoreKey::generate().unwrap();
        for bad in [&[0u8; 32][..], &[7; 31]] {
            assert!(wrap_to(bad, &SlotSecret::generate().unwrap().pin(), &key, b"store").is_err());
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose() {
        let secret = SlotSecret::generate().unwrap();
        assert_ne!(secret.derive(b"a"), secret.derive(b"b"));
        assert_ne!(*secret.derive(b"a"), [0u8; 32]);
    }
}
