//! Why a rotation did not come to its end, and what is so then.

use crate::prompt::{PromptError, Unaskable};
use crate::resolve::ResolveError;
use crate::store::{Phase, StoreError};
use crate::sts::StsError;

/// Why a long-term key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Before anything was changed.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Only users and root users have long-term keys.
    #[error("{shown} is {kind}, which has no long-term key")]
    HasNoKey {
        /// The name shown.
        shown: String,
        /// `a role`, `a federated user`.
        kind: &'static str,
    },
    /// The store does not have the key.
    #[error("the store has no long-term key of {0}")]
    NotStored(String),
    /// The store has several.
    #[error("the store has {} long-term keys of {shown}: {}", keys.len(), keys.join(", "))]
    ManyKeys {
        /// The name shown.
        shown: String,
        /// Their access key ids.
        keys: Vec<String>,
    },
    /// Another key of the same user is being replaced.
    #[error("the rotation of {old} of {shown} was interrupted")]
    OtherPending {
        /// The name shown.
        shown: String,
        /// The key that is being replaced.
        old: String,
    },
    /// The key is inactive, and another one would have to go for its successor.
    #[error("{key} of {shown} is inactive at AWS, and the other key may be the only one that works")]
    Inactive {
        /// The name shown.
        shown: String,
        /// Its access key id.
        key: String,
    },
    /// AWS does not list the key.
    #[error("AWS does not list {key} among the keys of {shown}")]
    NotListed {
        /// The name shown.
        shown: String,
        /// The key.
        key: String,
    },
    /// The other key that is to be deleted is the very one that is to be replaced.
    #[error("{0} is the key that is to be rotated, not another one")]
    NotAnother(String),
    /// AWS files have the old key, too, and nobody can be asked.
    #[error("{key} also stands in {copies}, where it will not work any longer, and {why}")]
    Copies {
        /// The key.
        key: String,
        /// The profiles, and where they stand.
        copies: String,
        /// Why nobody can be asked.
        why: Unaskable,
    },
    /// There is no room for a new key, and nobody can be asked about the one that has it.
    #[error("AWS lets {shown} have two keys, and there are two: {key}, and {other}; and {why}")]
    NoRoom {
        /// The name shown.
        shown: String,
        /// The key that is to be replaced.
        key: String,
        /// The other one, and what is known of it, in words.
        other: String,
        /// Its access key id.
        other_key: String,
        /// Why nobody can be asked.
        why: Unaskable,
    },
    /// The other key was to be deleted, and whether it is gone could not be seen.
    #[error("whether {other} is deleted is not known: {error}; {old} is in use, as before")]
    NotSeenGone {
        /// The name to type.
        shown: String,
        /// The key that is to be replaced.
        old: String,
        /// The other one.
        other: String,
        /// What went wrong.
        error: Box<StsError>,
    },
    /// AWS says that there is no room, though it listed one key.
    #[error("AWS does not let {shown} have another key yet: {message} (LimitExceeded)")]
    NoRoomYet {
        /// The name shown.
        shown: String,
        /// AWS's words.
        message: String,
    },
    /// The person said no, and nothing was changed.
    #[error("cancelled")]
    Cancelled,
    /// The reply to `CreateAccessKey` was lost.
    #[error("{error}; {}", orphan.say())]
    LostReply {
        /// The name to type.
        shown: String,
        /// What went wrong.
        error: Box<StsError>,
        /// What has become of the key that AWS may have made.
        orphan: Orphan,
    },
    /// The new key could not be stored.
    #[error("the new key could not be stored: {error}; {}", match left {
        None => "AWS has deleted it again, and nothing else was changed".to_owned(),
        Some(key) => format!("{key} is left at AWS, where nobody has its secret; the old key is in use"),
    })]
    NotKept {
        /// The name to type.
        shown: String,
        /// What went wrong.
        error: Box<ResolveError>,
        /// The access key id of the new key, where AWS did not delete it.
        left: Option<String>,
    },
    /// AWS never took the new key, or takes it no longer: the old one is in use.
    #[error("AWS does not take the new key {key}: {error}; the old one is in use, as before")]
    NotTaken {
        /// The name to type.
        shown: String,
        /// The new key.
        key: String,
        /// What AWS said.
        error: Box<ResolveError>,
    },
    /// A later step failed.
    #[error("{}: {error}", so_far(*phase, old, new))]
    Unfinished {
        /// The name to type.
        shown: String,
        /// How far it has come.
        phase: Phase,
        /// The old key.
        old: String,
        /// The new key.
        new: String,
        /// What went wrong.
        error: Box<ResolveError>,
    },
    /// Ctrl-C, or another signal, between two steps.
    #[error("interrupted: {}", so_far(*phase, old, new))]
    Interrupted {
        /// The name to type.
        shown: String,
        /// How far it has come.
        phase: Phase,
        /// The old key.
        old: String,
        /// The new key.
        new: String,
    },
}

/// What has become of a key that AWS may have made, and whose secret was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// It was found, and deleted.
    Deleted(String),
    /// It was found.
    Left(String),
    /// None is listed: AWS made none, or does not list it yet; or could not be asked.
    Unknown,
}

impl Orphan {
    fn say(&self) -> String {
        match self {
            Self::Deleted(key) => {
                format!("AWS had made {key}, which is deleted again; the old key is in use, as before")
            }
            Self::Left(key) => {
                format!("AWS has made {key}, whose secret is lost with the reply; the old key is in use, as before")
            }
            Self::Unknown => "whether AWS has made a key is not known; the old key is in use, as before".to_owned(),
        }
    }
}

fn so_far(phase: Phase, old: &str, new: &str) -> String {
    match phase {
        Phase::Intended => format!("{old} is in use, as before"),
        Phase::Stored => format!("{new} is stored, and {old} is in use, as before"),
        Phase::InUse => format!("{new} is in use, and {old} still works"),
        Phase::Retired => format!("{new} is in use, and {old} is inactive, and not deleted"),
    }
}

impl RotateError {
    /// Whether the other key may have been deleted at AWS.
    pub(super) fn may_have_deleted(&self) -> bool {
        matches!(self, Self::NotSeenGone { .. })
    }

    /// As it is written down: see [`ResolveError::outcome`].
    pub fn outcome(&self) -> String {
        match self {
            Self::Resolve(error) => error.outcome(),
            Self::LostReply { error, .. } | Self::NotSeenGone { error, .. } => error.outcome(),
            Self::NotKept { error, .. } | Self::NotTaken { error, .. } | Self::Unfinished { error, .. } => {
                error.outcome()
            }
            error => error.to_string(),
        }
    }
}

impl From<StsError> for RotateError {
    fn from(error: StsError) -> Self {
        Self::Resolve(error.into())
    }
}

impl From<StoreError> for RotateError {
    fn from(error: StoreError) -> Self {
        Self::Resolve(error.into())
    }
}

impl From<PromptError> for RotateError {
    fn from(error: PromptError) -> Self {
        Self::Resolve(error.into())
    }
}
