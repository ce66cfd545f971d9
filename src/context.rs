//! The edge of the process: environment, paths, clock, streams. Nothing else in the program asks for them.
#![allow(
    clippy::unused_self,
    reason = "the clock and the streams are reached through the context, so that no one else is"
)]

mod desktop;
mod places;
mod process;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::env_change::{ENDPOINT, FILES, OURS, REGIONS, credentials};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

pub use places::{NoHome, STAND_INS};
pub use process::{CoreLimit, harden};

/// What the process was given: taken once, at the start.
pub struct Context {
    environment: HashMap<String, OsString>,
    /// How much to say.
    pub verbosity: Verbosity,
    /// Whether a person can be asked.
    pub may_prompt: bool,
    /// Whether to colour tables and notes.
    pub colour: Colour,
    /// The shell's process, where that is not who called.
    pub shell: Option<u32>,
    core_limit: Option<CoreLimit>,
}

/// A long answer is written in pieces of so many bytes.
const CHUNK: usize = 64 * 1024;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors and notes.
    #[default]
    Normal,
    /// What is done, step by step. Never a secret.
    Verbose,
}

/// Whether output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal that wants it.
    #[default]
    Auto,
    /// Whatever the output is.
    Always,
    /// Not at all.
    Never,
}

impl Context {
    /// Takes the process's own environment; `core_limit` is what [`harden`] took away.
    #[allow(clippy::disallowed_methods)]
    pub fn from_process(core_limit: CoreLimit) -> Self {
        // A variable whose name is no text is none of ours.
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Self { core_limit: Some(core_limit), ..Self::with_environment(environment) }
    }

    /// A context with this environment.
    pub fn with_environment(environment: HashMap<String, OsString>) -> Self {
        Self {
            environment,
            verbosity: Verbosity::default(),
            may_prompt: true,
            colour: Colour::default(),
            shell: None,
            core_limit: None,
        }
    }

    /// The names of the variables that begin so, in no order.
    pub fn names_beginning<'c>(&'c self, start: &'c str) -> impl Iterator<Item = &'c str> {
        self.environment.keys().map(String::as_str).filter(move |name| name.starts_with(start))
    }

    /// A variable's value as text; `None` where it is unset, empty or no text.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// A variable's value as a setting: bytes that are no text become U+FFFD, so that whoever checks the value refuses
    /// it rather than take it for unset.
    pub fn setting(&self, name: &str) -> Option<Cow<'_, str>> {
        self.environment.get(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy())
    }

    /// A variable that holds a path.
    fn path(&self, name: &str) -> Option<PathBuf> {
        self.environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The environment as it was before any switch, whatever is in it: without what a switch or a live session set.
    pub fn persons_environment(&self) -> Vec<(String, OsString)> {
        let is_credential = |name: &str| credentials().any(|credential| credential == name);
        let is_live = self.live_folder().is_some();
        let is_set_by_us = |name: &str| {
            let is_replaced = OURS.contains(&name) || FILES.contains(&name) || self.is_region_of_switch(name);
            is_replaced || (is_live && ENDPOINT.contains(&name)) || (is_credential(name) && self.holds_switched_key())
        };
        let kept = self.environment.iter().filter(|(name, _)| !is_set_by_us(name));
        let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
        let own = |(name, _): (&str, &str)| Some((name.to_owned(), self.own_aws_file(name)?.into_os_string()));
        kept.chain(STAND_INS.into_iter().filter_map(own)).collect()
    }

    /// The folder in which relative paths mean something.
    pub fn working_folder(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    /// Now, in epoch seconds UTC.
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    /// What an agent is to know of this environment: no secret, and nothing that changes from shell to shell.
    pub fn agent_environment(&self) -> Vec<(String, OsString)> {
        let is_plain = |name: &str| ["HOME", "LANG", "PATH"].contains(&name) || name.starts_with("XDG_");
        let variables = self.environment.iter().filter(|(name, _)| is_plain(name));
        variables.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Whether a desktop's programs can be asked for something: the D-Bus specification's addresses of the session bus.
    pub fn has_session_bus(&self) -> bool {
        let in_runtime_folder = || self.path("XDG_RUNTIME_DIR").is_some_and(|folder| folder.join("bus").exists());
        self.variable("DBUS_SESSION_BUS_ADDRESS").is_some() || in_runtime_folder()
    }

    /// The person's login name, for role session names.
    pub fn login_name(&self) -> Option<&str> {
        self.variable("LOGNAME").or_else(|| self.variable("USER"))
    }

    /// The name of this machine.
    pub fn host_name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    /// Whether the credential in the environment is one that a switch, or `exec`, put there.
    pub fn holds_switched_key(&self) -> bool {
        let ours = self.variable("MULTICRED_ACCESS_KEY_ID");
        ours.is_some() && self.variable("AWS_ACCESS_KEY_ID") == ours
    }

    /// A variable of the person's own environment, for asking AWS: a region that a switch set is not the person's.
    pub fn own_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.setting(name)?;
        (!self.is_region_of_switch(name)).then_some(value)
    }

    /// Whether a variable names the region that a switch set.
    pub fn is_region_of_switch(&self, name: &str) -> bool {
        let set = self.variable("MULTICRED_REGION");
        REGIONS.contains(&name) && set.is_some() && self.variable(name) == set
    }

    /// The region of the person's own environment, unchecked; `None` also where a switch set it.
    pub fn own_region(&self) -> Option<String> {
        let region = self.own_variable("AWS_REGION").or_else(|| self.own_variable("AWS_DEFAULT_REGION"))?;
        Some(region.into_owned())
    }

    /// The path of this very program.
    #[allow(clippy::disallowed_methods)]
    pub fn own_program(&self) -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    /// Gives back what the program that takes this one's place must not go without.
    pub fn restore_limits(&self) {
        if let Some(limit) = &self.core_limit {
            limit.restore();
        }
    }

    /// The shell's process: who called, unless that is only a part of it.
    pub fn shell_pid(&self) -> u32 {
        if let Some(pid) = self.shell {
            return pid;
        }
        rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Closes stdin, stdout and stderr to all purposes: whoever waits for their end is served.
    pub fn close_streams(&self) {
        let Ok(nowhere) = File::options().read(true).write(true).open("/dev/null") else { return };
        let _ = dup2_stdin(&nowhere).and_then(|()| dup2_stdout(&nowhere)).and_then(|()| dup2_stderr(&nowhere));
    }

    /// Closes stdout to all purposes: whoever reads it has all there is.
    pub fn close_stdout(&self) {
        if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
            let _ = dup2_stdout(&nowhere);
        }
    }

    /// Whether stderr is a terminal: then progress may be shown.
    pub fn stderr_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether stdin is a terminal.
    pub fn stdin_is_terminal(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// Whether stdout is a terminal.
    pub fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether stdout takes colours.
    pub fn stdout_is_coloured(&self) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                self.stdout_is_terminal()
                    && self.variable("NO_COLOR").is_none()
                    && self.variable("TERM").is_some_and(|term| term != "dumb")
            }
        }
    }

    /// Writes the answer that was asked for. A reader that went away wanted no more of it.
    ///
    /// # Errors
    /// stdout is full.
    pub fn answer(&self, text: &str) -> io::Result<()> {
        match self.hand_over(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// How many columns stdout has; `None` where it is no terminal, or one that does not say.
    pub fn stdout_columns(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then_some(size.ws_col.into())
    }

    /// Writes an answer as it is made: a long one is never whole in memory. A reader that went away wanted no more of it.
    ///
    /// # Errors
    /// stdout is full.
    pub fn answer_by(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(CHUNK, io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // What is left in the buffer would be tried again.
                drop(out.into_parts());
                Ok(())
            }
            written => written,
        }
    }

    /// Writes a list in JSON, as one line, as it is made.
    ///
    /// # Errors
    /// As [`answer_by`](Self::answer_by).
    pub fn answer_list(&self, values: impl Iterator<Item = serde_json::Value>) -> io::Result<()> {
        self.answer_by(|out| {
            out.write_all(b"[")?;
            for (number, value) in values.enumerate() {
                out.write_all(if number == 0 { b"" } else { b"," })?;
                serde_json::to_writer(&mut *out, &value)?;
            }
            out.write_all(b"]\n")
        })
    }

    /// Writes an answer in JSON, as one line.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_json(&self, value: &serde_json::Value) -> io::Result<()> {
        self.answer(&format!("{value}\n"))
    }

    /// Writes code that a shell is to run: without a reader there was no switch.
    ///
    /// # Errors
    /// stdout is closed or full.
    pub fn hand_over(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Whether whatever is printed is lost: stdout is the null device, which also stands where stdout was closed.
    pub fn stdout_goes_nowhere(&self) -> bool {
        let device = |stat: rustix::fs::Stat| (stat.st_mode, stat.st_rdev);
        let (out, null) = (rustix::fs::fstat(io::stdout()), rustix::fs::stat("/dev/null"));
        matches!((out, null), (Ok(out), Ok(null)) if device(out) == device(null))
    }

    /// Shows the terminal's cursor again, after a menu that hid it was left half-way.
    pub fn show_cursor(&self) {
        let _ = io::stderr().lock().write_all(b"\r\x1b[J\x1b[?25h");
    }

    /// Says something to the person; `-q` silences it.
    pub fn note(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            say(text);
        }
    }

    /// Says what is being done, with `-v`.
    pub fn detail(&self, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            say(text);
        }
    }

    /// Tells of an error; nothing silences it.
    pub fn complain(&self, text: &str) {
        say(text);
    }

    /// Shows a text on stderr as it is, where stdout is for a shell or for an answer that there is none of.
    pub fn show_beside(&self, text: &str) {
        write_lines("", text);
    }
}

/// One line or more on stderr, each marked as ours.
fn say(text: &str) {
    write_lines("multicred: ", text);
}

/// Each line in one write: lines of many processes never mix. Nobody is left to be told that stderr is closed.
fn write_lines(mark: &str, text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        let line = format!("{mark}{}\n", printable(line));
        let _ = err.write_all(line.as_bytes());
    }
}

/// Text from AWS, a file or a person, made safe for a terminal: control characters become `?`.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_never_reaches_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\u{7}\u{9b}c"), "a?[31mb??c");
    }
}
