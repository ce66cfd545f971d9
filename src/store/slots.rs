//! Key slots: the ways to unlock the store key.

use rusqlite::{Connection, params};

use super::{Reading, StoreError};

/// What the store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMeta {
    /// The store's random id.
    pub id: Vec<u8>,
    /// Counts the store keys there have been.
    pub key_epoch: i64,
}

/// One way to unlock the store key.
#[derive(Clone, Debug)]
pub struct KeySlot {
    /// The row, which is also the number a person types.
    pub id: i64,
    /// `file`, `passphrase`, …
    pub kind: String,
    /// What the kind needs to find its secret again, as JSON.
    pub params: String,
    /// The store key, wrapped with the slot's secret.
    pub wrapped: Vec<u8>,
}

/// A slot to be added.
#[derive(Debug)]
pub struct NewKeySlot {
    /// `file`, `passphrase`, …
    pub kind: &'static str,
    /// What the kind needs to find its secret again, as JSON.
    pub params: String,
    /// The public key derived from the slot's secret: a new store key can be sealed to it without the secret.
    pub public_key: [u8; 32],
    /// The store key, wrapped with the slot's secret.
    pub wrapped: Vec<u8>,
}

pub(super) fn insert(connection: &Connection, slot: &NewKeySlot, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "INSERT INTO key_slot (kind, params, public_key, wrapped, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![slot.kind, slot.params, slot.public_key, slot.wrapped, now],
    )
}

impl Reading<'_> {
    /// The store's id and key epoch.
    ///
    /// # Errors
    /// The store cannot be read, or says nothing of itself.
    pub fn meta(&self) -> Result<StoreMeta, StoreError> {
        let read = |row: &rusqlite::Row<'_>| Ok(StoreMeta { id: row.get(0)?, key_epoch: row.get(1)? });
        let damaged =
            || StoreError::Damaged { path: self.path.to_owned(), reason: "its store table is empty".to_owned() };
        self.row("SELECT id, key_epoch FROM store", [], read)?.ok_or_else(damaged)
    }

    /// The store's id and key epoch, and every key slot, oldest first.
    ///
    /// # Errors
    /// The store cannot be read, or says nothing of itself.
    pub fn key_slots(&self) -> Result<(StoreMeta, Vec<KeySlot>), StoreError> {
        // One statement for both: opening the store needs both.
        let sql = "SELECT s.id, s.key_epoch, k.id, k.kind, k.params, k.wrapped FROM store s, key_slot k ORDER BY k.id";
        let rows = self.rows(sql, [], |row| {
            let meta = StoreMeta { id: row.get(0)?, key_epoch: row.get(1)? };
            let slot = KeySlot { id: row.get(2)?, kind: row.get(3)?, params: row.get(4)?, wrapped: row.get(5)? };
            Ok((meta, slot))
        })?;
        match rows.first() {
            Some((meta, _)) => Ok((meta.clone(), rows.into_iter().map(|(_, slot)| slot).collect())),
            None => Ok((self.meta()?, Vec::new())),
        }
    }
}
