//! Unlocking a store: by what asks nobody first, then by whoever can be asked, once for all who wait.

use std::path::Path;
use std::time::Instant;

use super::rotate::rotation_lock;
use super::slot::{self, Need};
use super::with_agent::{AgentSealer, hold, running_agent};
use super::{By, Keys, Unlocked, wrapping};
use crate::agent::{Agent, AgentError};
use crate::identity::hash::hex;
use crate::lock::{BRIEF_PATIENCE, FailureKind, HopLock, LockError, PATIENCE, boot_clock};
use crate::prompt::{Dialog, PromptError, Prompter};
use crate::resolve::ResolveError;
use crate::resolve::outside::not_handed_on;
use crate::seal::{
    CommandSlot, FileSlot, Pin, RecoverySlot, SealError, SlotSecret, StoreKey, looks_like_code, seems_like_code,
};
use crate::secret::Secret;
use crate::settings::{PassphraseDriver, Settings};
use crate::store::{KeySlot, Store, StoreError, StoreMeta};

/// As often a person may mistype.
const TRIES: u32 = 3;
/// What is said of a text that opens nothing.
const WRONG: &str = "that opens nothing here";
const SLIP: &str = "that opens nothing here; if it is the recovery code, it has a slip of the pen";

/// What a slot has opened.
pub(super) struct Opened {
    pub(super) meta: StoreMeta,
    pub(super) key: StoreKey,
    pub(super) slot: KeySlot,
    /// The public key of the secret that opened it, and the pin.
    pub(super) public_key: [u8; 32],
    pub(super) pin: Pin,
}

impl Opened {
    /// `None` where the secret is not that of the slot.
    fn by(secret: &SlotSecret, meta: &StoreMeta, slot: &KeySlot) -> Option<Self> {
        let key = secret.unwrap_key(&slot.wrapped, &wrapping(meta))?;
        Some(Self { meta: meta.clone(), key, slot: slot.clone(), public_key: secret.public_key(), pin: secret.pin() })
    }
}

impl From<Opened> for Unlocked {
    fn from(opened: Opened) -> Self {
        Self { meta: opened.meta, by: By::Slot(opened.key, opened.slot) }
    }
}

impl Keys<'_> {
    /// Unlocks the store now, where that has not been done.
    ///
    /// # Errors
    /// Nothing opens it, or the person said no.
    pub(in crate::resolve) fn unlock_now(&mut self, store: &Store) -> Result<(), ResolveError> {
        self.unlock(store).map(drop)
    }

    /// What opens the store, found at the first call.
    pub(super) fn unlock(&mut self, store: &Store) -> Result<&mut Unlocked, ResolveError> {
        if self.vault.unlocked.is_none() {
            self.vault.unlocked = Some(self.way_in(store)?);
        }
        self.vault.unlocked.as_mut().ok_or(ResolveError::CredentialGone)
    }

    /// A key file costs less than a question to the agent, and that less than any other slot.
    fn way_in(&mut self, store: &Store) -> Result<Unlocked, ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        let (files, others): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.kind == FileSlot::KIND);
        let mut reasons = Vec::new();
        if let Some(opened) = self.first_that_opens(store.path(), &meta, &files, &mut reasons) {
            return Ok(opened.into());
        }
        if let Some(agent) = self.agent(&meta) {
            return Ok(agent);
        }
        if let Some(unlocked) = self.unasked(store, &meta, &others, &mut reasons)? {
            return Ok(unlocked);
        }
        match self.ask(store, &others, &|_| true, &reasons, Wanted::Unlocked)? {
            Asked::Typed(opened) => Ok(self.agent(&opened.meta).unwrap_or_else(|| opened.into())),
            Asked::Agent(unlocked) => Ok(unlocked),
        }
    }

    /// What opens by itself. A program of the person's may ask them for something: then all others that want the same
    /// wait, and the agent serves them.
    fn unasked(
        &mut self,
        store: &Store,
        meta: &StoreMeta,
        slots: &[KeySlot],
        reasons: &mut Vec<String>,
    ) -> Result<Option<Unlocked>, ResolveError> {
        let may_ask = self.prompter.can_ask().is_ok() && slots.iter().any(|slot| slot.kind == CommandSlot::KIND);
        let _alone = if may_ask { self.lock(meta)? } else { None };
        if let Some(agent) = may_ask.then(|| self.agent(meta)).flatten() {
            return Ok(Some(agent));
        }
        let Some(opened) = self.first_that_opens(store.path(), meta, slots, reasons) else { return Ok(None) };
        if may_ask && opened.slot.kind == CommandSlot::KIND {
            self.share(store, &opened);
            return Ok(Some(self.agent(&opened.meta).unwrap_or_else(|| opened.into())));
        }
        Ok(Some(opened.into()))
    }

    fn agent(&mut self, meta: &StoreMeta) -> Option<Unlocked> {
        if self.vault.agent_is_silent {
            return None;
        }
        let found = AgentSealer::found(self.context, meta);
        self.vault.agent_is_silent = matches!(found, Err(AgentError::Silent { .. }));
        Some(Unlocked { meta: meta.clone(), by: By::Agent(found.ok().flatten()?) })
    }

    /// The store key itself, of a slot that `may_serve`: what the agent holds it never hands out.
    pub(super) fn slot_key(
        &mut self,
        store: &Store,
        may_serve: &dyn Fn(&KeySlot) -> bool,
    ) -> Result<Opened, ResolveError> {
        let (meta, mut slots) = store.read().key_slots()?;
        slots.retain(may_serve);
        let mut reasons = Vec::new();
        if let Some(opened) = self.first_that_opens(store.path(), &meta, &slots, &mut reasons) {
            return Ok(opened);
        }
        match self.ask(store, &slots, may_serve, &reasons, Wanted::Key)? {
            Asked::Typed(opened) => Ok(opened),
            Asked::Agent(_) => Err(ResolveError::WrongPassphrase),
        }
    }

    fn first_that_opens(
        &self,
        store: &Path,
        meta: &StoreMeta,
        slots: &[KeySlot],
        reasons: &mut Vec<String>,
    ) -> Option<Opened> {
        let mut slots: Vec<&KeySlot> = slots.iter().collect();
        slots.sort_by_key(|slot| slot::cost(&slot.kind));
        for slot in slots {
            let may_ask = self.prompter.can_ask().is_ok();
            let secret = slot::secret(self.context, store, meta, (&slot.kind, &slot.params), may_ask);
            let opened = secret.and_then(|secret| {
                Opened::by(&secret, meta, slot).ok_or_else(|| Need::Fails(slot::foreign(store, slot, &secret)))
            });
            match opened {
                Ok(opened) => return Some(opened),
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
    fn ask(
        &mut self,
        store: &Store,
        slots: &[KeySlot],
        may_serve: &dyn Fn(&KeySlot) -> bool,
        reasons: &[String],
        wanted: Wanted,
    ) -> Result<Asked, ResolveError> {
        // A person takes long: what is looked at meanwhile, and after, is the store as it then is.
        store.end_snapshot();
        let meta = store.read().meta()?;
        if let Err(locked) = self.check_can_ask(slots, reasons) {
            let agent = if wanted == Wanted::Unlocked { self.agent_after_rotation(store) } else { None };
            return agent.map(Asked::Agent).ok_or(locked);
        }
        let since = boot_clock();
        let mut lock = self.lock(&meta)?;
        let meta = store.read().meta()?;
        if let Some(agent) = (wanted == Wanted::Unlocked).then(|| self.agent(&meta)).flatten() {
            return Ok(Asked::Agent(agent));
        }
        if let Some(told) = lock.as_ref().and_then(|lock| lock.failure_since(since)) {
            return Err(ResolveError::ToldByAnother(told.clone()));
        }
        let opened = self.ask_person(store, slots, may_serve, reasons);
        match (&opened, &mut lock) {
            (Ok(_), Some(lock)) => lock.forget_failure(),
            (Err(ResolveError::Prompt(PromptError::Cancelled)), Some(lock)) => {
                lock.tell_failure(FailureKind::Cancelled, "the prompt for the passphrase was cancelled".to_owned());
            }
            _ => {}
        }
        let opened = opened?;
        self.share(store, &opened);
        Ok(Asked::Typed(opened))
    }

    /// The agent, where another process has just been giving the store a new key: until that is done, the agent has only
    /// the former one.
    fn agent_after_rotation(&mut self, store: &Store) -> Option<Unlocked> {
        let meta = store.read().meta().ok().filter(|_| self.vault.unrotated.is_none())?;
        let _done = rotation_lock(self.context, &meta, BRIEF_PATIENCE).ok()?;
        self.agent(&store.read().meta().ok()?)
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

    /// Without a place for locks each asks for itself.
    fn lock(&self, meta: &StoreMeta) -> Result<Option<HopLock>, ResolveError> {
        let folder = self.context.runtime_folder().join("locks");
        let id = hex(&meta.id);
        let waiting = |holder: &str| {
            self.context.note(&format!("waiting for process {holder}, which asks for the passphrase of the store"));
        };
        // A person types more slowly than AWS answers; a program may wait for this process less long.
        let deadline = self.prompter.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = deadline.unwrap_or(PATIENCE * 4);
        let what = "asking for the passphrase of the store";
        match HopLock::take(&folder, &format!("unlock-{id}"), what, patience, waiting) {
            Err(LockError::Unusable { .. }) => Ok(None),
            taken => Ok(Some(taken?)),
        }
    }

    fn ask_person(
        &mut self,
        store: &Store,
        slots: &[KeySlot],
        may_serve: &dyn Fn(&KeySlot) -> bool,
        reasons: &[String],
    ) -> Result<Opened, ResolveError> {
        self.check_can_ask(slots, reasons)?;
        store.end_snapshot();
        let mut slots: Vec<KeySlot> = slots.iter().filter(|slot| slot::is_typed(&slot.kind)).cloned().collect();
        let mut remark = (!reasons.is_empty()).then(|| reasons.join("; "));
        for _ in 0..TRIES {
            let answer = self.passphrase(slot::question(&slots), remark.as_deref())?;
            // The store may have got another key since the question.
            let (meta, now) = store.read().key_slots()?;
            slots = now.into_iter().filter(|slot| slot::is_typed(&slot.kind) && may_serve(slot)).collect();
            match opened_by(&answer, &meta, &slots) {
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
    pub(super) fn share(&mut self, store: &Store, opened: &Opened) {
        if self.vault.agent_is_silent {
            self.context.note("the agent cannot hold the store's key: it does not answer");
            return;
        }
        let is_wanted = self.settings().is_ok_and(|settings| settings.agent_starts_on_demand());
        let runs = || Agent::connect(&self.context.agent_socket()).is_ok_and(|agent| agent.is_some());
        if !is_wanted && !runs() {
            return;
        }
        match hold(self.context, store, &opened.meta, &opened.key) {
            // It is found out at the first use.
            Ok(()) | Err(ResolveError::Store(StoreError::KeyChanged(_))) => {}
            Err(error) => {
                let is_other = matches!(error, ResolveError::Agent(AgentError::OtherVersion { .. }));
                let remedy = if is_other { "; multicred agent stop ends it" } else { "" };
                self.context.note(&format!("the agent cannot hold the store's key: {error}{remedy}"));
            }
        }
    }

    /// Unlocks the store for the agent, which is started where none runs; gives the slot that opened it, `None` where
    /// the agent held the key before.
    ///
    /// # Errors
    /// No slot opens the store, or the agent cannot hold its key.
    pub fn unlock_for_agent(&mut self, store: &mut Store) -> Result<Option<KeySlot>, ResolveError> {
        self.unless_rotated(store, |keys, store| keys.unlock_once(store))
    }

    fn unlock_once(&mut self, store: &Store) -> Result<Option<KeySlot>, ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        if AgentSealer::holding(self.context, &meta).is_some() {
            return Ok(None);
        }
        // An agent of another version, or none that can be started, is told of before anybody types anything.
        running_agent(self.context)?;
        let mut reasons = Vec::new();
        let opened = match self.first_that_opens(store.path(), &meta, &slots, &mut reasons) {
            Some(opened) => opened,
            None => match self.ask(store, &slots, &|_| true, &reasons, Wanted::Unlocked)? {
                Asked::Typed(opened) => opened,
                Asked::Agent(_) => return Ok(None),
            },
        };
        if AgentSealer::holding(self.context, &opened.meta).is_none() {
            hold(self.context, store, &opened.meta, &opened.key)?;
        }
        Ok(Some(opened.slot))
    }
}

/// What a person is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// That the store is open, whoever has its key.
    Unlocked,
    /// The key itself.
    Key,
}

/// What came of asking.
enum Asked {
    /// What was typed opens the store.
    Typed(Opened),
    /// Another process has asked meanwhile, and the agent has the key.
    Agent(Unlocked),
}

/// The slot that a typed text opens, else what is to be said of the text.
fn opened_by(typed: &Secret, meta: &StoreMeta, slots: &[KeySlot]) -> Result<Opened, String> {
    let has_code = slots.iter().any(|slot| slot.kind == RecoverySlot::KIND);
    let is_slip = has_code && seems_like_code(typed) && !looks_like_code(typed);
    let mut told = if is_slip { SLIP } else { WRONG }.to_owned();
    for slot in slots {
        match slot::typed_secret(&slot.kind, &slot.params, typed) {
            Ok(secret) => {
                if let Some(opened) = Opened::by(&secret, meta, slot) {
                    return Ok(opened);
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
