//! Keys, ids and tokens in AWS's shapes, from a stream that repeats when it is seeded.

use sha2::{Digest, Sha256};

const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// SHA-256 over (seed, counter): the same seed gives the same world on every machine.
#[derive(Debug)]
pub struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    /// A stream that repeats for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self { seed: bytes, counter: 0 }
    }

    /// A stream nobody saw before. Panics where the system has no randomness.
    pub fn fresh() -> Self {
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            panic!("no randomness: {error}");
        }
        Self { seed, counter: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize().into()
    }

    /// `length` characters. The alphabets here divide 256, so no character is likelier than another.
    fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            for byte in self.block().iter().take(length - text.len()) {
                text.push(char::from(alphabet[usize::from(*byte) % alphabet.len()]));
            }
        }
        text
    }

    /// `AKIA…`, `ASIA…`, `AIDA…`, `AROA…`: the prefix and 16 characters.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.text(16, ID_ALPHABET))
    }

    /// 40 characters. Each secret has a `/` and a `+`: what mangles them fails always, not at times.
    pub fn secret(&mut self) -> String {
        let text = self.text(40, BASE64_ALPHABET);
        format!("{}/{}+{}", &text[..7], &text[8..23], &text[24..])
    }

    /// A session token of `length` characters, with AWS's own beginning, a `+`, a `/` and an `=`.
    pub fn session_token(&mut self, length: usize) -> String {
        const START: &str = "IQoJb3JpZ2luX2VjE/+";
        let body = self.text(length.saturating_sub(START.len() + 1), BASE64_ALPHABET);
        format!("{START}{body}=")
    }

    /// A request id: the form of a UUID.
    pub fn request_id(&mut self) -> String {
        let hex = self.text(32, b"0123456789abcdef");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_keys_and_another_seed_does_not() {
        let keys = |seed| {
            let mut random = Random::seeded(seed);
            (random.id("AKIA"), random.secret())
        };
        assert_eq!(keys(7), keys(7));
        assert_ne!(keys(7), keys(8));
    }

    #[test]
    fn shapes_are_awss_own() {
        let mut random = Random::fresh();
        assert_eq!(random.id("ASIA").len(), 20);
        let secret = random.secret();
        assert_eq!(secret.len(), 40);
        assert!(secret.contains('+') && secret.contains('/'));
        assert_eq!(random.session_token(350).len(), 350);
        assert_eq!(random.session_token(4_500).len(), 4_500);
        assert_eq!(random.request_id().len(), 36);
    }
}
