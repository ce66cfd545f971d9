//! Programs of the person's that print something: a credential, a token, an MFA code.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// No answer of these programs is longer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;
/// As much of its complaints is told, in bytes.
const LONGEST_COMPLAINT: usize = 2_000;
/// How often a program that has closed its output is looked at.
const PAUSE: Duration = Duration::from_millis(1);
/// How long the end of what it says is waited for, once it is done.
const LAST_WORDS: Duration = Duration::from_millis(200);

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
    /// It took too long, and was ended.
    #[error("{what} gave no answer within {seconds} s, and was ended{}", said(.complaint))]
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
    let stdout = child.stdout.take().map(read_answer);
    let stderr = child.stderr.take().map(|stderr| read_complaint(stderr, manner.may_ask));
    // It is done when its output ends: one that leaves something behind with that output in its hands is waited for, as
    // the SDKs do.
    let answer = stdout.and_then(|answer| answer.recv_timeout(manner.patience).ok());
    let status = wait(&mut child, deadline);
    let complaint = stderr.and_then(|complaint| complaint.recv_timeout(LAST_WORDS).ok()).unwrap_or_default();
    let what = manner.what.to_owned();
    let (Some(status), Some(answer)) = (status, answer) else {
        let seconds = manner.patience.as_secs();
        return Err(SubprocessError::Slow { what, seconds, complaint });
    };
    if !status.success() {
        return Err(SubprocessError::Failed { what, status: in_words(status), complaint });
    }
    let no_text = |wrong| SubprocessError::NoText { what: manner.what.to_owned(), wrong };
    if answer.len() > LONGEST_ANSWER {
        return Err(no_text("too long"));
    }
    let text = std::str::from_utf8(&answer).map_err(|_| no_text("not UTF-8"))?;
    Ok((Secret::new(text), complaint))
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

/// How it ended; `None` where it had to be ended. Its output has ended by then, or the time is over.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(PAUSE);
    }
}

fn read_answer(stdout: ChildStdout) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Growing would leave copies of a secret behind in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER + 1));
        let _ = stdout.take(LONGEST_ANSWER as u64 + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// The last of what it says, as one line; on a terminal it is shown as it comes.
fn read_complaint(mut stderr: ChildStderr, is_shown: bool) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut chunk = [0; 1024];
        let is_shown = is_shown && io::stderr().is_terminal();
        while let Ok(read @ 1..) = stderr.read(&mut chunk) {
            if is_shown {
                let _ = io::stderr().write_all(&chunk[..read]);
            }
            kept.extend_from_slice(&chunk[..read]);
            let surplus = kept.len().saturating_sub(LONGEST_COMPLAINT);
            kept.drain(..surplus);
        }
        let text = String::from_utf8_lossy(&kept);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = sender.send(words.chars().map(|c| if c.is_control() { '?' } else { c }).collect());
    });
    receiver
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
