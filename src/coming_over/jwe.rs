//! The one kind of JWE that aws-vault's encrypted files have: compact, PBES2-HS256+A128KW, A256GCM (RFC 7516, RFC 7518
//! sections 4.8 and 5.3).

use std::num::NonZeroU32;

use aes_kw::KekAes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::pbkdf2;
use serde::Deserialize;
use zeroize::Zeroizing;

const ALGORITHM: &str = "PBES2-HS256+A128KW";
const ENCRYPTION: &str = "A256GCM";
/// aws-vault's own is 8192; a file that asks for more than this would only keep us busy.
const MOST_ROUNDS: u32 = 10_000_000;
/// A content key as A128KW wraps it.
const WRAPPED: usize = 32 + 8;
const TAG: usize = 16;

/// Why it does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// It is something else.
    #[error("it is no file of aws-vault's (JWE, {ALGORITHM}, {ENCRYPTION})")]
    Form,
    /// The key does not unwrap.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// The key unwraps, and what it opens was changed.
    #[error("it is damaged: its key opens, and its content does not")]
    Damaged,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    p2c: u32,
    p2s: String,
    zip: Option<String>,
}

/// What was encrypted.
///
/// # Errors
/// See [`JweError`].
pub fn open(compact: &str, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let parts: Vec<&str> = compact.trim().split('.').collect();
    let [protected, key, iv, text, tag] = parts[..] else { return Err(JweError::Form) };
    let header: Header = serde_json::from_slice(&decoded(protected)?).map_err(|_| JweError::Form)?;
    let (wrapped, iv, tag) = (decoded(key)?, decoded(iv)?, decoded(tag)?);
    let iv: [u8; NONCE_LEN] = iv.try_into().map_err(|_| JweError::Form)?;
    if header.alg != ALGORITHM || header.enc != ENCRYPTION || header.zip.is_some() || tag.len() != TAG {
        return Err(JweError::Form);
    }
    let key = content_key(&header, &wrapped, passphrase)?;
    let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| JweError::Form)?;
    let mut text = Zeroizing::new(decoded(text)?);
    text.extend_from_slice(&tag);
    let nonce = Nonce::assume_unique_for_key(iv);
    let aad = Aad::from(protected.as_bytes());
    let length = LessSafeKey::new(key).open_in_place(nonce, aad, &mut text).map_err(|_| JweError::Damaged)?.len();
    text.truncate(length);
    Ok(text)
}

/// RFC 7518, section 4.8.1.1: the salt begins with the algorithm's name and a zero.
fn content_key(header: &Header, wrapped: &[u8], passphrase: &str) -> Result<Zeroizing<[u8; 32]>, JweError> {
    let rounds = NonZeroU32::new(header.p2c).filter(|rounds| rounds.get() <= MOST_ROUNDS).ok_or(JweError::Form)?;
    let salt = [ALGORITHM.as_bytes(), &[0], &decoded(&header.p2s)?].concat();
    let mut wrapping = Zeroizing::new([0; 16]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, passphrase.as_bytes(), &mut *wrapping);
    if wrapped.len() != WRAPPED {
        return Err(JweError::Form);
    }
    let mut key = Zeroizing::new([0; 32]);
    KekAes128::from(*wrapping).unwrap(wrapped, &mut *key).map_err(|_| JweError::WrongPassphrase)?;
    Ok(key)
}

fn decoded(part: &str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by jwcrypto from `{"Key":"a"}` and the passphrase `hush ü`.
    const MADE: &str = "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjo4MTkyLCJwMnMiOiJwRW5YczBBdDdRMmtYNjBMbnROZzVRIn0.VSTO6lq1JiyZ_wxGY2zorIpRXQLOx1X0VsWo1XHeTw8AKnxSUDT4hQ.Lgp-10JW4ZklOhAR.vYCmKImCM8BdH24.SJK3yI7E3cJRX2G3p2jhEQ";

    #[test]
    fn what_another_implementation_made_opens_with_its_passphrase_alone() {
        assert_eq!(open(MADE, "hush ü").unwrap().as_slice(), br#"{"Key":"a"}"#);
        assert_eq!(open(&format!("{MADE}\n"), "hush ü").unwrap().as_slice(), br#"{"Key":"a"}"#);
        assert_eq!(open(MADE, "hush u").err(), Some(JweError::WrongPassphrase));
        assert_eq!(open(MADE, "").err(), Some(JweError::WrongPassphrase));
    }

    #[test]
    fn what_was_changed_or_is_something_else_is_told_from_a_wrong_passphrase() {
        let parts: Vec<&str> = MADE.split('.').collect();
        let with = |at: usize, part: &str| {
            let mut parts = parts.clone();
            parts[at] = part;
            open(&parts.join("."), "hush ü").err()
        };
        assert_eq!(with(3, "AAAAAAAAAAAAAAA"), Some(JweError::Damaged));
        assert_eq!(with(4, "AAAAAAAAAAAAAAAAAAAAAA"), Some(JweError::Damaged));
        let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for other in [
            r#"{"alg":"dir","enc":"A256GCM","p2c":1,"p2s":"AA"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1,"p2s":"AA"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":0,"p2s":"AA"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":4294967295,"p2s":"AA"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":1,"p2s":"AA","zip":"DEF"}"#,
            "{}",
        ] {
            assert_eq!(with(0, &header(other)), Some(JweError::Form), "{other}");
        }
        for (at, part) in [(0, "*"), (1, "AA"), (2, "AA"), (4, "AA")] {
            assert_eq!(with(at, part), Some(JweError::Form), "{at}");
        }
        for other in ["", "a.b.c.d.e", "AKIA = secret", "....", "a.b.c.d.e.f"] {
            assert_eq!(open(other, "x").err(), Some(JweError::Form), "{other}");
        }
    }
}
