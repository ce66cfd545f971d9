//! RFC 6238 one-time codes as AWS's virtual devices make them: HMAC-SHA1, 30 seconds, six digits.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds that one code covers.
pub const STEP_SECONDS: i64 = 30;

/// The step that contains this epoch second.
pub fn step_at(epoch: i64) -> u64 {
    u64::try_from(epoch.div_euclid(STEP_SECONDS)).unwrap_or(0)
}

/// The six digits of one step.
pub fn code(seed: &[u8], step: u64) -> String {
    format!("{:06}", truncated(seed, step) % 1_000_000)
}

/// RFC 4226's dynamic truncation: 31 bits of the HMAC, at an offset the HMAC itself names.
fn truncated(seed: &[u8], step: u64) -> u32 {
    // HMAC takes a key of any length, so there is no error to report.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(seed) else {
        return 0;
    };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0x0f);
    let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    u32::from_be_bytes(word) & 0x7fff_ffff
}

/// The seed as people and authenticator apps read it: base32 without padding.
pub fn base32(seed: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in seed.chunks(5) {
        let mut block = [0_u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        for index in 0..(chunk.len() * 8).div_ceil(5) {
            let five = (bits >> (35 - 5 * index)) & 31;
            text.push(char::from(ALPHABET[usize::try_from(five).unwrap_or(0)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the SHA-1 column, of which we use the last six of eight digits.
    #[test]
    fn codes_match_the_vectors_of_rfc_6238() {
        let seed = b"12345678901234567890";
        for (epoch, digits) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(seed, step_at(epoch)), digits[2..], "{epoch}");
        }
    }

    #[test]
    fn base32_matches_the_vectors_of_rfc_4648() {
        for (seed, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(seed.as_bytes()), text);
        }
    }
}
