//! The public keys of an agent: which of them a slot can rest on, and whether a signature is theirs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use super::wire::Reader;

/// Ask for SHA-512 (draft-ietf-sshm-ssh-agent, section 3.6.1): an agent signs with SHA-1 otherwise.
const RSA_SHA2_512: u32 = 4;

/// A key that an ssh-agent has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKey {
    /// The public key in SSH's encoding: what a `.pub` file has in base64.
    pub blob: Vec<u8>,
    /// Whatever its owner wrote beside it.
    pub comment: String,
    /// `ssh-ed25519`, `ssh-rsa`, …
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-add -l` shows it.
    pub fingerprint: String,
    /// Whether a slot can rest on it, or why not.
    pub usable: Result<(), &'static str>,
}

/// What a public key says.
enum PublicKey<'a> {
    Ed25519(&'a [u8]),
    Rsa { exponent: &'a [u8], modulus: &'a [u8] },
}

impl AgentKey {
    /// A key from its encoding and its comment.
    pub(super) fn new(blob: Vec<u8>, comment: String) -> Self {
        let algorithm = Reader(&blob).string().unwrap_or_default();
        Self {
            algorithm: String::from_utf8_lossy(algorithm).into_owned(),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob))),
            usable: read(&blob).map(|_| ()),
            blob,
            comment,
        }
    }

    /// Whether a person means this key: by its fingerprint, its comment, or its line in a `.pub` file.
    pub(super) fn is_meant(&self, by: &str) -> bool {
        let by = by.trim();
        let in_line = |line: &str| {
            let blob = STANDARD.decode(line.split_ascii_whitespace().nth(1)?).ok()?;
            Some(blob == self.blob)
        };
        by == self.comment.trim()
            || by.trim_end_matches('=') == self.fingerprint
            || by.trim_end_matches('=') == self.fingerprint.trim_start_matches("SHA256:")
            || in_line(by) == Some(true)
    }
}

impl std::fmt::Display for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.fingerprint)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " ({})", self.comment) }
    }
}

/// The flags that a signature with this key is asked for with.
///
/// # Errors
/// No slot can rest on this key, for this reason.
pub(super) fn flags(blob: &[u8]) -> Result<u32, &'static str> {
    read(blob).map(|key| match key {
        PublicKey::Ed25519(_) => 0,
        PublicKey::Rsa { .. } => RSA_SHA2_512,
    })
}

/// The bytes of a signature in SSH's encoding, where the key at `blob` has made it over `data`.
pub(super) fn verified<'s>(blob: &[u8], data: &[u8], signature: &'s [u8]) -> Option<&'s [u8]> {
    let mut reader = Reader(signature);
    let (algorithm, bytes) = (reader.string()?, reader.string()?);
    let holds = reader.is_empty()
        && match read(blob).ok()? {
            PublicKey::Ed25519(key) => {
                algorithm == b"ssh-ed25519" && UnparsedPublicKey::new(&ED25519, key).verify(data, bytes).is_ok()
            }
            PublicKey::Rsa { exponent, modulus } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                algorithm == b"rsa-sha2-512" && key.verify(&RSA_PKCS1_2048_8192_SHA512, data, bytes).is_ok()
            }
        };
    holds.then_some(bytes)
}

/// Ed25519 and RSA with PKCS #1 v1.5 sign the same data alike each time; nothing else here does.
fn read(blob: &[u8]) -> Result<PublicKey<'_>, &'static str> {
    const MALFORMED: &str = "it is malformed";
    let mut reader = Reader(blob);
    let key = match reader.string().ok_or(MALFORMED)? {
        b"ssh-ed25519" => PublicKey::Ed25519(reader.string().filter(|key| key.len() == 32).ok_or(MALFORMED)?),
        b"ssh-rsa" => {
            let (exponent, modulus) = (reader.big_number(), reader.big_number());
            PublicKey::Rsa { exponent: exponent.ok_or(MALFORMED)?, modulus: modulus.ok_or(MALFORMED)? }
        }
        other => return Err(reason_against(other)),
    };
    match key {
        _ if !reader.is_empty() => Err(MALFORMED),
        PublicKey::Rsa { modulus, .. } if bits(modulus) < 2048 => Err("an RSA key of less than 2048 bits is too weak"),
        PublicKey::Rsa { modulus, .. } if bits(modulus) > 8192 => {
            Err("an RSA key of more than 8192 bits is not supported")
        }
        key => Ok(key),
    }
}

fn bits(number: &[u8]) -> usize {
    number.len() * 8 - number.first().map_or(0, |first| first.leading_zeros() as usize)
}

fn reason_against(algorithm: &[u8]) -> &'static str {
    let algorithm = String::from_utf8_lossy(algorithm);
    if algorithm.contains("-cert-v") {
        "it is a certificate: choose the plain key"
    } else if algorithm.starts_with("sk-") {
        "a security key counts its signatures, so that no two are alike"
    } else if algorithm.starts_with("ecdsa-") || algorithm == "ssh-dss" {
        "its signatures have a random part, so that no two need be alike"
    } else {
        "keys of its type are not known to sign alike each time"
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::put_string;
    use super::*;

    fn blob(parts: &[&[u8]]) -> Vec<u8> {
        let mut blob = Vec::new();
        for part in parts {
            put_string(&mut blob, part);
        }
        blob
    }

    #[track_caller]
    fn refused(parts: &[&[u8]], says: &str) {
        let key = AgentKey::new(blob(parts), String::new());
        let reason = key.usable.unwrap_err();
        assert!(reason.contains(says), "{}: {reason}", key.algorithm);
        assert!(verified(&key.blob, b"data", &blob(&[parts[0], b"signature"])).is_none());
    }

    #[test]
    fn keys_that_do_not_sign_alike_each_time_are_refused_with_the_reason() {
        refused(&[b"sk-ssh-ed25519@openssh.com", &[1; 32], b"ssh:"], "security key");
        refused(&[b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &[4; 65], b"ssh:"], "security key");
        refused(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 65]], "random");
        refused(&[b"ssh-dss", &[1; 20]], "random");
        refused(&[b"ssh-ed25519-cert-v01@openssh.com", &[1; 32]], "certificate");
        refused(&[b"sk-ssh-ed25519-cert-v01@openssh.com", &[1; 32]], "certificate");
        refused(&[b"ssh-ed448", &[1; 57]], "not known");
    }

    #[test]
    fn keys_that_are_weak_or_malformed_are_refused_with_the_reason() {
        let modulus = |length: usize, first: u8| [&[0, first][..], &vec![0xa5; length - 1]].concat();
        refused(&[b"ssh-rsa", &[1, 0, 1], &modulus(128, 0x80)], "2048");
        refused(&[b"ssh-rsa", &[1, 0, 1], &modulus(256, 0x7f)], "2048");
        refused(&[b"ssh-rsa", &[1, 0, 1], &modulus(1025, 1)], "8192");
        refused(&[b"ssh-rsa", &[1, 0, 1]], "malformed");
        refused(&[b"ssh-ed25519", &[1; 31]], "malformed");
        refused(&[b"ssh-ed25519", &[1; 32], b"more"], "malformed");
        assert_eq!(AgentKey::new(vec![1, 2], String::new()).usable, Err("it is malformed"));
        let good = AgentKey::new(blob(&[b"ssh-rsa", &[1, 0, 1], &modulus(256, 0x80)]), String::new());
        assert_eq!((good.usable, flags(&good.blob)), (Ok(()), Ok(4)));
    }

    #[test]
    fn a_signature_counts_only_under_its_algorithm_s_name_and_over_its_data() {
        // RFC 8032, section 7.1, TEST 2.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key = blob(&[b"ssh-ed25519", &hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")]);
        let made = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
        assert_eq!(verified(&key, &[0x72], &blob(&[b"ssh-ed25519", &made])), Some(&*made));
        assert_eq!(verified(&key, &[0x73], &blob(&[b"ssh-ed25519", &made])), None);
        assert_eq!(verified(&key, &[0x72], &blob(&[b"ssh-ed25519", &made, b""])), None);
        assert_eq!(verified(&key, &[0x72], &blob(&[b"ssh-rsa", &made])), None);
        assert_eq!(verified(&key, &[0x72], &made), None);
    }
}
