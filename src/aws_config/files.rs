//! The two files as files: where they are, whether they changed.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::FileKind;

/// A file younger than this may change again without its time stamp showing it, in seconds.
pub const SETTLED: i64 = 2;

/// Stands before the stamps, and changes whenever the parsed form does: what an older version kept is not used.
const PARSED_FORM: &str = "4\n";

/// Why a file, or a key in it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words, or what is wrong with the text.
        reason: String,
    },
    /// The key that a plan was made with is not in the file any more.
    #[error("{} was changed: the key of profile {profile} is no longer there", path.display())]
    KeyChanged {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
}

/// Where the two files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsFiles {
    config: PathBuf,
    credentials: PathBuf,
}

impl AwsFiles {
    /// These two files.
    pub fn new(config: PathBuf, credentials: PathBuf) -> Self {
        Self { config, credentials }
    }

    /// The path of one of them.
    pub fn path(&self, kind: FileKind) -> &Path {
        match kind {
            FileKind::Config => &self.config,
            FileKind::Credentials => &self.credentials,
        }
    }

    /// A file's text; empty where there is no file.
    ///
    /// # Errors
    /// The file exists and cannot be read, or is no text.
    pub fn text(&self, kind: FileKind) -> Result<Zeroizing<String>, FileError> {
        let path = self.path(kind);
        let unreadable = |reason: String| FileError::Unreadable { path: path.to_owned(), reason };
        match std::fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => crate::credential_text::decode(&bytes).map_err(|error| unreadable(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Zeroizing::default()),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// When a file was last modified, in epoch seconds; `None` where there is none.
    pub fn modified(&self, kind: FileKind) -> Option<i64> {
        std::fs::metadata(self.path(kind)).ok().map(|metadata| metadata.mtime())
    }

    /// One text that names both files.
    pub fn names(&self) -> String {
        format!("{}\n{}", self.config.display(), self.credentials.display())
    }

    /// One text that changes whenever a file does; `None` while a file is too young for that to be certain.
    pub fn stamps(&self, now: i64) -> Option<String> {
        let mut stamps = String::with_capacity(128);
        stamps.push_str(PARSED_FORM);
        for path in [&self.config, &self.credentials] {
            match std::fs::metadata(path) {
                // The time of the content can be set back, that of the change cannot.
                Ok(file) if now - file.mtime().max(file.ctime()) <= SETTLED => return None,
                Ok(file) => {
                    let _ = write!(stamps, "{}:{}:{}:{}", file.dev(), file.ino(), file.size(), file.mtime());
                    let _ = writeln!(stamps, ".{}:{}.{}", file.mtime_nsec(), file.ctime(), file.ctime_nsec());
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    stamps.push_str("none\n");
                }
                Err(_) => return None,
            }
        }
        Some(stamps)
    }
}
