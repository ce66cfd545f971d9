//! Records under a key: the one place that names the cipher for them.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{FORMAT, NONCE_LENGTH, SealError, random};

/// Seals a record; `None` only for one that is longer than the cipher takes (256 GiB).
///
/// # Errors
/// The system gives no random numbers.
pub(crate) fn seal(key: &[u8; 32], record: &[u8], associated_data: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
    let nonce: [u8; NONCE_LENGTH] = random()?;
    let payload = Payload { msg: record, aad: associated_data };
    let ciphertext = cipher(key).encrypt(&XNonce::from(nonce), payload).ok();
    Ok(ciphertext.map(|ciphertext| [&[FORMAT][..], &nonce, &ciphertext].concat()))
}

/// Opens what [`seal`] sealed; `None` where it does not open.
pub(crate) fn open(key: &[u8; 32], sealed: &[u8], associated_data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&format, rest) = sealed.split_first()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().filter(|_| format == FORMAT)?;
    let payload = Payload { msg: ciphertext, aad: associated_data };
    cipher(key).decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

/// From the key where it lies: a copy would not be wiped.
fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(<&Key>::from(key))
}
