//! Links: from an identity to its one parent.

use rusqlite::{Row, params};

use super::identities::{self, IdentityRow};
use super::{Reading, StoreError, Writing};
use crate::identity::route::RoleHop;

/// One identity of a chain, and how it is reached from the one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The identity.
    pub identity: IdentityRow,
    /// How it is reached; `None` at the chain's root.
    pub hop: Option<RoleHop>,
    /// Whether some role is assumed from it.
    pub serves_roles: bool,
}

/// No chain of AWS roles is longer in practice; a bound keeps a damaged store from looping.
const DEEPEST: u32 = 64;

fn read(row: &Row<'_>) -> rusqlite::Result<LinkRow> {
    let at = identities::COLUMN_COUNT;
    let role_arn: Option<String> = row.get(at + 1)?;
    let hop = match role_arn {
        None => None,
        Some(role_arn) => Some(RoleHop {
            role_arn,
            external_id: row.get(at + 2)?,
            mfa_serial: row.get(at + 3)?,
            duration: row.get(at + 4)?,
            session_name: row.get(at + 5)?,
        }),
    };
    Ok(LinkRow { identity: identities::read(row)?, hop, serves_roles: row.get(at)? })
}

impl Reading<'_> {
    /// The chain of an identity: itself first, the root last.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn chain(&self, identity: i64) -> Result<Vec<LinkRow>, StoreError> {
        let sql = format!(
            "WITH RECURSIVE up (node, depth) AS (
                 VALUES (?1, 0)
                 UNION ALL
                 SELECT link.parent, up.depth + 1 FROM up JOIN link ON link.target = up.node WHERE up.depth < {DEEPEST}
             )
             SELECT {}, EXISTS (SELECT 1 FROM link child WHERE child.parent = i.id),
                    l.role_arn, l.external_id, l.mfa_serial, l.duration, l.session_name
             FROM up JOIN identity i ON i.id = up.node JOIN account a ON a.id = i.account
             LEFT JOIN link l ON l.target = i.id
             ORDER BY up.depth",
            identities::COLUMNS
        );
        self.rows(&sql, [identity], read)
    }

    /// Whether an identity has a parent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_link(&self, identity: i64) -> Result<bool, StoreError> {
        let found = self.row("SELECT 1 FROM link WHERE target = ?1", [identity], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Every link, as (target row, parent row).
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn links(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        self.rows("SELECT target, parent FROM link", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Writing<'_> {
    /// Makes or replaces the link of `target`.
    ///
    /// # Errors
    /// [`StoreError::Cycle`] where the parent's chain already leads through the target.
    pub fn set_link(&self, target: i64, parent: i64, hop: &RoleHop, now: i64) -> Result<(), StoreError> {
        let above = self.read().chain(parent)?;
        if let Some(loop_at) = above.iter().find(|row| row.identity.id == target) {
            let arn = |row: &LinkRow| row.identity.arn();
            let parent = above.first().map(arn).unwrap_or_default();
            return Err(StoreError::Cycle { target: arn(loop_at), parent });
        }
        let RoleHop { role_arn, external_id, mfa_serial, duration, session_name } = hop;
        self.execute(
            "INSERT OR REPLACE INTO link
                 (target, parent, role_arn, external_id, mfa_serial, duration, session_name, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![target, parent, role_arn, external_id, mfa_serial, duration, session_name, now],
        )
        .map(drop)
    }
}
