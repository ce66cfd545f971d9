//! Accounts and their aliases.

use rusqlite::{Row, params};

use super::{Reading, StoreError, Writing};
use crate::identity::arn::is_account_id;

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The row.
    pub id: i64,
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// Twelve digits.
    pub account_id: String,
    /// The person's short name for it.
    pub alias: Option<String>,
    /// The prompt's colour.
    pub colour: Option<String>,
    /// Whether switching to it asks for confirmation.
    pub protected: bool,
}

const COLUMNS: &str = "SELECT id, partition, account_id, alias, colour, protected FROM account";

fn read(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    read_at(row, 0)
}

/// Reads an account whose columns begin at `at`.
pub(super) fn read_at(row: &Row<'_>, at: usize) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: row.get(at)?,
        partition: row.get(at + 1)?,
        account_id: row.get(at + 2)?,
        alias: row.get(at + 3)?,
        colour: row.get(at + 4)?,
        protected: row.get(at + 5)?,
    })
}

impl Reading<'_> {
    /// Every account, by alias and then by id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.rows(&format!("{COLUMNS} ORDER BY alias IS NULL, alias, account_id"), [], read)
    }

    /// The accounts that a condition finds.
    pub(super) fn accounts_that(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<AccountRow>, StoreError> {
        self.rows(&format!("{COLUMNS} WHERE {condition}"), params, read)
    }

    /// The account in this row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn account(&self, id: i64) -> Result<Option<AccountRow>, StoreError> {
        self.row(&format!("{COLUMNS} WHERE id = ?1"), [id], read)
    }

    /// The accounts that a person may mean by an alias or a twelve-digit id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn accounts_named(&self, alias_or_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        // No alias is twelve digits: one column or the other, and a simpler plan than for both.
        let column = if is_account_id(alias_or_id) { "account_id" } else { "alias" };
        self.rows(&format!("{COLUMNS} WHERE {column} = ?1"), [alias_or_id], read)
    }
}

impl Writing<'_> {
    /// The row of an account, made where it is missing.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn ensure_account(&self, partition: &str, account_id: &str) -> Result<i64, StoreError> {
        // A person who named an account by its id alone did not say in which partition it is: ids are in one only.
        self.execute(
            "UPDATE account SET partition = ?1 WHERE account_id = ?2 AND partition <> ?1
                 AND NOT EXISTS (SELECT 1 FROM identity WHERE identity.account = account.id)
                 AND NOT EXISTS (SELECT 1 FROM account other WHERE other.account_id = ?2 AND other.partition = ?1)",
            params![partition, account_id],
        )?;
        self.execute(
            "INSERT INTO account (partition, account_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![partition, account_id],
        )?;
        let sql = "SELECT id FROM account WHERE account_id = ?1 AND partition = ?2";
        let row = self.read().row(sql, [account_id, partition], |row| row.get(0))?;
        row.ok_or_else(|| StoreError::Other { path: self.path.to_owned(), reason: "an account vanished".into() })
    }

    /// Gives an account its alias.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] where another account has it.
    pub fn set_alias(&self, account: i64, alias: &str) -> Result<(), StoreError> {
        let taken = self.read().accounts_named(alias)?.iter().any(|other| other.id != account);
        if taken {
            return Err(StoreError::NameTaken(alias.to_owned()));
        }
        self.execute("UPDATE account SET alias = ?2 WHERE id = ?1", params![account, alias]).map(drop)
    }

    /// Gives an account the colour of its prompt.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_colour(&self, account: i64, colour: Option<&str>) -> Result<(), StoreError> {
        self.execute("UPDATE account SET colour = ?2 WHERE id = ?1", params![account, colour]).map(drop)
    }

    /// Protects an account, or does so no longer.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_protected(&self, account: i64, protected: bool) -> Result<(), StoreError> {
        self.execute("UPDATE account SET protected = ?2 WHERE id = ?1", params![account, protected]).map(drop)
    }
}
