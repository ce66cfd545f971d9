//! Identities: who a credential speaks for. Pure: nothing here does I/O.

pub mod arn;
pub mod hash;
pub mod key_age;
pub mod name;
pub mod plan;
pub mod request;
pub mod route;
pub mod session_policy;
pub mod session_tags;

use std::fmt;

/// The four kinds of principal that STS names in an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An IAM role; every assumed-role session of it counts as the role.
    Role,
    /// An IAM user.
    User,
    /// An account's root user.
    Root,
    /// A federated user (`GetFederationToken`).
    Federated,
}

impl Kind {
    /// The word used in the store, in names and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Root => "root",
            Self::Federated => "federated",
        }
    }

    /// The kind with this [`word`](Self::word).
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Role, Self::User, Self::Root, Self::Federated].into_iter().find(|kind| kind.word() == word)
    }
}

/// An identity: partition, account, kind and name.
///
/// The name is the last segment of the IAM name: IAM does not let two roles (or two users) of an account
/// differ only in their path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Twelve digits.
    pub account: String,
    /// What kind of principal it is.
    pub kind: Kind,
    /// The IAM name without its path; empty for root.
    pub name: String,
}

impl Identity {
    /// One text that names this identity and no other: what a sealed credential is bound to.
    pub fn key(&self) -> String {
        format!("{}:{}:{}:{}", self.partition, self.account, self.kind.word(), self.name)
    }

    /// The IAM (or, for federated users, STS) ARN, given the path where one is known.
    pub fn arn(&self, path: Option<&str>) -> String {
        let path = path.unwrap_or("/");
        let Self { partition, account, name, .. } = self;
        match self.kind {
            Kind::Role => format!("arn:{partition}:iam::{account}:role{path}{name}"),
            Kind::User => format!("arn:{partition}:iam::{account}:user{path}{name}"),
            Kind::Root => format!("arn:{partition}:iam::{account}:root"),
            Kind::Federated => format!("arn:{partition}:sts::{account}:federated-user/{name}"),
        }
    }

    /// The name as a person types it, with the account's alias where it has one: `prod/Admin`,
    /// `dev/user/alice`, `dev/root`, `dev/federated/bob`.
    pub fn typed(&self, alias: Option<&str>) -> String {
        let account = alias.unwrap_or(&self.account);
        match self.kind {
            Kind::Role => format!("{account}/{}", self.name),
            Kind::Root => format!("{account}/root"),
            kind => format!("{account}/{}/{}", kind.word(), self.name),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn(None))
    }
}

/// Who holds a credential, as far as is known without asking AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A known identity.
    Identity(Identity),
    /// Whoever owns this access key: a key found in a file, whose owner nobody has asked STS about.
    KeyOwner(String),
    /// Whomever something outside multicred hands out credentials of: a program of the person's, named by a hash of its
    /// command, or the metadata service of the machine.
    Outside(String),
}

/// Stands before what is outside, in a text that may also be an access key id, which has no colon.
const OUTSIDE: &str = "outside:";

impl Holder {
    /// One text that names this holder and no other.
    pub fn key(&self) -> String {
        match self {
            Self::Identity(identity) => identity.key(),
            Self::KeyOwner(access_key_id) => format!("key-owner:{access_key_id}"),
            Self::Outside(what) => format!("{OUTSIDE}{what}"),
        }
    }

    /// The holder, where it is no identity, in one text: for a column of the store.
    pub fn source_key(&self) -> Option<String> {
        match self {
            Self::Identity(_) => None,
            Self::KeyOwner(access_key_id) => Some(access_key_id.clone()),
            Self::Outside(_) => Some(self.key()),
        }
    }

    /// The holder with this [`source_key`](Self::source_key).
    pub fn of_source_key(text: &str) -> Self {
        match text.strip_prefix(OUTSIDE) {
            Some(what) => Self::Outside(what.to_owned()),
            None => Self::KeyOwner(text.to_owned()),
        }
    }

    /// The identity, where it is known.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Identity(identity) => Some(identity),
            Self::KeyOwner(_) | Self::Outside(_) => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(identity) => identity.fmt(f),
            Self::KeyOwner(access_key_id) => write!(f, "the owner of {access_key_id}"),
            Self::Outside(_) => f.write_str("somebody outside multicred"),
        }
    }
}
