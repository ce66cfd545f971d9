//! The files of other tools: read as they are, and never written, nor anything beside them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};
use zeroize::Zeroizing;

use crate::coming_over::{mentaws, multicred_py, wal};
use crate::regular_file;

/// No database of these tools is longer, in bytes.
const LONGEST_DATABASE: u64 = 256 * 1024 * 1024;
/// Nor an encrypted key.
const LONGEST_KEY_FILE: u64 = 64 * 1024;
/// As often a database is read anew that changes meanwhile.
const TRIES: u32 = 5;

/// Why the files of another tool cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OtherToolError {
    /// Not at all.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// They are something else.
    #[error("{} is no database of {tool}: {reason}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The tool that was named.
        tool: &'static str,
        /// How one sees that.
        reason: String,
    },
    /// A transaction has begun, and is not at its end.
    #[error("{} is being written, or was left half-written by a crash", .0.display())]
    Busy(PathBuf),
}

/// Every profile of mentaws.
///
/// # Errors
/// See [`OtherToolError`].
pub fn mentaws(path: &Path) -> Result<Vec<mentaws::Row>, OtherToolError> {
    let database = Database::open(path, "mentaws", mentaws::TABLES)?;
    database.rows(mentaws::QUERY, |row| {
        Ok(mentaws::Row {
            profile: row.get(0)?,
            access_key_id: row.get(1)?,
            secret: row.get(2)?,
            other_options: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        })
    })
}

/// Every credential and every link of the Python multicred.
///
/// # Errors
/// See [`OtherToolError`].
pub fn multicred_py(path: &Path) -> Result<(Vec<multicred_py::Row>, Vec<multicred_py::Edge>), OtherToolError> {
    let database = Database::open(path, "the Python multicred", multicred_py::TABLES)?;
    let credentials = database.rows(multicred_py::CREDENTIALS, |row| {
        Ok(multicred_py::Row {
            arn: row.get(0)?,
            access_key_id: row.get(1)?,
            secret: Zeroizing::new(row.get(2)?),
            session_token: row.get::<_, Option<String>>(3)?.map(Zeroizing::new),
            created_at: row.get(4)?,
        })
    })?;
    let links = database.rows(multicred_py::LINKS, |row| {
        Ok(multicred_py::Edge { target: row.get(0)?, parent: row.get(1)?, role_arn: row.get(2)? })
    })?;
    Ok((credentials, links))
}

/// The names of the files in aws-vault's folder of encrypted keys, in their order.
///
/// # Errors
/// The folder cannot be read.
pub fn key_files(folder: &Path) -> Result<Vec<String>, OtherToolError> {
    let failed = |reason| OtherToolError::File { path: folder.to_owned(), reason };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with('.') && folder.join(&name).is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The text of one of them.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn key_file(folder: &Path, name: &str) -> io::Result<Zeroizing<String>> {
    regular_file::read(&folder.join(name), LONGEST_KEY_FILE)
}

/// Another tool's database, in memory.
struct Database<'p> {
    path: &'p Path,
    tool: &'static str,
    connection: Connection,
}

impl<'p> Database<'p> {
    fn open(path: &'p Path, tool: &'static str, tables: &[&str]) -> Result<Self, OtherToolError> {
        let bytes = content(path)?;
        let other = |reason: String| OtherToolError::Other { path: path.to_owned(), tool, reason };
        if !wal::is_database(&bytes) {
            return Err(other("it is no SQLite database".to_owned()));
        }
        let load = || {
            let mut connection = Connection::open_in_memory()?;
            connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), true)?;
            Ok::<_, rusqlite::Error>(connection)
        };
        let connection = load().map_err(|error| other(error.to_string()))?;
        let database = Self { path, tool, connection };
        for table in tables {
            let sql = format!("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = '{table}'");
            if database.rows(&sql, |_| Ok(()))?.is_empty() {
                return Err(other(format!("it has no table {table}")));
            }
        }
        Ok(database)
    }

    fn rows<T>(&self, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, OtherToolError> {
        let all = || {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([], |row| read(row))?;
            rows.collect::<rusqlite::Result<Vec<T>>>()
        };
        all().map_err(|error| OtherToolError::Other {
            path: self.path.to_owned(),
            tool: self.tool,
            reason: error.to_string(),
        })
    }
}

/// A database with what its log holds. SQLite would make files beside it to lock them; here it is read again until
/// nobody has written meanwhile.
fn content(path: &Path) -> Result<Zeroizing<Vec<u8>>, OtherToolError> {
    let failed = |reason| OtherToolError::File { path: path.to_owned(), reason };
    let path = fs::canonicalize(path).map_err(failed)?;
    let failed = |reason| OtherToolError::File { path: path.clone(), reason };
    let beside = |end: &str| {
        let mut name = path.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    for _ in 0..TRIES {
        let before = [stamp(&path), stamp(&beside("-wal"))];
        let database = regular_file::read_bytes(&path, LONGEST_DATABASE).map_err(failed)?;
        let wal = if_there(&beside("-wal")).map_err(failed)?;
        let journal = if_there(&beside("-journal")).map_err(failed)?;
        if before == [stamp(&path), stamp(&beside("-wal"))] && !wal::is_hot_journal(&journal) {
            return Ok(wal::merged(database, &wal));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err(OtherToolError::Busy(path))
}

fn if_there(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    match regular_file::read_bytes(path, LONGEST_DATABASE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Zeroizing::default()),
        read => read,
    }
}

type Stamp = (u64, u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}
