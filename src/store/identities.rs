//! Identities.

use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::accounts::{self, AccountRow};
use super::{Reading, StoreError, Writing};
use crate::identity::{Identity, Kind};

/// An identity as stored, with what the prompt needs of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRow {
    /// The row.
    pub id: i64,
    /// Who it is.
    pub identity: Identity,
    /// The IAM path, where it is known.
    pub path: Option<String>,
    /// The person's short name for it.
    pub label: Option<String>,
    /// The region to set for it.
    pub region: Option<String>,
    /// The MFA device of a user.
    pub mfa_serial: Option<String>,
    /// The account's alias.
    pub alias: Option<String>,
    /// The account's colour.
    pub colour: Option<String>,
    /// Whether the account is protected.
    pub protected: bool,
}

impl IdentityRow {
    /// The name shown for it where no profile was asked for.
    pub fn shown(&self) -> String {
        crate::identity::name::shown(self.label.as_deref(), None, &self.identity, self.alias.as_deref())
    }

    /// Its ARN, with its path where that is known.
    pub fn arn(&self) -> String {
        self.identity.arn(self.path.as_deref())
    }
}

/// With its account, for lists: one statement, many rows.
const JOINED: &str = "SELECT i.id, i.kind, i.name, i.path, i.label, i.region, i.mfa_serial, \
     a.id, a.partition, a.account_id, a.alias, a.colour, a.protected FROM identity i JOIN account a ON a.id = i.account";
/// Without its account, for single rows: two small statements are prepared faster than a join.
const BARE: &str = "SELECT id, kind, name, path, label, region, mfa_serial, account FROM identity";
const ACCOUNT_COLUMN: usize = 7;

fn read_joined(row: &Row<'_>) -> rusqlite::Result<IdentityRow> {
    read(row, &accounts::read_at(row, ACCOUNT_COLUMN)?)
}

fn read(row: &Row<'_>, account: &AccountRow) -> rusqlite::Result<IdentityRow> {
    let identity = Identity {
        partition: account.partition.clone(),
        account: account.account_id.clone(),
        kind: kind(row, 1)?,
        name: row.get(2)?,
    };
    Ok(IdentityRow {
        id: row.get(0)?,
        identity,
        path: row.get(3)?,
        label: row.get(4)?,
        region: row.get(5)?,
        mfa_serial: row.get(6)?,
        alias: account.alias.clone(),
        colour: account.colour.clone(),
        protected: account.protected,
    })
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    let word = row.get_ref(column)?.as_str()?;
    Kind::from_word(word).ok_or_else(|| {
        let reason = format!("'{word}' is no kind of identity");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

impl Reading<'_> {
    /// The one identity that a condition on its own columns finds.
    fn identity_where(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<IdentityRow>, StoreError> {
        let mut statement = self.prepare(&format!("{BARE} WHERE {condition}"))?;
        let mut rows = statement.query(params).map_err(|error| self.failed(error))?;
        let Some(row) = rows.next().map_err(|error| self.failed(error))? else { return Ok(None) };
        let account = row.get(ACCOUNT_COLUMN).map_err(|error| self.failed(error))?;
        let Some(account) = self.account(account)? else { return Ok(None) };
        read(row, &account).map(Some).map_err(|error| self.failed(error))
    }

    /// Every identity, by account and name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identities(&self) -> Result<Vec<IdentityRow>, StoreError> {
        self.identities_that("1", [])
    }

    /// The identities that a condition finds, by account and name.
    pub(super) fn identities_that(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<IdentityRow>, StoreError> {
        let order = "a.alias IS NULL, a.alias, a.account_id, i.kind, i.name";
        self.rows(&format!("{JOINED} WHERE {condition} ORDER BY {order}"), params, read_joined)
    }

    /// The identity in this row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identity_row(&self, id: i64) -> Result<Option<IdentityRow>, StoreError> {
        self.identity_where("id = ?1", [id])
    }

    /// The identity with this label.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identity_labelled(&self, label: &str) -> Result<Option<IdentityRow>, StoreError> {
        self.identity_where("label = ?1", [label])
    }

    /// The stored row of an identity.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identity(&self, identity: &Identity) -> Result<Option<IdentityRow>, StoreError> {
        let Identity { partition, account, kind, name } = identity;
        let condition = "account = (SELECT id FROM account WHERE account_id = ?1 AND partition = ?2) \
             AND name = ?3 AND kind = ?4";
        self.identity_where(condition, params![account, partition, name, kind.word()])
    }

    /// The identities of these kinds that have this name in an account.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identities_in(
        &self,
        account: &AccountRow,
        kinds: &[Kind],
        name: &str,
    ) -> Result<Vec<IdentityRow>, StoreError> {
        let sql = format!("{BARE} WHERE account = ?1 AND name = ?2");
        let mut rows = self.rows(&sql, params![account.id, name], |row| read(row, account))?;
        rows.retain(|row| kinds.contains(&row.identity.kind));
        Ok(rows)
    }

    /// The identity that owns an access key of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner_of_key(&self, access_key_id: &str) -> Result<Option<IdentityRow>, StoreError> {
        self.identity_where("id = (SELECT identity FROM credential WHERE access_key_id = ?1)", [access_key_id])
    }

    /// The identity whose long-term key this was, before a rotation deleted it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner_of_retired_key(&self, access_key_id: &str) -> Result<Option<IdentityRow>, StoreError> {
        self.identity_where("id = (SELECT identity FROM retired_key WHERE access_key_id = ?1)", [access_key_id])
    }
}

impl Writing<'_> {
    /// The row of an identity, made where it is missing. A path is filled in where none was known.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn ensure_identity(&self, identity: &Identity, path: Option<&str>) -> Result<i64, StoreError> {
        let account = self.ensure_account(&identity.partition, &identity.account)?;
        self.execute(
            "INSERT INTO identity (account, kind, name, path) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![account, identity.kind.word(), identity.name, path],
        )?;
        let sql = "SELECT id, path FROM identity WHERE account = ?1 AND name = ?2 AND kind = ?3";
        let key = params![account, identity.name, identity.kind.word()];
        let found: Option<(i64, Option<String>)> = self.read().row(sql, key, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (id, known) = found
            .ok_or_else(|| StoreError::Other { path: self.path.to_owned(), reason: "an identity vanished".into() })?;
        if known.is_none() && path.is_some() {
            self.execute("UPDATE identity SET path = ?2 WHERE id = ?1", params![id, path])?;
        }
        Ok(id)
    }

    /// Records the unique id (`AIDA…`, `AROA…`) that STS named.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_unique_id(&self, identity: i64, unique_id: &str) -> Result<(), StoreError> {
        self.execute("UPDATE identity SET unique_id = ?2 WHERE id = ?1", params![identity, unique_id]).map(drop)
    }

    /// Gives an identity its label.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] where another identity has it.
    pub fn set_label(&self, identity: i64, label: &str) -> Result<(), StoreError> {
        let holder = self.read().identity_labelled(label)?;
        if holder.is_some_and(|holder| holder.id != identity) {
            return Err(StoreError::NameTaken(label.to_owned()));
        }
        self.execute("UPDATE identity SET label = ?2 WHERE id = ?1", params![identity, label]).map(drop)
    }

    /// Sets the MFA device of a user.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_mfa_serial(&self, identity: i64, serial: &str) -> Result<(), StoreError> {
        self.execute("UPDATE identity SET mfa_serial = ?2 WHERE id = ?1", params![identity, serial]).map(drop)
    }

    /// Sets the region of an identity.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_region(&self, identity: i64, region: &str) -> Result<(), StoreError> {
        self.execute("UPDATE identity SET region = ?2 WHERE id = ?1", params![identity, region]).map(drop)
    }

    /// Takes the label of an identity away.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_label(&self, identity: i64) -> Result<(), StoreError> {
        self.execute("UPDATE identity SET label = NULL WHERE id = ?1", [identity]).map(drop)
    }

    /// Removes an identity with its credentials, its link, and the links of those that are assumed from it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_identity(&self, identity: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM link WHERE parent = ?1", [identity])?;
        self.execute("DELETE FROM identity WHERE id = ?1", [identity]).map(drop)
    }
}
