//! Becoming another program: the process stays, multicred is gone from it. And starting one that outlives whoever called.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::fcntl_dupfd_cloexec;
use zeroize::Zeroizing;

use crate::env_change::{Action, EnvChange};

/// Replaces this process by a program (execve), in the environment it has, changed; PATH is searched as a shell does.
/// Returns only where that fails, and says why.
pub fn become_program<'n>(
    program: &OsStr,
    arguments: &[OsString],
    change: &EnvChange,
    without: impl Iterator<Item = &'n str>,
) -> io::Error {
    let mut command = Command::new(program);
    command.args(arguments);
    for name in without {
        command.env_remove(name);
    }
    for (name, action) in change.actions() {
        match action {
            Action::Set(value) => command.env(name, value.expose()),
            Action::Unset => command.env_remove(name),
        };
    }
    command.exec()
}

/// No command line of a browser is longer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Starts a program in a session of its own, which ends with no shell and no terminal. `this` is multicred itself: as a
/// process in between it reads the words from a pipe, so that nobody sees them but in the program that they are for.
///
/// # Errors
/// The program cannot be started.
pub fn start_detached<'n>(this: &Path, words: &[String], without: impl Iterator<Item = &'n str>) -> io::Result<()> {
    let mut command = Command::new(this);
    command.args(DETACHED).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    for name in without {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    let text = Zeroizing::new(serde_json::to_string(words)?);
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(text.as_bytes())?;
    }
    let mut complaint = String::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(LONGEST).read_to_string(&mut complaint)?;
    }
    if complaint.is_empty() { Ok(()) } else { Err(io::Error::other(complaint)) }
}

/// The command by which multicred becomes the process in between.
const DETACHED: [&str; 2] = ["console", "--detached"];

/// Reads the words of a program from stdin, leaves the caller's session and becomes that program; `close_streams` takes
/// the three streams away from it. Returns only where that fails.
///
/// # Errors
/// The words cannot be read, or whoever called cannot be told that the program cannot be run.
pub fn become_detached(close_streams: impl FnOnce()) -> io::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    let words = Zeroizing::new(serde_json::from_str::<Vec<String>>(&text)?);
    // It closes when the program is there: its silence is what whoever called waits for.
    let mut caller = File::from(fcntl_dupfd_cloexec(io::stdout(), 3)?);
    // It fails only where this process leads a session already.
    let _ = rustix::process::setsid();
    close_streams();
    close_fds::set_fds_cloexec(3, &[]);
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let error = Command::new(program).args(arguments).exec();
    caller.write_all(error.to_string().as_bytes())
}
