//! Becoming another program: the process stays, multicred is gone from it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

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
