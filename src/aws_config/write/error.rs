//! Why an AWS file was not written.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why a file was not written. No text quotes what the file holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A folder, a pipe, a device.
    #[error("{} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// UTF-16, or bytes that are no text.
    #[error("{} is {found}, not UTF-8 text", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// The person made it read-only.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Somebody else's: a replaced file would become ours.
    #[error("{} belongs to another user (uid {owner})", path.display())]
    OtherOwner {
        /// The file.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// Replacing it would part it from its other names.
    #[error("{} has {links} names (hard links), which writing would part", path.display())]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// Another multicred is at work in the folder.
    #[error("{} is being written by another multicred", .0.display())]
    Busy(PathBuf),
    /// Another program writes it again and again.
    #[error("{} is being changed by another program again and again", .0.display())]
    KeepsChanging(PathBuf),
    /// The disk is full.
    #[error("the disk that holds {} is full", .0.display())]
    Full(PathBuf),
    /// The system refuses.
    #[error("{} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl WriteError {
    /// Sorts an error of the system.
    pub(super) fn of(path: &Path, error: impl Into<std::io::Error>) -> Self {
        let (path, error) = (path.to_owned(), error.into());
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full(path),
            _ => Self::Unwritable { path, reason: error.to_string() },
        }
    }
}
