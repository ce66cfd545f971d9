//! The `ssh-agent` slot: the slot's secret from a signature that an ssh-agent makes, always the same one.
//!
//! What is signed is random, kept in the store, and begins with words that are neither an SSH login nor an SSHSIG
//! (`ssh-keygen -Y sign`): a signature that the key gave for anything else opens nothing, and this one nothing else. Whoever
//! can have the key sign, and has a copy of the store, can open the store.

mod agent;
mod key;
mod wire;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{SealError, SlotSecret, random};
use agent::Agent;
use wire::put_string;

pub use key::AgentKey;

/// How long a signature for a new slot may take: an agent may ask its person first.
const WITH_A_PERSON: Duration = Duration::from_mins(1);
/// The slot's kind, as stored.
pub const KIND: &str = "ssh-agent";
/// How the secret is made from a signature.
const VERSION: u8 = 1;
/// Read as the length that an SSH login begins with, the first four bytes are 1.8 GB.
const SIGNED: &[u8] = b"multicred ssh-agent key slot v1\0";
const PURPOSE: &[u8] = b"multicred ssh-agent slot secret v1";

/// What the store keeps of such a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshAgentParams {
    version: u8,
    /// Base64, as in a `.pub` file.
    public_key: String,
    comment: String,
    /// 32 random bytes, base64.
    challenge: String,
}

/// Why an ssh-agent opens no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshAgentError {
    /// Nobody listens there.
    #[error("there is no ssh-agent at {socket}: {reason}")]
    NoAgent {
        /// The socket.
        socket: String,
        /// The system's words.
        reason: String,
    },
    /// It takes a connection or a request, and says nothing.
    #[error("the ssh-agent gave no answer within {seconds} s")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// It says something else.
    #[error("what listens at the ssh-agent's socket is none, or is broken: {0}")]
    Garbled(&'static str),
    /// It has no key at all: a locked one says the same.
    #[error("the ssh-agent has no key, or is locked")]
    Empty,
    /// None of its keys will do.
    #[error("the ssh-agent has no key that a slot can rest on: {0}")]
    NoneUsable(String),
    /// Which one?
    #[error("the ssh-agent has several keys that a slot can rest on: {0}")]
    Several(String),
    /// Not one of its keys.
    #[error("the ssh-agent has no key {which}; it has {keys}")]
    Unknown {
        /// What was asked for.
        which: String,
        /// What it has.
        keys: String,
    },
    /// The key asked for will not do.
    #[error("no key slot can rest on {key}, of type {algorithm}: {reason}")]
    Unsupported {
        /// Its fingerprint and comment.
        key: String,
        /// Its type.
        algorithm: String,
        /// Why.
        reason: &'static str,
    },
    /// The slot's key is not there.
    #[error("the ssh-agent does not have the key {0}")]
    NotLoaded(String),
    /// The key is there, and the agent, or its person, does not sign.
    #[error("the ssh-agent refused to sign with {0}")]
    Refused(String),
    /// Two signatures over the same data differ.
    #[error("{0} does not sign the same data alike each time, so no key slot can rest on it")]
    NotDeterministic(String),
    /// The signature is none of that key, or none of the kind asked for.
    #[error("what the ssh-agent gives is no signature of {0} (ssh-ed25519, or rsa-sha2-512 of an RSA key)")]
    NotASignature(String),
    /// The slot's parameters are none.
    #[error("the slot's parameters are malformed, or of a later version")]
    Params,
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] SealError),
}

impl SshAgentParams {
    /// The key that the slot rests on; `None` where the parameters are malformed.
    pub fn key(&self) -> Option<AgentKey> {
        Some(AgentKey::new(STANDARD.decode(&self.public_key).ok()?, self.comment.clone()))
    }

    fn challenge(&self) -> Option<[u8; 32]> {
        STANDARD.decode(&self.challenge).ok()?.try_into().ok()
    }
}

/// The keys that the agent at `socket` has; a locked one says that it has none.
///
/// # Errors
/// There is no agent, or it does not answer as one.
pub fn keys(socket: &Path) -> Result<Vec<AgentKey>, SshAgentError> {
    listed(&mut Agent::connect(socket)?)
}

/// A new slot, resting on the key that `which` means: a fingerprint, a comment, or the line of a `.pub` file; without
/// it, on the only key that will do.
///
/// # Errors
/// There is no such agent or key, or the key does not sign alike each time.
pub fn create(
    socket: &Path,
    which: Option<&str>,
    store_id: &[u8],
) -> Result<(SshAgentParams, SlotSecret), SshAgentError> {
    let mut agent = Agent::connect(socket)?;
    let key = chosen(listed(&mut agent)?, which)?;
    let challenge: [u8; 32] = random()?;
    let first = signature(&mut agent, &key, store_id, &challenge, WITH_A_PERSON)?;
    // ring has held both against the public key; that they are equal is what the slot rests on.
    if *signature(&mut agent, &key, store_id, &challenge, WITH_A_PERSON)? != *first {
        return Err(SshAgentError::NotDeterministic(key.to_string()));
    }
    let params = SshAgentParams {
        version: VERSION,
        public_key: STANDARD.encode(&key.blob),
        comment: key.comment,
        challenge: STANDARD.encode(challenge),
    };
    Ok((params, SlotSecret::extracted(&first, &challenge, PURPOSE)))
}

/// The secret of a slot. An agent may ask its person first (`ssh-add -c`), who has as long as `within`.
///
/// # Errors
/// There is no agent, it does not have the key, or does not sign with it.
pub fn open(
    socket: &Path,
    params: &SshAgentParams,
    store_id: &[u8],
    within: Duration,
) -> Result<SlotSecret, SshAgentError> {
    let (Some(key), Some(challenge), VERSION) = (params.key(), params.challenge(), params.version) else {
        return Err(SshAgentError::Params);
    };
    key::flags(&key.blob).map_err(|_| unsupported(&key))?;
    let mut agent = Agent::connect(socket)?;
    // First: a list is had at once, or it shows that the agent is at the far end of a connection that is long dead.
    match listed(&mut agent)? {
        keys if keys.is_empty() => Err(SshAgentError::Empty),
        keys if keys.iter().all(|listed| listed.blob != key.blob) => Err(SshAgentError::NotLoaded(key.to_string())),
        _ => {
            let signature = signature(&mut agent, &key, store_id, &challenge, within)?;
            Ok(SlotSecret::extracted(&signature, &challenge, PURPOSE))
        }
    }
}

fn listed(agent: &mut Agent) -> Result<Vec<AgentKey>, SshAgentError> {
    Ok(agent.identities()?.into_iter().map(|(blob, comment)| AgentKey::new(blob, comment)).collect())
}

fn chosen(keys: Vec<AgentKey>, which: Option<&str>) -> Result<AgentKey, SshAgentError> {
    if keys.is_empty() {
        return Err(SshAgentError::Empty);
    }
    let all = shown(&keys);
    let meant = keys.into_iter().filter(|key| which.is_none_or(|which| key.is_meant(which)));
    let (mut usable, unusable): (Vec<_>, Vec<_>) = meant.partition(|key| key.usable.is_ok());
    match (usable.pop(), unusable.first(), which) {
        (Some(only), _, _) if usable.is_empty() => Ok(only),
        (Some(last), _, _) => {
            usable.push(last);
            Err(SshAgentError::Several(shown(&usable)))
        }
        (None, Some(key), Some(_)) => Err(unsupported(key)),
        (None, _, None) => Err(SshAgentError::NoneUsable(shown(&unusable))),
        (None, None, Some(which)) => Err(SshAgentError::Unknown { which: which.trim().to_owned(), keys: all }),
    }
}

fn unsupported(key: &AgentKey) -> SshAgentError {
    let reason = key.usable.err().unwrap_or_default();
    SshAgentError::Unsupported { key: key.to_string(), algorithm: key.algorithm.clone(), reason }
}

fn shown(keys: &[AgentKey]) -> String {
    let one = |key: &AgentKey| match key.usable {
        Ok(()) => key.to_string(),
        Err(reason) => format!("{key}: {reason}"),
    };
    keys.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The bytes of the key's signature, held against its public key.
fn signature(
    agent: &mut Agent,
    key: &AgentKey,
    store_id: &[u8],
    challenge: &[u8],
    within: Duration,
) -> Result<Zeroizing<Vec<u8>>, SshAgentError> {
    let flags = key::flags(&key.blob).map_err(|_| unsupported(key))?;
    let mut data = SIGNED.to_vec();
    put_string(&mut data, store_id);
    put_string(&mut data, challenge);
    let signed = agent.sign(&key.blob, &data, flags, within)?.ok_or_else(|| SshAgentError::Refused(key.to_string()))?;
    let bytes = key::verified(&key.blob, &data, &signed);
    bytes.map(|bytes| Zeroizing::new(bytes.to_vec())).ok_or_else(|| SshAgentError::NotASignature(key.to_string()))
}
