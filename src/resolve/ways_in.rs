//! What opens a store: its key slots, in words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::vault::{self, Need};
use crate::context::Context;
use crate::seal::keyring_slot::{self, KeyringError, KeyringParams};
use crate::seal::ssh_agent_slot::{self, SshAgentParams};
use crate::seal::{CommandSlot, FileSlot, PassphraseSlot, RecoverySlot};
use crate::store::{KeySlot, StoreMeta};

/// How long a keyring is waited for that is only looked at.
const KEYRING_PATIENCE: Duration = Duration::from_secs(2);

/// Whether a key slot opens the store here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Without asking anybody.
    Opens,
    /// Once somebody or something is asked, which was not done.
    Asks,
    /// Not as things are, for this reason.
    Fails(String),
}

/// One key slot, as a person is told of it.
#[derive(Clone, Debug)]
pub struct WayIn {
    /// Its number.
    pub number: i64,
    /// Its kind.
    pub kind: String,
    /// Since when it is there, epoch seconds UTC.
    pub since: i64,
    /// What it takes to open the store with it.
    pub needs: String,
    /// The file that holds its secret: no part of the store, nor of a backup.
    pub key_file: Option<PathBuf>,
    /// The program that gives its secret.
    pub command: Option<String>,
    /// What takes it away: `logout` or `reboot`; `None` where it stays.
    pub until: Option<&'static str>,
    /// Whether it opens here.
    pub opening: Opening,
    /// Whether what the store keeps of it was changed.
    pub is_damaged: bool,
}

impl WayIn {
    /// A slot of the store at this path, and whether it opens it. No program is run, and nobody is asked at a terminal.
    pub fn of(context: &Context, store: &Path, meta: &StoreMeta, slot: &KeySlot) -> Self {
        let (opening, is_changed) = opening(context, store, meta, slot);
        let described = Self::described(store, slot);
        Self { opening, is_damaged: is_changed || described.is_damaged, ..described }
    }

    /// A slot, which is not tried.
    pub fn described(store: &Path, slot: &KeySlot) -> Self {
        let known = known(store, slot);
        let is_damaged = known.is_err();
        let Known { needs, key_file, command, until } = known.unwrap_or_else(plain);
        let (number, kind, since) = (slot.id, slot.kind.clone(), slot.created_at);
        Self { number, kind, since, needs, key_file, command, until, opening: Opening::Asks, is_damaged }
    }

    /// How long it opens the store, in words; `None` where nothing takes it away.
    pub fn lasts(&self) -> Option<String> {
        let end = self.until?;
        let then = if self.kind == ssh_agent_slot::KIND { ", then once the SSH key is added again" } else { "" };
        Some(format!("until the next {end}{then}"))
    }

    /// What brings it back where it does not open.
    pub fn remedy(&self) -> String {
        let anew = format!("multicred key remove {0}, and multicred key add {1} again", self.number, self.kind);
        match (self.kind.as_str(), &self.key_file) {
            _ if self.is_damaged => format!("{anew}; or multicred restore FILE, of a backup"),
            (FileSlot::KIND, Some(file)) => format!("bring {} back from where you keep a copy of it", file.display()),
            (PassphraseSlot::KIND | RecoverySlot::KIND, _) => {
                format!(
                    "correct what {0} names; or unset {0}, and it is asked for on a terminal",
                    vault::PASSPHRASE_FILE
                )
            }
            (ssh_agent_slot::KIND, _) => format!("ssh-add FILE, of the SSH key; or {anew}"),
            (keyring_slot::KIND, _) => format!("log in where that keyring is, and unlock it; or {anew}"),
            _ => "use a newer multicred".to_owned(),
        }
    }

    /// Whether a person must type its secret: then it opens a copy of the store on any machine.
    pub fn is_typed(&self) -> bool {
        vault::is_typed(&self.kind)
    }

    /// Where its secret is, if that is this machine alone: a copy of the store does not take it along.
    pub fn stays_behind(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            FileSlot::KIND => Some("which is NOT in the backup: keep a copy of it, in another place"),
            keyring_slot::KIND => Some("which is NOT in the backup, and on this machine alone"),
            _ => None,
        }
    }
}

/// What is known of a kind of slot.
struct Known {
    needs: String,
    key_file: Option<PathBuf>,
    command: Option<String>,
    until: Option<&'static str>,
}

fn plain(needs: impl Into<String>) -> Known {
    Known { needs: needs.into(), key_file: None, command: None, until: None }
}

/// One arm a kind.
fn known(store: &Path, slot: &KeySlot) -> Result<Known, String> {
    Ok(match slot.kind.as_str() {
        FileSlot::KIND => {
            let path = vault::key_file(store, &slot.params)?;
            Known { key_file: Some(path.clone()), ..plain(format!("the key file {}", path.display())) }
        }
        CommandSlot::KIND => {
            let command = vault::read::<CommandSlot>(&slot.params)?.command;
            Known { command: Some(command.clone()), ..plain(format!("what this command prints: {command}")) }
        }
        PassphraseSlot::KIND => {
            let how = vault::read::<PassphraseSlot>(&slot.params)?.describe();
            plain(format!("its passphrase ({how})"))
        }
        RecoverySlot::KIND => {
            vault::read::<RecoverySlot>(&slot.params)?;
            plain("the recovery code that was shown for it")
        }
        ssh_agent_slot::KIND => {
            let key = vault::read::<SshAgentParams>(&slot.params)?.key().ok_or("its SSH key is damaged")?;
            Known { until: Some("logout"), ..plain(format!("the SSH key {key} in the ssh-agent")) }
        }
        keyring_slot::KIND => {
            let KeyringParams { backend, account, .. } = vault::read(&slot.params)?;
            let until = match (backend.survives_reboot(), backend.survives_logout()) {
                (false, _) => Some("reboot"),
                (true, false) => Some("logout"),
                (true, true) => None,
            };
            Known { until, ..plain(format!("the entry {account} of multicred in the keyring ({backend})")) }
        }
        kind => plain(format!("a multicred that knows key slots of the kind {kind}")),
    })
}

/// Whether a slot opens the store, found out without running a program or showing a window; and whether what the store
/// keeps of it was changed.
fn opening(context: &Context, store: &Path, meta: &StoreMeta, slot: &KeySlot) -> (Opening, bool) {
    let given = || vault::secret(context, store, meta, (&slot.kind, &slot.params), false);
    let secret = match slot.kind.as_str() {
        // Reading a key file to use it would tighten its mode.
        FileSlot::KIND => {
            vault::key_file(store, &slot.params).and_then(|file| FileSlot::at(file).look()).map_err(Need::Fails)
        }
        CommandSlot::KIND => Err(Need::Person),
        keyring_slot::KIND => keyring_answers(&slot.params).and_then(|()| given()),
        // With `ssh-add -c` the person would be asked.
        ssh_agent_slot::KIND => match ssh_key_is_there(context, &slot.params) {
            Ok(()) => Err(Need::Person),
            Err(reason) => Err(Need::Fails(reason)),
        },
        _ => given(),
    };
    match secret {
        Ok(secret) => {
            let (opens, is_own) =
                (secret.unwrap_key(&slot.wrapped, &vault::wrapping(meta)).is_some(), vault::is_own(&secret, slot));
            let opening = if opens { Opening::Opens } else { Opening::Fails(vault::foreign(store, slot, &secret)) };
            (opening, opens != is_own)
        }
        Err(Need::Person) => (Opening::Asks, false),
        Err(Need::Fails(reason)) => (Opening::Fails(reason), false),
    }
}

fn keyring_answers(params: &str) -> Result<(), Need> {
    let params: KeyringParams = vault::read(params)?;
    match keyring_slot::ready(Some(params.backend), KEYRING_PATIENCE) {
        Ok(_) => Ok(()),
        Err(KeyringError::Locked) => Err(Need::Person),
        Err(error) => Err(Need::Fails(error.to_string())),
    }
}

fn ssh_key_is_there(context: &Context, params: &str) -> Result<(), String> {
    let wanted = vault::read::<SshAgentParams>(params)?.key().ok_or("its SSH key is damaged")?;
    let keys = ssh_agent_slot::keys(&vault::ssh_socket(context)?).map_err(|error| error.to_string())?;
    let is_there = keys.iter().any(|key| key.blob == wanted.blob);
    if is_there { Ok(()) } else { Err(format!("the SSH key {wanted} is not in the ssh-agent")) }
}
