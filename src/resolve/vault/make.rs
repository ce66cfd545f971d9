//! Making key slots: the first one of a new store, and more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::slot::{self, FileParams};
use super::unlock::Opened;
use super::{Keys, Unlocked, Vault, tagged, wrapping};
use crate::context::Context;
use crate::identity::hash::{Hasher, hex};
use crate::lock::{HopLock, PATIENCE};
use crate::prompt::Prompter;
use crate::resolve::ResolveError;
use crate::seal::keyring_slot::{self, Backend, KeyringParams};
use crate::seal::{
    self, CommandSlot, FIRST_EPOCH, FileSlot, PassphraseSlot, Pin, RecoverySlot, SlotSecret, StoreKey, looks_like_code,
    ssh_agent_slot,
};
use crate::secret::Secret;
use crate::store::{KeySlot, NewKeySlot, NewStore, Store, StoreMeta};

/// A keyring that does not answer within this time is none to rely on.
const KEYRING_PATIENCE: Duration = Duration::from_secs(1);

/// A slot that is wanted.
#[derive(Clone, Debug)]
pub enum NewSlot {
    /// In a keyring: the desktop's, where none is named.
    Keyring(Option<Backend>),
    /// A passphrase: that of a file, else one that is asked for.
    Passphrase(Option<PathBuf>),
    /// A key of the ssh-agent's, by its fingerprint or comment; its only usable one where none is named.
    SshAgent(Option<String>),
    /// What a command line prints.
    Command(String),
    /// A key file: beside the store, where none is named.
    File(Option<PathBuf>),
    /// A code to be printed.
    Recovery,
}

/// A slot before it is stored.
pub(super) struct Made {
    pub(super) kind: &'static str,
    pub(super) params: String,
    secret: SlotSecret,
    /// The recovery code.
    pub(super) code: Option<Secret>,
    /// What a person is told of it.
    pub(super) note: Option<String>,
}

impl NewSlot {
    /// The kind, as stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Keyring(_) => keyring_slot::KIND,
            Self::Passphrase(_) => PassphraseSlot::KIND,
            Self::SshAgent(_) => ssh_agent_slot::KIND,
            Self::Command(_) => CommandSlot::KIND,
            Self::File(_) => FileSlot::KIND,
            Self::Recovery => RecoverySlot::KIND,
        }
    }
}

impl Made {
    /// As it is stored.
    pub(super) fn stored(&self, key: &mut StoreKey, meta: &StoreMeta) -> Result<NewKeySlot, ResolveError> {
        let wrapped = self.secret.wrap(key, &wrapping(meta))?;
        let (kind, params, public_key) = (self.kind, self.params.clone(), wrapped.public_key);
        let tag = key.slot_tag(&self.secret.pin(), &tagged(meta, (kind, &params, &public_key)))?;
        Ok(NewKeySlot { kind, params, public_key, wrapped: wrapped.wrapped, tag })
    }
}

/// Opens the store, or makes it, and then it is unlocked. Whoever else would make it waits meanwhile: a person may be asked
/// for a passphrase.
pub(in crate::resolve) fn make_store(
    context: &Context,
    path: &Path,
    vault: &mut Vault,
    prompter: &mut dyn Prompter,
) -> Result<Store, ResolveError> {
    // Where nobody is asked, the lock of the store's own folder is enough.
    let _alone = prompter.can_ask().is_ok().then(|| wait_for_others(context, path));
    if let Some(store) = Store::open(path)? {
        return Ok(store);
    }
    let mut keys = Keys::new(vault, context, prompter);
    let mut made = None;
    let store = Store::open_or_create(path, || Ok::<_, ResolveError>(made.insert(keys.first(path)?).0.clone()))?;
    if let Some((new, key, pin)) = made {
        keys.keep(&store, &new, key, pin)?;
    }
    Ok(store)
}

/// A lock that cannot be had is gone without: the lock of the store's folder still lets one process alone make it.
fn wait_for_others(context: &Context, path: &Path) -> Option<HopLock> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = Hasher::new("new store").field("path", Some(&whole.to_string_lossy())).finish().short();
    let waiting = |holder: &str| context.note(&format!("waiting for process {holder}, which makes the store"));
    let folder = context.runtime_folder().join("locks");
    HopLock::take(&folder, &format!("new-{name}"), "making the store", PATIENCE * 4, waiting).ok()
}

impl Keys<'_> {
    fn first(&mut self, store: &Path) -> Result<(NewStore, StoreKey, Pin), ResolveError> {
        let id: [u8; 16] = seal::random()?;
        let made = self.make(&self.wanted()?, store, &id, &[])?;
        let shown = store.display();
        self.context.note(&match &made.note {
            Some(note) => format!("a new store: {shown}. {note}"),
            None => format!("a new store: {shown}, with a key slot of the kind {}", made.kind),
        });
        let (meta, mut key) = (StoreMeta { id: id.to_vec(), key_epoch: FIRST_EPOCH }, StoreKey::generate()?);
        let slot = made.stored(&mut key, &meta)?;
        Ok((NewStore { id, slot, now: self.context.now() }, key, made.secret.pin()))
    }

    /// The key of a new store is there: nobody is asked again for what they have just typed.
    fn keep(&mut self, store: &Store, new: &NewStore, key: StoreKey, pin: Pin) -> Result<(), ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        // Another process may have changed it meanwhile.
        let Some(slot) = slots.into_iter().find(|slot| slot.wrapped == new.slot.wrapped) else { return Ok(()) };
        let is_typed = slot::is_typed(&slot.kind) && self.context.setting(slot::PASSPHRASE_FILE).is_none();
        let opened = Opened { meta, key, slot, public_key: new.slot.public_key, pin };
        if is_typed {
            self.share(store, &opened);
        }
        self.vault.unlocked = Some(Unlocked::from(opened));
        Ok(())
    }

    /// What was asked for; else a keyring where one answers, else a passphrase where somebody can be asked for one,
    /// else a key file.
    fn wanted(&self) -> Result<NewSlot, ResolveError> {
        if let Some(kind) = self.context.setting("MULTICRED_KEY") {
            return self.asked_for(&kind);
        }
        if self.context.has_session_bus() && keyring_slot::ready(None, KEYRING_PATIENCE).is_ok() {
            return Ok(NewSlot::Keyring(None));
        }
        let has_file = self.context.setting(slot::PASSPHRASE_FILE).is_some();
        // Not while a program waits that may be killed: the passphrase would be typed in vain.
        let can_ask = self.prompter.can_ask().is_ok() && self.prompter.deadline().is_none();
        Ok(if has_file || can_ask { NewSlot::Passphrase(None) } else { NewSlot::File(None) })
    }

    fn asked_for(&self, kind: &str) -> Result<NewSlot, ResolveError> {
        let reason = match kind {
            "file" => return Ok(NewSlot::File(None)),
            "passphrase" => return Ok(NewSlot::Passphrase(None)),
            "keyring" => return Ok(NewSlot::Keyring(None)),
            "ssh-agent" => return Ok(NewSlot::SshAgent(None)),
            "command" => match self.context.setting("MULTICRED_KEY_COMMAND") {
                Some(command) => return Ok(NewSlot::Command(command.into_owned())),
                None => "MULTICRED_KEY_COMMAND does not name the command",
            },
            "recovery" => "a recovery code cannot be the first way in",
            "keyutils" => "the kernel forgets it at the next boot: it cannot be the first way in",
            _ => "there is no such kind of key slot",
        };
        Err(ResolveError::KeyKind { kind: kind.to_owned(), reason })
    }

    /// Makes a slot, which is not stored yet.
    pub(super) fn make(
        &mut self,
        new: &NewSlot,
        store: &Path,
        store_id: &[u8],
        there: &[KeySlot],
    ) -> Result<Made, ResolveError> {
        let kind = new.kind();
        let failed = |reason: String| ResolveError::NewSlot { kind, reason };
        let may_ask = self.prompter.can_ask().is_ok();
        let (mut code, mut note) = (None, None);
        let (params, secret) = match new {
            NewSlot::File(path) => {
                let path = path.clone().unwrap_or_else(|| beside(store));
                let file = FileSlot::at(store.with_file_name(&path));
                note = Some(of_key_file(file.path()));
                (json(&FileParams { path })?, file.read_or_create()?)
            }
            NewSlot::Passphrase(file) => {
                let (slot, passphrase) = (PassphraseSlot::new()?, self.new_passphrase(file.as_deref())?);
                if looks_like_code(&passphrase) {
                    return Err(failed("it is a recovery code, which opens the slot of that code alone".to_owned()));
                }
                if let Some(number) = opens_already(&passphrase, there) {
                    return Err(failed(format!("it is the passphrase of key slot {number} already")));
                }
                (json(&slot)?, slot.secret(&passphrase).map_err(failed)?)
            }
            NewSlot::Recovery => {
                let (slot, printed) = RecoverySlot::new()?;
                let secret = slot.secret(&printed).map_err(failed)?;
                code = Some(printed);
                (json(&slot)?, secret)
            }
            NewSlot::Command(command) => {
                let printed = slot::printed(self.context, command, may_ask).map_err(failed)?;
                let slot = CommandSlot::new(command, &printed)?;
                (json(&slot)?, slot.secret(&printed).map_err(failed)?)
            }
            NewSlot::Keyring(backend) => {
                let label = format!("multicred: the key of {}", store.display());
                let made = keyring_slot::create(*backend, &account()?, &label, slot::patience(may_ask));
                let (params, secret) = made.map_err(|error| failed(error.to_string()))?;
                (json(&params)?, secret)
            }
            NewSlot::SshAgent(which) => {
                let socket = slot::ssh_socket(self.context).map_err(failed)?;
                let made = ssh_agent_slot::create(&socket, which.as_deref(), store_id);
                let (params, secret) = made.map_err(|error| failed(error.to_string()))?;
                note = params.key().map(|key| format!("The SSH key {key} opens it: keep that key"));
                (json(&params)?, secret)
            }
        };
        Ok(Made { kind, params, secret, code, note })
    }

    /// A new passphrase: of a file, or typed twice.
    fn new_passphrase(&mut self, file: Option<&Path>) -> Result<Secret, ResolveError> {
        let failed = |reason| ResolveError::NewSlot { kind: PassphraseSlot::KIND, reason };
        if let Some(file) = file {
            return slot::passphrase_in(file).map_err(failed);
        }
        if let Some(passphrase) = slot::passphrase_of_file(self.context).map_err(failed)? {
            return Ok(passphrase);
        }
        let mut remark = None;
        loop {
            let first = self.passphrase("New passphrase for the multicred store", remark)?;
            if first.expose().is_empty() {
                remark = Some("an empty passphrase protects from nothing");
                continue;
            }
            if self.passphrase("The same passphrase once more", None)? == first {
                return Ok(first);
            }
            remark = Some("the two are not the same");
        }
    }
}

/// The slot that a passphrase opens: whoever changes one must not be told that the old one is new.
fn opens_already(passphrase: &Secret, there: &[KeySlot]) -> Option<i64> {
    let is_its = |slot: &&KeySlot| {
        let secret = slot::typed_secret(&slot.kind, &slot.params, passphrase);
        slot.kind == PassphraseSlot::KIND && secret.is_ok_and(|secret| slot::is_own(&secret, slot))
    };
    there.iter().find(is_its).map(|slot| slot.id)
}

/// Whether a slot goes with the next boot, so that it must never be the only one.
pub(super) fn is_fleeting(kind: &str, params: &str) -> bool {
    let is_fleeting = |params: KeyringParams| !params.backend.survives_reboot();
    kind == keyring_slot::KIND && slot::read(params).is_ok_and(is_fleeting)
}

/// What a person is told of a key file.
fn of_key_file(path: &Path) -> String {
    format!(
        "Its key is the file {}, mode 0600: whoever can read both can read your secrets, so keep both out of backups \
         and dotfile repositories",
        path.display()
    )
}

/// What an entry of a keyring is called: a store may have several, over time.
fn account() -> Result<String, ResolveError> {
    Ok(hex(&seal::random::<8>()?))
}

fn json(params: &impl Serialize) -> Result<String, ResolveError> {
    let failed = |error: serde_json::Error| ResolveError::NewSlot { kind: "key", reason: error.to_string() };
    serde_json::to_string(params).map_err(failed)
}

/// The key file of a store, from the store's folder on: both may be moved together.
fn beside(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    PathBuf::from(name)
}
