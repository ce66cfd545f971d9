//! The birth of a store: all at once, or not at all.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::io::Errno;

use super::{BUSY_TIMEOUT, NewKeySlot, Store, StoreError, file, schema};

/// How often a second maker looks whether the first is done.
const PAUSE: Duration = Duration::from_millis(5);

/// What a new store starts with.
#[derive(Clone)]
pub struct NewStore {
    /// Random; part of what every sealed value is bound to.
    pub id: [u8; 16],
    /// The first key slot.
    pub slot: NewKeySlot,
    /// Now, in epoch seconds UTC.
    pub now: i64,
}

impl Store {
    /// Opens the store at `path`, or makes it. `first` is called, under a lock, only where there is none yet.
    ///
    /// The new file appears under its name complete, with its schema and its first slot: a kill at any moment
    /// leaves either no store or a whole one.
    ///
    /// # Errors
    /// As [`Store::open`]; and what `first` returns.
    pub fn open_or_create<E: From<StoreError>>(
        path: &Path,
        first: impl FnOnce() -> Result<NewStore, E>,
    ) -> Result<Self, E> {
        if let Some(store) = Self::open(path)? {
            return Ok(store);
        }
        let folder = file::folder_of(path);
        let notice = file::prepare_folder(folder)?;
        // Two first uses at once: one creates, the other waits and then opens what it finds.
        let _alone = lock_folder(folder, path)?;
        if let Some(store) = Self::open(path)? {
            return Ok(store);
        }
        refuse_orphans(path)?;
        build(path, &first()?)?;
        let mut store = Self::open(path)?.ok_or_else(|| StoreError::NotAStore(path.to_owned()))?;
        store.notices.extend(notice);
        Ok(store)
    }
}

/// The folder's own lock: no lock file to leave behind. Released when the returned handle is dropped. A maker that was
/// stopped in the middle is waited for as long as any other writer.
pub(super) fn lock_folder(folder: &Path, path: &Path) -> Result<std::fs::File, StoreError> {
    let failed = |error: std::io::Error| StoreError::from_io(folder, &error);
    let handle = std::fs::File::open(folder).map_err(failed)?;
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&handle, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(handle),
            Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() < BUSY_TIMEOUT => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Err(StoreError::Busy(path.to_owned())),
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// A WAL or journal whose store was removed would be played into the new one, and ruin it; and it may be all that is
/// left of the old one, so it is not ours to remove.
pub(super) fn refuse_orphans(path: &Path) -> Result<(), StoreError> {
    for suffix in ["-wal", "-journal"] {
        let name = file::beside(path, suffix);
        if std::fs::metadata(&name).is_ok_and(|orphan| orphan.len() > 0) {
            let reason = format!("it is gone, but its {} is still there", name.display());
            return Err(StoreError::Damaged { path: path.to_owned(), reason });
        }
    }
    Ok(())
}

fn build(path: &Path, new: &NewStore) -> Result<(), StoreError> {
    let draft = draft_path(path);
    remove_draft(&draft);
    file::create_private(&draft).map_err(|error| StoreError::from_io(&draft, &error))?;
    let filled = fill(&draft, path, new);
    if let Err(error) = filled {
        remove_draft(&draft);
        return Err(match error {
            Problem::Sqlite(error) => StoreError::from_sqlite(path, error),
            Problem::Store(error) => error,
        });
    }
    std::fs::rename(&draft, path).map_err(|error| StoreError::from_io(path, &error))?;
    sync_folder(path)
}

enum Problem {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn fill(draft: &Path, path: &Path, new: &NewStore) -> Result<(), Problem> {
    let mut connection = Connection::open(draft)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    schema::create(&transaction)?;
    transaction.execute(
        "INSERT INTO store (id, key_epoch, created_at) VALUES (?1, 1, ?2)",
        rusqlite::params![new.id, new.now],
    )?;
    super::slots::insert(&transaction, &new.slot, new.now)?;
    transaction.commit()?;
    // WAL only now, while it is empty: closing would otherwise have to copy it into the draft, and SQLite does not say
    // when that fails.
    if !file::is_on_network(path) {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    connection.close().map_err(|(_, error)| error)?;
    let written = std::fs::File::open(draft).and_then(|file| file.sync_all());
    written.map_err(|error| Problem::Store(StoreError::from_io(draft, &error)))
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// A draft is never anybody's data: it has not had its name yet.
pub(super) fn remove_draft(draft: &Path) {
    for file in file::with_side_files(draft) {
        let _ = std::fs::remove_file(file);
    }
}

pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = file::folder_of(path);
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| StoreError::from_io(folder, &error))
}
