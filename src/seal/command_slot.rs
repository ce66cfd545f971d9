//! The `command` slot: what a program of the person's prints, a password manager's as a rule.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::passphrase_slot::PassphraseSlot;
use super::{SealError, SlotSecret, random};
use crate::secret::Secret;

/// A shorter text may be one that a person thought of, and is made as costly to guess as a passphrase. 32 characters are
/// 128 bits even where they are only hexadecimal digits.
const RANDOM_ENOUGH: usize = 32;

/// The program, and how what it prints becomes a slot's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSlot {
    /// A command line for `sh`.
    pub command: String,
    salt: String,
    /// Where what it prints is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<PassphraseSlot>,
}

impl CommandSlot {
    /// The slot's kind, as stored.
    pub const KIND: &'static str = "command";

    /// A new slot for a command line that prints this.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(command: &str, printed: &Secret) -> Result<Self, SealError> {
        let is_long = without_line_end(printed.expose()).len() >= RANDOM_ENOUGH;
        let slow = if is_long { None } else { Some(PassphraseSlot::new()?) };
        Ok(Self { command: command.to_owned(), salt: STANDARD.encode(random::<16>()?), slow })
    }

    /// The secret that a printed text gives.
    ///
    /// # Errors
    /// A reason in words: it is empty, or the slot is damaged.
    pub fn secret(&self, printed: &Secret) -> Result<SlotSecret, String> {
        let text = without_line_end(printed.expose());
        if text.is_empty() {
            return Err("it prints nothing".to_owned());
        }
        if let Some(slow) = &self.slow {
            return slow.secret(&Secret::new(text));
        }
        let salt = STANDARD.decode(&self.salt).map_err(|_| "its salt is damaged".to_owned())?;
        Ok(SlotSecret::extracted(text.as_bytes(), &salt, b"multicred command slot v1"))
    }
}

/// What prints a line is not asked whether it ends it, and how.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_line_does_not_count_and_everything_else_does() {
        for text in ["short", "0123456789abcdef0123456789abcdef"] {
            let slot = CommandSlot::new("x", &Secret::new(text)).unwrap();
            let secret = |printed: String| *slot.secret(&Secret::new(printed)).unwrap().0;
            let expected = secret(text.to_owned());
            assert_eq!(secret(format!("{text}\n")), expected);
            assert_eq!(secret(format!("{text}\r\n")), expected);
            assert_ne!(secret(format!(" {text}")), expected);
            assert_ne!(secret(format!("{text}\n\n")), expected);
            assert!(slot.secret(&Secret::new("\n")).is_err());
        }
    }

    #[test]
    fn a_short_secret_is_made_costly_to_guess() {
        assert!(CommandSlot::new("x", &Secret::new("hunter2\n")).unwrap().slow.is_some());
        assert!(CommandSlot::new("x", &Secret::new("0123456789abcdef0123456789abcdef")).unwrap().slow.is_none());
    }
}
