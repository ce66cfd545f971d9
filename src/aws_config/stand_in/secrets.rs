//! What must not be copied: the secrets of both files, wherever they stand.

use zeroize::Zeroizing;

use crate::aws_config::document::{Document, Part};

/// A text with one of these, in whatever case, tells of a key: a setting somebody commented out, or a
/// `credential_process` that prints one.
const TELLING: [&str; 6] =
    ["aws_access_key_id", "secret_access_key", "secretaccesskey", "session_token", "sessiontoken", "security_token"];

/// Shorter values are no secrets of AWS, and would take lines with them that only look alike.
const SHORTEST: usize = 8;

/// True for the key of a setting that is a secret, or stands beside one. Misspelled ones are, too: no SDK reads them,
/// and what they hold is a secret still. `secrets_manager` is the name of a service.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let is_place = ["_file", "_process"].iter().any(|end| key.ends_with(end));
    let is_secret = key.contains("secret") && (key.contains("key") || key.ends_with("secret"));
    let is_password = ["password", "passwd", "passphrase"].iter().any(|word| key.contains(word));
    is_key_id(&key) || is_secret || is_password || (key.contains("token") && !is_place)
}

/// True for either half of a key of the section's own.
pub(super) fn is_half_of_key(key: &str) -> bool {
    is_key_id(key) || key.eq_ignore_ascii_case("aws_secret_access_key")
}

fn is_key_id(key: &str) -> bool {
    key.eq_ignore_ascii_case("aws_access_key_id")
}

/// The secrets that the two files hold.
#[derive(Default)]
pub(super) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub(super) fn of(documents: [&Document; 2]) -> Self {
        let mut secrets = Self::default();
        for document in documents {
            let mut goes_on = false;
            for line in document.text_lines() {
                let is_told = |key: &str| is_secret(key) && !is_key_id(key);
                match line.part {
                    Part::Key { key, value, raw_value } => {
                        goes_on = is_told(key);
                        if goes_on {
                            secrets.add(value);
                            secrets.add(raw_value);
                        }
                    }
                    Part::Continuation => {
                        // Some SDKs read an indented line as a setting of its own.
                        let (key, value) = line.text.split_once(['=', ':']).unwrap_or_default();
                        goes_on |= is_told(key.trim());
                        if goes_on {
                            secrets.add(value.trim());
                            secrets.add(line.text.trim());
                        }
                    }
                    Part::Blank | Part::Comment => {}
                    Part::Header { .. } | Part::Bad => goes_on = false,
                }
            }
        }
        secrets
    }

    fn add(&mut self, value: &str) {
        // The Go SDK takes quotes off.
        for value in [value, value.trim_matches(['"', '\''])] {
            if value.len() >= SHORTEST {
                self.0.push(Zeroizing::new(value.to_owned()));
            }
        }
    }

    /// True for a text that holds one of them, or tells that it holds one.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let lower = Zeroizing::new(text.to_lowercase());
        TELLING.iter().any(|word| lower.contains(word)) || self.0.iter().any(|secret| text.contains(secret.as_str()))
    }
}
