//! A backup, copied beside the store and checked there: whatever is in it, and whoever made it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::super::draft::Draft;
use super::super::{KeySlot, Reading, StoreError, StoreMeta, copy, file, schema};
use super::{RestoreError, name_of, page_size};

/// What SQLite would play into the database file at the first look at it.
const UNFINISHED: [&str; 2] = ["-wal", "-journal"];

/// A backup that is fit to be the store; removed when dropped.
pub struct Incoming {
    pub(super) draft: Draft,
    /// What it says of itself.
    pub meta: StoreMeta,
    /// What opens it.
    pub slots: Vec<KeySlot>,
    page_size: i64,
    file: PathBuf,
}

impl Incoming {
    /// Copies a backup beside the store, brings the copy up to date, and checks that it is a whole store with nothing in
    /// it that multicred does not make. The backup itself is only read.
    ///
    /// # Errors
    /// See [`RestoreError`]; nothing is left beside the store.
    pub fn take(store: &Path, file: &Path) -> Result<Self, RestoreError> {
        if file::is_same(store, file) {
            return Err(RestoreError::Itself(file.to_owned()));
        }
        if std::fs::metadata(file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(RestoreError::Missing(file.to_owned()));
        }
        // Whose it is does not matter: what is in it is not trusted anyway.
        match file::look(file) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(RestoreError::Unfit(StoreError::NotAStore(file.to_owned()))),
            Err(error) => return Err(RestoreError::Unfit(error)),
        }
        file::prepare_folder(file::folder_of(store))?;
        let draft = Draft::claim(file::folder_of(store), &format!("{}.restore", name_of(store)))?;
        copy_bytes(file, &draft, store)?;
        let failed = |error: rusqlite::Error| sort(store, file, StoreError::from_sqlite(file, error));
        let length = draft.file().metadata().map_err(|error| StoreError::from_io(store, &error))?.size();
        let connection = open_untrusted(draft.path()).map_err(failed)?;
        let (meta, slots) = check(&connection, file).map_err(|error| sort(store, file, error))?;
        let page_size = page_size(&connection).map_err(failed)?;
        check_length(file, length, page_size)?;
        copy::leave_wal(&connection).map_err(failed)?;
        connection.close().map_err(|(_, error)| failed(error))?;
        draft.file().sync_all().map_err(|error| StoreError::from_io(store, &error))?;
        Ok(Self { draft, meta, slots, page_size, file: file.to_owned() })
    }

    /// Pages of one size go into pages of that size.
    pub(super) fn check_page_size(&self, of_store: i64) -> Result<(), RestoreError> {
        if self.page_size == of_store {
            return Ok(());
        }
        let reason = format!("its pages have {} bytes, those of the store {of_store}", self.page_size);
        Err(RestoreError::Unfit(StoreError::Other { path: self.file.clone(), reason }))
    }
}

/// SQLite takes zeros for what is missing of a last page.
fn check_length(file: &Path, length: u64, page_size: i64) -> Result<(), RestoreError> {
    if u64::try_from(page_size).is_ok_and(|size| length.is_multiple_of(size)) {
        return Ok(());
    }
    let reason = "it is cut short".to_owned();
    Err(RestoreError::Unfit(StoreError::Damaged { path: file.to_owned(), reason }))
}

/// Whose fault it is: what is wrong with the content is the backup's, all else concerns the copy, beside the store.
fn sort(store: &Path, file: &Path, error: StoreError) -> RestoreError {
    match error {
        StoreError::ReadOnly { reason, .. } => StoreError::ReadOnly { path: store.to_owned(), reason }.into(),
        StoreError::Full(_) => StoreError::Full(store.to_owned()).into(),
        StoreError::Busy(_) => RestoreError::Changing(file.to_owned()),
        error => RestoreError::Unfit(error),
    }
}

/// The bytes, with what SQLite has not written into the file yet: opening the backup itself would leave traces beside
/// it, or fail where that is not possible.
fn copy_bytes(file: &Path, draft: &Draft, store: &Path) -> Result<(), RestoreError> {
    let to_store = |error: io::Error| RestoreError::Store(StoreError::from_io(store, &error));
    // SQLite looks for these beside the file itself, not beside a link to it.
    let file = &file.canonicalize().map_err(to_store)?;
    let before = stamps(file);
    copy_file(file, draft.file()).map_err(to_store)?;
    for suffix in UNFINISHED {
        let from = file::beside(file, suffix);
        if std::fs::metadata(&from).is_ok_and(|side| side.is_file() && side.len() > 0) {
            let to = file::create_private(&file::beside(draft.path(), suffix)).map_err(to_store)?;
            copy_file(&from, &to).map_err(to_store)?;
        }
    }
    if stamps(file) != before {
        return Err(RestoreError::Changing(file.to_owned()));
    }
    Ok(())
}

fn copy_file(from: &Path, mut to: &File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut to).map(drop)
}

/// What changes whenever somebody writes to the backup.
fn stamps(file: &Path) -> Vec<Option<(u64, u64, i64, i64)>> {
    let stamp = |of: Metadata| (of.ino(), of.size(), of.mtime(), of.mtime_nsec());
    ["", "-wal", "-journal"].map(|suffix| std::fs::metadata(file::beside(file, suffix)).ok().map(stamp)).into()
}

/// Nothing that a stranger's schema says is carried out (SQLite, "Defense Against The Dark Arts").
fn open_untrusted(draft: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(draft)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn check(connection: &Connection, file: &Path) -> Result<(StoreMeta, Vec<KeySlot>), StoreError> {
    let failed = |error| StoreError::from_sqlite(file, error);
    let damaged = |reason: String| StoreError::Damaged { path: file.to_owned(), reason };
    schema::check_known(connection, file)?;
    if let Some(fault) = copy::faults(connection, 1).map_err(failed)?.pop() {
        return Err(damaged(fault));
    }
    schema::bring_copy_up_to_date(connection, file)?;
    let ours = Connection::open_in_memory().and_then(|empty| {
        schema::create(&empty)?;
        schema::definitions(&empty)
    });
    if schema::definitions(connection).map_err(failed)? != ours.map_err(failed)? {
        return Err(damaged("its tables are not those of multicred".to_owned()));
    }
    let reading = Reading { connection, path: file };
    reading.key_slots()
}
