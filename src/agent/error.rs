//! Why an agent did not do what it was asked. None of it repeats what was asked.

use std::io;
use std::path::Path;

use super::protocol::{Code, PROGRAM_VERSION, VERSION};

/// Why an agent did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// It holds no such key.
    #[error("the agent does not hold the store's key")]
    NotHeld,
    /// Another key, another binding, or changed bytes.
    #[error("the agent's key does not open this seal: it was changed, moved, or sealed with another key")]
    DoesNotOpen,
    /// It holds another key of that store and epoch.
    #[error("the agent holds another key of the same store")]
    Conflict,
    /// It holds as many keys, or sessions, as it can.
    #[error("the agent holds as many keys or live sessions as it can")]
    Full,
    /// It has too much to do at once.
    #[error("the agent has too much to do at once")]
    Busy,
    /// No frame is that long.
    #[error("that is too long for the agent")]
    TooLong,
    /// The system gives no random numbers.
    #[error("the system gives the agent no random numbers")]
    NoRandom,
    /// There is no such live session, or it is another process's.
    #[error("the agent has no such live session")]
    NoSession,
    /// It cannot serve an endpoint.
    #[error("the agent cannot serve an endpoint: {0}")]
    NoEndpoint(String),
    /// It speaks another version of the protocol.
    #[error(
        "the agent is multicred {program} (protocol {protocol}), and this is multicred {PROGRAM_VERSION} (protocol \
         {VERSION})"
    )]
    OtherVersion {
        /// The version of its protocol.
        protocol: u8,
        /// The version of its program.
        program: String,
    },
    /// The process that listens is another user's.
    #[error("the agent's socket {path} belongs to a process of user {uid}")]
    NotOurs {
        /// The socket.
        path: String,
        /// Whose it is.
        uid: u32,
    },
    /// There was no answer in time.
    #[error("the agent does not answer: waited {waited} s")]
    Silent {
        /// For how long, in seconds.
        waited: u64,
    },
    /// It ended before it answered.
    #[error("the agent ended before it answered")]
    Gone,
    /// What answers is no agent.
    #[error("what listens at the agent's socket does not speak its language")]
    Protocol,
    /// The socket, its folder or its lock.
    #[error("the agent's socket {path} cannot be used: {reason}")]
    Socket {
        /// Which path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The program did not become an agent.
    #[error("the agent did not start: {0}")]
    NotStarted(String),
}

impl AgentError {
    pub(super) fn socket(path: &Path, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Socket { path: path.display().to_string(), reason: reason.to_string() }
    }

    /// What a reply's code means, with the reason where there is one; `None` where all is well.
    pub(super) fn of_code(code: Code, reason: &str) -> Option<Self> {
        match code {
            Code::Done => None,
            Code::NotHeld => Some(Self::NotHeld),
            Code::DoesNotOpen => Some(Self::DoesNotOpen),
            Code::Conflict => Some(Self::Conflict),
            Code::Full => Some(Self::Full),
            Code::Busy => Some(Self::Busy),
            Code::TooLong => Some(Self::TooLong),
            Code::NoRandom => Some(Self::NoRandom),
            Code::NoSession => Some(Self::NoSession),
            Code::NoEndpoint => Some(Self::NoEndpoint(reason.to_owned())),
            Code::Malformed | Code::OtherVersion => Some(Self::Protocol),
        }
    }

    /// What the end of a connection means.
    pub(super) fn of_connection(error: &io::Error, waited: u64) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent { waited },
            _ => Self::Gone,
        }
    }
}
