//! The store as a file: whose it is, who may read it, what it is.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::schema::APPLICATION_ID;
use super::{Notice, StoreError};
use crate::percent;

/// What stands at the store's path.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or an empty file.
    Nothing,
    /// A store of ours.
    Store,
}

const O_NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where SQLite's header keeps the application id (SQLite, "Database File Format", 1.3).
const APPLICATION_ID_AT: usize = 68;
const HEADER_LENGTH: usize = 100;

/// Looks at the file before SQLite does: SQLite must never touch another program's file.
pub(super) fn examine(path: &Path, notices: &mut Vec<Notice>) -> Result<Found, StoreError> {
    let Some(metadata) = look(path)? else { return Ok(Found::Nothing) };
    check_owner(path, &metadata)?;
    if metadata.mode() & 0o077 != 0 {
        tighten(path, notices);
    }
    Ok(Found::Store)
}

/// What is known of a store of anybody's before it is opened; `None` where there is nothing, or an empty file.
pub(super) fn look(path: &Path) -> Result<Option<Metadata>, StoreError> {
    let failed = |error: &io::Error| StoreError::from_io(path, error);
    // A pipe in its place must not be waited for.
    let mut file = match OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    if metadata.len() == 0 {
        check_owner(path, &metadata)?;
        return Ok(None);
    }
    let mut header = [0u8; HEADER_LENGTH];
    let read = file.read_exact(&mut header);
    read.map_err(|_| StoreError::NotAStore(path.to_owned())).and_then(|()| check_header(path, &header)).map_err(
        // Whose it is says more than what is wrong with it.
        |error| check_owner(path, &metadata).err().unwrap_or(error),
    )?;
    Ok(Some(metadata))
}

pub(super) fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() == me {
        return Ok(());
    }
    Err(StoreError::OtherOwner { path: path.to_owned(), owner: metadata.uid() })
}

/// Whether two paths lead to one file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    place(one).is_some_and(|one| Some(one) == place(other))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn check_header(path: &Path, header: &[u8; HEADER_LENGTH]) -> Result<(), StoreError> {
    if !header.starts_with(SQLITE_MAGIC) {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    let mut id = [0u8; 4];
    id.copy_from_slice(&header[APPLICATION_ID_AT..APPLICATION_ID_AT + 4]);
    if i32::from_be_bytes(id) == APPLICATION_ID {
        return Ok(());
    }
    Err(StoreError::Foreign { path: path.to_owned(), tables: tables_of(path) })
}

/// Names another program's tables, so that a person sees whose file it is. Reads without leaving a trace.
fn tables_of(path: &Path) -> String {
    use rusqlite::{Connection, OpenFlags};
    let uri = format!("file:{}?immutable=1", percent_encoded(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let read = || -> rusqlite::Result<Vec<String>> {
        let connection = Connection::open_with_flags(&uri, flags)?;
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 8";
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    match read() {
        Ok(names) if !names.is_empty() => format!(" (its tables: {})", names.join(", ")),
        _ => String::new(),
    }
}

/// A path as a URI has it (SQLite, "Uniform Resource Identifiers", 3.1).
fn percent_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    percent::encode(path.as_os_str().as_bytes(), b"/-._~", &mut encoded);
    encoded
}

/// Whether an open file is still the one of that name.
pub(super) fn is_open_at(file: &File, path: &Path) -> bool {
    let (open, named) = (file.metadata(), std::fs::symlink_metadata(path));
    matches!((open, named), (Ok(open), Ok(named)) if (open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// The folder that a path's last part is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// SQLite's side files, which must be as private as the store.
pub(super) fn with_side_files(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", "-journal"].into_iter().map(|suffix| beside(path, suffix))
}

/// `multicred.db-wal` and its like.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn tighten(path: &Path, notices: &mut Vec<Notice>) {
    let private = std::fs::Permissions::from_mode(0o600);
    for file in with_side_files(path).filter(|file| file.exists()) {
        if std::fs::set_permissions(&file, private.clone()).is_ok() && file == path {
            notices.push(Notice::Tightened(path.to_owned()));
        }
    }
}

/// Makes the folders that are missing, each for its owner alone; says when an existing one is open to others.
pub(super) fn prepare_folder(folder: &Path) -> Result<Option<Notice>, StoreError> {
    if let Ok(metadata) = std::fs::metadata(folder) {
        let others_write = metadata.mode() & 0o022 != 0;
        return Ok(others_write.then(|| Notice::OpenFolder(folder.to_owned())));
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| StoreError::from_io(folder, &error))?;
    Ok(None)
}

/// Creates a new file that only its owner can read; fails where one exists.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Whether a path is on a file system where shared memory and locks cannot be relied on.
#[cfg(target_os = "linux")]
pub(super) fn is_on_network(path: &Path) -> bool {
    // linux/magic.h, and the numbers of SMB, of FUSE and of WSL 1.
    const REMOTE: [u32; 9] = [
        0x6969,      // NFS
        0x517b,      // SMB
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x0102_1997, // 9p, drvfs on WSL 2
        0x5346_4846, // wslfs, drvfs on WSL 1
        0x5346_414f, // AFS
        0x00c3_6400, // Ceph
        0x6573_5546, // FUSE: sshfs and the like
    ];
    // The type is at most 32 bits wide whatever its C type is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let kind = |statfs: rustix::fs::StatFs| statfs.f_type as u32;
    rustix::fs::statfs(path).is_ok_and(|statfs| REMOTE.contains(&kind(statfs)))
}

/// Whether a path is on a network file system: not known on this system, so assumed local.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_on_network(_path: &Path) -> bool {
    false
}
