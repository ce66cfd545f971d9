//! A call to AWS, complete but for its signature and an MFA code, and the name that its answer has in the cache.

use crate::identity::hash::Hasher;
use crate::identity::session_tags::SessionTags;

/// A call to AWS.
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
    /// What the session may do at most.
    pub restriction: Restriction,
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
    /// AWS's name of the call.
    pub fn action(&self) -> &'static str {
        match self {
            Self::GetSessionToken { .. } => "GetSessionToken",
            Self::AssumeRole(_) => "AssumeRole",
            Self::GetFederationToken(_) => "GetFederationToken",
        }
    }

    /// How long its answer lasts, in seconds.
    pub fn duration(&self) -> u32 {
        match self {
            Self::GetSessionToken { duration } => *duration,
            Self::AssumeRole(call) => call.duration,
            Self::GetFederationToken(call) => call.duration,
        }
    }

    /// Under which name a session policy restricts the answer, as [`Held`](crate::identity::route::Held) has it.
    pub fn restricted_as(&self) -> Option<String> {
        match self {
            Self::AssumeRole(call) if call.restriction != Restriction::default() => Some(String::new()),
            Self::GetFederationToken(call) => Some(call.name.clone()),
            Self::AssumeRole(_) | Self::GetSessionToken { .. } => None,
        }
    }

    /// The ARN of the role that is assumed.
    pub fn role_arn(&self) -> Option<&str> {
        match self {
            Self::AssumeRole(call) => Some(&call.role_arn),
            Self::GetSessionToken { .. } | Self::GetFederationToken(_) => None,
        }
    }
}

impl Hasher {
    /// Adds tags and policies; where there are none they leave no trace.
    #[must_use]
    pub(super) fn session(mut self, tags: &SessionTags, restriction: &Restriction) -> Self {
        for (key, value) in tags.iter() {
            self = self.field("tag-key", Some(key)).field("tag-value", Some(value));
        }
        for arn in &restriction.policy_arns {
            self = self.field("policy-arn", Some(arn));
        }
        self.field("policy", restriction.policy.as_deref())
    }
}
