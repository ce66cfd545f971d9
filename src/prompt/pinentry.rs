//! A pinentry: `GnuPG`'s way to ask a person, on whatever screen or terminal there is.
//!
//! Source: Libgcrypt's Assuan manual, "Server responses"; the Pinentry manual, "Protocol".

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdin};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::retry_on_intr;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr, ttyname};
use signal_hook::consts::SIGINT;
use zeroize::Zeroizing;

use super::PromptError;
use super::masked::{LOOK_UP, is_in_foreground};
use super::signals::{Listening, has_come, heard, obey};
use crate::secret::Secret;

/// `GPG_ERR_CANCELED` and `GPG_ERR_FULLY_CANCELED`, in the low 16 bits of a pinentry's errors (libgpg-error).
const CANCELLED: [u32; 2] = [99, 198];
/// No line of the protocol is longer, in bytes, with its end.
const LONGEST_LINE: usize = 1_002;
/// No answer is longer, in bytes, as it is sent.
const LONGEST_ANSWER: usize = 16 * 1024;
/// As many lines are read ahead.
const LINES_AHEAD: usize = 16;
/// How long it may take to end once it is told to, and how often that is looked at.
const LAST_MOMENTS: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    /// In a sentence.
    pub(super) description: &'q str,
    /// Before the field.
    pub(super) prompt: &'q str,
    /// What was wrong with the last answer.
    pub(super) remark: Option<&'q str>,
}

/// Asks for one line; `None` where the person gave none in time.
///
/// # Errors
/// The person cancelled, or the program does not speak the protocol.
pub(super) fn ask(
    program: &Path,
    without: &[&str],
    terminal_kind: Option<&str>,
    question: Question<'_>,
    patience: Duration,
) -> Result<Option<Secret>, PromptError> {
    let watch = Watch::start()?;
    let mut session = Session::start(program, without, Instant::now() + patience)?;
    let asked = session.ask(terminal_kind, question);
    session.end();
    watch.end(asked)
}

/// The terminal as it was, and the signals that come meanwhile: one that ends the pinentry, and this program, would
/// leave the terminal without echo.
struct Watch {
    terminal: Option<(File, Termios)>,
    _listening: Listening,
}

impl Watch {
    fn start() -> Result<Self, PromptError> {
        let listening = Listening::start().map_err(|error| PromptError::Terminal(error.to_string()))?;
        let terminal = super::open_terminal().ok();
        let terminal = terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|modes| (terminal, modes)));
        Ok(Self { terminal, _listening: listening })
    }

    /// Gives the terminal back; what came is obeyed, but for Ctrl-C, which is the person's no.
    fn end(self, asked: Result<Option<Secret>, PromptError>) -> Result<Option<Secret>, PromptError> {
        if let Some((terminal, modes)) = self.terminal.as_ref().filter(|(terminal, _)| is_in_foreground(terminal)) {
            let _ = retry_on_intr(|| tcsetattr(terminal, OptionalActions::Now, modes));
        }
        match heard() {
            Some(SIGINT) => Err(PromptError::Cancelled),
            Some(signal) => {
                obey(signal);
                asked
            }
            None => asked,
        }
    }
}

/// A running pinentry.
struct Session {
    child: Child,
    input: ChildStdin,
    lines: Receiver<Zeroizing<Vec<u8>>>,
    deadline: Instant,
}

/// What it answered to one command.
enum Reply {
    Ok(Secret),
    /// An error's code, and its words.
    Error(u32, String),
    /// The time is over.
    None,
}

impl Session {
    fn start(program: &Path, without: &[&str], deadline: Instant) -> Result<Self, PromptError> {
        let mut command = Command::new(program);
        for name in without {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let failed = |error: std::io::Error| broken(&format!("{} cannot be run: {error}", program.display()));
        let mut child = command.spawn().map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken("it has no pipes"));
        };
        let (sender, lines) = mpsc::sync_channel(LINES_AHEAD);
        thread::spawn(move || {
            let mut output = BufReader::with_capacity(LONGEST_LINE, output);
            loop {
                let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
                let read = output.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line);
                if read.is_err() || !line.ends_with(b"\n") || sender.send(line).is_err() {
                    return;
                }
            }
        });
        let session = Self { child, input, lines, deadline };
        match session.reply()? {
            Reply::Ok(_) => Ok(session),
            _ => Err(broken("it gives no greeting")),
        }
    }

    fn ask(&mut self, terminal_kind: Option<&str>, question: Question<'_>) -> Result<Option<Secret>, PromptError> {
        // A pinentry with a window knows none of these, and says so: no matter.
        if let Some(name) =
            [ttyname(stdin(), Vec::new()), ttyname(stderr(), Vec::new())].into_iter().find_map(Result::ok)
        {
            self.say(&format!("OPTION ttyname={}", name.to_string_lossy()))?;
        }
        if let Some(kind) = terminal_kind {
            self.say(&format!("OPTION ttytype={kind}"))?;
        }
        self.say("SETTITLE multicred")?;
        self.say(&format!("SETDESC {}", question.description))?;
        self.say(&format!("SETPROMPT {}", question.prompt))?;
        if let Some(remark) = question.remark {
            self.say(&format!("SETERROR {remark}"))?;
        }
        match self.say("GETPIN")? {
            Reply::Ok(answer) => Ok(Some(answer)),
            Reply::None => Ok(None),
            Reply::Error(code, _) if CANCELLED.contains(&(code & 0xffff)) => Err(PromptError::Cancelled),
            Reply::Error(_, words) => Err(broken(&words)),
        }
    }

    fn say(&mut self, line: &str) -> Result<Reply, PromptError> {
        let line: String = line.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect();
        let escaped = line.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let written = self.input.write_all(format!("{escaped}\n").as_bytes());
        written.map_err(|error| broken(&error.to_string()))?;
        self.reply()
    }

    fn reply(&self) -> Result<Reply, PromptError> {
        let mut data = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            // Also where it never stops to say something.
            if left.is_zero() || has_come() {
                return Ok(Reply::None);
            }
            let line = match self.lines.recv_timeout(left.min(LOOK_UP)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Err(broken("it ended without an answer")),
            };
            let end = line.strip_suffix(b"\n").unwrap_or(&line);
            let (word, rest) = match end.iter().position(|byte| *byte == b' ') {
                Some(at) => (&end[..at], &end[at + 1..]),
                None => (end, &b""[..]),
            };
            match word {
                b"OK" => {
                    let text = std::str::from_utf8(&data).map_err(|_| broken("what was typed is not UTF-8"))?;
                    return Ok(Reply::Ok(Secret::new(text)));
                }
                // A long answer comes in several lines, which may part a character.
                b"D" if data.len() + rest.len() <= LONGEST_ANSWER => decode(rest, &mut data),
                b"D" => return Err(broken("what was typed is too long")),
                b"ERR" => {
                    let text = String::from_utf8_lossy(rest);
                    let (code, words) = text.split_once(' ').unwrap_or((&text, ""));
                    return Ok(Reply::Error(code.parse().unwrap_or_default(), words.escape_debug().to_string()));
                }
                // Comments and status lines.
                _ => {}
            }
        }
    }

    fn end(mut self) {
        let _ = self.input.write_all(b"BYE\n");
        drop(self.input);
        let until = Instant::now() + LAST_MOMENTS;
        while let Ok(None) = self.child.try_wait() {
            // It may be waiting for the person still.
            if Instant::now() >= self.deadline.min(until) || has_come() {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Takes in what a line of data says: `%25` is a per cent sign.
fn decode(line: &[u8], data: &mut Vec<u8>) {
    let mut rest = line;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        data.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
}

fn broken(reason: &str) -> PromptError {
    PromptError::Dialog(format!("the pinentry: {reason}"))
}
