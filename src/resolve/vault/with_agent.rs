//! The agent, as what seals and opens for one store: who gives it which key, and when.

use zeroize::Zeroizing;

use crate::agent::{self, Agent, AgentError, Launch};
use crate::context::Context;
use crate::identity::hash::hex;
use crate::lock::{HopLock, LockError, PATIENCE};
use crate::resolve::ResolveError;
use crate::seal::{SealError, Sealer, StoreKey};
use crate::secret::Sealed;
use crate::settings::Settings;
use crate::store::{Store, StoreError, StoreMeta};

/// The agent, as what seals and opens the records of one store.
pub(super) struct AgentSealer {
    agent: Agent,
    meta: StoreMeta,
}

impl AgentSealer {
    /// An agent, which may hold the store's key; `None` where there is none, whatever the reason.
    pub(super) fn connected(context: &Context, meta: &StoreMeta) -> Option<Self> {
        let agent = Agent::connect(&context.agent_socket()).ok().flatten()?;
        Some(Self { agent, meta: meta.clone() })
    }

    /// An agent that holds the store's key; `None` where there is none, whatever the reason.
    pub(super) fn holding(context: &Context, meta: &StoreMeta) -> Option<Self> {
        Self::found(context, meta).ok().flatten()
    }

    /// The same, with the reason.
    pub(super) fn found(context: &Context, meta: &StoreMeta) -> Result<Option<Self>, AgentError> {
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

/// Whether an agent may be started where none runs.
///
/// # Errors
/// The settings cannot be read.
pub fn may_start_agent(context: &Context) -> Result<bool, ResolveError> {
    Ok(Settings::read(context.settings_file())?.agent_starts_on_demand())
}

/// The agent, started where none runs.
///
/// # Errors
/// It does not start, or speaks another version.
pub fn running_agent(context: &Context) -> Result<Agent, ResolveError> {
    let socket = context.agent_socket();
    if let Some(mut running) = Agent::connect(&socket)? {
        // One of another version says so only when it is asked something.
        running.status()?;
        return Ok(running);
    }
    let program = context.own_program().ok_or(ResolveError::CredentialGone)?;
    let idle = Settings::read(context.settings_file())?.agent_idle();
    let environment = context.agent_environment();
    agent::start(&Launch { program: &program, socket: &socket, idle, environment })?;
    Ok(Agent::connect(&socket)?.ok_or(AgentError::Gone)?)
}

/// Has the agent hold a key; it is started where none runs. Not a key that the store has no longer: that would take the
/// place of the new one, which the rotation has given to the agent.
pub(super) fn hold(context: &Context, store: &Store, meta: &StoreMeta, key: &StoreKey) -> Result<(), ResolveError> {
    let mut agent = running_agent(context)?;
    let _alone = lock(context, meta)?;
    if store.read().meta()? != *meta {
        return Err(StoreError::KeyChanged(store.path().to_owned()).into());
    }
    Ok(agent.hold(&meta.id, meta.key_epoch, key.expose())?)
}

/// Gives the agent the new key of a store of which it holds a former one: that makes room for it. An agent that holds none
/// of the store's keys gets none.
pub(super) fn replace(context: &Context, store: &Store, meta: &StoreMeta, key: &StoreKey) -> Result<(), ResolveError> {
    let Some(mut agent) = Agent::connect(&context.agent_socket())? else { return Ok(()) };
    // Whoever gives it a key meanwhile has seen the new one in the store, or is done before.
    let _alone = lock(context, meta)?;
    let is_wanted = agent.status()?.held.iter().any(|held| held.store_id == meta.id);
    // A later rotation looks after it itself.
    if is_wanted && store.read().meta()? == *meta {
        agent.hold(&meta.id, meta.key_epoch, key.expose())?;
    }
    Ok(())
}

/// Whoever holds it looks which key the store has and gives that one to the agent, in one step. Without a place for locks
/// there is none.
fn lock(context: &Context, meta: &StoreMeta) -> Result<Option<HopLock>, LockError> {
    let folder = context.runtime_folder().join("locks");
    let name = format!("agent-{}", hex(&meta.id));
    match HopLock::take(&folder, &name, "giving the agent the store's key", PATIENCE, |_| ()) {
        Err(LockError::Unusable { .. }) => Ok(None),
        taken => taken.map(Some),
    }
}
