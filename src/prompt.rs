//! Asking a person: on the terminal itself, never on stdin.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::secret::Secret;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// Nobody can be asked.
    #[error("{0}, and there is no terminal to ask on")]
    Impossible(String),
    /// The person said no: Ctrl-C or Ctrl-D.
    #[error("cancelled")]
    Cancelled,
    /// The terminal failed.
    #[error("the terminal cannot be read: {0}")]
    Terminal(String),
}

impl PromptError {
    /// A code is needed, and nobody can be asked for it.
    pub fn nobody_for_a_code(serial: &str) -> Self {
        Self::Impossible(format!("an MFA code of {serial} is needed"))
    }
}

/// Someone who can be asked.
pub trait Prompter {
    /// Whether anybody can be asked at all.
    fn can_ask(&self) -> bool;

    /// Asks for the current code of an MFA device.
    ///
    /// # Errors
    /// See [`PromptError`].
    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError>;
}

/// Nobody.
pub struct Never;

impl Prompter for Never {
    fn can_ask(&self) -> bool {
        false
    }

    fn mfa_code(&mut self, serial: &str, _remark: Option<&str>) -> Result<Secret, PromptError> {
        Err(PromptError::nobody_for_a_code(serial))
    }
}

/// The person at the controlling terminal.
pub struct Tty;

impl Prompter for Tty {
    fn can_ask(&self) -> bool {
        open_terminal().is_ok()
    }

    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        let Ok(terminal) = open_terminal() else {
            return Never.mfa_code(serial, remark);
        };
        let mut remark = remark.map(str::to_owned);
        loop {
            if let Some(remark) = remark.take() {
                write_all(&terminal, &format!("multicred: {remark}\r\n"))?;
            }
            let answer = masked_line(&terminal, &format!("MFA code for {serial}: "))?;
            if is_code(answer.expose()) {
                return Ok(answer);
            }
            remark = Some("an MFA code is six digits".to_owned());
        }
    }
}

/// The controlling terminal, where this process may use it: one in the background would be stopped by it (POSIX, Base
/// Definitions 11.1.4), with its question unseen and everybody else waiting.
fn open_terminal() -> io::Result<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    if tcgetpgrp(&terminal)? == getpgrp() {
        return Ok(terminal);
    }
    Err(io::Error::other("this process is in the background"))
}

/// Whether a text is an MFA code (API reference, `TokenCode`: six digits).
pub fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A longer line is no answer to any question here.
const LONGEST_LINE: usize = 1024;

/// Reads a line, showing a star for each character. Ctrl-C arrives as a character, so that the terminal is always
/// given back as it was.
fn masked_line(mut terminal: &File, question: &str) -> Result<Secret, PromptError> {
    let _restored = Masked::start(terminal)?;
    write_all(terminal, question)?;
    let mut line = zeroize::Zeroizing::new(String::with_capacity(LONGEST_LINE));
    let mut byte = [0u8; 1];
    loop {
        let read = match terminal.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| PromptError::Terminal(error.to_string()))?,
        };
        match (read, byte[0]) {
            // The end of the terminal, Ctrl-C, Ctrl-D, Ctrl-\.
            (0, _) | (_, 3 | 4 | 28) => {
                write_all(terminal, "\r\n")?;
                return Err(PromptError::Cancelled);
            }
            (_, b'\r' | b'\n') => {
                write_all(terminal, "\r\n")?;
                return Ok(line.into());
            }
            // Backspace, Delete.
            (_, 8 | 127) => {
                let gone = if line.pop().is_some() { "\u{8} \u{8}" } else { "" };
                write_all(terminal, gone)?;
            }
            // Ctrl-U: the whole line.
            (_, 21) => {
                write_all(terminal, &"\u{8} \u{8}".repeat(line.len()))?;
                line.clear();
            }
            (_, typed) if (b' '..127).contains(&typed) && line.len() < LONGEST_LINE => {
                line.push(char::from(typed));
                write_all(terminal, "*")?;
            }
            _ => {}
        }
    }
}

fn write_all(mut terminal: &File, text: &str) -> Result<(), PromptError> {
    let written = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
    written.map_err(|error| PromptError::Terminal(error.to_string()))
}

/// A terminal without echo; gives the old mode back when dropped.
struct Masked<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Masked<'t> {
    fn start(terminal: &'t File) -> Result<Self, PromptError> {
        let failed = |error: rustix::io::Errno| PromptError::Terminal(error.to_string());
        let before = tcgetattr(terminal).map_err(failed)?;
        let mut masked = before.clone();
        masked.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        masked.special_codes[SpecialCodeIndex::VMIN] = 1;
        masked.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Now, not Flush: what was typed ahead is part of the answer.
        tcsetattr(terminal, OptionalActions::Now, &masked).map_err(failed)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Masked<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
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
