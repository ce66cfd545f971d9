//! The key of the credential cache: a hash of the whole request.

use sha2::{Digest, Sha256};

/// A hash of everything that shapes one call to AWS. Two calls with the same hash may share a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestHash(pub [u8; 32]);

impl RequestHash {
    /// Sixteen hexadecimal digits: enough to name a lock file.
    pub fn short(&self) -> String {
        hex(&self.0[..8])
    }
}

/// Two hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Builds a [`RequestHash`] out of named fields.
///
/// Every field is written as length-prefixed name and length-prefixed value, so that no two different requests
/// write the same bytes, and a field added later changes no hash of a request that does not use it.
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a hash for one kind of call.
    pub fn new(call: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.write(call);
        hasher
    }

    /// Adds a field; an absent one leaves no trace.
    #[must_use]
    pub fn field(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.write(name);
            self.write(value);
        }
        self
    }

    /// The finished hash.
    pub fn finish(self) -> RequestHash {
        RequestHash(self.0.finalize().into())
    }

    fn write(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_run_into_each_other() {
        let a = Hasher::new("x").field("ab", Some("c")).finish();
        let b = Hasher::new("x").field("a", Some("bc")).finish();
        assert_ne!(a, b);
    }

    #[test]
    fn an_absent_field_differs_from_an_empty_one() {
        let absent = Hasher::new("x").field("a", None).finish();
        let empty = Hasher::new("x").field("a", Some("")).finish();
        assert_ne!(absent, empty);
        assert_eq!(absent, Hasher::new("x").finish());
    }
}
