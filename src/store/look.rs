//! Looking at a store without changing anything, not even a mode.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::{Reading, Store, StoreError, copy, file, schema};
use crate::identity::{Holder, Identity, Kind};

/// A credential whose seal is to be looked at.
#[derive(Clone, Debug)]
pub struct SealedRow {
    /// The row.
    pub id: i64,
    /// Its access key id.
    pub access_key_id: String,
    /// Whose it is; `None` where the row of its identity is gone or says nothing that multicred knows.
    pub holder: Option<Holder>,
}

/// A long-term key, whose it is, and since when it is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTermKey {
    /// Its access key id.
    pub access_key_id: String,
    /// The shown name of its owner.
    pub owner: String,
    /// Since when, epoch seconds UTC.
    pub since: i64,
}

/// A credential and who its seal is bound to, after a row.
const SEALED_AFTER: &str = "SELECT c.id, c.access_key_id, c.source_key, a.partition, a.account_id, i.kind, i.name \
     FROM credential c LEFT JOIN identity i ON i.id = c.identity LEFT JOIN account a ON a.id = i.account \
     WHERE c.id > ?1 ORDER BY c.id LIMIT ?2";

fn sealed_row(row: &Row<'_>) -> rusqlite::Result<SealedRow> {
    let holder = match row.get::<_, Option<String>>(2)? {
        Some(key) => Some(Holder::of_source_key(&key)),
        None => identity(row)?.map(Holder::Identity),
    };
    Ok(SealedRow { id: row.get(0)?, access_key_id: row.get(1)?, holder })
}

fn identity(row: &Row<'_>) -> rusqlite::Result<Option<Identity>> {
    let text = |column| row.get::<_, Option<String>>(column);
    let kind = text(5)?.and_then(|word| Kind::from_word(&word));
    Ok(match (text(3)?, text(4)?, kind, text(6)?) {
        (Some(partition), Some(account), Some(kind), Some(name)) => Some(Identity { partition, account, kind, name }),
        _ => None,
    })
}

impl Store {
    /// Opens the store at `path` for looking only: neither a loose mode nor an old schema is changed, and nothing can
    /// be written through it. `None` where there is none.
    ///
    /// # Errors
    /// As [`Store::open`], but for the version.
    pub fn open_to_look(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(metadata) = file::look(path)? else { return Ok(None) };
        file::check_owner(path, &metadata)?;
        let connection = super::connect(path)?;
        let guarded = connection.pragma_update(None, "query_only", true);
        guarded.map_err(|error| StoreError::from_sqlite(path, error))?;
        let connection = ManuallyDrop::new(connection);
        Ok(Some(Self { connection, path: path.to_owned(), notices: Vec::new(), has_written: false }))
    }
}

impl Store {
    /// How many bytes it takes on the disk, with what has not been moved into the database yet.
    pub fn bytes(&self) -> u64 {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        [self.path.clone(), wal.into()].iter().filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
    }
}

impl Reading<'_> {
    /// The version of its schema.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn schema_version(&self) -> Result<i64, StoreError> {
        schema::user_version(self.connection).map_err(|error| self.failed(error))
    }

    /// What SQLite finds wrong with it; at most so many faults.
    ///
    /// # Errors
    /// The store cannot be read at all.
    pub fn faults(&self, most: u32) -> Result<Vec<String>, StoreError> {
        copy::faults(self.connection, most).map_err(|error| self.failed(error))
    }

    /// Some credentials behind this row, in the order of the rows.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn sealed_after(&self, row: i64, most: u32) -> Result<Vec<SealedRow>, StoreError> {
        self.rows(SEALED_AFTER, params![row, most], sealed_row)
    }

    /// The long-term keys of identities that were stored before this time (epoch seconds, UTC), oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn long_term_keys_before(&self, time: i64) -> Result<Vec<LongTermKey>, StoreError> {
        let sql = "SELECT access_key_id, identity, created_at FROM credential \
             WHERE kind = 'long-term' AND identity IS NOT NULL AND created_at < ?1 ORDER BY created_at, id";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let mut keys = Vec::new();
        for (access_key_id, identity, since) in self.rows(sql, [time], read)? {
            if let Some(row) = self.identity_row(identity)? {
                keys.push(LongTermKey { access_key_id, owner: row.shown(), since });
            }
        }
        Ok(keys)
    }

    /// The path behind this one of which a content is kept; an empty one comes before all.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn original_after(&self, path: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT path FROM file_original WHERE path > ?1 ORDER BY path LIMIT 1";
        self.row(sql, [path], |row| row.get(0))
    }
}

/// The version of the schema that this program reads and writes.
pub fn current_schema() -> i64 {
    schema::current_version()
}

/// A file of the store, or of its folder, that others can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LooseFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is loose about it.
    pub how: Loose,
}

/// What is loose about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loose {
    /// Others may read or write it.
    Mode(u32),
    /// It is a folder that others may write in.
    Folder(u32),
    /// It is another user's.
    Owner(u32),
}

/// What others can reach: the folder of the store, what in it is called after the store, and these files.
pub fn loose_files(store: &Path, more: impl IntoIterator<Item = PathBuf>) -> Vec<LooseFile> {
    let folder = file::folder_of(store);
    let name = store.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of_store = entries.map(|entry| entry.path()).filter(|path| {
        let its_name = path.file_name().unwrap_or_default().to_string_lossy();
        its_name.starts_with(&name) || its_name.starts_with("history.jsonl")
    });
    let files: BTreeSet<PathBuf> = of_store.chain(more).chain([folder.to_owned()]).collect();
    files.into_iter().filter_map(|path| loose(&path).map(|how| LooseFile { path, how })).collect()
}

fn loose(path: &Path) -> Option<Loose> {
    let found = std::fs::metadata(path).ok()?;
    let mode = found.mode() & 0o7777;
    if found.is_dir() {
        // What others may read there are names.
        return (mode & 0o022 != 0).then_some(Loose::Folder(mode));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Some(Loose::Owner(found.uid()));
    }
    (mode & 0o077 != 0).then_some(Loose::Mode(mode))
}

/// Fails where there is no store, and something of one that is gone.
///
/// # Errors
/// A WAL or a journal without its store.
pub fn check_orphans(path: &Path) -> Result<(), StoreError> {
    super::create::refuse_orphans(path)
}
