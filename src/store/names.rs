//! Names that begin so: what a shell completes. Each query reads one stretch of an index, and no more rows than it gives.

use rusqlite::{Row, params};

use super::{AccountRow, ProfileSource, Reading, StoreError};
use crate::identity::{Identity, Kind};

/// An identity by one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRow {
    /// Who it is.
    pub identity: Identity,
    /// The IAM path, where it is known.
    pub path: Option<String>,
    /// The person's short name for it.
    pub label: Option<String>,
}

/// Behind every text that begins with `start`, in the order of SQLite's BINARY collation, which is that of UTF-8's bytes.
fn behind(start: &str) -> String {
    format!("{start}\u{10ffff}")
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Kind>> {
    Ok(Kind::from_word(row.get_ref(column)?.as_str()?))
}

fn labelled(row: &Row<'_>) -> rusqlite::Result<Option<NamedRow>> {
    let Some(kind) = kind(row, 0)? else { return Ok(None) };
    let identity = Identity { kind, name: row.get(1)?, partition: row.get(4)?, account: row.get(5)? };
    Ok(Some(NamedRow { identity, path: row.get(2)?, label: row.get(3)? }))
}

impl Reading<'_> {
    /// The identities whose label begins so.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn labels_beginning(&self, start: &str) -> Result<Vec<NamedRow>, StoreError> {
        let sql = "SELECT i.kind, i.name, i.path, i.label, a.partition, a.account_id \
             FROM identity i JOIN account a ON a.id = i.account WHERE i.label >= ?1 AND i.label < ?2";
        let rows = self.rows(sql, [start, &behind(start)], labelled)?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The accounts whose alias or id begins so.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn accounts_beginning(&self, start: &str) -> Result<Vec<AccountRow>, StoreError> {
        let condition = "(alias >= ?1 AND alias < ?2) OR (account_id >= ?1 AND account_id < ?2)";
        self.accounts_that(condition, [start, &behind(start)])
    }

    /// The identities of an account whose own name begins so, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn names_beginning(&self, account: &AccountRow, start: &str) -> Result<Vec<NamedRow>, StoreError> {
        let sql = "SELECT kind, name, path, label FROM identity WHERE account = ?1 AND name >= ?2 AND name < ?3";
        let named = |row: &Row<'_>| {
            let (partition, account) = (account.partition.clone(), account.account_id.clone());
            let Some(kind) = kind(row, 0)? else { return Ok(None) };
            let identity = Identity { kind, name: row.get(1)?, partition, account };
            Ok(Some(NamedRow { identity, path: row.get(2)?, label: row.get(3)? }))
        };
        let rows = self.rows(sql, params![account.id, start, behind(start)], named)?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The access key ids that begin so, each with its kind in the store's words.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn access_keys_beginning(&self, start: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT access_key_id, kind FROM credential WHERE access_key_id >= ?1 AND access_key_id < ?2";
        self.rows(sql, [start, &behind(start)], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The profiles of these files whose name begins so, each with the role that it leads to (its
    /// [`key`](Identity::key)).
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn profiles_beginning(
        &self,
        source: ProfileSource,
        start: &str,
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let sql = "SELECT name, role FROM profile WHERE source = ?1 AND name >= ?2 AND name < ?3";
        self.rows(sql, params![source.id(), start, behind(start)], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
