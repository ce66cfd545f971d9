//! Links: from an identity to its one parent.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::identities::IdentityRow;
use super::{Reading, StoreError, Writing};
use crate::identity::route::RoleHop;

/// One identity of a chain, and how it is reached from the one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The identity.
    pub identity: IdentityRow,
    /// How it is reached; `None` at the chain's root.
    pub hop: Option<RoleHop>,
}

impl LinkRow {
    /// No chain of AWS roles is longer in practice; a bound keeps a damaged store from looping.
    pub const DEEPEST: usize = 64;
}

const COLUMNS: &str = "SELECT parent, role_arn, external_id, mfa_serial, duration, session_name";
const LINK: &str =
    "SELECT parent, role_arn, external_id, mfa_serial, duration, session_name FROM link WHERE target = ?1";

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, RoleHop)> {
    let hop = RoleHop {
        role_arn: row.get(1)?,
        external_id: row.get(2)?,
        mfa_serial: row.get(3)?,
        duration: row.get(4)?,
        session_name: row.get(5)?,
        ..RoleHop::default()
    };
    Ok((row.get(0)?, hop))
}

impl Reading<'_> {
    /// The chain of an identity: itself first, the root last.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn chain(&self, start: IdentityRow) -> Result<Vec<LinkRow>, StoreError> {
        let mut link = self.prepare(LINK)?;
        let mut chain = vec![LinkRow { identity: start, hop: None }];
        while chain.len() <= LinkRow::DEEPEST {
            let last = chain.len() - 1;
            let found = link.query_map([chain[last].identity.id], read).and_then(|mut rows| rows.next().transpose());
            let Some((parent, hop)) = found.map_err(|error| self.failed(error))? else { break };
            chain[last].hop = Some(hop);
            let Some(identity) = self.identity_row(parent)? else { break };
            chain.push(LinkRow { identity, hop: None });
        }
        Ok(chain)
    }

    /// The chain that a target would have above it with this parent: the parent first.
    ///
    /// # Errors
    /// [`StoreError::Cycle`] where it leads through the target already.
    pub fn chain_above(&self, target: i64, parent: i64) -> Result<Vec<LinkRow>, StoreError> {
        let above = match self.identity_row(parent)? {
            Some(parent) => self.chain(parent)?,
            None => Vec::new(),
        };
        let Some(loop_at) = above.iter().find(|row| row.identity.id == target) else { return Ok(above) };
        let arn = |row: &LinkRow| row.identity.arn();
        let parent = above.first().map(arn).unwrap_or_default();
        Err(StoreError::Cycle { target: arn(loop_at), parent })
    }

    /// The link of an identity: the row of its parent, and how it is reached from there.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn link_of(&self, target: i64) -> Result<Option<(i64, RoleHop)>, StoreError> {
        self.row(LINK, [target], read)
    }

    /// Every link, by its target: the parent, and how the target is reached from there.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn links(&self) -> Result<HashMap<i64, (i64, RoleHop)>, StoreError> {
        let rows = self.rows(&format!("{COLUMNS}, target FROM link"), [], |row| Ok((row.get(6)?, read(row)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// The roles that are assumed from an identity, by account and name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn children(&self, identity: i64) -> Result<Vec<IdentityRow>, StoreError> {
        self.identities_that("i.id IN (SELECT target FROM link WHERE parent = ?1)", [identity])
    }

    /// Whether some role is assumed from an identity.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn serves_roles(&self, identity: i64) -> Result<bool, StoreError> {
        Ok(self.row("SELECT 1 FROM link WHERE parent = ?1 LIMIT 1", [identity], |_| Ok(()))?.is_some())
    }
}

impl Writing<'_> {
    /// Makes or replaces the link of `target`.
    ///
    /// # Errors
    /// [`StoreError::Cycle`] where the parent's chain already leads through the target.
    pub fn set_link(&self, target: i64, parent: i64, hop: &RoleHop, now: i64) -> Result<(), StoreError> {
        self.read().chain_above(target, parent)?;
        let RoleHop { role_arn, external_id, mfa_serial, duration, session_name, .. } = hop;
        self.execute(
            "INSERT OR REPLACE INTO link
                 (target, parent, role_arn, external_id, mfa_serial, duration, session_name, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![target, parent, role_arn, external_id, mfa_serial, duration, session_name, now],
        )
        .map(drop)
    }

    /// Removes the link of `target`; `false` where it has none.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_link(&self, target: i64) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM link WHERE target = ?1", [target])? > 0)
    }
}
