//! The store: one SQLite file with everything but the key that opens its seals.
//!
//! Secrets arrive here sealed and leave sealed: nothing in this module can read one.

mod accounts;
mod backup;
mod copy;
mod create;
mod credentials;
mod draft;
mod error;
pub mod file;
mod identities;
mod links;
mod look;
mod mfa;
mod names;
mod originals;
mod profiles;
mod restore;
mod rotations;
mod schema;
mod slots;

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags, Transaction, TransactionBehavior};

pub use accounts::AccountRow;
pub use backup::BackupError;
pub use create::NewStore;
pub use credentials::{CredentialRow, NewCredential, Owner};
pub use error::{Notice, StoreError};
pub use identities::IdentityRow;
pub use links::LinkRow;
pub use look::{LongTermKey, Loose, LooseFile, SealedRow, check_orphans, current_schema, loose_files};
pub use names::NamedRow;
pub use originals::OriginalRow;
pub use profiles::ProfileSource;
pub use restore::{Incoming, RestoreError};
pub use rotations::{Phase, RotationRow};
pub use slots::{KeySlot, NewKeySlot, SlotTag, StoreMeta};

/// How long a writer waits for another before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for what is done for tidiness alone.
const REWRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a write must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Keys, slots, links, labels: synced to the disk before the call returns.
    Synced,
    /// What can be obtained again: survives the process, not necessarily a power cut.
    Obtainable,
}

/// An open store.
pub struct Store {
    // Never closed: closing the last connection checkpoints and removes the WAL, which would make every short
    // command pay for a new one. The operating system releases the locks when the process ends.
    connection: ManuallyDrop<Connection>,
    path: PathBuf,
    notices: Vec<Notice>,
    has_written: bool,
}

impl Drop for Store {
    /// Moves what this process wrote from the WAL into the database, and empties the WAL: the next command, which
    /// finds nobody else connected, would have to read all of it before its first query. Where another process is at
    /// work the WAL simply stays.
    fn drop(&mut self) {
        if self.has_written {
            let _ = self.connection.busy_timeout(Duration::ZERO);
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }
}

impl Store {
    /// Opens the store at `path`; `None` where there is none.
    ///
    /// # Errors
    /// Another program's file, another owner's, a newer version's, a damaged one, or no access.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let mut notices = Vec::new();
        match file::examine(path, &mut notices)? {
            file::Found::Nothing => return Ok(None),
            file::Found::Store => {}
        }
        let connection = connect(path)?;
        let mut store =
            Self { connection: ManuallyDrop::new(connection), path: path.to_owned(), notices, has_written: false };
        schema::check_version(&mut store.connection, path)?;
        if file::is_on_network(path) {
            store.avoid_shared_memory()?;
        }
        Ok(Some(store))
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process has changed it.
    pub fn has_written(&self) -> bool {
        self.has_written
    }

    /// Whether other machines may see it differently.
    pub fn is_on_network(&self) -> bool {
        file::is_on_network(&self.path)
    }

    /// What the person should be told about the store's state; each is told once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Runs `work` in one immediate transaction: all of it is stored, or nothing.
    ///
    /// # Errors
    /// The store's own, or what `work` returns.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Writing<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = self.path.clone();
        let failed = |error| E::from(StoreError::from_sqlite(&path, error));
        let level = match durability {
            Durability::Synced => "FULL",
            Durability::Obtainable => "NORMAL",
        };
        self.end_snapshot();
        self.connection.pragma_update(None, "synchronous", level).map_err(failed)?;
        // Immediate: a deferred transaction that reads and then writes fails as busy whatever the timeout.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let writing = Writing { transaction, path: &path };
        let result = work(&writing)?;
        writing.transaction.commit().map_err(failed)?;
        self.has_written = true;
        Ok(result)
    }

    /// From now on what is deleted or replaced is overwritten with zeros in the file, not only given free.
    pub fn erase_what_is_replaced(&self) {
        // Where that is refused, what is left behind is ciphertext still.
        let _ = self.connection.pragma_update(None, "secure_delete", true);
    }

    /// Writes the whole file anew, so that nothing is left in it, nor in its WAL, of what was ever deleted or replaced;
    /// `false` where that is not possible now: another process may be reading, or the disk be full.
    pub fn rewrite(&self) -> bool {
        let rewritten = self
            .connection
            .busy_timeout(REWRITE_TIMEOUT)
            .and_then(|()| self.connection.pragma_update(None, "temp_store", "MEMORY"))
            .and_then(|()| self.connection.execute_batch("VACUUM"))
            .and_then(|()| {
                self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
            });
        let _ = self.connection.busy_timeout(BUSY_TIMEOUT);
        matches!(rewritten, Ok(0))
    }

    /// From now on every query sees the store as it is at the first one, and pays for the locks only once. Ends with
    /// the next write, or with [`end_snapshot`](Self::end_snapshot).
    pub fn begin_snapshot(&self) {
        // Without it queries are slower and no less right.
        let _ = self.connection.execute_batch("BEGIN");
    }

    /// From now on queries see what other processes have written meanwhile.
    pub fn end_snapshot(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("COMMIT");
        }
    }

    /// A view for reading outside a transaction.
    pub fn read(&self) -> Reading<'_> {
        Reading { connection: &self.connection, path: &self.path }
    }

    fn avoid_shared_memory(&mut self) -> Result<(), StoreError> {
        self.notices.push(Notice::NetworkFileSystem(self.path.clone()));
        let set = self.connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
        set.map_err(|error| StoreError::from_sqlite(&self.path, error))
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::from_sqlite(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true).map_err(failed)?;
    Ok(connection)
}

/// Reading queries. Every table adds its own in its own file.
#[derive(Clone, Copy)]
pub struct Reading<'s> {
    connection: &'s Connection,
    path: &'s Path,
}

/// Writing queries, inside one immediate transaction.
pub struct Writing<'s> {
    transaction: Transaction<'s>,
    path: &'s Path,
}

impl Writing<'_> {
    /// The reading queries, inside this transaction.
    pub fn read(&self) -> Reading<'_> {
        Reading { connection: &self.transaction, path: self.path }
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        self.path
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.transaction.execute(sql, params).map_err(|error| StoreError::from_sqlite(self.path, error))
    }

    fn last_id(&self) -> i64 {
        self.transaction.last_insert_rowid()
    }
}

impl Reading<'_> {
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(self.path, error)
    }

    /// All rows of a query.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read).and_then(Iterator::collect);
        rows.map_err(|error| self.failed(error))
    }

    /// The first row of a query.
    fn row<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, params, read)?.into_iter().next())
    }
}
