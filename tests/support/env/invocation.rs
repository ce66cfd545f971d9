//! Running one program, without a controlling terminal.

use super::super::process;
use super::output::Description;
use super::{Background, Hermetic, Output, change};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const DEFAULT_LIMIT: Duration = Duration::from_mins(1);

/// One program about to run in a [`Hermetic`] environment, without a controlling terminal.
#[derive(Debug)]
pub struct Invocation {
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    stdin: Option<Vec<u8>>,
    limit: Duration,
    variables: BTreeMap<String, String>,
    baseline: BTreeMap<String, String>,
}

impl Invocation {
    pub(super) fn new(env: &Hermetic, program: &Path, arguments: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            folder: env.home.clone(),
            stdin: None,
            limit: DEFAULT_LIMIT,
            variables: env.variables.clone(),
            baseline: env.baseline.clone(),
        }
    }

    /// What the program reads; without this, `/dev/null`.
    #[must_use]
    pub fn stdin(mut self, input: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(input.as_ref().to_owned());
        self
    }

    /// Sets a variable for this program only.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable for this program only.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Runs in another folder than the home.
    #[must_use]
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        folder.as_ref().clone_into(&mut self.folder);
        self
    }

    /// How long it may take before it is killed and the test fails; 60 s by default.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Output {
        let limit = self.limit;
        self.spawn().end_within(limit)
    }

    /// Starts it in the background.
    #[track_caller]
    pub fn spawn(self) -> Background {
        let description = self.description();
        let child = process::start(&mut self.without_terminal());
        Background::new(child, self.stdin, description)
    }

    /// `setsid` makes the program a session leader without a terminal, so that `/dev/tty` cannot be opened. It is not
    /// a group leader here, so it execs in place and the pid is the program's own.
    fn without_terminal(&self) -> Command {
        let setsid = Path::new("/usr/bin/setsid");
        let mut command = if setsid.exists() { Command::new(setsid) } else { Command::new(&self.program) };
        if setsid.exists() {
            command.arg(&self.program);
        }
        command.args(&self.arguments).current_dir(&self.folder).env_clear().envs(&self.variables);
        command.stdin(self.stdin.as_ref().map_or_else(Stdio::null, |_| Stdio::piped()));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn description(&self) -> Description {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy();
        let words = std::iter::once(name.into_owned()).chain(self.arguments.iter().map(|word| quoted(word)));
        Description { command: words.collect::<Vec<_>>().join(" "), change: change(&self.baseline, &self.variables) }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("{word:?}") }
}
