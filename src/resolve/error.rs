//! Why a name gave no credential.

use crate::agent::AgentError;
use crate::aws_config::temporary::TemporaryError;
use crate::aws_config::write::WriteError;
use crate::aws_config::{ChainError, FileError, Problem};
use crate::context::NoHome;
use crate::identity::plan::NoPlan;
use crate::lock::{Failure, FailureKind, LockError};
use crate::prompt::PromptError;
use crate::seal::SealError;
use crate::settings::SettingsError;
use crate::store::StoreError;
use crate::sts::StsError;
use crate::sts::settings::BadSetting;
use crate::subprocess::SubprocessError;

use super::{LookupError, Unconfirmed};

/// Why a name gave no credential.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The chain of profiles.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No way to the target.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// The person's AWS files.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing one of them.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// One of several threads could not begin.
    #[error("{0}")]
    Worker(String),
    /// Putting a credential into one of them.
    #[error(transparent)]
    Temporary(#[from] TemporaryError),
    /// A profile to be written whose name a person types for somebody else.
    #[error("'{name}' already means {meaning}, which a profile of that name would hide")]
    MeansAlready {
        /// The name, safe to print.
        name: String,
        /// What it means, in words.
        meaning: String,
    },
    /// The store.
    #[error(transparent)]
    Store(StoreError),
    /// A seal or a key slot.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No key slot opens the store.
    #[error("the store is locked: {0}")]
    Locked(String),
    /// Nothing of what was typed opens it.
    #[error("the store is locked: no passphrase that was typed opens it")]
    WrongPassphrase,
    /// The first key slot cannot be of the kind asked for.
    #[error("MULTICRED_KEY is '{kind}': {reason}")]
    KeyKind {
        /// What was asked for.
        kind: String,
        /// Why it cannot be.
        reason: &'static str,
    },
    /// A key slot cannot be made.
    #[error("no key slot of the kind {kind} can be made: {reason}")]
    NewSlot {
        /// The kind.
        kind: &'static str,
        /// Why not.
        reason: String,
    },
    /// There is no such key slot.
    #[error("the store has no key slot {0}")]
    NoSlot(i64),
    /// Without it the store could be lost.
    #[error("key slot {number} cannot be removed: {why}")]
    LastSlot {
        /// Its number.
        number: i64,
        /// Why not.
        why: &'static str,
    },
    /// No other slot has been seen to open the store.
    #[error("key slot {number} is not removed, since no other one was seen to open the store: {why}")]
    OnlyWayIn {
        /// Its number.
        number: i64,
        /// Why the others do not open it.
        why: String,
    },
    /// A slot that may be somebody else's.
    #[error("key slot {number} ({kind}) was changed, or put there by somebody who does not have the store's key")]
    ForeignSlot {
        /// Its number.
        number: i64,
        /// Its kind.
        kind: String,
    },
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// AWS.
    #[error(transparent)]
    Sts(#[from] StsError),
    /// The metadata service of this machine.
    #[error("{place}: {error}")]
    Machine {
        /// The setting that asks for it, and where that stands.
        place: String,
        /// What went wrong.
        error: StsError,
    },
    /// AWS refused an MFA code.
    #[error("AWS refused the MFA code for {serial}: {message}")]
    MfaRefused {
        /// The device.
        serial: String,
        /// AWS's words.
        message: String,
    },
    /// The person's environment.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The person's own settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A program of the person's.
    #[error(transparent)]
    Subprocess(#[from] SubprocessError),
    /// What a program of the person's printed is not what it should be.
    #[error("what {what} printed is no {wanted}: {reason}")]
    BadAnswer {
        /// The setting that names the program, and where that stands.
        what: String,
        /// What it should be.
        wanted: &'static str,
        /// What is wrong with it, and what the program said beside it.
        reason: String,
    },
    /// A web identity's token that cannot be read.
    #[error("the token of {place} cannot be read: {reason}")]
    Token {
        /// The setting that names its file, and where that stands.
        place: String,
        /// The system's words.
        reason: String,
    },
    /// The program that is to be asked for MFA codes is not there.
    #[error("{place} names {program}, which is not on PATH")]
    NoDriver {
        /// The setting, and where it stands.
        place: String,
        /// The program.
        program: String,
    },
    /// The program that is to be asked for passphrases is not there.
    #[error("{place} names {program}, which is not on PATH")]
    NoPinentry {
        /// The setting, and where it stands.
        place: String,
        /// The program.
        program: String,
    },
    /// Somebody of a protected account, without a person's word.
    #[error(transparent)]
    Unconfirmed(#[from] Unconfirmed),
    /// A prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A code that some process has sent already.
    #[error("the MFA code for {0} has been used already, and nobody can be asked for another")]
    MfaCodeUsed(String),
    /// The lock of a hop.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another process tried while this one waited, and failed.
    #[error("process {} asked while this one waited: {}", .0.pid, .0.message)]
    ToldByAnother(Failure),
    /// AWS did not answer a moment ago, and there is something left that serves instead.
    #[error("{message} ({seconds} s ago, and AWS is not asked again so soon)")]
    LatelyUnanswered {
        /// What was told then.
        message: String,
        /// How long ago that was, in seconds.
        seconds: i128,
    },
    /// No place for the store.
    #[error(transparent)]
    NoHome(#[from] NoHome),
    /// A credential vanished between planning and use.
    #[error("the credential was removed by another process meanwhile")]
    CredentialGone,
}

impl ResolveError {
    /// The failure as it is written down, or told to other processes: what a program of the person's said, and the value
    /// of a setting that cannot be used, are for the person alone, and may be anything.
    pub fn outcome(&self) -> String {
        match self {
            Self::Subprocess(error) => error.outcome(),
            Self::Locked(_) => "the store is locked".to_owned(),
            Self::BadAnswer { what, wanted, .. } => format!("what {what} printed is no {wanted}"),
            Self::Prompt(error) => error.outcome(),
            Self::Chain(error) => error.outcome(),
            Self::Setting(error) => error.outcome(),
            Self::Settings(error) => error.outcome(),
            Self::Sts(error) => error.outcome(),
            Self::Machine { place, error } => format!("{place}: {}", error.outcome()),
            error => error.to_string(),
        }
    }

    /// Whether a person would have to sign in with a browser.
    pub(super) fn needs_sign_in(&self) -> bool {
        matches!(self, Self::Chain(error) if matches!(&*error.problem, Problem::NeedsSignIn { .. }))
    }

    /// Whether a person said no.
    pub(super) fn is_no(&self) -> bool {
        match self {
            Self::Prompt(error) => *error == PromptError::Cancelled,
            Self::ToldByAnother(told) => told.kind == FailureKind::Cancelled,
            _ => false,
        }
    }

    /// Whether it is of the moment and says nothing about the identity: a network that is down, a prompt that nobody
    /// can answer here, another process that does not get on.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Sts(error) | Self::Machine { error, .. } => error.may_pass(),
            Self::LatelyUnanswered { .. } | Self::Subprocess(_) | Self::BadAnswer { .. } | Self::Token { .. } => true,
            Self::ToldByAnother(told) => matches!(told.kind, FailureKind::NoAnswer | FailureKind::Failed),
            Self::Prompt(error) => matches!(error, PromptError::Impossible { .. } | PromptError::Unanswered { .. }),
            Self::Lock(error) => matches!(error, LockError::Held { .. }),
            _ => false,
        }
    }
}
