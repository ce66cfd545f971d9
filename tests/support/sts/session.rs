//! Temporary credentials and what the server remembers of them.

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::principal::Principal;
use super::xml::Element;

/// A long-term access key, as handed to a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub access_key_id: String,
    pub secret: String,
}

/// Temporary credentials, as handed to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret: String,
    pub session_token: String,
    /// Epoch seconds.
    pub expires_at: i64,
}

impl Credentials {
    /// `2026-01-02T03:04:05Z`
    pub fn expiration(&self) -> String {
        clock::iso(self.expires_at)
    }

    pub(super) fn element(&self) -> Element {
        Element::node(
            "Credentials",
            vec![
                Element::text("AccessKeyId", &self.access_key_id),
                Element::text("SecretAccessKey", &self.secret),
                Element::text("SessionToken", &self.session_token),
                Element::text("Expiration", self.expiration()),
            ],
        )
    }
}

/// How temporary credentials came to be; it decides what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// `GetSessionToken`: still the user.
    User,
    /// `AssumeRole` and its kin, SAML included.
    Role,
    /// `GetFederationToken`
    Federated,
}

/// What the server remembers of issued credentials.
#[derive(Debug, Clone)]
pub struct Session {
    pub kind: SessionKind,
    pub principal: Principal,
    pub credentials: Credentials,
    /// The access key id that asked; `None` where no AWS key was involved (SAML, web identity, a test).
    pub issuer: Option<String>,
    pub facts: Facts,
}

/// What was said when the session was made, and is passed down a chain of roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `aws:MultiFactorAuthPresent`, of `GetSessionToken` sessions only.
    pub mfa: bool,
    pub source_identity: Option<String>,
    /// All session tags, inherited ones included.
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that the next role session inherits.
    pub transitive: BTreeSet<String>,
    pub policy: Option<String>,
    pub policy_arns: Vec<String>,
}
