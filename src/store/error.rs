//! What can be wrong with a store.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store cannot be used, or a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is an SQLite database of some other program.
    #[error("{} is a database of another program{tables}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its tables, as an addition to the sentence; may be empty.
        tables: String,
    },
    /// The file is no SQLite database at all.
    #[error("{} is not a multicred store", .0.display())]
    NotAStore(PathBuf),
    /// A later version of multicred made it.
    #[error("{} was written by a newer multicred (its schema is {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Somebody else owns it.
    #[error("{} belongs to another user (uid {owner})", path.display())]
    OtherOwner {
        /// The file.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// SQLite says that the file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
    /// The file or its folder cannot be written.
    #[error("{} cannot be written: {reason}", path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full", .0.display())]
    Full(PathBuf),
    /// Another process kept it locked.
    #[error("{} is locked by another process", .0.display())]
    Busy(PathBuf),
    /// Any other failure of SQLite or of the file system.
    #[error("{}: {reason}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The words of SQLite or of the system.
        reason: String,
    },
    /// It was sealed anew while something was being sealed for it.
    #[error("another process has changed the key of {}", .0.display())]
    KeyChanged(PathBuf),
    /// A unique name is taken.
    #[error("the name '{0}' is taken")]
    NameTaken(String),
    /// A link would make an identity its own ancestor.
    #[error("{target} is already above {parent} in its chain: the link would close a loop")]
    Cycle {
        /// The link's target, as an ARN.
        target: String,
        /// The link's parent, as an ARN.
        parent: String,
    },
}

/// What a person is told about the store though nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The file was readable by others; it no longer is.
    Tightened(PathBuf),
    /// The folder is open to others and not ours to change.
    OpenFolder(PathBuf),
    /// The store is on a network file system.
    NetworkFileSystem(PathBuf),
}

/// A value in the database that none of ours can be.
fn is_about_a_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) | E::Utf8Error(..)
    )
}

impl Notice {
    /// The sentence for a person.
    pub fn say(&self) -> String {
        match self {
            Self::Tightened(path) => {
                format!("{} was readable by others; its mode is now 0600", path.display())
            }
            Self::OpenFolder(path) => {
                format!("others may write in {}: chmod go-w it, or put the store elsewhere", path.display())
            }
            Self::NetworkFileSystem(path) => format!(
                "{} is on a network file system, where locks are unreliable: use --store on a local disk",
                path.display()
            ),
        }
    }
}

impl StoreError {
    /// Sorts an error of SQLite.
    #[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
    pub(super) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        // A table or a column that our statement names is not there; the statement itself helps nobody.
        if let rusqlite::Error::SqlInputError { msg, .. } = error {
            return Self::Damaged { path, reason: msg };
        }
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
                Self::Damaged { path, reason }
            }
            None if is_about_a_value(&error) => Self::Damaged { path, reason },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path, reason }
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            _ => Self::Other { path, reason },
        }
    }

    /// Sorts an error of the file system.
    pub(super) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let path = path.to_owned();
        let reason = error.to_string();
        match error.kind() {
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::ReadOnly { path, reason },
            Kind::StorageFull | Kind::QuotaExceeded => Self::Full(path),
            _ => Self::Other { path, reason },
        }
    }
}
