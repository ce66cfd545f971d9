//! A profile: what it says, each setting with the place it stands, its own layers already put over each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::asks_multicred::{self, AsksMulticred, NotFollowed};
use super::kept;
use super::keys;
use crate::credential_text;
use crate::identity::Identity;
use crate::identity::arn;
use crate::identity::route::{CredentialKind, Held, Place};

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileKind {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
        })
    }
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// In a line of one of the files.
    Line {
        /// The file.
        file: FileKind,
        /// From 1.
        line: u32,
    },
    /// In a variable of the environment.
    Variable(String),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key, in lower case.
    pub key: String,
    /// The value.
    pub value: String,
    /// The place.
    pub origin: Origin,
    /// The profile in whose section it stands, which may be one that is included, or `default`.
    pub section: String,
}

/// A profile's own key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKey {
    /// The access key id.
    pub access_key_id: String,
    /// The file.
    pub file: FileKind,
    /// The line of the access key id, from 1.
    pub line: u32,
    /// Whether a session token goes with it.
    pub temporary: bool,
    /// Its end, epoch seconds UTC; always there for a temporary one.
    pub expires_at: Option<i64>,
    /// Whether that end is a guess.
    pub expiry_is_guess: bool,
    /// When the file was written, epoch seconds UTC.
    pub written_at: i64,
}

impl FileKey {
    /// The credential, given the profile that has it.
    pub fn held(&self, profile: &str) -> Held {
        Held {
            place: Place::Profile(profile.to_owned()),
            kind: if self.temporary { CredentialKind::Imported } else { CredentialKind::LongTerm },
            access_key_id: self.access_key_id.clone(),
            request_hash: None,
            created_at: self.written_at,
            expires_at: self.expires_at,
            expiry_is_guess: self.expiry_is_guess,
            restricted_as: None,
        }
    }
}

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The place.
    pub origin: Origin,
    /// A whole sentence, safe to print.
    pub text: String,
}

/// A profile of the person's files, with what it includes and what `[default]` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name, without `profile ` and quotes.
    pub name: String,
    /// Every setting that multicred reads, each key once.
    pub(super) settings: Vec<Setting>,
    /// Its own key, which nobody inherits.
    pub key: Option<FileKey>,
    /// What is wrong with its lines, its key, or what it includes.
    pub faults: Vec<Fault>,
}

impl Setting {
    /// What this `credential_process` asks multicred for; `None` for another program.
    pub fn asks_multicred(&self) -> Option<Result<AsksMulticred, NotFollowed>> {
        asks_multicred::read(&credential_text::command_words(&self.value)?)
    }
}

impl Profile {
    /// Its `credential_process`, where the profile is nothing but what that prints.
    pub fn only_process(&self) -> Option<&Setting> {
        let is_source = self.key.is_none() && self.setting("role_arn").is_none();
        self.setting("credential_process").filter(|_| is_source)
    }

    /// A setting.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// Every setting, in no order that means anything.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter()
    }

    /// Those that stand in a file as they are: the command that follows from a mark is in none.
    pub fn written_settings(&self) -> impl Iterator<Item = &Setting> {
        let is_marked = self.setting(kept::WHO).is_some();
        self.settings.iter().filter(move |setting| !is_marked || setting.key != kept::PROCESS)
    }

    /// A setting's value.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.setting(key).map(|setting| setting.value.as_str())
    }

    /// The setting, unless it is there by courtesy of `[default]`.
    pub fn own_setting(&self, key: &str) -> Option<&Setting> {
        self.setting(key).filter(|setting| setting.section != DEFAULT || self.name == DEFAULT)
    }

    /// The value of an [`own_setting`](Self::own_setting).
    pub fn own_value(&self, key: &str) -> Option<&str> {
        self.own_setting(key).map(|setting| setting.value.as_str())
    }

    /// The profile with another value of one setting, which a variable of the environment gives.
    #[must_use]
    pub fn with_variable(&self, key: &str, value: &str, variable: &str) -> Self {
        let origin = Origin::Variable(variable.to_owned());
        let setting = Setting { key: key.to_owned(), value: value.to_owned(), origin, section: self.name.clone() };
        let others = self.settings.iter().filter(|setting| setting.key != key).cloned();
        Self { settings: others.chain([setting.clone()]).collect(), ..self.clone() }
    }

    /// Whether it says where a credential comes from, its own key aside.
    pub fn has_source(&self) -> bool {
        keys::SOURCES.iter().any(|key| self.setting(key).is_some())
    }

    /// Whether an SDK that is told nothing would get credentials from this profile.
    pub fn answers(&self) -> bool {
        self.key.is_some() || self.setting("role_arn").is_some() || self.has_source()
    }

    /// The role that the profile leads to; `None` for a profile without `role_arn`, or with one that is no role's.
    pub fn role(&self) -> Option<Identity> {
        let parsed = arn::parse(self.value("role_arn")?).ok()?;
        (parsed.identity.kind == crate::identity::Kind::Role).then_some(parsed.identity)
    }
}

/// The profile that every other one inherits from, and that SDKs use where none is named.
pub const DEFAULT: &str = "default";
