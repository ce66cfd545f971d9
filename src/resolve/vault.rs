//! The store key: unlocked at the first use, through whichever slot opens.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::identity::Holder;
use crate::seal::{self, Binding, FileSlot, OriginalBinding, SealError, StoreKey};
use crate::secret::{KeyMaterial, Sealed};
use crate::store::{KeySlot, NewKeySlot, NewStore, OriginalRow, Store, StoreError, StoreMeta};

use super::ResolveError;

/// The key that opens the store's seals.
#[derive(Default)]
pub struct Vault {
    unlocked: Option<Unlocked>,
}

struct Unlocked {
    key: StoreKey,
    meta: StoreMeta,
    /// The slot that opened it.
    slot: KeySlot,
}

/// A sealed secret with all that is needed to open it but the slot's own secret: as safe to write down as the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wrapped {
    holder: String,
    sealed: String,
    store_id: String,
    key_epoch: i64,
    slot: (i64, String, String),
    store_key: String,
}

/// What a `file` slot remembers: the key file, relative to the store's folder.
#[derive(Serialize, Deserialize)]
struct FileParams {
    path: PathBuf,
}

impl Vault {
    /// Opens the sealed secret of a credential.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn open(
        &mut self,
        store: &Store,
        credential: i64,
        holder: &Holder,
        access_key_id: &str,
    ) -> Result<KeyMaterial, ResolveError> {
        let sealed = store.read().sealed(credential)?.ok_or(ResolveError::CredentialGone)?;
        let Unlocked { key, meta, .. } = self.unlock(store)?;
        Ok(key.open(&sealed, &binding(meta, &holder.key(), access_key_id))?)
    }

    /// Seals the secret of a credential.
    ///
    /// # Errors
    /// The store is locked.
    pub fn seal(
        &mut self,
        store: &Store,
        holder: &Holder,
        access_key_id: &str,
        material: &KeyMaterial,
    ) -> Result<Sealed, ResolveError> {
        let Unlocked { key, meta, .. } = self.unlock(store)?;
        Ok(key.seal(material, &binding(meta, &holder.key(), access_key_id))?)
    }

    /// Opens a file's kept content.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn open_original(
        &mut self,
        store: &Store,
        path: &str,
        row: &OriginalRow,
    ) -> Result<Zeroizing<Vec<u8>>, ResolveError> {
        let Unlocked { key, meta, .. } = self.unlock(store)?;
        Ok(key.open_original(&row.sealed, &original_binding(meta, path, row.kept_at))?)
    }

    /// Seals a file's content, to be kept.
    ///
    /// # Errors
    /// The store is locked.
    pub fn seal_original(
        &mut self,
        store: &Store,
        path: &str,
        content: &[u8],
        kept_at: i64,
    ) -> Result<OriginalRow, ResolveError> {
        let Unlocked { key, meta, .. } = self.unlock(store)?;
        let sealed = key.seal_original(content, &original_binding(meta, path, kept_at))?;
        Ok(OriginalRow { sealed, kept_at })
    }

    /// A credential's secret as the store has it.
    ///
    /// # Errors
    /// The store is locked, or the credential is gone.
    pub(super) fn wrapped(&mut self, store: &Store, credential: i64, holder: &Holder) -> Result<Wrapped, ResolveError> {
        let sealed = store.read().sealed(credential)?.ok_or(ResolveError::CredentialGone)?;
        let Unlocked { meta, slot, .. } = self.unlock(store)?;
        Ok(Wrapped {
            holder: holder.key(),
            sealed: STANDARD.encode(&sealed.0),
            store_id: STANDARD.encode(&meta.id),
            key_epoch: meta.key_epoch,
            slot: (slot.id, slot.kind.clone(), slot.params.clone()),
            store_key: STANDARD.encode(&slot.wrapped),
        })
    }

    fn unlock(&mut self, store: &Store) -> Result<&Unlocked, ResolveError> {
        if self.unlocked.is_none() {
            let (meta, slots) = store.read().key_slots()?;
            let (key, slot) = first_that_opens(store.path(), &meta, slots)?;
            self.unlocked = Some(Unlocked { key, meta, slot });
        }
        self.unlocked.as_ref().ok_or(ResolveError::CredentialGone)
    }
}

fn binding<'a>(meta: &'a StoreMeta, identity: &'a str, access_key_id: &'a str) -> Binding<'a> {
    Binding { store_id: &meta.id, key_epoch: meta.key_epoch, identity, access_key_id }
}

fn original_binding<'a>(meta: &'a StoreMeta, path: &'a str, kept_at: i64) -> OriginalBinding<'a> {
    OriginalBinding { store_id: &meta.id, key_epoch: meta.key_epoch, path, kept_at }
}

/// Opens what [`Vault::wrapped`] gave; `None` where anything of it is not as it was.
pub(super) fn open_wrapped(store: &Path, wrapped: &Wrapped, access_key_id: &str) -> Option<KeyMaterial> {
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let meta = StoreMeta { id: bytes(&wrapped.store_id)?, key_epoch: wrapped.key_epoch };
    let (id, kind, params) = wrapped.slot.clone();
    let slot = KeySlot { id, kind, params, wrapped: bytes(&wrapped.store_key)? };
    let key = open_slot(store, &slot, &meta).ok()?;
    key.open(&Sealed(bytes(&wrapped.sealed)?), &binding(&meta, &wrapped.holder, access_key_id)).ok()
}

fn first_that_opens(store: &Path, meta: &StoreMeta, slots: Vec<KeySlot>) -> Result<(StoreKey, KeySlot), ResolveError> {
    let mut reasons = Vec::new();
    for slot in slots {
        match open_slot(store, &slot, meta) {
            Ok(key) => return Ok((key, slot)),
            Err(reason) => {
                reasons.push(SealError::Slot { slot: slot.id, kind: slot.kind, reason }.to_string());
            }
        }
    }
    if reasons.is_empty() {
        reasons.push("it has no key slot".to_owned());
    }
    Err(ResolveError::Locked(reasons.join("; ")))
}

fn open_slot(store: &Path, slot: &KeySlot, meta: &StoreMeta) -> Result<StoreKey, String> {
    if slot.kind != FileSlot::KIND {
        return Err("this version does not know its kind".to_owned());
    }
    let params: FileParams = serde_json::from_str(&slot.params).map_err(|error| error.to_string())?;
    let file = FileSlot::at(store.with_file_name(params.path));
    let key = file.read()?.unwrap_key(&slot.wrapped, &meta.id);
    key.ok_or_else(|| format!("{} is the key of another store", file.path().display()))
}

/// The first slot of a new store, and the note to the person about it.
pub(super) fn first_slot(context: &Context, store: &Path) -> Result<NewStore, ResolveError> {
    match context.setting("MULTICRED_KEY").as_deref() {
        None | Some("file") => {}
        Some(kind) => return Err(ResolveError::KeyKind(kind.to_owned())),
    }
    let file_name = key_file_name(store);
    let file = FileSlot::at(store.with_file_name(&file_name));
    let secret = file.read_or_create()?;
    let id: [u8; 16] = seal::random()?;
    let wrapped = secret.wrap(&StoreKey::generate()?, &id)?;
    let params = serde_json::to_string(&FileParams { path: file_name });
    let params = params.map_err(|error| StoreError::Other { path: store.to_owned(), reason: error.to_string() })?;
    context.note(&format!(
        "a new store: {}. Its key is the file {}, mode 0600: whoever can read both can read your secrets, \
         so keep both out of backups and dotfile repositories",
        store.display(),
        file.path().display()
    ));
    let slot = NewKeySlot { kind: FileSlot::KIND, params, public_key: wrapped.public_key, wrapped: wrapped.wrapped };
    Ok(NewStore { id, slot, now: context.now() })
}

fn key_file_name(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    PathBuf::from(name)
}
