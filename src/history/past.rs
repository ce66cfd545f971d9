//! Reading the history: from its end, in bounded memory, whatever its length.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use serde::{Deserialize, Serialize};

use super::History;

/// Read at a time.
const BLOCK: usize = 64 * 1024;
/// A longer line was not written by us: no name and no reason is that long.
const LONGEST: usize = 64 * 1024;

/// One line of the history, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Epoch seconds, UTC.
    pub time: i64,
    /// `switch`, `hop`, `import`, `link`, …
    #[serde(rename = "event")]
    pub what: String,
    /// The shell's process id.
    pub shell_pid: u32,
    /// Whom it is about, as shown.
    pub identity: String,
    /// What of it was changed, or in what manner it was used.
    #[serde(default)]
    pub detail: Option<String>,
    /// The whole name.
    #[serde(default)]
    pub arn: Option<String>,
    /// The call to AWS.
    #[serde(default)]
    pub action: Option<String>,
    /// The request id that AWS gave.
    #[serde(default)]
    pub request_id: Option<String>,
    /// `ok`, or what went wrong.
    pub outcome: String,
}

impl Recorded {
    /// Reads a line; `None` for one that is none of ours, or torn.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The history as it was when it was opened: what is appended later is not in it.
pub struct Past {
    file: File,
    end: u64,
}

impl History {
    /// What has happened so far; `None` where nothing was ever written down.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn past(&self) -> io::Result<Option<Past>> {
        // A pipe in its place must not be waited for.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&self.path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        Ok(Some(Past { file, end: metadata.len() }))
    }
}

impl Past {
    /// How long it is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.end
    }

    /// Shows each line and where it begins, the newest first, until `see` breaks. A last line without its end is not
    /// there yet; one that is too long is shown as an empty one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn backwards(&self, mut see: impl FnMut(u64, &[u8]) -> ControlFlow<()>) -> io::Result<()> {
        let mut line = Unfinished::default();
        let (mut block, mut begin, mut is_torn) = (vec![0; BLOCK], self.end, true);
        while begin > 0 {
            let length = usize::try_from(begin).unwrap_or(BLOCK).min(BLOCK);
            begin -= length as u64;
            let block = &mut block[..length];
            self.file.read_exact_at(block, begin)?;
            let mut stop = length;
            while let Some(newline) = block[..stop].iter().rposition(|byte| *byte == b'\n') {
                line.begin_with(&block[newline + 1..stop]);
                let seen =
                    if is_torn { ControlFlow::Continue(()) } else { see(begin + newline as u64 + 1, &line.bytes) };
                if seen.is_break() {
                    return Ok(());
                }
                (line, stop, is_torn) = (Unfinished::default(), newline, false);
            }
            line.begin_with(&block[..stop]);
        }
        if !is_torn {
            let _ = see(0, &line.bytes);
        }
        Ok(())
    }

    /// Shows each line from this place on, the oldest first, until `see` breaks; as [`backwards`](Self::backwards) does.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn forwards(&mut self, begin: u64, mut see: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(begin))?;
        let mut rest = BufReader::with_capacity(BLOCK, (&self.file).take(self.end.saturating_sub(begin)));
        let (mut line, mut is_long) = (Vec::new(), false);
        loop {
            line.clear();
            (&mut rest).take(LONGEST as u64 + 1).read_until(b'\n', &mut line)?;
            let is_whole = line.pop_if(|last| *last == b'\n').is_some();
            match (is_whole, line.is_empty()) {
                (false, true) => return Ok(()),
                // Its beginning, or its middle; or a last line that has no end.
                (false, false) => is_long = true,
                (true, _) => {
                    let shown = if is_long { &[] } else { line.as_slice() };
                    if see(shown).is_break() {
                        return Ok(());
                    }
                    is_long = false;
                }
            }
        }
    }
}

/// A line whose beginning has not been read yet.
#[derive(Default)]
struct Unfinished {
    bytes: Vec<u8>,
    is_long: bool,
}

impl Unfinished {
    fn begin_with(&mut self, bytes: &[u8]) {
        self.is_long |= self.bytes.len() + bytes.len() > LONGEST;
        if self.is_long {
            self.bytes.clear();
        } else {
            self.bytes.splice(0..0, bytes.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a file with this content: newest first, and oldest first from each of those places on.
    fn lines(content: &[u8]) -> Vec<(u64, String)> {
        let folder = tempfile::tempdir().unwrap();
        let history = History::beside(&folder.path().join("s.db"));
        std::fs::write(folder.path().join("history.jsonl"), content).unwrap();
        let mut past = history.past().unwrap().unwrap();
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        let mut found = Vec::new();
        past.backwards(|begin, line| {
            found.push((begin, text(line)));
            ControlFlow::Continue(())
        })
        .unwrap();
        for (index, (begin, _)) in found.iter().enumerate() {
            let mut forwards = Vec::new();
            past.forwards(*begin, |line| {
                forwards.push(text(line));
                ControlFlow::Continue(())
            })
            .unwrap();
            let expected: Vec<String> = found[..=index].iter().rev().map(|(_, line)| line.clone()).collect();
            assert!(forwards == expected, "from {begin}");
        }
        found
    }

    fn line(begin: u64, text: &str) -> (u64, String) {
        (begin, text.to_owned())
    }

    #[test]
    fn lines_come_newest_first_and_one_without_its_end_not_at_all() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"torn"), []);
        assert_eq!(lines(b"a\nbc\n"), [line(2, "bc"), line(0, "a")]);
        assert_eq!(lines(b"a\n\nbc\ntorn"), [line(3, "bc"), line(2, ""), line(0, "a")]);
    }

    #[test]
    fn lines_are_whole_wherever_a_block_ends_and_too_long_ones_are_empty() {
        for length in [BLOCK - 2, BLOCK - 1, BLOCK, LONGEST - 1, LONGEST] {
            let long = "x".repeat(length);
            let found = lines(format!("a\n{long}\nb\n").as_bytes());
            assert_eq!(found.len(), 3);
            assert!(found[1] == line(2, &long), "{length}");
        }
        for length in [LONGEST + 1, 5 * BLOCK] {
            let found = lines(format!("a\n{}\nb\n", "x".repeat(length)).as_bytes());
            assert_eq!(found, [line(length as u64 + 3, "b"), line(2, ""), line(0, "a")], "{length}");
        }
    }
}
