//! What a program left behind, and assertions that say all there is to say when it did not do its job.

use std::fmt;

/// What a program left behind. The assertions chain, and show everything when they fail.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code, or 128 + the signal that ended it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    description: Description,
}

impl Output {
    pub(super) fn new(status: i32, stdout: String, stderr: String, description: Description) -> Self {
        Self { status, stdout, stderr, description }
    }

    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        self.holds(self.status == expected, &format!("exit code {expected}"))
    }

    #[track_caller]
    pub fn stdout_has(&self, text: &str) -> &Self {
        self.holds(self.stdout.contains(text), &format!("stdout to contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_has(&self, text: &str) -> &Self {
        self.holds(self.stderr.contains(text), &format!("stderr to contain {text:?}"))
    }

    #[track_caller]
    pub fn stdout_is(&self, text: &str) -> &Self {
        self.holds(self.stdout == text, &format!("stdout to be {text:?}"))
    }

    #[track_caller]
    pub fn stderr_is(&self, text: &str) -> &Self {
        self.holds(self.stderr == text, &format!("stderr to be {text:?}"))
    }

    /// Neither stream contains `text` (a secret, say).
    #[track_caller]
    pub fn nowhere(&self, text: &str) -> &Self {
        let absent = !self.stdout.contains(text) && !self.stderr.contains(text);
        self.holds(absent, &format!("{text:?} in neither stream"))
    }

    /// Its stdout, parsed.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("stdout is no JSON: {error}\n{self}"),
        }
    }

    /// Panics with everything about this run unless `true`.
    #[track_caller]
    pub fn holds(&self, truth: bool, expectation: &str) -> &Self {
        assert!(truth, "expected {expectation}\n{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr, description } = self;
        write!(out, "{description}--- status\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// The command as one would type it, and how its environment differs from a new [`super::Hermetic`].
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) command: String,
    pub(super) change: String,
}

impl fmt::Display for Description {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "--- command\n{}\n--- environment change\n{}", self.command, self.change)
    }
}
