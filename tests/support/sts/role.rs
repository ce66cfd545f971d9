//! A role and who may assume it.

use super::principal::Principal;

/// A role, built in a test: `Role::new("111122223333", "Admin").trust(user_arn).requires_mfa()`.
#[derive(Debug, Clone)]
pub struct Role {
    pub account: String,
    pub path: String,
    pub name: String,
    pub trusted: Vec<String>,
    pub external_id: Option<String>,
    pub requires_mfa: bool,
    /// Seconds, 3600 to 43200.
    pub max_session_duration: i64,
    /// Whether `AssumeRoleWithWebIdentity` may lead here.
    pub trusts_web_identity: bool,
    /// `AROA…`, set when the role enters the world.
    pub unique_id: String,
}

impl Role {
    /// A role that trusts nobody, with the path `/` and sessions of at most an hour.
    pub fn new(account: &str, name: &str) -> Self {
        Self {
            account: account.to_owned(),
            path: "/".to_owned(),
            name: name.to_owned(),
            trusted: Vec::new(),
            external_id: None,
            requires_mfa: false,
            max_session_duration: 3_600,
            trusts_web_identity: false,
            unique_id: String::new(),
        }
    }

    /// `/team/`: begins and ends with a slash.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Lets this principal assume the role: an account id, the ARN of a root (anyone of that account), a user, a
    /// role or one assumed-role session, or `*`. May be called several times.
    pub fn trust(mut self, principal: &str) -> Self {
        self.trusted.push(principal.to_owned());
        self
    }

    pub fn external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    pub fn requires_mfa(mut self) -> Self {
        self.requires_mfa = true;
        self
    }

    /// Seconds, 3600 to 43200; panics outside, as IAM refuses it.
    pub fn max_session_duration(mut self, seconds: i64) -> Self {
        assert!((3_600..=43_200).contains(&seconds), "IAM takes 3600 to 43200, not {seconds}");
        self.max_session_duration = seconds;
        self
    }

    pub fn trust_web_identity(mut self) -> Self {
        self.trusts_web_identity = true;
        self
    }

    pub(super) fn trusts(&self, caller: &Principal) -> bool {
        self.trusted.iter().any(|trusted| caller.is_meant_by(trusted))
    }
}
