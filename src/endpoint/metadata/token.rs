//! The tokens of the metadata service. None is remembered: in each is when it ends, under a MAC of a key that nobody else
//! has, so that a million of them take no memory, and none outlives its session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use ring::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

/// Seconds; six hours at most (EC2 User Guide, "How Instance Metadata Service Version 2 works").
const LIFETIMES: std::ops::RangeInclusive<u32> = 1..=21_600;
/// How many bytes the end takes.
const END: usize = size_of::<u64>();

/// The key of a session's tokens.
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl TokenKey {
    /// A key of random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// How long a token shall last, in seconds; `None` where that is too long, or no number.
pub(super) fn lifetime(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| is_number && LIFETIMES.contains(seconds))
}

pub(super) struct Tokens(pub(super) TokenKey);

impl Tokens {
    fn key(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, &*self.0.0)
    }

    /// A token that is good until then.
    pub(super) fn issue(&self, end: u64) -> String {
        let end = end.to_be_bytes();
        let seal = hmac::sign(&self.key(), &end);
        URL_SAFE.encode([&end[..], seal.as_ref()].concat())
    }

    /// Whether it is one of ours, and has not ended. How long the look takes tells nothing.
    pub(super) fn is_good(&self, token: &str, now: u64) -> bool {
        let bytes = URL_SAFE.decode(token).unwrap_or_default();
        let Some((end, seal)) = bytes.split_first_chunk::<END>() else { return false };
        hmac::verify(&self.key(), end, seal).is_ok() && u64::from_be_bytes(*end) > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_another_key_or_with_another_end_is_none() {
        let tokens = Tokens(TokenKey::new([1; 32]));
        let token = tokens.issue(10);
        assert!(token.len() == 56 && token.ends_with("=="), "as AWS's: {token}");
        assert!(tokens.is_good(&token, 9) && !tokens.is_good(&token, 10));
        assert!(!Tokens(TokenKey::new([2; 32])).is_good(&token, 9));
        let later = tokens.issue(u64::MAX);
        let mixed = format!("{}{}", &later[..8], &token[8..]);
        for bad in ["", "AAAA", &token[..54], &mixed, &token.replace('=', "%3D")] {
            assert!(!tokens.is_good(bad, 9), "{bad}");
        }
    }
}
