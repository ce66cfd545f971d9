//! The history: one appended line for each switch, hop, refusal and change. Never a secret.

mod past;
mod usage;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use past::{Past, Recorded};
pub use usage::{SLACK, Usage};

/// One line of the history.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Event<'a> {
    /// Epoch seconds, UTC.
    pub time: i64,
    /// `switch`, `hop`, `import`, `link`, …
    #[serde(rename = "event")]
    pub what: &'a str,
    /// The shell's process id.
    pub shell_pid: u32,
    /// Whom it is about, as shown.
    pub identity: &'a str,
    /// What of it was changed, or in what manner it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// The whole name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<&'a str>,
    /// The call to AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'a str>,
    /// The request id that AWS gave, for a support case or `CloudTrail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// `ok`, or what went wrong.
    pub outcome: &'a str,
}

/// The history's file, beside the store.
pub struct History {
    path: PathBuf,
}

impl History {
    /// The history that belongs to a store.
    pub fn beside(store: &Path) -> Self {
        Self { path: store.with_file_name("history.jsonl") }
    }

    /// Where it is, whether or not anything was written down.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line, in one write: lines of many processes never mix.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, event: &Event<'_>) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event).map_err(std::io::Error::other)?;
        line.push(b'\n');
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_line_is_one_json_object_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::beside(&folder.path().join("multicred.db"));
        let event = Event {
            time: 7,
            what: "switch",
            shell_pid: 1,
            identity: "a\n\"b",
            detail: None,
            arn: None,
            action: None,
            request_id: None,
            outcome: "ok",
        };
        history.append(&event).unwrap();
        history.append(&event).unwrap();
        let path = folder.path().join("history.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["identity"], "a\n\"b");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
