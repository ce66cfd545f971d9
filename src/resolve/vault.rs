//! The store key: unlocked at the first use, through whichever way in opens.

mod make;
mod manage;
mod rotate;
mod slot;
mod unlock;
mod with_agent;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::identity::Holder;
use crate::lock::{HopLock, PATIENCE};
use crate::prompt::Prompter;
use crate::seal::{Binding, OriginalBinding, SealError, Sealer, SlotBinding, StoreKey, wrap_binding};
use crate::secret::{KeyMaterial, Sealed};
use crate::store::{Durability, KeySlot, OriginalRow, Store, StoreError, StoreMeta, Writing};

use super::ResolveError;

pub use make::NewSlot;
pub(super) use make::make_store;
pub use manage::Added;
pub use rotate::Rotated;
use rotate::rotation_lock;
pub(super) use slot::{DAMAGED, Need, PASSPHRASE_FILE, foreign, is_own, is_typed, key_file, read, secret, ssh_socket};
use with_agent::AgentSealer;
pub use with_agent::{may_start_agent, running_agent};

/// How often something is done anew, since another process has changed the store's key, or the agent is gone.
const TRIES: u32 = 3;

/// The same of an opening, which waits for nobody, and how long before the next one.
const OPENINGS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(10);

/// What has been unlocked so far.
#[derive(Default)]
pub struct Vault {
    unlocked: Option<Unlocked>,
    /// The agent has not answered in time: it is not waited for again.
    agent_is_silent: bool,
    /// Held while something is done anew that a rotation came before: the next one waits.
    unrotated: Option<HopLock>,
}

struct Unlocked {
    meta: StoreMeta,
    by: By,
}

impl Vault {
    /// The same for another thread, so that nobody is asked twice. Where an agent has the key, that thread asks it, too.
    pub(super) fn for_another_thread(&self) -> Self {
        let unlocked = self.unlocked.as_ref().and_then(|Unlocked { meta, by }| match by {
            By::Slot(key, slot) => Some(Unlocked { meta: meta.clone(), by: By::Slot(key.shared(), slot.clone()) }),
            By::Agent(_) => None,
        });
        Self { unlocked, agent_is_silent: self.agent_is_silent, unrotated: None }
    }
}

/// What opened the store.
enum By {
    /// A slot: the key is in this process.
    Slot(StoreKey, KeySlot),
    /// The agent, which keeps the key to itself.
    Agent(AgentSealer),
}

impl By {
    fn sealer(&mut self) -> &mut dyn Sealer {
        match self {
            Self::Slot(key, _) => key,
            Self::Agent(agent) => agent,
        }
    }
}

/// Opens and seals what the store keeps; unlocks it first, where that has not been done.
pub struct Keys<'a> {
    vault: &'a mut Vault,
    context: &'a Context,
    prompter: &'a mut dyn Prompter,
}

/// A sealed secret with all that is needed to open it but the slot's own secret: as safe to write down as the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wrapped {
    holder: String,
    sealed: String,
    store_id: String,
    key_epoch: i64,
    /// `None` where the agent opens it.
    slot: Option<WrappedSlot>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WrappedSlot {
    kind: String,
    params: String,
    wrapped: String,
}

impl<'a> Keys<'a> {
    /// The keys of a store, with somebody who may be asked for a passphrase.
    pub fn new(vault: &'a mut Vault, context: &'a Context, prompter: &'a mut dyn Prompter) -> Self {
        Self { vault, context, prompter }
    }

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
        let identity = holder.key();
        self.with_sealer(store, |sealer, meta| {
            let sealed = store.read().sealed(credential)?.ok_or(ResolveError::CredentialGone)?;
            Ok(sealer.open(&sealed, &binding(meta, &identity, access_key_id))?)
        })
    }

    /// Seals the secret of a credential and stores it, as `write` does in one transaction.
    ///
    /// # Errors
    /// The store is locked, or cannot be written.
    pub fn put<T>(
        &mut self,
        store: &mut Store,
        durability: Durability,
        (holder, access_key_id, material): (&Holder, &str, &KeyMaterial),
        mut write: impl FnMut(&Writing<'_>, &Sealed) -> Result<T, StoreError>,
    ) -> Result<T, ResolveError> {
        let identity = holder.key();
        self.put_sealed(
            store,
            durability,
            |sealer, meta| sealer.seal(material, &binding(meta, &identity, access_key_id)),
            &mut write,
        )
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
        self.with_sealer(store, |sealer, meta| {
            Ok(sealer.open_original(&row.sealed, &original_binding(meta, path, row.kept_at))?)
        })
    }

    /// Seals a file's content, and keeps it where none is kept.
    ///
    /// # Errors
    /// The store is locked, or cannot be written.
    pub fn keep_original(
        &mut self,
        store: &mut Store,
        path: &str,
        content: &[u8],
        kept_at: i64,
    ) -> Result<(), ResolveError> {
        let keep = |writing: &Writing<'_>, row: &OriginalRow| writing.keep_original(path, row).map(drop);
        self.put_original(store, path, (content, kept_at), keep)
    }

    /// Seals a content, and keeps it in the place of the one that is kept under this name.
    ///
    /// # Errors
    /// The store is locked, or cannot be written.
    pub fn replace_original(
        &mut self,
        store: &mut Store,
        path: &str,
        content: &[u8],
        kept_at: i64,
    ) -> Result<(), ResolveError> {
        self.put_original(store, path, (content, kept_at), |writing, row| writing.replace_original(path, row))
    }

    fn put_original(
        &mut self,
        store: &mut Store,
        path: &str,
        (content, kept_at): (&[u8], i64),
        write: impl Fn(&Writing<'_>, &OriginalRow) -> Result<(), StoreError>,
    ) -> Result<(), ResolveError> {
        self.put_sealed(
            store,
            Durability::Synced,
            |sealer, meta| sealer.seal_original(content, &original_binding(meta, path, kept_at)),
            &mut |writing, sealed| write(writing, &OriginalRow { sealed: sealed.clone(), kept_at }),
        )
    }

    /// A credential's secret as the store has it, for whoever opens the store by itself later.
    ///
    /// # Errors
    /// The store is locked, or the credential is gone.
    pub(super) fn wrapped(&mut self, store: &Store, credential: i64, holder: &Holder) -> Result<Wrapped, ResolveError> {
        let sealed = store.read().sealed(credential)?.ok_or(ResolveError::CredentialGone)?;
        let Unlocked { meta, by } = self.unlock(store)?;
        let slot = match by {
            By::Agent(_) => None,
            By::Slot(_, slot) => Some(WrappedSlot {
                kind: slot.kind.clone(),
                params: slot.params.clone(),
                wrapped: STANDARD.encode(&slot.wrapped),
            }),
        };
        Ok(Wrapped {
            holder: holder.key(),
            sealed: STANDARD.encode(&sealed.0),
            store_id: STANDARD.encode(&meta.id),
            key_epoch: meta.key_epoch,
            slot,
        })
    }

    /// Seals and stores. What another process has changed the store's key under is sealed with the new one: with the
    /// old one it would be lost.
    fn put_sealed<T>(
        &mut self,
        store: &mut Store,
        durability: Durability,
        seal: impl Fn(&mut dyn Sealer, &StoreMeta) -> Result<Sealed, SealError>,
        write: &mut dyn FnMut(&Writing<'_>, &Sealed) -> Result<T, StoreError>,
    ) -> Result<T, ResolveError> {
        self.unless_rotated(store, |keys, store| keys.put_once(store, durability, &seal, write))
    }

    /// Does something with the store's key; anew where another process has changed the key meanwhile, and then before
    /// the next one does.
    fn unless_rotated<T>(
        &mut self,
        store: &mut Store,
        mut work: impl FnMut(&mut Self, &mut Store) -> Result<T, ResolveError>,
    ) -> Result<T, ResolveError> {
        for _ in 1..TRIES {
            match work(self, store) {
                Err(ResolveError::Store(StoreError::KeyChanged(_))) => {}
                done => {
                    self.vault.unrotated = None;
                    return done;
                }
            }
            self.vault.unlocked = None;
            if self.vault.unrotated.is_none() {
                let meta = store.read().meta()?;
                // Where it cannot be had, the next try may still come first.
                self.vault.unrotated = rotation_lock(self.context, &meta, PATIENCE).ok();
            }
        }
        let done = work(self, store);
        self.vault.unrotated = None;
        done
    }

    fn put_once<T>(
        &mut self,
        store: &mut Store,
        durability: Durability,
        seal: &impl Fn(&mut dyn Sealer, &StoreMeta) -> Result<Sealed, SealError>,
        write: &mut dyn FnMut(&Writing<'_>, &Sealed) -> Result<T, StoreError>,
    ) -> Result<T, ResolveError> {
        let (sealed, sealed_for) = self.with_sealer(store, |sealer, meta| Ok((seal(sealer, meta)?, meta.clone())))?;
        store.write(durability, |writing| {
            writing.check_key(&sealed_for)?;
            Ok(write(writing, &sealed)?)
        })
    }

    /// Does something with the key, anew where the agent that had it is gone, or another process has changed it.
    fn with_sealer<T>(
        &mut self,
        store: &Store,
        mut work: impl FnMut(&mut dyn Sealer, &StoreMeta) -> Result<T, ResolveError>,
    ) -> Result<T, ResolveError> {
        for _ in 1..OPENINGS {
            let Unlocked { meta, by } = self.unlock(store)?;
            match work(by.sealer(), meta) {
                Err(ResolveError::Seal(SealError::Agent(_))) => {}
                Err(ResolveError::Seal(error)) if store.read().meta()? == *meta => return Err(error.into()),
                Err(ResolveError::Seal(_)) => {}
                done => return done,
            }
            self.vault.unlocked = None;
            std::thread::sleep(PAUSE);
        }
        let Unlocked { meta, by } = self.unlock(store)?;
        work(by.sealer(), meta)
    }
}

fn binding<'a>(meta: &'a StoreMeta, identity: &'a str, access_key_id: &'a str) -> Binding<'a> {
    Binding { store_id: &meta.id, key_epoch: meta.key_epoch, identity, access_key_id }
}

fn original_binding<'a>(meta: &'a StoreMeta, path: &'a str, kept_at: i64) -> OriginalBinding<'a> {
    OriginalBinding { store_id: &meta.id, key_epoch: meta.key_epoch, path, kept_at }
}

/// What a slot's proof is bound to.
fn tagged<'a>(meta: &'a StoreMeta, (kind, params, public_key): (&'a str, &'a str, &'a [u8])) -> SlotBinding<'a> {
    SlotBinding { store_id: &meta.id, key_epoch: meta.key_epoch, kind, params, public_key }
}

/// What the wrapped key of a slot is bound to.
pub(super) fn wrapping(meta: &StoreMeta) -> Vec<u8> {
    wrap_binding(&meta.id, meta.key_epoch)
}

/// Opens what [`Keys::wrapped`] gave, without asking anybody; `None` where anything of it is not as it was.
pub(super) fn open_wrapped(
    context: &Context,
    store: &std::path::Path,
    wrapped: &Wrapped,
    access_key_id: &str,
) -> Option<KeyMaterial> {
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let meta = StoreMeta { id: bytes(&wrapped.store_id)?, key_epoch: wrapped.key_epoch };
    let sealed = Sealed(bytes(&wrapped.sealed)?);
    let binding = binding(&meta, &wrapped.holder, access_key_id);
    let Some(slot) = &wrapped.slot else {
        // Whether it holds the key shows when it is asked to open something.
        return AgentSealer::connected(context, &meta)?.open(&sealed, &binding).ok();
    };
    let secret = secret(context, store, &meta, (&slot.kind, &slot.params), false).ok()?;
    secret.unwrap_key(&bytes(&slot.wrapped)?, &wrapping(&meta))?.open(&sealed, &binding).ok()
}
