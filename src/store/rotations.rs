//! The journal of rotations: which long-term keys are being replaced, and how far that has come.

use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{IdentityRow, NewCredential, Owner, Reading, StoreError, Writing};

/// How far a rotation has come. Each is written once what it says is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// AWS is about to be asked for a new key, or has been: it may have made one that nobody has the secret of.
    Intended,
    /// The store has the new key, behind the old one, which is the one in use.
    Stored,
    /// AWS has been seen to take the new key, which is the one in use.
    InUse,
    /// The old key is inactive.
    Retired,
}

impl Phase {
    /// The word used in the store and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Stored => "stored",
            Self::InUse => "in-use",
            Self::Retired => "retired",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Intended, Self::Stored, Self::InUse, Self::Retired].into_iter().find(|phase| phase.word() == word)
    }
}

/// A rotation that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationRow {
    /// The identity's row.
    pub identity: i64,
    /// The access key id of the key that goes.
    pub old_key: String,
    /// The access key id of the one in its place; `None` until the store has it.
    pub new_key: Option<String>,
    /// How far it has come.
    pub phase: Phase,
    /// The access key ids that AWS listed before a new one was asked for.
    pub known: Vec<String>,
    /// When it began, epoch seconds UTC.
    pub started_at: i64,
}

const COLUMNS: &str = "SELECT identity, old_key, new_key, phase, known, started_at FROM rotation";

fn read(row: &Row<'_>) -> rusqlite::Result<RotationRow> {
    let word = row.get_ref(3)?.as_str()?;
    let phase = Phase::from_word(word).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(3, Type::Text, format!("'{word}' is no phase of a rotation").into())
    })?;
    Ok(RotationRow {
        identity: row.get(0)?,
        old_key: row.get(1)?,
        new_key: row.get(2)?,
        phase,
        known: row.get_ref(4)?.as_str()?.split_whitespace().map(str::to_owned).collect(),
        started_at: row.get(5)?,
    })
}

impl Reading<'_> {
    /// The rotation of an identity that has begun and not ended.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rotation_of(&self, identity: i64) -> Result<Option<RotationRow>, StoreError> {
        self.row(&format!("{COLUMNS} WHERE identity = ?1"), [identity], read)
    }

    /// Every long-term key that a rotation has deleted, and the row of whose it was.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn retired_keys(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "SELECT access_key_id, identity FROM retired_key
             WHERE access_key_id NOT IN (SELECT access_key_id FROM credential)";
        self.rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Every rotation that has begun and not ended, with whose it is, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unfinished_rotations(&self) -> Result<Vec<(IdentityRow, RotationRow)>, StoreError> {
        let mut found = Vec::new();
        for row in self.rows(&format!("{COLUMNS} ORDER BY started_at, identity"), [], read)? {
            found.extend(self.identity_row(row.identity)?.map(|identity| (identity, row)));
        }
        Ok(found)
    }
}

impl Writing<'_> {
    /// Writes down how far a rotation has come, in the place of what was written of the identity's before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_rotation(&self, row: &RotationRow) -> Result<(), StoreError> {
        let RotationRow { identity, old_key, new_key, phase, known, started_at } = row;
        self.execute(
            "INSERT INTO rotation (identity, old_key, new_key, phase, known, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (identity) DO UPDATE SET old_key = excluded.old_key, new_key = excluded.new_key,
                 phase = excluded.phase, known = excluded.known, started_at = excluded.started_at",
            params![identity, old_key, new_key, phase.word(), known.join(" "), started_at],
        )
        .map(drop)
    }

    /// The rotation of an identity has ended.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn end_rotation(&self, identity: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM rotation WHERE identity = ?1", [identity]).map(drop)
    }

    /// Stores a new long-term key behind another one of the same identity, which stays the one that is used; `false`
    /// where something has its access key id already.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_key_behind(&self, identity: i64, other: &str, new: &NewCredential<'_>) -> Result<bool, StoreError> {
        // The newest key of an identity is the one that is used.
        let sql = "SELECT min(created_at) - 1 FROM credential WHERE access_key_id = ?1";
        let before: Option<i64> = self.read().row(sql, [other], |row| row.get(0))?.flatten();
        let created_at = before.unwrap_or(new.created_at);
        let new = NewCredential { created_at, restricted_as: new.restricted_as.clone(), ..*new };
        self.put_credential(&Owner::Identity(identity), &new)
    }

    /// Makes a key the one that its identity uses: the newest.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_key_in_front(&self, access_key_id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "UPDATE credential SET created_at = max(?2, (SELECT max(created_at) + 1 FROM credential AS other
                       WHERE other.identity IS credential.identity AND other.kind = 'long-term'))
                   WHERE access_key_id = ?1";
        self.execute(sql, params![access_key_id, now]).map(drop)
    }

    /// Forgets the sessions that were obtained with a user's long-term key. Of those that a session policy restricts only
    /// that is kept, to their end, wherever their keys may turn up.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_sessions_of_key(&self, identity: i64) -> Result<(), StoreError> {
        let sessions = "identity = ?1 AND kind = 'session'";
        self.execute(&format!("DELETE FROM credential WHERE {sessions} AND restricted_as IS NULL"), [identity])?;
        self.execute(&format!("UPDATE credential SET request_hash = NULL WHERE {sessions}"), [identity]).map(drop)
    }

    /// Removes a long-term key, and remembers whose it was.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_long_term_key(&self, access_key_id: &str) -> Result<(), StoreError> {
        let of_whom = "SELECT access_key_id, identity FROM credential
             WHERE access_key_id = ?1 AND kind = 'long-term' AND identity IS NOT NULL";
        self.execute(&format!("INSERT OR REPLACE INTO retired_key {of_whom}"), [access_key_id])?;
        let sql = "DELETE FROM credential WHERE access_key_id = ?1 AND kind = 'long-term'";
        self.execute(sql, [access_key_id]).map(drop)
    }
}
