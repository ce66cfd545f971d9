//! Starting programs from a process that tests share.

use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// To be held around every fork of the test process. portable-pty opens a pty without `O_CLOEXEC` for a moment, and a
/// child of another test would keep that pty open; and a script that is being written while another test forks cannot be
/// run until that child has become its program.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program.
#[track_caller]
pub fn start(command: &mut Command) -> Child {
    let _alone = one_at_a_time();
    command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

/// Runs a program without input to its end.
#[track_caller]
pub fn output(command: &mut Command) -> Output {
    let child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    child.wait_with_output().unwrap_or_else(|error: io::Error| panic!("{command:?}: {error}"))
}

/// Runs a program that must succeed.
#[track_caller]
pub fn run(command: &mut Command) {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {output:?}");
}
