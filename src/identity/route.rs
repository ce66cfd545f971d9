//! A route: what is known about the chain of parents that leads to a target. Facts only; [`super::plan`] decides.

use super::Holder;
use super::hash::RequestHash;
use super::session_tags::SessionTags;

/// What sort of credential one is, as the store records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A long-term key pair of a user or root.
    LongTerm,
    /// A temporary triple that somebody else obtained and a person imported.
    Imported,
    /// Obtained with `GetSessionToken`, restricted with `GetFederationToken`, or handed out by a `credential_process`.
    Session,
    /// Obtained with `AssumeRole`.
    Role,
}

impl CredentialKind {
    /// The word used in the store and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::LongTerm => "long-term",
            Self::Imported => "imported",
            Self::Session => "session",
            Self::Role => "role",
        }
    }

    /// The kind with this [`word`](Self::word).
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::LongTerm, Self::Imported, Self::Session, Self::Role].into_iter().find(|kind| kind.word() == word)
    }

    /// Whether losing it loses nothing: multicred can obtain it again.
    pub fn is_obtainable(self) -> bool {
        matches!(self, Self::Session | Self::Role)
    }
}

/// Where a credential's secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Sealed, in this row of the store.
    Store(i64),
    /// In the person's AWS files, under this profile.
    Profile(String),
    /// In the person's environment.
    Environment,
}

/// A credential that exists: everything about it but its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where the secret is.
    pub place: Place,
    /// Its sort.
    pub kind: CredentialKind,
    /// Its access key id.
    pub access_key_id: String,
    /// Which request it answered; `None` for keys and imports.
    pub request_hash: Option<RequestHash>,
    /// When it was stored, epoch seconds UTC.
    pub created_at: i64,
    /// When it stops working, epoch seconds UTC; `None` for long-term keys.
    pub expires_at: Option<i64>,
    /// Whether nobody told us the expiry and it is a guess.
    pub expiry_is_guess: bool,
    /// Under which name a session policy restricts it: the federated user's, empty for a role's session; `None` where
    /// no policy does.
    pub restricted_as: Option<String>,
}

impl Held {
    /// Seconds left at `now`; long-term keys have for ever.
    pub fn seconds_left(&self, now: i64) -> i64 {
        self.expires_at.map_or(i64::MAX, |end| end.saturating_sub(now))
    }
}

/// How a role is assumed from the node before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleHop {
    /// The role's ARN, with its path.
    pub role_arn: String,
    /// What the trust policy asks for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// The MFA device whose code the role demands.
    pub mfa_serial: Option<String>,
    /// The lifetime configured, in seconds.
    pub duration: Option<u32>,
    /// The role session name configured.
    pub session_name: Option<String>,
    /// The tags of the session.
    pub tags: SessionTags,
    /// The keys of those tags that go on to the roles assumed from it.
    pub transitive_tags: Vec<String>,
    /// Who is behind the session, for audit trails.
    pub source_identity: Option<String>,
    /// Whether the environment says some of this, for the credential that is asked for now.
    pub by_variable: bool,
}

/// A command line of the person's, which `sh` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The command line.
    pub command: String,
    /// The setting that has it, and where that stands, for messages: `mfa_process of profile a (/home/a/.aws/config:3)`.
    pub place: String,
}

/// Where a web identity's token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A file.
    File {
        /// Its path.
        path: String,
        /// The setting that names it, and where that stands.
        place: String,
    },
    /// A program's output.
    Process(Script),
}

/// Who hands out the credentials of the machine that this runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// The container's agent (ECS, EKS).
    EcsContainer,
    /// The instance's metadata service (EC2).
    Ec2Instance,
}

impl Metadata {
    /// AWS's word for it, as `credential_source` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::EcsContainer => "EcsContainer",
            Self::Ec2Instance => "Ec2InstanceMetadata",
        }
    }
}

/// Where the credential of the chain's root comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// It is held: a key, or an import.
    #[default]
    Held,
    /// A program prints it.
    Process(Script),
    /// The machine hands it out.
    Metadata {
        /// Who does so.
        source: Metadata,
        /// The setting that says so, and where that stands.
        place: String,
    },
    /// A token of somebody else's is exchanged for it; the root is a role then.
    WebIdentity {
        /// The role. Its session's tags and source identity are in the token.
        role: RoleHop,
        /// The token.
        token: TokenSource,
    },
}

/// One identity of the chain and what is held of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Whose node this is.
    pub holder: Holder,
    /// How it is called in messages.
    pub shown: String,
    /// The MFA device of a user.
    pub mfa_serial: Option<String>,
    /// Whether some role is assumed from this identity (its session then lasts longer).
    pub serves_roles: bool,
    /// Every credential of it, newest first.
    pub held: Vec<Held>,
    /// How it is reached from the node before it; `None` at the root.
    pub hop: Option<RoleHop>,
    /// The program that prints the codes of its MFA device.
    pub mfa_script: Option<Script>,
    /// How long a user's session lasts where its settings say so, in seconds.
    pub session_duration: Option<u32>,
    /// The address that is asked instead of AWS's own: what it answers is nobody else's.
    pub endpoint: Option<String>,
}

impl Node {
    /// A node of which nothing is known but whose it is.
    pub fn of(holder: Holder, shown: impl Into<String>) -> Self {
        Self {
            holder,
            shown: shown.into(),
            mfa_serial: None,
            serves_roles: false,
            held: Vec::new(),
            hop: None,
            mfa_script: None,
            session_duration: None,
            endpoint: None,
        }
    }
}

/// When a user's session token stands between the user's key and the first role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRule {
    /// For links: whenever the user's MFA serial is known, so that one code serves every role.
    WheneverSerialKnown,
    /// For profiles: only where the role profile names the same MFA serial as its source.
    OnlySameSerial,
}

/// The chain from its root to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Root first, target last; never empty.
    pub nodes: Vec<Node>,
    /// Where the root's credential comes from.
    pub base: Base,
    /// Which rule its settings follow.
    pub session_rule: SessionRule,
    /// The region its settings name.
    pub region: Option<String>,
    /// The role session name where neither a hop nor the request names one.
    pub default_session_name: String,
}

impl Route {
    /// The node asked for.
    ///
    /// # Panics
    /// Never: a route has at least one node.
    pub fn target(&self) -> &Node {
        &self.nodes[self.nodes.len() - 1]
    }

    /// The program that prints codes for a call of this node: its own, else the one of whom it is assumed from, else of
    /// who is assumed from it.
    pub(super) fn mfa_script(&self, node: usize) -> Option<&Script> {
        let (below, above) = self.nodes.split_at(node + 1);
        below.iter().rev().chain(above).find_map(|node| node.mfa_script.as_ref())
    }

    /// Who is behind the sessions of this route: set on its first role, and carried on by AWS.
    pub(super) fn source_identity(&self) -> Option<&str> {
        self.nodes.iter().rev().find_map(|node| node.hop.as_ref()?.source_identity.as_deref())
    }
}
