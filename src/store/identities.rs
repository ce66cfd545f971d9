//! Identities.

use rusqlite::types::Type;
use rusqlite::{Row, params};

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

pub(super) const COLUMNS: &str = "i.id, a.partition, a.account_id, i.kind, i.name, i.path, i.label, i.region, \
     i.mfa_serial, a.alias, a.colour, a.protected";
pub(super) const COLUMN_COUNT: usize = 12;
const FROM: &str = "FROM identity i JOIN account a ON a.id = i.account";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<IdentityRow> {
    let identity = Identity { partition: row.get(1)?, account: row.get(2)?, kind: kind(row, 3)?, name: row.get(4)? };
    Ok(IdentityRow {
        id: row.get(0)?,
        identity,
        path: row.get(5)?,
        label: row.get(6)?,
        region: row.get(7)?,
        mfa_serial: row.get(8)?,
        alias: row.get(9)?,
        colour: row.get(10)?,
        protected: row.get(11)?,
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
    fn identities_where(&self, condition: &str, params: impl rusqlite::Params) -> Result<Vec<IdentityRow>, StoreError> {
        self.rows(&format!("SELECT {COLUMNS} {FROM} WHERE {condition}"), params, read)
    }

    /// Every identity, by account and name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identities(&self) -> Result<Vec<IdentityRow>, StoreError> {
        self.identities_where("1 ORDER BY a.alias IS NULL, a.alias, a.account_id, i.kind, i.name", [])
    }

    /// The identity with this label.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identity_labelled(&self, label: &str) -> Result<Option<IdentityRow>, StoreError> {
        Ok(self.identities_where("i.label = ?1", [label])?.pop())
    }

    /// The stored row of an identity.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identity(&self, identity: &Identity) -> Result<Option<IdentityRow>, StoreError> {
        let Identity { partition, account, kind, name } = identity;
        let condition = "a.account_id = ?1 AND a.partition = ?2 AND i.name = ?3 AND i.kind = ?4";
        Ok(self.identities_where(condition, params![account, partition, name, kind.word()])?.pop())
    }

    /// Identities of this kind and name in the accounts that `alias_or_id` may mean.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn identities_in(&self, alias_or_id: &str, kind: Kind, name: &str) -> Result<Vec<IdentityRow>, StoreError> {
        let condition = "(a.alias = ?1 OR a.account_id = ?1) AND i.name = ?2 AND i.kind = ?3";
        self.identities_where(condition, params![alias_or_id, name, kind.word()])
    }

    /// The identity that owns an access key of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner_of_key(&self, access_key_id: &str) -> Result<Option<IdentityRow>, StoreError> {
        let condition = "i.id = (SELECT identity FROM credential WHERE access_key_id = ?1)";
        Ok(self.identities_where(condition, [access_key_id])?.pop())
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
}
