//! Unlocking a store: by what asks nobody first, then by whoever can be asked, once for all who wait.

use std::path::Path;

use zeroize::Zeroizing;

use super::slot::{self, Need};
use super::{By, Keys, Unlocked};
use crate::agent::{self, Agent, AgentError, Launch};
use crate::context::Context;
use crate::identity::hash::hex;
use crate::lock::{FailureKind, HopLock, PATIENCE, boot_clock};
use crate::prompt::{Dialog, PromptError, Prompter};
use crate::resolve::ResolveError;
use crate::resolve::outside::not_handed_on;
use crate::seal::{FileSlot, SealError, Sealer, StoreKey};
use crate::secret::{Sealed, Secret};
use crate::settings::{PassphraseDriver, Settings};
use crate::store::{KeySlot, Store, StoreMeta};

/// As often a person may mistype.
const TRIES: u32 = 3;
/// What is said of a text that opens nothing.
const WRONG: &str = "that opens nothing here";

/// The agent, as what seals and opens the records of one store.
pub(super) struct AgentSealer {
    agent: Agent,
    meta: StoreMeta,
}

impl AgentSealer {
    /// An agent that holds the store's key; `None` where there is none.
    pub(super) fn holding(context: &Context, meta: &StoreMeta) -> Result<Option<Self>, AgentError> {
        let Some(mut agent) = Agent::connect(&context.agent_socket())? else { return Ok(None) };
        let holds = agent.holds(&meta.id, meta.key_epoch)?;
        Ok(holds.then(|| Self { agent, meta: meta.clone() }))
    }
}

impl Sealer for AgentSealer {
    fn seal_record(&mut self, record: &[u8], associated_data: &[u8]) -> Result<Sealed, SealError> {
        let sealed = self.agent.seal(&self.meta.id, self.meta.key_epoch, associated_data, record);
        sealed.map(Sealed).map_err(|error| SealError::Agent(error.to_string()))
    }

    fn open_record(
        &mut self,
        sealed: &Sealed,
        associated_data: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        match self.agent.unseal(&self.meta.id, self.meta.key_epoch, associated_data, &sealed.0) {
            Ok(record) => Ok(Some(record)),
            Err(AgentError::DoesNotOpen) => Ok(None),
            Err(error) => Err(SealError::Agent(error.to_string())),
        }
    }
}

impl Keys<'_> {
    /// What opens the store, found at the first call.
    pub(super) fn unlock(&mut self, store: &Store) -> Result<&mut Unlocked, ResolveError> {
        if self.vault.unlocked.is_none() {
            let (meta, slots) = store.read().key_slots()?;
            let by = self.way_in(store.path(), &meta, slots)?;
            self.vault.unlocked = Some(Unlocked { meta, by });
        }
        self.vault.unlocked.as_mut().ok_or(ResolveError::CredentialGone)
    }

    /// An agent that holds the store's key; `None` where there is none, whatever the reason.
    pub(super) fn agent(&mut self, meta: &StoreMeta) -> Option<AgentSealer> {
        if self.vault.is_agent_silent {
            return None;
        }
        let found = AgentSealer::holding(self.context, meta);
        self.vault.is_agent_silent = matches!(found, Err(AgentError::Silent { .. }));
        found.ok().flatten()
    }

    /// A key file costs less than a question to the agent, and that less than any other slot.
    fn way_in(&mut self, store: &Path, meta: &StoreMeta, slots: Vec<KeySlot>) -> Result<By, ResolveError> {
        let (files, others): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.kind == FileSlot::KIND);
        let mut reasons = Vec::new();
        if let Some((key, slot)) = self.first_that_opens(store, meta, &files, &mut reasons) {
            return Ok(By::Slot(key, slot));
        }
        if let Some(agent) = self.agent(meta) {
            return Ok(By::Agent(agent));
        }
        if let Some((key, slot)) = self.first_that_opens(store, meta, &others, &mut reasons) {
            return Ok(By::Slot(key, slot));
        }
        self.ask(meta, &others, &reasons)
    }

    /// The store key itself, of a slot that `may_serve`: what the agent holds it never hands out.
    pub(super) fn slot_key(
        &mut self,
        store: &Store,
        may_serve: impl Fn(&KeySlot) -> bool,
    ) -> Result<(StoreMeta, StoreKey, KeySlot), ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        let slots: Vec<KeySlot> = slots.into_iter().filter(may_serve).collect();
        let mut reasons = Vec::new();
        let (key, slot) = match self.first_that_opens(store.path(), &meta, &slots, &mut reasons) {
            Some(opened) => opened,
            None => self.ask_person(&meta, &slots, &reasons)?,
        };
        Ok((meta, key, slot))
    }

    fn first_that_opens(
        &self,
        store: &Path,
        meta: &StoreMeta,
        slots: &[KeySlot],
        reasons: &mut Vec<String>,
    ) -> Option<(StoreKey, KeySlot)> {
        let mut slots: Vec<&KeySlot> = slots.iter().collect();
        slots.sort_by_key(|slot| slot::cost(&slot.kind));
        for slot in slots {
            let may_ask = self.prompter.can_ask().is_ok();
            let secret = slot::secret(self.context, store, meta, (&slot.kind, &slot.params), may_ask);
            let opened = secret.and_then(|secret| {
                let key = secret.unwrap_key(&slot.wrapped, &meta.id);
                key.ok_or_else(|| Need::Fails(slot::foreign(store, slot, &secret)))
            });
            match opened {
                Ok(key) => return Some((key, slot.clone())),
                Err(Need::Person) => {}
                Err(Need::Fails(reason)) => {
                    let (slot, kind) = (slot.id, slot.kind.clone());
                    reasons.push(SealError::Slot { slot, kind, reason }.to_string());
                }
            }
        }
        None
    }

    /// Asks a person, while all others that want to ask wait; the agent, where one is wanted, then serves them.
    fn ask(&mut self, meta: &StoreMeta, slots: &[KeySlot], reasons: &[String]) -> Result<By, ResolveError> {
        self.check_can_ask(slots, reasons)?;
        let since = boot_clock();
        let mut lock = self.lock(meta)?;
        if let Some(agent) = self.agent(meta) {
            return Ok(By::Agent(agent));
        }
        if let Some(told) = lock.failure_since(since) {
            return Err(ResolveError::ToldByAnother(told.clone()));
        }
        match self.ask_person(meta, slots, reasons) {
            Ok((key, slot)) => {
                lock.forget_failure();
                Ok(self.hand_over(meta, key, slot))
            }
            Err(error) => {
                if let ResolveError::Prompt(PromptError::Cancelled) = &error {
                    lock.tell_failure(FailureKind::Cancelled, "the prompt for the passphrase was cancelled".to_owned());
                }
                Err(error)
            }
        }
    }

    fn check_can_ask(&self, slots: &[KeySlot], reasons: &[String]) -> Result<(), ResolveError> {
        let typed: Vec<&KeySlot> = slots.iter().filter(|slot| slot::is_typed(&slot.kind)).collect();
        let has_window = self.context.may_prompt && self.settings()?.passphrase_driver() == PassphraseDriver::Pinentry;
        let mut reasons = reasons.to_vec();
        match self.prompter.can_ask() {
            _ if typed.is_empty() => {}
            Err(why) if !has_window => {
                reasons.extend(slot::misfit(self.context, &typed));
                reasons.push(PromptError::NoPassphrase(why).to_string());
            }
            _ => return Ok(()),
        }
        if reasons.is_empty() {
            reasons.push("it has no key slot".to_owned());
        }
        Err(ResolveError::Locked(reasons.join("; ")))
    }

    fn settings(&self) -> Result<Settings, ResolveError> {
        Ok(Settings::read(self.context.settings_file())?)
    }

    fn lock(&self, meta: &StoreMeta) -> Result<HopLock, ResolveError> {
        let folder = self.context.runtime_folder().join("locks");
        let id = hex(&meta.id);
        let waiting = |holder: &str| {
            self.context.note(&format!("waiting for process {holder}, which asks for the passphrase of the store"));
        };
        // A person types more slowly than AWS answers.
        let what = "asking for the passphrase of the store";
        Ok(HopLock::take(&folder, &format!("unlock-{id}"), what, PATIENCE * 4, waiting)?)
    }

    fn ask_person(
        &mut self,
        meta: &StoreMeta,
        slots: &[KeySlot],
        reasons: &[String],
    ) -> Result<(StoreKey, KeySlot), ResolveError> {
        self.check_can_ask(slots, reasons)?;
        let typed: Vec<&KeySlot> = slots.iter().filter(|slot| slot::is_typed(&slot.kind)).collect();
        let mut remark = (!reasons.is_empty()).then(|| reasons.join("; "));
        for _ in 0..TRIES {
            let answer = self.passphrase(slot::question(&typed), remark.as_deref())?;
            match opened_by(&answer, meta, &typed) {
                Ok(opened) => return Ok(opened),
                Err(reason) => remark = Some(reason),
            }
        }
        Err(ResolveError::WrongPassphrase)
    }

    /// Asks for a passphrase, where the settings say.
    pub(super) fn passphrase(&mut self, question: &str, remark: Option<&str>) -> Result<Secret, ResolveError> {
        let settings = self.settings()?;
        if settings.passphrase_driver() == PassphraseDriver::Terminal || !self.context.may_prompt {
            return Ok(self.prompter.passphrase(question, remark)?);
        }
        let (program, place) = (settings.passphrase_pinentry(), settings.passphrase_place());
        let missing = |_| ResolveError::NoPinentry { place, program: program.escape_debug().to_string() };
        let found = which::which(program).map_err(missing)?;
        let (without, term) = (not_handed_on(self.context), self.context.variable("TERM"));
        let mut dialog = Dialog::new("pinentry", found, &without, term, self.prompter.deadline());
        Ok(dialog.passphrase(question, remark)?)
    }

    /// Gives the key to the agent, which is started where that is wanted. Without one the key stays in this process.
    pub(super) fn hand_over(&mut self, meta: &StoreMeta, key: StoreKey, slot: KeySlot) -> By {
        let is_wanted = self.settings().is_ok_and(|settings| settings.agent_starts_on_demand());
        let runs = Agent::connect(&self.context.agent_socket()).is_ok_and(|agent| agent.is_some());
        if self.vault.is_agent_silent {
            self.context.note("the agent cannot hold the store's key: it does not answer");
        } else if is_wanted || runs {
            match hold(self.context, meta, &key) {
                Ok(()) => return self.agent(meta).map_or(By::Slot(key, slot), By::Agent),
                Err(error) => {
                    let is_other = matches!(error, ResolveError::Agent(AgentError::OtherVersion { .. }));
                    let remedy = if is_other { "; multicred agent stop ends it" } else { "" };
                    self.context.note(&format!("the agent cannot hold the store's key: {error}{remedy}"));
                }
            }
        }
        By::Slot(key, slot)
    }

    /// Unlocks the store for the agent, which is started where none runs; gives the slot that opened it, `None` where
    /// the agent held the key before.
    ///
    /// # Errors
    /// No slot opens the store, or the agent cannot hold its key.
    pub fn unlock_for_agent(&mut self, store: &Store) -> Result<Option<KeySlot>, ResolveError> {
        // First of all: nobody types a passphrase for an agent that is of no use.
        if AgentSealer::holding(self.context, &store.read().meta()?)?.is_some() {
            return Ok(None);
        }
        let (meta, key, slot) = self.slot_key(store, |_| true)?;
        hold(self.context, &meta, &key)?;
        Ok(Some(slot))
    }
}

/// The slot that a typed text opens, else what is to be said of the text.
fn opened_by(typed: &Secret, meta: &StoreMeta, slots: &[&KeySlot]) -> Result<(StoreKey, KeySlot), String> {
    let mut told = WRONG.to_owned();
    for slot in slots {
        match slot::typed_secret(&slot.kind, &slot.params, typed) {
            Ok(secret) => {
                if let Some(key) = secret.unwrap_key(&slot.wrapped, &meta.id) {
                    return Ok((key, (*slot).clone()));
                }
                if slot::is_own(&secret, slot) {
                    let (slot, kind, reason) = (slot.id, slot.kind.clone(), slot::DAMAGED.to_owned());
                    told = SealError::Slot { slot, kind, reason }.to_string();
                }
            }
            Err(reason) if slots.len() == 1 => told = reason,
            Err(_) => {}
        }
    }
    Err(told)
}

/// Has the agent hold a key; it is started where none runs.
pub(super) fn hold(context: &Context, meta: &StoreMeta, key: &StoreKey) -> Result<(), ResolveError> {
    let socket = context.agent_socket();
    let running = Agent::connect(&socket)?;
    if running.is_none() {
        let program = context.own_program().ok_or(ResolveError::CredentialGone)?;
        let idle = Settings::read(context.settings_file())?.agent_idle();
        let environment = context.agent_environment();
        agent::start(&Launch { program: &program, socket: &socket, idle, environment })?;
    }
    let mut agent = running.map_or_else(|| Agent::connect(&socket)?.ok_or(AgentError::Gone), Ok)?;
    Ok(agent.hold(&meta.id, meta.key_epoch, key.expose())?)
}
