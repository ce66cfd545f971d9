//! Each kind of key slot: what gives its secret.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::regular_file;
use crate::resolve::outside::not_handed_on;
use crate::seal::keyring_slot::{self, Backend, KeyringError, KeyringParams};
use crate::seal::ssh_agent_slot::{self, SshAgentParams};
use crate::seal::{CommandSlot, FileSlot, PassphraseSlot, RecoverySlot, SlotSecret, looks_like_code};
use crate::secret::Secret;
use crate::store::{KeySlot, StoreMeta};
use crate::subprocess::{self, Manner, Program};

/// The variable that names a file with the passphrase, or with the recovery code.
pub(in crate::resolve) const PASSPHRASE_FILE: &str = "MULTICRED_PASSPHRASE_FILE";
/// No passphrase is longer, in bytes.
const LONGEST: u64 = 4096;
/// How long a keyring or a program may take where a person may have to do something for it, and where nobody is there.
const WITH_PERSON: Duration = Duration::from_mins(2);
const ALONE: Duration = Duration::from_secs(15);
/// How long a keyring may take to say whether it is there.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// Why a slot gives no secret.
pub(in crate::resolve) enum Need {
    /// Somebody must type it.
    Person,
    /// It fails, for this reason.
    Fails(String),
}

impl From<String> for Need {
    fn from(reason: String) -> Self {
        Self::Fails(reason)
    }
}

/// What a `file` slot remembers: the key file, from the store's folder on where it is beside the store.
#[derive(Serialize, Deserialize)]
pub(super) struct FileParams {
    pub(super) path: PathBuf,
}

/// What a slot costs to be tried, as a rank.
pub(super) fn cost(kind: &str) -> u8 {
    match kind {
        FileSlot::KIND => 0,
        ssh_agent_slot::KIND => 1,
        keyring_slot::KIND => 2,
        CommandSlot::KIND => 3,
        _ => 4,
    }
}

/// Whether its secret is typed.
pub(in crate::resolve) fn is_typed(kind: &str) -> bool {
    [PassphraseSlot::KIND, RecoverySlot::KIND].contains(&kind)
}

/// What is asked for.
pub(super) fn question(typed: &[KeySlot]) -> &'static str {
    let has = |kind: &str| typed.iter().any(|slot| slot.kind == kind);
    match (has(PassphraseSlot::KIND), has(RecoverySlot::KIND)) {
        (true, false) => "Passphrase of the multicred store",
        (false, true) => "Recovery code of the multicred store",
        _ => "Passphrase of the multicred store, or its recovery code",
    }
}

/// How long a keyring or a program is waited for.
pub(super) fn patience(may_ask: bool) -> Duration {
    if may_ask { WITH_PERSON } else { ALONE }
}

/// The secret of a slot, without asking at a terminal. A keyring and a program may ask in their own way where somebody
/// is there.
pub(in crate::resolve) fn secret(
    context: &Context,
    store: &Path,
    meta: &StoreMeta,
    (kind, params): (&str, &str),
    may_ask: bool,
) -> Result<SlotSecret, Need> {
    match kind {
        FileSlot::KIND => Ok(FileSlot::at(key_file(store, params)?).read()?),
        PassphraseSlot::KIND | RecoverySlot::KIND => {
            let text = passphrase_of_file(context)?.ok_or(Need::Person)?;
            // A file that holds the one is no failure of the other.
            if (kind == RecoverySlot::KIND) != looks_like_code(&text) {
                return Err(Need::Person);
            }
            Ok(typed_secret(kind, params, &text)?)
        }
        CommandSlot::KIND => {
            let slot: CommandSlot = read(params)?;
            Ok(slot.secret(&printed(context, &slot.command, may_ask)?)?)
        }
        keyring_slot::KIND => {
            let params: KeyringParams = read(params)?;
            // A person may take their time to unlock it; one that is broken is not waited for as long.
            if may_ask && let Err(error @ KeyringError::Silent { .. }) = ready(&params) {
                return Err(Need::Fails(error.to_string()));
            }
            let read = if may_ask { keyring_slot::read } else { keyring_slot::read_quietly };
            read(&params, patience(may_ask)).map_err(|error| Need::Fails(error.to_string()))
        }
        ssh_agent_slot::KIND => {
            let params: SshAgentParams = read(params)?;
            let opened = ssh_agent_slot::open(&ssh_socket(context)?, &params, &meta.id, patience(may_ask));
            opened.map_err(|error| Need::Fails(error.to_string()))
        }
        _ => Err(Need::Fails("this version does not know its kind".to_owned())),
    }
}

fn ready(params: &KeyringParams) -> Result<Backend, KeyringError> {
    keyring_slot::ready(Some(params.backend), FIRST_WORD)
}

/// The secret that a typed text gives.
pub(super) fn typed_secret(kind: &str, params: &str, text: &Secret) -> Result<SlotSecret, String> {
    match kind {
        RecoverySlot::KIND => read::<RecoverySlot>(params)?.secret(text),
        _ => read::<PassphraseSlot>(params)?.secret(text),
    }
}

/// What is said of a slot whose own secret does not open it.
pub(in crate::resolve) const DAMAGED: &str = "what the store keeps for it was changed";

/// Whether a secret is the one that a slot was made with.
pub(in crate::resolve) fn is_own(secret: &SlotSecret, slot: &KeySlot) -> bool {
    secret.public_key()[..] == slot.public_key[..]
}

/// What is said of a secret that does not open its slot: another store's, as a rule.
pub(in crate::resolve) fn foreign(store: &Path, slot: &KeySlot, secret: &SlotSecret) -> String {
    if is_own(secret, slot) {
        return DAMAGED.to_owned();
    }
    match (slot.kind.as_str(), key_file(store, &slot.params)) {
        (FileSlot::KIND, Ok(path)) => format!("{} is the key of another store", path.display()),
        (PassphraseSlot::KIND, _) => format!("{PASSPHRASE_FILE} has another passphrase"),
        _ => "what it gives is not the secret that it was made with".to_owned(),
    }
}

/// What a slot remembers.
pub(in crate::resolve) fn read<T: DeserializeOwned>(params: &str) -> Result<T, String> {
    serde_json::from_str(params).map_err(|_| "what it remembers is damaged".to_owned())
}

/// Where a `file` slot's key file is.
pub(in crate::resolve) fn key_file(store: &Path, params: &str) -> Result<PathBuf, String> {
    Ok(store.with_file_name(read::<FileParams>(params)?.path))
}

/// Where the person's ssh-agent is.
pub(in crate::resolve) fn ssh_socket(context: &Context) -> Result<PathBuf, String> {
    let socket = context.setting("SSH_AUTH_SOCK").map(|path| PathBuf::from(path.into_owned()));
    socket.ok_or_else(|| "SSH_AUTH_SOCK is not set: there is no ssh-agent".to_owned())
}

pub(super) fn passphrase_of_file(context: &Context) -> Result<Option<Secret>, String> {
    let Some(path) = context.setting(PASSPHRASE_FILE) else { return Ok(None) };
    passphrase_in(Path::new(&*path)).map(Some).map_err(|reason| format!("{PASSPHRASE_FILE}: {reason}"))
}

/// Why the passphrase file is of no use for these slots: it has what opens slots of another kind.
pub(super) fn misfit(context: &Context, typed: &[&KeySlot]) -> Option<String> {
    let text = passphrase_of_file(context).ok()??;
    let has = |kind: &str| typed.iter().any(|slot| slot.kind == kind);
    match looks_like_code(&text) {
        false if !has(PassphraseSlot::KIND) => {
            Some(format!("{PASSPHRASE_FILE} has no recovery code: it has a slip of the pen, or a part is missing"))
        }
        true if !has(RecoverySlot::KIND) => Some(format!("{PASSPHRASE_FILE} has the recovery code of another store")),
        _ => None,
    }
}

/// A file's first line.
pub(super) fn passphrase_in(path: &Path) -> Result<Secret, String> {
    let text = regular_file::read(path, LONGEST).map_err(|error| format!("{}: {error}", path.display()))?;
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err(format!("the first line of {} is empty", path.display())) } else { Ok(Secret::new(line)) }
}

/// What a command line of the person's prints.
pub(super) fn printed(context: &Context, command: &str, may_ask: bool) -> Result<Secret, String> {
    let without = not_handed_on(context);
    let manner = Manner { what: "its command", without: &without, patience: patience(may_ask), may_ask };
    let printed = subprocess::run(Program::Shell(command), manner);
    printed.map(|(answer, _)| answer).map_err(|error| error.to_string())
}
