//! A backup put in the place of the store.
//!
//! An existing store is not replaced as a file: other processes have it open, and its WAL would be played into whatever
//! stands under its name. The backup is written into it, page by page, in one transaction under SQLite's own locks. So
//! everybody sees the old content or the new one, whole, and so does the next one after a kill.

mod incoming;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::draft::Draft;
use super::{StoreError, copy, create, file};

pub use incoming::Incoming;

/// How many stores may be replaced within one second.
const MOST_IN_A_SECOND: u32 = 9;

/// Why a backup was not put in the place of the store.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such backup.
    #[error("there is no backup {}", .0.display())]
    Missing(PathBuf),
    /// The backup is the store.
    #[error("{} is the store itself", .0.display())]
    Itself(PathBuf),
    /// The backup is none, or is damaged, or a newer version's.
    #[error(transparent)]
    Unfit(StoreError),
    /// Some program is writing to the backup.
    #[error("{} is being written to", .0.display())]
    Changing(PathBuf),
    /// The store, or its folder.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Incoming {
    /// Puts the backup in the place of the store. The content that was there is copied beside it first, all of it; the
    /// copy's path is given, `None` where there was no store. `now` (epoch seconds UTC) is part of its name.
    ///
    /// # Errors
    /// The store is then as it was.
    pub fn put(self, store: &Path, now: i64) -> Result<Option<PathBuf>, RestoreError> {
        match file::look(store)? {
            Some(metadata) => {
                file::check_owner(store, &metadata)?;
                self.replace(store, now).map(Some)
            }
            None => self.create(store).map(|()| None),
        }
    }

    /// As a first use makes a store: under the lock of its folder.
    fn create(self, store: &Path) -> Result<(), RestoreError> {
        let _alone = create::lock_folder(file::folder_of(store), store)?;
        if file::look(store)?.is_some() {
            return Err(StoreError::Busy(store.to_owned()).into());
        }
        create::refuse_orphans(store)?;
        let failed = |error| RestoreError::Store(StoreError::from_sqlite(store, error));
        if !file::is_on_network(store) {
            let draft = Connection::open(self.draft.path()).map_err(failed)?;
            draft.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed)?;
            draft.close().map_err(|(_, error)| failed(error))?;
        }
        Ok(self.draft.name_over(store).map_err(|error| StoreError::from_io(store, &error))?)
    }

    fn replace(self, store: &Path, now: i64) -> Result<PathBuf, RestoreError> {
        let failed = |error| RestoreError::Store(StoreError::from_sqlite(store, error));
        let mut live = super::connect(store).map_err(RestoreError::Store)?;
        self.check_page_size(page_size(&live).map_err(failed)?)?;
        live.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        let mode: String = live.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(failed)?;
        let backup = Connection::open(self.draft.path()).map_err(failed)?;
        let aside = Draft::claim(file::folder_of(store), &format!("{}.replaced", name_of(store)))?;
        let reader = super::connect(store)?;
        let keep = || copy::into_draft(&reader, aside.path()).map(drop).map_err(failed);
        let transaction = Backup::new(&backup, &mut live).map_err(failed)?;
        if mode == "wal" {
            // Nobody can write between what is copied aside and what replaces it.
            copy::lock(&transaction).map_err(failed)?;
            keep()?;
        } else {
            // The lock would keep the copy's own reader out, too.
            keep()?;
            copy::lock(&transaction).map_err(failed)?;
        }
        let kept = name_aside(aside, store, now)?;
        if let Err(error) = copy::finish(&transaction) {
            drop(transaction);
            // Nothing was replaced.
            let _ = std::fs::remove_file(&kept);
            return Err(failed(error));
        }
        drop((transaction, reader));
        empty_wal(&live);
        Ok(kept)
    }
}

fn page_size(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA page_size", [], |row| row.get(0))
}

/// The next command would have to read all of the WAL. Where another process is at work it simply stays.
fn empty_wal(live: &Connection) {
    let _ = live.busy_timeout(std::time::Duration::ZERO);
    let _ = live.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

fn name_of(store: &Path) -> String {
    store.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `multicred.db.replaced-20260131T120000Z`
fn name_aside(aside: Draft, store: &Path, now: i64) -> Result<PathBuf, StoreError> {
    let time = Timestamp::from_second(now).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
    let first = file::beside(store, &format!(".replaced-{time}"));
    let others = (2..=MOST_IN_A_SECOND).map(|number| file::beside(&first, &format!("-{number}")));
    let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
    let name = std::iter::once(first.clone()).chain(others).find(is_free).unwrap_or(first);
    aside.name(&name).map_err(|error| StoreError::from_io(&name, &error))?;
    Ok(name)
}
