//! What the person's files held before they were first written to, sealed.

use rusqlite::params;

use super::{Reading, StoreError, Writing};
use crate::secret::Sealed;

/// A file's content as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRow {
    /// The sealed content.
    pub sealed: Sealed,
    /// When it was kept, epoch seconds UTC.
    pub kept_at: i64,
}

impl Reading<'_> {
    /// Whether a file's content was kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_original(&self, path: &str) -> Result<bool, StoreError> {
        let found = self.row("SELECT 1 FROM file_original WHERE path = ?1", [path], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// A file's content as it was kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn original(&self, path: &str) -> Result<Option<OriginalRow>, StoreError> {
        self.row("SELECT sealed, kept_at FROM file_original WHERE path = ?1", [path], |row| {
            Ok(OriginalRow { sealed: Sealed(row.get(0)?), kept_at: row.get(1)? })
        })
    }

    /// Everything of which something was kept, by name, and when, epoch seconds UTC.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn originals(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "SELECT path, kept_at FROM file_original ORDER BY path";
        self.rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Writing<'_> {
    /// Keeps a file's content; `false` where one is kept already, which stays.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn keep_original(&self, path: &str, original: &OriginalRow) -> Result<bool, StoreError> {
        let sql = "INSERT INTO file_original (path, sealed, kept_at) VALUES (?1, ?2, ?3) ON CONFLICT (path) DO NOTHING";
        Ok(self.execute(sql, params![path, original.sealed.0, original.kept_at])? == 1)
    }

    /// Keeps a content in the place of the one that is kept under this name.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn replace_original(&self, path: &str, original: &OriginalRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO file_original (path, sealed, kept_at) VALUES (?1, ?2, ?3)
                   ON CONFLICT (path) DO UPDATE SET sealed = excluded.sealed, kept_at = excluded.kept_at";
        self.execute(sql, params![path, original.sealed.0, original.kept_at]).map(drop)
    }

    /// Forgets what is kept under this name.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_original(&self, path: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM file_original WHERE path = ?1", [path]).map(drop)
    }
}
