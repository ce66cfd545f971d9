//! Credentials: what is known of each, and its sealed secret.

use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{Reading, StoreError, Writing};
use crate::identity::Holder;
use crate::identity::hash::RequestHash;
use crate::identity::route::{CredentialKind, Held, Place};
use crate::secret::Sealed;

/// Whose credential it is, in the store's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An identity's row.
    Identity(i64),
    /// Who owns this access key, or whatever else is no identity: [`Holder::source_key`].
    KeyOwner(String),
}

impl Owner {
    /// The columns `identity` and `source_key`.
    fn columns(&self) -> (Option<i64>, Option<&str>) {
        match self {
            Self::Identity(id) => (Some(*id), None),
            Self::KeyOwner(key) => (None, Some(key.as_str())),
        }
    }
}

/// A credential as stored.
#[derive(Clone, Debug)]
pub struct CredentialRow {
    /// The row.
    pub id: i64,
    /// Whose it is.
    pub owner: Owner,
    /// Everything but the secret.
    pub held: Held,
}

/// A credential to be stored.
#[derive(Debug)]
pub struct NewCredential<'a> {
    /// Its access key id.
    pub access_key_id: &'a str,
    /// Its sort.
    pub kind: CredentialKind,
    /// Which request it answers; `None` for keys and imports.
    pub request_hash: Option<RequestHash>,
    /// The sealed secret.
    pub sealed: &'a Sealed,
    /// Now, epoch seconds UTC.
    pub created_at: i64,
    /// Its end, epoch seconds UTC.
    pub expires_at: Option<i64>,
    /// Whether that end is a guess.
    pub expiry_is_guess: bool,
    /// Under which name a session policy restricts it, as in [`Held`].
    pub restricted_as: Option<String>,
}

const COLUMNS: &str = "SELECT id, identity, source_key, access_key_id, kind, request_hash, created_at, expires_at, \
     expiry_is_guess, restricted_as FROM credential";

fn read(row: &Row<'_>) -> rusqlite::Result<CredentialRow> {
    let id: i64 = row.get(0)?;
    let owner = match row.get::<_, Option<i64>>(1)? {
        Some(identity) => Owner::Identity(identity),
        None => Owner::KeyOwner(row.get(2)?),
    };
    let word = row.get_ref(4)?.as_str()?;
    let kind = CredentialKind::from_word(word).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(4, Type::Text, format!("'{word}' is no kind of credential").into())
    })?;
    let held = Held {
        place: Place::Store(id),
        kind,
        access_key_id: row.get(3)?,
        request_hash: row.get::<_, Option<[u8; 32]>>(5)?.map(RequestHash),
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        expiry_is_guess: row.get(8)?,
        restricted_as: row.get(9)?,
    };
    Ok(CredentialRow { id, owner, held })
}

impl Reading<'_> {
    /// The credentials of an identity, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn credentials_of(&self, owner: &Owner) -> Result<Vec<Held>, StoreError> {
        let held = |row: &Row<'_>| read(row).map(|row| row.held);
        let newest_first = "ORDER BY created_at DESC, id DESC";
        match owner {
            Owner::Identity(id) => self.rows(&format!("{COLUMNS} WHERE identity = ?1 {newest_first}"), [id], held),
            Owner::KeyOwner(key) => self.rows(&format!("{COLUMNS} WHERE source_key = ?1 {newest_first}"), [key], held),
        }
    }

    /// Every credential, in no order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn credentials(&self) -> Result<Vec<CredentialRow>, StoreError> {
        self.rows(COLUMNS, [], read)
    }

    /// The credential with this access key id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn credential_with_key(&self, access_key_id: &str) -> Result<Option<CredentialRow>, StoreError> {
        self.row(&format!("{COLUMNS} WHERE access_key_id = ?1"), [access_key_id], read)
    }

    /// The sealed secret of a credential; `None` where the row is gone.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn sealed(&self, credential: i64) -> Result<Option<Sealed>, StoreError> {
        self.row("SELECT sealed FROM credential WHERE id = ?1", [credential], |row| row.get(0).map(Sealed))
    }

    /// Where a holder's credentials are kept; `None` for an identity the store does not know.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn owner(&self, holder: &Holder) -> Result<Option<Owner>, StoreError> {
        match holder {
            Holder::Identity(identity) => Ok(self.identity(identity)?.map(|row| Owner::Identity(row.id))),
            _ => Ok(holder.source_key().map(Owner::KeyOwner)),
        }
    }
}

impl Writing<'_> {
    /// The owner's row, made where it is missing.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn ensure_owner(&self, holder: &Holder, path: Option<&str>) -> Result<Owner, StoreError> {
        match holder {
            Holder::Identity(identity) => self.ensure_identity(identity, path).map(Owner::Identity),
            Holder::KeyOwner(_) | Holder::Outside(_) => Ok(Owner::KeyOwner(holder.source_key().unwrap_or_default())),
        }
    }

    /// Stores a credential; `false` where a long-term key or an import already has its access key id: those are
    /// never overwritten. Older answers to the same request, and what has expired, are dropped with it; but what a
    /// session policy restricts is known as that to its end, wherever its key may turn up.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_credential(&self, owner: &Owner, new: &NewCredential<'_>) -> Result<bool, StoreError> {
        let (identity, source_key) = owner.columns();
        let hash = new.request_hash.map(|hash| hash.0);
        self.execute(
            "DELETE FROM credential WHERE kind IN ('session', 'role')
                 AND (identity IS ?1 AND source_key IS ?2)
                 AND ((request_hash IS ?3 AND restricted_as IS NULL) OR expires_at <= ?4)",
            params![identity, source_key, hash, new.created_at],
        )?;
        let stored = self.execute(
            "INSERT INTO credential (identity, source_key, access_key_id, kind, request_hash, sealed, created_at,
                                     expires_at, expiry_is_guess, restricted_as)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (access_key_id) DO UPDATE SET
                 identity = excluded.identity, source_key = excluded.source_key, kind = excluded.kind,
                 request_hash = excluded.request_hash, sealed = excluded.sealed, created_at = excluded.created_at,
                 expires_at = excluded.expires_at, expiry_is_guess = excluded.expiry_is_guess,
                 restricted_as = coalesce(excluded.restricted_as, restricted_as)
             WHERE credential.kind IN ('session', 'role')",
            params![
                identity,
                source_key,
                new.access_key_id,
                new.kind.word(),
                hash,
                new.sealed.0,
                new.created_at,
                new.expires_at,
                new.expiry_is_guess,
                new.restricted_as
            ],
        )?;
        Ok(stored == 1)
    }

    /// Stores a credential over the one that has its access key id.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn replace_credential(&self, owner: &Owner, new: &NewCredential<'_>) -> Result<(), StoreError> {
        let (identity, source_key) = owner.columns();
        let sql = "UPDATE credential SET identity = ?2, source_key = ?3, kind = ?4, sealed = ?5, created_at = ?6,
                       expires_at = ?7, expiry_is_guess = ?8 WHERE access_key_id = ?1";
        let (end, is_guess) = (new.expires_at, new.expiry_is_guess);
        let (kind, sealed) = (new.kind.word(), &new.sealed.0);
        let row = params![new.access_key_id, identity, source_key, kind, sealed, new.created_at, end, is_guess];
        self.execute(sql, row).map(drop)
    }

    /// Moves a guessed expiry.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_guessed_expiry(&self, credential: i64, expires_at: i64) -> Result<(), StoreError> {
        let sql = "UPDATE credential SET expires_at = ?2 WHERE id = ?1 AND expiry_is_guess = 1";
        self.execute(sql, params![credential, expires_at]).map(drop)
    }

    /// Removes a credential.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_credential(&self, credential: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM credential WHERE id = ?1", [credential]).map(drop)
    }

    /// Removes every credential of this kind, of one owner or of everybody; how many there were.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget(&self, owner: Option<&Owner>, kind: CredentialKind) -> Result<usize, StoreError> {
        match owner.map(Owner::columns) {
            None => self.execute("DELETE FROM credential WHERE kind = ?1", [kind.word()]),
            Some((identity, source_key)) => {
                let sql = "DELETE FROM credential WHERE kind = ?1 AND identity IS ?2 AND source_key IS ?3";
                self.execute(sql, params![kind.word(), identity, source_key])
            }
        }
    }
}
