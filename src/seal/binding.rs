//! What a sealed value is bound to: moved elsewhere, it does not open.

use super::{FIRST_EPOCH, FORMAT};

/// What a credential's sealed secret is bound to. A value moved to another row, or whose identity was edited, does not open.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The store's random id.
    pub store_id: &'a [u8],
    /// Which store key.
    pub key_epoch: i64,
    /// The identity's (or unknown owner's) key text.
    pub identity: &'a str,
    /// The access key id.
    pub access_key_id: &'a str,
}

impl Binding<'_> {
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let epoch = self.key_epoch.to_le_bytes();
        let parts: [&[u8]; 5] =
            [&[FORMAT], self.store_id, &epoch, self.identity.as_bytes(), self.access_key_id.as_bytes()];
        length_prefixed(&parts)
    }
}

/// What a file's sealed content is bound to.
#[derive(Clone, Copy, Debug)]
pub struct OriginalBinding<'a> {
    /// The store's random id.
    pub store_id: &'a [u8],
    /// Which store key.
    pub key_epoch: i64,
    /// The file's path.
    pub path: &'a str,
    /// When it was kept, epoch seconds UTC.
    pub kept_at: i64,
}

impl OriginalBinding<'_> {
    /// Six parts: no credential's five give the same bytes, whatever stands in them.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let (epoch, kept_at) = (self.key_epoch.to_le_bytes(), self.kept_at.to_le_bytes());
        let parts: [&[u8]; 6] =
            [&[FORMAT], self.store_id, &epoch, b"original of a file", self.path.as_bytes(), &kept_at];
        length_prefixed(&parts)
    }
}

/// What a key slot is bound to. Its seal, which has the slot's pin in it, proves that whoever made or changed the slot had the store key,
/// so that a new store key is never sealed to a public key that somebody has slipped in.
#[derive(Clone, Copy, Debug)]
pub struct SlotBinding<'a> {
    /// The store's random id.
    pub store_id: &'a [u8],
    /// Which store key.
    pub key_epoch: i64,
    /// The slot's kind.
    pub kind: &'a str,
    /// What the kind remembers, as JSON.
    pub params: &'a str,
    /// The slot's public key.
    pub public_key: &'a [u8],
}

impl SlotBinding<'_> {
    /// Seven parts: no other binding's give the same bytes.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let epoch = self.key_epoch.to_le_bytes();
        let parts: [&[u8]; 7] = [
            &[FORMAT],
            self.store_id,
            &epoch,
            b"key slot",
            self.kind.as_bytes(),
            self.params.as_bytes(),
            self.public_key,
        ];
        length_prefixed(&parts)
    }
}

/// What a wrapped store key is bound to: put back after a rotation, an older one does not open. The first key's is the
/// store's id alone, as stores have it that are older than rotations.
pub fn wrap_binding(store_id: &[u8], key_epoch: i64) -> Vec<u8> {
    match key_epoch {
        FIRST_EPOCH => store_id.to_vec(),
        epoch => length_prefixed(&[&[FORMAT], store_id, &epoch.to_le_bytes(), b"store key"]),
    }
}

/// Joins parts so that no two different lists give the same bytes.
pub(super) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_le_bytes());
        joined.extend_from_slice(part);
    }
    joined
}
