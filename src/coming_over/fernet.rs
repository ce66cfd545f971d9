//! Fernet, by which mentaws encrypts (<https://github.com/fernet/spec>): AES-128-CBC under an HMAC-SHA-256.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use ring::hmac;
use zeroize::Zeroizing;

const VERSION: u8 = 0x80;
/// The version, the time, and the first block.
const IV: usize = 1 + 8;
const TEXT: usize = IV + 16;
const MAC: usize = 32;

/// A key: one half signs, the other encrypts.
pub struct FernetKey(Zeroizing<[u8; 32]>);

/// Why a token does not open: the key is another one, or the token was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not open with the key in the keyring")]
pub struct DoesNotOpen;

impl FernetKey {
    /// Reads a key as it is written; `None` where it is none.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE.decode(text.trim()).ok()?);
        let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(key)))
    }

    /// The text inside a token. How old it is does not matter: what it holds has no age.
    ///
    /// # Errors
    /// It was made with another key, was changed, or is no token.
    pub fn open(&self, token: &str) -> Result<Zeroizing<String>, DoesNotOpen> {
        let token = Zeroizing::new(URL_SAFE.decode(token.trim()).map_err(|_| DoesNotOpen)?);
        let signed = token.len().checked_sub(MAC).filter(|length| *length > TEXT).ok_or(DoesNotOpen)?;
        let (content, mac) = token.split_at(signed);
        let (signing, encrypting) = self.0.split_at(16);
        let signing = hmac::Key::new(hmac::HMAC_SHA256, signing);
        hmac::verify(&signing, content, mac).map_err(|_| DoesNotOpen)?;
        if content[0] != VERSION {
            return Err(DoesNotOpen);
        }
        let mut text = Zeroizing::new(content[TEXT..].to_vec());
        let cipher = cbc::Decryptor::<aes::Aes128>::new_from_slices(encrypting, &content[IV..TEXT]);
        let cipher = cipher.map_err(|_| DoesNotOpen)?;
        let length = cipher.decrypt_padded_mut::<Pkcs7>(&mut text).map_err(|_| DoesNotOpen)?.len();
        text.truncate(length);
        std::str::from_utf8(&text).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| DoesNotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own vector (verify.json).
    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const TOKEN: &str =
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

    #[test]
    fn the_vector_of_the_specification_opens() {
        let key = FernetKey::from_text(KEY).unwrap();
        assert_eq!(key.open(TOKEN).unwrap().as_str(), "hello");
        assert_eq!(key.open(&format!(" {TOKEN}\n")).unwrap().as_str(), "hello");
    }

    #[test]
    fn what_was_changed_or_cut_short_or_made_with_another_key_does_not_open() {
        let key = FernetKey::from_text(KEY).unwrap();
        for at in 0..TOKEN.len() - 4 {
            let changed = if &TOKEN[at..=at] == "A" { "B" } else { "A" };
            let token = format!("{}{changed}{}", &TOKEN[..at], &TOKEN[at + 1..]);
            assert!(key.open(&token).is_err(), "{at}");
            assert!(key.open(&TOKEN[..at]).is_err(), "{at}");
        }
        let other = FernetKey::from_text(&format!("{}{}", "A".repeat(43), "=")).unwrap();
        assert_eq!(other.open(TOKEN).err(), Some(DoesNotOpen));
        for no_key in ["", "secret", &KEY[..40], &format!("{KEY}{KEY}")] {
            assert!(FernetKey::from_text(no_key).is_none(), "{no_key}");
        }
    }
}
