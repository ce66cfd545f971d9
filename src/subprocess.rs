//! Programs of the person's that print something: a credential, a token, an MFA code.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// No answer of these programs is longer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;
/// As much of its complaints is told, in bytes.
const LONGEST_COMPLAINT: usize = 2_000;
/// As much is read at once, in bytes.
const CHUNK: usize = 4096;
/// How often a program is looked at, and how often one that has closed its output.
const PAUSE: Duration = Duration::from_millis(20);
const BRIEF_PAUSE: Duration = Duration::from_micros(200);
/// How long the end of what it says is waited for, once it is done.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What is run.
#[derive(Clone, Copy, Debug)]
pub enum Program<'a> {
    /// A command line, by `sh`.
    Shell(&'a str),
    /// A program with its arguments.
    Words(&'a OsStr, &'a [&'a str]),
}

/// How it is run.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// How it is called in messages: a setting and its place.
    pub what: &'a str,
    /// Variables that it does not get.
    pub without: &'a [&'a str],
    /// How long it may take.
    pub patience: Duration,
    /// Whether a person may be asked something by it: then it has the terminal, and what it says on stderr is shown.
    pub may_ask: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubprocessError {
    /// It cannot be started.
    #[error("{what} cannot be run: {reason}")]
    Start {
        /// How it is called.
        what: String,
        /// The system's words.
        reason: String,
    },
    /// It failed.
    #[error("{what} failed ({status}){}", said(.complaint))]
    Failed {
        /// How it is called.
        what: String,
        /// How it ended, in words.
        status: String,
        /// What it said on stderr.
        complaint: String,
    },
    /// It took too long, and was killed; what it has started may go on.
    #[error("{what} gave no answer within {seconds} s, and is waited for no longer{}", said(.complaint))]
    Slow {
        /// How it is called.
        what: String,
        /// How long was waited.
        seconds: u64,
        /// What it said on stderr.
        complaint: String,
    },
    /// What it printed is no text, or has no end.
    #[error("what {what} printed is {wrong}")]
    NoText {
        /// How it is called.
        what: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
}

impl SubprocessError {
    /// What went wrong, without the program's own words: those are for the person alone, and may be anything.
    pub fn outcome(&self) -> String {
        let mut quiet = self.clone();
        if let Self::Failed { complaint, .. } | Self::Slow { complaint, .. } = &mut quiet {
            complaint.clear();
        }
        quiet.to_string()
    }
}

fn said(complaint: &str) -> String {
    if complaint.is_empty() { String::new() } else { format!(": {complaint}") }
}

/// Runs a program to its end and gives what it printed on stdout, and what it said on stderr.
///
/// # Errors
/// It cannot be run, fails, takes too long, or prints no text.
pub fn run(program: Program<'_>, manner: Manner<'_>) -> Result<(Secret, String), SubprocessError> {
    let start = |error: io::Error| SubprocessError::Start { what: manner.what.to_owned(), reason: error.to_string() };
    let mut child = command(program, manner).spawn().map_err(start)?;
    let deadline = Instant::now() + manner.patience;
    let stdout = child.stdout.take().map(|stdout| Listener::start(stdout, Kept::First(LONGEST_ANSWER + 1), false));
    let stderr =
        child.stderr.take().map(|stderr| Listener::start(stderr, Kept::Last(LONGEST_COMPLAINT), manner.may_ask));
    let status = wait(&mut child, stdout.as_ref(), deadline);
    let answer = stdout.map(|answer| answer.heard(LAST_WORDS)).unwrap_or_default();
    let complaint = stderr.map(|complaint| one_line(&complaint.heard(LAST_WORDS))).unwrap_or_default();
    let what = manner.what.to_owned();
    // Said before how it ended: nobody listened to its end.
    if answer.len() > LONGEST_ANSWER {
        return Err(SubprocessError::NoText { what, wrong: "too long" });
    }
    match status {
        None => Err(SubprocessError::Slow {
            what,
            seconds: (manner.patience + Duration::from_millis(500)).as_secs(),
            complaint,
        }),
        Some(status) if !status.success() => Err(SubprocessError::Failed { what, status: in_words(status), complaint }),
        Some(_) => match std::str::from_utf8(&answer) {
            Ok(text) => Ok((Secret::new(text), complaint)),
            Err(_) => Err(SubprocessError::NoText { what, wrong: "not UTF-8" }),
        },
    }
}

fn command(program: Program<'_>, manner: Manner<'_>) -> Command {
    let mut command = match program {
        Program::Shell(line) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(line);
            command
        }
        Program::Words(program, arguments) => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    for name in manner.without {
        command.env_remove(name);
    }
    // A pipe is somebody else's: only a terminal is a person's.
    let has_person = manner.may_ask && io::stdin().is_terminal();
    command.stdin(if has_person { Stdio::inherit() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How it ended; `None` where it had to be ended. That its output has ended is heard of at once, and its end soon after;
/// something that it left behind may keep the output open for ever.
fn wait(child: &mut Child, stdout: Option<&Listener>, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline || stdout.is_some_and(Listener::is_full) {
            let _ = child.kill();
            return child.wait().ok().filter(|_| Instant::now() < deadline);
        }
        match stdout.filter(|stdout| !stdout.has_ended()) {
            Some(stdout) => stdout.wait_for_end(PAUSE),
            None => thread::sleep(BRIEF_PAUSE),
        }
    }
}

/// Which part of a long text is kept, and how much of it in bytes.
#[derive(Clone, Copy)]
enum Kept {
    First(usize),
    Last(usize),
}

/// What a pipe has said so far.
#[derive(Default)]
struct Heard {
    bytes: Zeroizing<Vec<u8>>,
    has_ended: bool,
    is_full: bool,
}

/// Reads a pipe as it is written to.
struct Listener {
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

impl Listener {
    /// Begins to read; on a terminal it is shown as it comes, where that is wanted.
    fn start(mut pipe: impl Read + Send + 'static, kept: Kept, is_shown: bool) -> Self {
        let (Kept::First(most) | Kept::Last(most)) = kept;
        // Growing would leave copies of a secret behind in freed memory.
        let bytes = Zeroizing::new(Vec::with_capacity(most + CHUNK));
        let heard = Arc::new((Mutex::new(Heard { bytes, ..Heard::default() }), Condvar::new()));
        let shared = Arc::clone(&heard);
        thread::spawn(move || {
            let mut chunk = Zeroizing::new([0; CHUNK]);
            let is_shown = is_shown && io::stderr().is_terminal();
            loop {
                let read = pipe.read(&mut *chunk).unwrap_or_default();
                if is_shown {
                    let _ = io::stderr().write_all(&chunk[..read]);
                }
                let mut heard = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                heard.bytes.extend_from_slice(&chunk[..read]);
                let surplus = heard.bytes.len().saturating_sub(most);
                match kept {
                    Kept::First(_) => heard.bytes.truncate(most),
                    Kept::Last(_) => drop(heard.bytes.drain(..surplus)),
                }
                heard.is_full = matches!(kept, Kept::First(_)) && heard.bytes.len() == most;
                heard.has_ended = read == 0 || heard.is_full;
                shared.1.notify_all();
                if heard.has_ended {
                    return;
                }
            }
        });
        Self { heard }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    /// Whether there is more than anybody wants.
    fn is_full(&self) -> bool {
        self.lock().is_full
    }

    fn wait_for_end(&self, patience: Duration) {
        let _ = self.heard.1.wait_timeout_while(self.lock(), patience, |heard| !heard.has_ended);
    }

    /// What was said until it ended, or until `patience` is over.
    fn heard(self, patience: Duration) -> Zeroizing<Vec<u8>> {
        self.wait_for_end(patience);
        std::mem::take(&mut self.lock().bytes)
    }
}

fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner() -> Manner<'static> {
        Manner { what: "it", without: &[], patience: Duration::from_secs(20), may_ask: false }
    }

    fn sh(line: &str) -> Result<String, String> {
        let done = run(Program::Shell(line), manner());
        done.map(|(answer, _)| answer.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_printed_is_the_answer_and_what_is_said_beside_it_is_told_where_it_fails() {
        assert_eq!(sh("echo noise >&2; printf 'a b'"), Ok("a b".to_owned()));
        assert_eq!(sh("echo '  why\tnot ' >&2; echo hush; exit 3"), Err("it failed (exit code 3): why not".to_owned()));
        assert_eq!(sh("kill -9 $$"), Err("it failed (signal 9)".to_owned()));
        assert_eq!(sh("printf '\\377'"), Err("what it printed is not UTF-8".to_owned()));
        assert_eq!(sh("head -c 70000 /dev/zero"), Err("what it printed is too long".to_owned()));
        assert_eq!(sh("cat"), Ok(String::new()), "it has nothing to read");
        assert_eq!(sh("yes no end"), Err("what it printed is too long".to_owned()));
    }

    #[test]
    fn what_is_left_behind_with_the_output_in_its_hands_is_not_waited_for() {
        let start = Instant::now();
        assert_eq!(sh("sleep 30 & echo 'an answer'"), Ok("an answer\n".to_owned()));
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_takes_too_long_is_ended_also_where_a_grandchild_goes_on() {
        let brief = Manner { patience: Duration::from_millis(200), ..manner() };
        for line in ["sleep 20", "sleep 20 & exec sleep 20"] {
            let done = run(Program::Shell(line), brief);
            assert!(matches!(done, Err(SubprocessError::Slow { .. })), "{line}: {done:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let done = run(Program::Words(OsStr::new("/nowhere/at/all"), &["x"]), manner());
        assert!(matches!(done, Err(SubprocessError::Start { .. })), "{done:?}");
    }
}
