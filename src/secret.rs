//! Secrets in memory: wiped when dropped, never shown.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text: wiped from memory when dropped, and shown as `[secret]` wherever it is formatted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. The name is long so that every use stands out in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A secret sealed under the store key: safe to write down, useless without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[sealed, {} bytes]", self.0.len())
    }
}

/// The two secret parts of a credential. Sealed together, as one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMaterial {
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token: only temporary credentials have one.
    pub session_token: Option<Secret>,
}

/// A credential in the clear, ready to sign with or to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The access key id: a name, not a secret.
    pub access_key_id: String,
    /// The secret parts.
    pub material: KeyMaterial,
    /// When it stops working, in epoch seconds UTC; `None` for a long-term key.
    pub expires_at: Option<i64>,
}

impl Credential {
    /// Whether this is a long-term key pair rather than a temporary triple.
    pub fn is_long_term(&self) -> bool {
        self.material.session_token.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_neither_key_nor_token() {
        let credential = Credential {
            access_key_id: "AKIAEXAMPLE".into(),
            material: KeyMaterial {
                secret_access_key: Secret::new("hush-key"),
                session_token: Some(Secret::new("hush-token")),
            },
            expires_at: None,
        };
        let shown = format!("{credential:?}");
        assert!(shown.contains("AKIAEXAMPLE") && !shown.contains("hush"), "{shown}");
    }
}
