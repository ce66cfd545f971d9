//! Key slots: the ways to unlock the store key.

use rusqlite::{Connection, Row, params};

use super::{Reading, StoreError, Writing};
use crate::secret::Sealed;

/// What the store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMeta {
    /// The store's random id.
    pub id: Vec<u8>,
    /// Which of the store's keys: 1 is the first one, the later ones are random.
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
    /// The public key derived from the slot's secret.
    pub public_key: Vec<u8>,
    /// The store key, wrapped for the slot's secret.
    pub wrapped: Vec<u8>,
    /// Since when it is there, epoch seconds UTC.
    pub created_at: i64,
}

/// A slot's number, and the proof that it was made by somebody who had the store key; old ones have none.
pub type SlotTag = (i64, Option<Vec<u8>>);

/// A slot to be added.
#[derive(Clone, Debug)]
pub struct NewKeySlot {
    /// `file`, `passphrase`, …
    pub kind: &'static str,
    /// What the kind needs to find its secret again, as JSON.
    pub params: String,
    /// The public key derived from the slot's secret: a new store key can be sealed to it without the secret.
    pub public_key: [u8; 32],
    /// The store key, wrapped with the slot's secret.
    pub wrapped: Vec<u8>,
    /// The proof that it was made by somebody who had the store key.
    pub tag: Vec<u8>,
}

pub(super) fn insert(connection: &Connection, slot: &NewKeySlot, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "INSERT INTO key_slot (kind, params, public_key, wrapped, tag, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![slot.kind, slot.params, slot.public_key, slot.wrapped, slot.tag, now],
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
        // One statement for both: opening the store needs both. No proofs: a store that is only looked at may be older.
        let sql = "SELECT s.id, s.key_epoch, k.id, k.kind, k.params, k.public_key, k.wrapped, k.created_at
                   FROM store s, key_slot k ORDER BY k.id";
        let rows =
            self.rows(sql, [], |row| Ok((StoreMeta { id: row.get(0)?, key_epoch: row.get(1)? }, read_slot(row, 2)?)))?;
        match rows.first() {
            Some((meta, _)) => Ok((meta.clone(), rows.into_iter().map(|(_, slot)| slot).collect())),
            None => Ok((self.meta()?, Vec::new())),
        }
    }

    /// The proof of each slot that it was made by somebody who had the store key; old ones have none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn slot_tags(&self) -> Result<Vec<SlotTag>, StoreError> {
        self.rows("SELECT id, tag FROM key_slot", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

/// The columns of a slot, from this one on.
fn read_slot(row: &Row<'_>, first: usize) -> rusqlite::Result<KeySlot> {
    Ok(KeySlot {
        id: row.get(first)?,
        kind: row.get(first + 1)?,
        params: row.get(first + 2)?,
        public_key: row.get(first + 3)?,
        wrapped: row.get(first + 4)?,
        created_at: row.get(first + 5)?,
    })
}

impl Writing<'_> {
    /// Fails where the store has another key by now, or is another store: what was sealed for the former one would
    /// never open again.
    ///
    /// # Errors
    /// That, or the store cannot be read.
    pub fn check_key(&self, meta: &StoreMeta) -> Result<(), StoreError> {
        if self.read().meta()? == *meta { Ok(()) } else { Err(StoreError::KeyChanged(self.path.to_owned())) }
    }

    /// Adds a slot, and gives its number.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn add_slot(&self, slot: &NewKeySlot, now: i64) -> Result<i64, StoreError> {
        insert(&self.transaction, slot, now).map_err(|error| StoreError::from_sqlite(self.path, error))?;
        Ok(self.last_id())
    }

    /// Removes a slot; `false` where there is none of that number.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_slot(&self, number: i64) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM key_slot WHERE id = ?1", [number])? == 1)
    }

    /// Says that another key seals the store from now on.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_key_epoch(&self, epoch: i64) -> Result<(), StoreError> {
        self.execute("UPDATE store SET key_epoch = ?1", [epoch]).map(drop)
    }

    /// Replaces the wrapped store key of a slot, and the proof.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn rewrap_slot(&self, number: i64, wrapped: &[u8], tag: &[u8]) -> Result<(), StoreError> {
        self.execute("UPDATE key_slot SET wrapped = ?2, tag = ?3 WHERE id = ?1", params![number, wrapped, tag])
            .map(drop)
    }

    /// Replaces the seal of a credential.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn reseal_credential(&self, credential: i64, sealed: &Sealed) -> Result<(), StoreError> {
        self.execute("UPDATE credential SET sealed = ?2 WHERE id = ?1", params![credential, sealed.0]).map(drop)
    }

    /// Replaces the seal of a file's kept content.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn reseal_original(&self, path: &str, sealed: &Sealed) -> Result<(), StoreError> {
        self.execute("UPDATE file_original SET sealed = ?2 WHERE path = ?1", params![path, sealed.0]).map(drop)
    }
}
