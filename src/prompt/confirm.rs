//! Questions whose answer is shown as it is typed.

use std::fs::File;
use std::io::{ErrorKind, Read};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGINT};

use super::masked::{LOOK_UP, is_in_foreground, write_all};
use super::signals::{Listening, heard, obey};
use super::{Unaskable, open_terminal};

/// A longer answer is none.
const LONGEST: usize = 256;

/// What a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// y, or yes.
    Yes,
    /// Anything else, Ctrl-C and Ctrl-D among it.
    No,
}

/// Asks at the terminal. A signal from elsewhere is obeyed.
///
/// # Errors
/// Nobody can be asked.
pub fn confirm(question: &str) -> Result<Answer, Unaskable> {
    let terminal = open_terminal()?;
    // Ctrl-C must leave the caller the time to clear away what it has made.
    let _listening = Listening::start().map_err(|_| Unaskable::NoTerminal)?;
    loop {
        write_all(&terminal, &format!("{question} [y/N] ")).map_err(|_| Unaskable::NoTerminal)?;
        match line(&terminal) {
            Line::Typed(text) => {
                let is_yes = ["y", "yes"].contains(&text.trim().to_ascii_lowercase().as_str());
                return Ok(if is_yes { Answer::Yes } else { Answer::No });
            }
            Line::Ended => {
                let _ = write_all(&terminal, "\r\n");
                return Ok(Answer::No);
            }
            Line::AskAgain => {}
        }
    }
}

enum Line {
    Typed(String),
    /// The end of the terminal, or Ctrl-C.
    Ended,
    /// This process was stopped, and goes on.
    AskAgain,
}

/// The terminal gathers the line, shows it and edits it as it always does.
fn line(mut terminal: &File) -> Line {
    let timeout = Timespec::try_from(LOOK_UP).ok();
    let mut bytes = [0u8; LONGEST];
    loop {
        if let Some(interrupted) = obey_signals() {
            return interrupted;
        }
        if !is_in_foreground(terminal) {
            std::thread::sleep(LOOK_UP);
            continue;
        }
        if !poll(&mut [PollFd::new(terminal, PollFlags::IN)], timeout.as_ref()).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let read = terminal.read(&mut bytes);
        // What is typed behind Ctrl-C is no answer.
        if let Some(interrupted) = obey_signals() {
            return interrupted;
        }
        match read {
            Ok(length @ 1..) => return Line::Typed(String::from_utf8_lossy(&bytes[..length]).into_owned()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return Line::Ended,
        }
    }
}

/// What a signal makes of the question; `None` where none has come.
fn obey_signals() -> Option<Line> {
    match heard()? {
        SIGINT => Some(Line::Ended),
        SIGCONT => Some(Line::AskAgain),
        signal => {
            obey(signal);
            // What let it go on, after a stop, is no further news.
            heard();
            Some(Line::AskAgain)
        }
    }
}
