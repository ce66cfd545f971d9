//! A call to AWS, complete but for its signature and an MFA code, and the name that its answer has in the cache.

use crate::identity::hash::Hasher;
use crate::identity::route::{Metadata, Script, TokenSource};
use crate::identity::session_tags::SessionTags;

/// A call to AWS, or to what stands in its place at the root of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `sts:GetSessionToken`.
    GetSessionToken {
        /// Seconds.
        duration: u32,
    },
    /// `sts:AssumeRole`.
    AssumeRole(AssumeRole),
    /// `sts:GetFederationToken`.
    GetFederationToken(GetFederationToken),
    /// `sts:AssumeRoleWithWebIdentity`, which nobody signs.
    AssumeRoleWithWebIdentity(WebIdentity),
    /// A program of the person's prints a credential.
    Process(Script),
    /// The machine's metadata service hands one out.
    Metadata {
        /// Which one.
        source: Metadata,
        /// The setting that says so, and where that stands.
        place: String,
    },
}

/// What `sts:AssumeRole` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role, with its path.
    pub role_arn: String,
    /// The role session name.
    pub session_name: String,
    /// Seconds.
    pub duration: u32,
    /// What the trust policy asks for.
    pub external_id: Option<String>,
    /// Set on the first role of a chain only: AWS carries it on, and lets nobody change it.
    pub source_identity: Option<String>,
    /// The tags of the session.
    pub tags: SessionTags,
    /// The keys of those that go on to the roles assumed from it.
    pub transitive_tags: Vec<String>,
    /// What the session may do at most.
    pub restriction: Restriction,
}

/// What `sts:AssumeRoleWithWebIdentity` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role, with its path.
    pub role_arn: String,
    /// The role session name.
    pub session_name: String,
    /// Seconds.
    pub duration: u32,
    /// What the session may do at most.
    pub restriction: Restriction,
    /// Where the token comes from.
    pub token: TokenSource,
}

/// What `sts:GetFederationToken` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFederationToken {
    /// The federated user's name.
    pub name: String,
    /// Seconds.
    pub duration: u32,
    /// The tags of the session.
    pub tags: SessionTags,
    /// What the session may do at most.
    pub restriction: Restriction,
}

/// The session policies of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restriction {
    /// ARNs of managed policies.
    pub policy_arns: Vec<String>,
    /// An inline policy.
    pub policy: Option<String>,
}

impl Call {
    /// AWS's name of the call, or of the setting that stands in its place.
    pub fn action(&self) -> &'static str {
        match self {
            Self::GetSessionToken { .. } => "GetSessionToken",
            Self::AssumeRole(_) => "AssumeRole",
            Self::GetFederationToken(_) => "GetFederationToken",
            Self::AssumeRoleWithWebIdentity(_) => "AssumeRoleWithWebIdentity",
            Self::Process(_) => "credential_process",
            Self::Metadata { source, .. } => source.word(),
        }
    }

    /// How long its answer lasts, in seconds; `None` where that is not for us to say.
    pub fn duration(&self) -> Option<u32> {
        match self {
            Self::GetSessionToken { duration } => Some(*duration),
            Self::AssumeRole(call) => Some(call.duration),
            Self::GetFederationToken(call) => Some(call.duration),
            Self::AssumeRoleWithWebIdentity(call) => Some(call.duration),
            Self::Process(_) | Self::Metadata { .. } => None,
        }
    }

    /// Under which name a session policy restricts the answer, as [`Held`](crate::identity::route::Held) has it.
    pub fn restricted_as(&self) -> Option<String> {
        let of_role = |restriction: &Restriction| (*restriction != Restriction::default()).then(String::new);
        match self {
            Self::AssumeRole(call) => of_role(&call.restriction),
            Self::AssumeRoleWithWebIdentity(call) => of_role(&call.restriction),
            Self::GetFederationToken(call) => Some(call.name.clone()),
            Self::GetSessionToken { .. } | Self::Process(_) | Self::Metadata { .. } => None,
        }
    }

    /// The ARN of the role that is assumed.
    pub fn role_arn(&self) -> Option<&str> {
        match self {
            Self::AssumeRole(call) => Some(&call.role_arn),
            Self::AssumeRoleWithWebIdentity(call) => Some(&call.role_arn),
            Self::GetSessionToken { .. } | Self::GetFederationToken(_) | Self::Process(_) | Self::Metadata { .. } => {
                None
            }
        }
    }

    /// The role session name it asks for.
    pub fn session_name(&self) -> Option<&str> {
        match self {
            Self::AssumeRole(call) => Some(&call.session_name),
            Self::AssumeRoleWithWebIdentity(call) => Some(&call.session_name),
            Self::GetSessionToken { .. } | Self::GetFederationToken(_) | Self::Process(_) | Self::Metadata { .. } => {
                None
            }
        }
    }

    /// Whether it needs no credential to begin with.
    pub fn is_unsigned(&self) -> bool {
        matches!(self, Self::AssumeRoleWithWebIdentity(_) | Self::Process(_) | Self::Metadata { .. })
    }
}

impl Hasher {
    /// Adds tags and policies; where there are none they leave no trace.
    #[must_use]
    pub(super) fn session(mut self, tags: &SessionTags, transitive_tags: &[String], restriction: &Restriction) -> Self {
        for (key, value) in tags.iter() {
            self = self.field("tag-key", Some(key)).field("tag-value", Some(value));
        }
        for key in transitive_tags {
            self = self.field("transitive-tag", Some(key));
        }
        for arn in &restriction.policy_arns {
            self = self.field("policy-arn", Some(arn));
        }
        self.field("policy", restriction.policy.as_deref())
    }

    /// Adds the tags that earlier roles of the chain pass on.
    #[must_use]
    pub(super) fn inherited(mut self, tags: &[(String, String)]) -> Self {
        for (key, value) in tags {
            self = self.field("inherited-tag", Some(key)).field("inherited-value", Some(value));
        }
        self
    }
}
