//! A line that is typed without being shown, or for all to see, where Ctrl-C ends the question and not the shell's own
//! command.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::consts::SIGCONT;
use zeroize::Zeroizing;

use super::PromptError;
use super::signals::{Listening, heard, obey};
use crate::secret::Secret;

/// A longer line is no answer to any question here, in bytes.
const LONGEST_LINE: usize = 4096;
/// How long a key is waited for before signals and the time are looked at.
pub(super) const LOOK_UP: Duration = Duration::from_millis(100);

/// What the terminal shows of what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// A star for each character.
    Stars,
    /// The characters, and a star for each that is not ASCII.
    Characters,
}

/// Reads a line; `None` where nobody has typed one by `deadline`. Ctrl-C arrives as
/// a character, and a signal from elsewhere is obeyed after the terminal is given back as it was.
pub(super) fn line(
    mut terminal: &File,
    remark: Option<&str>,
    question: &str,
    (shows, deadline): (Shows, Option<Instant>),
) -> Result<Option<Secret>, PromptError> {
    // Before anything is said: who answers at once is not shown what they type.
    let masked = Masked::start(terminal)?;
    if let Some(remark) = remark {
        write_all(terminal, &format!("multicred: {remark}\r\n"))?;
    }
    write_all(terminal, question)?;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE + 1));
    let (mut byte, mut escape) = ([0u8; 1], Escape::No);
    loop {
        if masked.obey_signals()? {
            write_all(terminal, &format!("\r\n{question}{}", shows.again(&line)))?;
        }
        if !wait_for_key(terminal) {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                write_all(terminal, "\r\n")?;
                return Ok(None);
            }
            continue;
        }
        let read = match terminal.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| PromptError::Terminal(error.to_string()))?,
        };
        match (read, byte[0]) {
            // Somebody else has read it.
            (0, _) if tcgetattr(terminal).is_ok() => {}
            // The end of the terminal, Ctrl-C, Ctrl-D, Ctrl-\.
            (0, _) | (_, 3 | 4 | 28) => {
                write_all(terminal, "\r\n")?;
                return Err(PromptError::Cancelled);
            }
            (_, b'\r' | b'\n') => {
                write_all(terminal, "\r\n")?;
                return text(&line).map(Some);
            }
            (_, typed) if escape.takes(typed) => {}
            (_, typed) => write_all(terminal, &edit(&mut line, typed, shows))?,
        }
    }
}

impl Shows {
    /// What is shown for a character that begins with this byte.
    fn character(self, first: u8) -> char {
        if self == Self::Characters && first.is_ascii() { first.into() } else { '*' }
    }

    /// A line, shown again.
    fn again(self, line: &[u8]) -> String {
        line.iter().filter(|byte| !is_continuation(**byte)).map(|byte| self.character(*byte)).collect()
    }
}

/// Where in the escape sequence of an arrow or a function key the typing is (ECMA-48): none of it is part of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    Begun,
    Control,
    Single,
}

impl Escape {
    /// Whether a byte is part of such a sequence.
    fn takes(&mut self, byte: u8) -> bool {
        let (next, is_part) = match (*self, byte) {
            (_, 27) => (Self::Begun, true),
            (Self::No, _) => (Self::No, false),
            (Self::Begun, b'[') | (Self::Control, 0x20..=0x3f) => (Self::Control, true),
            (Self::Begun, b'O') => (Self::Single, true),
            (Self::Begun | Self::Control | Self::Single, _) => (Self::No, true),
        };
        *self = next;
        is_part
    }
}

/// Whether there is a key to read. A read that waits is never begun: begun again after a signal, by a process that is in
/// the background by then, it would stop that process before it can obey the signal.
fn wait_for_key(terminal: &File) -> bool {
    if !is_in_foreground(terminal) {
        std::thread::sleep(LOOK_UP);
        return false;
    }
    let timeout = Timespec::try_from(LOOK_UP).ok();
    poll(&mut [PollFd::new(terminal, PollFlags::IN)], timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

/// The typed line. What a terminal in another encoding sends is nothing that could be typed again elsewhere.
fn text(line: &[u8]) -> Result<Secret, PromptError> {
    if line.len() > LONGEST_LINE {
        return Err(PromptError::Terminal(format!("what was typed is longer than {LONGEST_LINE} bytes")));
    }
    let text =
        std::str::from_utf8(line).map_err(|_| PromptError::Terminal("what was typed is not UTF-8".to_owned()))?;
    Ok(Secret::new(text))
}

/// How many characters a line has: one for each byte that does not go on with one (RFC 3629).
fn shown(line: &[u8]) -> usize {
    line.iter().filter(|byte| !is_continuation(**byte)).count()
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// Takes a key into the line; gives what the terminal is to show for it.
fn edit(line: &mut Vec<u8>, typed: u8, mode: Shows) -> String {
    match typed {
        // Backspace, Delete.
        8 | 127 if line.is_empty() => String::new(),
        8 | 127 => {
            while line.pop().is_some_and(is_continuation) {}
            "\u{8} \u{8}".to_owned()
        }
        // Ctrl-U: the whole line.
        21 => {
            let shown = shown(line);
            line.clear();
            "\u{8} \u{8}".repeat(shown)
        }
        // One more than there may be: cut short it would be another answer.
        b' '..127 | 128.. if line.len() <= LONGEST_LINE => {
            line.push(typed);
            if is_continuation(typed) { String::new() } else { mode.character(typed).to_string() }
        }
        _ => String::new(),
    }
}

pub(super) fn write_all(mut terminal: &File, text: &str) -> Result<(), PromptError> {
    let written = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
    written.map_err(|error| PromptError::Terminal(error.to_string()))
}

/// A terminal without echo; gives the old mode back when dropped.
struct Masked<'t> {
    terminal: &'t File,
    before: Termios,
    // Dropped last, after the terminal is as it was.
    _listening: Listening,
}

impl<'t> Masked<'t> {
    fn start(terminal: &'t File) -> Result<Self, PromptError> {
        let listening = Listening::start().map_err(|error| PromptError::Terminal(error.to_string()))?;
        let before = tcgetattr(terminal).map_err(failed)?;
        let masked = Self { terminal, before, _listening: listening };
        masked.mask()?;
        Ok(masked)
    }

    fn mask(&self) -> Result<(), PromptError> {
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Now, not Flush: what was typed ahead is part of the answer.
        retry_on_intr(|| tcsetattr(self.terminal, OptionalActions::Now, &modes)).map_err(failed)
    }

    /// In the background it would stop this process (SIGTTOU), and the modes there are the shell's own by then.
    fn restore(&self) {
        if !is_in_foreground(self.terminal) {
            return;
        }
        let _ = retry_on_intr(|| tcsetattr(self.terminal, OptionalActions::Now, &self.before));
    }

    /// Whether a signal has come that left this process running, and the question is to be asked again.
    fn obey_signals(&self) -> Result<bool, PromptError> {
        let Some(signal) = heard() else { return Ok(false) };
        if signal != SIGCONT {
            self.restore();
            obey(signal);
            // What let it go on is no further news.
            heard();
        }
        self.mask()?;
        Ok(true)
    }
}

pub(super) fn is_in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

fn failed(error: rustix::io::Errno) -> PromptError {
    PromptError::Terminal(error.to_string())
}

impl Drop for Masked<'_> {
    fn drop(&mut self) {
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line comes to that is typed so, and how many stars are left on the terminal.
    fn typed(keys: &[u8]) -> (Vec<u8>, usize) {
        let (mut line, mut escape) = (Vec::new(), Escape::No);
        for key in keys {
            if !escape.takes(*key) {
                edit(&mut line, *key, Shows::Stars);
            }
        }
        let stars = shown(&line);
        (line, stars)
    }

    #[test]
    fn a_character_is_one_star_and_one_backspace_however_many_bytes_it_has() {
        assert_eq!(typed("grün🔑".as_bytes()), ("grün🔑".as_bytes().to_vec(), 5));
        assert_eq!(typed("grü🔑\u{7f}\u{7f}ö".as_bytes()), ("grö".as_bytes().to_vec(), 3));
        assert_eq!(typed(b"\x7f\x7fa"), (b"a".to_vec(), 1));
        assert_eq!(typed("ü\u{15}".as_bytes()), (Vec::new(), 0));
    }

    #[test]
    fn a_word_is_shown_as_it_is_typed_and_nothing_in_it_reaches_the_terminal_as_a_command() {
        let mut line = Vec::new();
        let shown: String = "a-é\u{9b}\u{7f}\t".bytes().map(|key| edit(&mut line, key, Shows::Characters)).collect();
        assert_eq!(shown, "a-**\u{8} \u{8}");
        assert_eq!((line.as_slice(), Shows::Characters.again(&line).as_str()), ("a-é".as_bytes(), "a-*"));
    }

    #[test]
    fn arrows_and_function_keys_are_no_part_of_a_line() {
        for keys in [&b"a\x1b[Db"[..], b"a\x1bODb", b"a\x1b[15~b", b"a\x1b[1;5Cb", b"a\x1b\x1b[Ab", b"a\x1bxb"] {
            assert_eq!(typed(keys).0, b"ab", "{keys:?}");
        }
    }
}
