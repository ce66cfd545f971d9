//! Asking a person: on the terminal itself, never on stdin.

mod confirm;
mod dialog;
mod masked;
mod pinentry;
mod signals;

use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use crate::secret::Secret;
pub use confirm::{Answer, confirm};
pub use dialog::Dialog;
use masked::Shows;
pub use signals::{Left, Told, stay, wait_through};

/// Why nobody can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unaskable {
    /// There is no terminal, or `--no-input` says not to use it.
    #[error("there is no terminal to ask on")]
    NoTerminal,
    /// There is one, and another process group has it.
    #[error("this process is in the background of its terminal, where it may not ask")]
    Background,
    /// The command is one that only reads.
    #[error("this command asks nobody")]
    OnlyReads,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// Nobody can be asked.
    #[error("an MFA code of {serial} is needed, and {why}")]
    Impossible {
        /// The device.
        serial: String,
        /// Why not.
        why: Unaskable,
    },
    /// Nobody answered while the asking process could wait.
    #[error("an MFA code of {serial} is needed, and nobody gave one in the {waited} s that an SDK surely waits")]
    Unanswered {
        /// The device.
        serial: String,
        /// How long this process has lived for it, in seconds.
        waited: u64,
    },
    /// Nobody can be asked for a passphrase.
    #[error("a passphrase is needed, and {0}")]
    NoPassphrase(Unaskable),
    /// Nobody typed one while the asking process could wait.
    #[error("a passphrase is needed, and nobody gave one in {0} s")]
    PassphraseUnanswered(u64),
    /// Nobody can be asked for a word.
    #[error("{0}")]
    NoWord(Unaskable),
    /// Nobody typed one while the asking process could wait.
    #[error("nobody typed it in {0} s")]
    WordUnanswered(u64),
    /// The person said no: Ctrl-C or Ctrl-D.
    #[error("cancelled")]
    Cancelled,
    /// The program that asks failed.
    #[error("nobody could be asked for the MFA code: {0}")]
    Dialog(String),
    /// The program that asks for a passphrase failed.
    #[error("nobody could be asked for the passphrase: {0}")]
    PassphraseDialog(String),
    /// The terminal failed.
    #[error("the terminal cannot be read: {0}")]
    Terminal(String),
}

impl PromptError {
    /// What went wrong, without the words of the program that asks.
    pub fn outcome(&self) -> String {
        match self {
            Self::Dialog(_) => "nobody could be asked for the MFA code".to_owned(),
            Self::PassphraseDialog(_) => "nobody could be asked for the passphrase".to_owned(),
            error => error.to_string(),
        }
    }
}

/// Someone who can be asked.
pub trait Prompter {
    /// Whether anybody can be asked at all; if not, why.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn can_ask(&self) -> Result<(), Unaskable>;

    /// Asks for the current code of an MFA device.
    ///
    /// # Errors
    /// See [`PromptError`].
    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError>;

    /// Asks for a passphrase, which may be empty.
    ///
    /// # Errors
    /// See [`PromptError`].
    fn passphrase(&mut self, question: &str, remark: Option<&str>) -> Result<Secret, PromptError>;

    /// Asks, on the terminal itself, for a word that is no secret: below a remark, and as it is typed.
    ///
    /// # Errors
    /// See [`PromptError`].
    fn word(&mut self, question: &str, remark: Option<&str>) -> Result<String, PromptError> {
        let terminal = open_terminal().map_err(PromptError::NoWord)?;
        let (question, remark) = (format!("{}: ", without_controls(question)), remark.map(without_controls));
        let line = masked::line(&terminal, remark.as_deref(), &question, (Shows::Characters, self.deadline()))?;
        Ok(line.ok_or(PromptError::WordUnanswered(SDK_PATIENCE.as_secs()))?.expose().trim().to_owned())
    }

    /// Until when an answer is of use; `None` where the person may take any time.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// Nobody.
pub struct Never;

impl Prompter for Never {
    fn can_ask(&self) -> Result<(), Unaskable> {
        Err(Unaskable::NoTerminal)
    }

    fn mfa_code(&mut self, serial: &str, _remark: Option<&str>) -> Result<Secret, PromptError> {
        Err(PromptError::Impossible { serial: serial.to_owned(), why: Unaskable::NoTerminal })
    }

    fn passphrase(&mut self, _question: &str, _remark: Option<&str>) -> Result<Secret, PromptError> {
        Err(PromptError::NoPassphrase(Unaskable::NoTerminal))
    }

    fn word(&mut self, _question: &str, _remark: Option<&str>) -> Result<String, PromptError> {
        Err(PromptError::NoWord(Unaskable::NoTerminal))
    }
}

/// The person at the controlling terminal, who may take any time.
pub struct Tty;

impl Prompter for Tty {
    fn can_ask(&self) -> Result<(), Unaskable> {
        open_terminal().map(drop)
    }

    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        ask_for_code(serial, remark, None)
    }

    fn passphrase(&mut self, question: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        ask_for_passphrase(question, remark, None)
    }
}

/// How long a process that an SDK has started may wait for a person: SDKs kill it later (the Go SDK after a minute),
/// by a signal that leaves it no time to give the terminal back.
const SDK_PATIENCE: Duration = Duration::from_secs(50);

/// The person at the controlling terminal of a program that waits for the answer.
pub struct ProgramTty {
    deadline: Instant,
}

impl ProgramTty {
    /// The time of the program's patience begins to run.
    #[allow(clippy::new_without_default, reason = "a moment in time is no default")]
    pub fn new() -> Self {
        Self { deadline: Instant::now() + SDK_PATIENCE }
    }
}

impl Prompter for ProgramTty {
    fn can_ask(&self) -> Result<(), Unaskable> {
        Tty.can_ask()
    }

    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        ask_for_code(serial, remark, Some(self.deadline))
    }

    fn passphrase(&mut self, question: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        ask_for_passphrase(question, remark, Some(self.deadline))
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// What is said of an answer that is no code.
const SIX_DIGITS: &str = "an MFA code is six digits";

fn ask_for_code(serial: &str, remark: Option<&str>, deadline: Option<Instant>) -> Result<Secret, PromptError> {
    let impossible = |why| PromptError::Impossible { serial: serial.to_owned(), why };
    let unanswered = || PromptError::Unanswered { serial: serial.to_owned(), waited: SDK_PATIENCE.as_secs() };
    let terminal = open_terminal().map_err(impossible)?;
    let mut remark = remark;
    loop {
        let line = masked::line(&terminal, remark, &format!("MFA code for {serial}: "), (Shows::Stars, deadline))?;
        let answer = line.ok_or_else(unanswered)?;
        if is_code(answer.expose()) {
            return Ok(answer);
        }
        remark = Some(SIX_DIGITS);
    }
}

fn ask_for_passphrase(question: &str, remark: Option<&str>, deadline: Option<Instant>) -> Result<Secret, PromptError> {
    let terminal = open_terminal().map_err(PromptError::NoPassphrase)?;
    // It may have words from a file.
    let remark = remark.map(without_controls);
    let line = masked::line(&terminal, remark.as_deref(), &format!("{question}: "), (Shows::Stars, deadline))?;
    line.ok_or(PromptError::PassphraseUnanswered(SDK_PATIENCE.as_secs()))
}

/// Asks at the terminal for a secret, showing a star for each character.
///
/// # Errors
/// Nobody can be asked, or the person says no.
pub fn secret(question: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
    ask_for_passphrase(question, remark, None)
}

/// A text that changes nothing else on a terminal.
fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The controlling terminal, where this process may use it: one in the background would be stopped by it (POSIX, Base
/// Definitions 11.1.4), with its question unseen and everybody else waiting.
fn open_terminal() -> Result<File, Unaskable> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = opened.map_err(|_| Unaskable::NoTerminal)?;
    match tcgetpgrp(&terminal) {
        Ok(group) if group == getpgrp() => Ok(terminal),
        Ok(_) => Err(Unaskable::Background),
        Err(_) => Err(Unaskable::NoTerminal),
    }
}

/// Whether a text is an MFA code (API reference, `TokenCode`: six digits).
pub fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits() {
        assert!(is_code("012345"));
        for bad in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", " 12345"] {
            assert!(!is_code(bad), "{bad}");
        }
    }
}
