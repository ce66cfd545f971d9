//! Temporary credentials: made, remembered, ended.

use super::principal::Principal;
use super::session::{Credentials, Facts, Session, SessionKind};
use super::world::World;

impl World {
    /// Length of the session tokens issued from now on; at least 20, default 350.
    pub fn token_size(&mut self, length: usize) {
        self.token_size = length;
    }

    /// Role credentials as a SAML tool leaves them: trust is not asked, and the expiry (seconds from the
    /// server's now, negative for the past) is free.
    pub fn saml_session(&mut self, role_arn: &str, session_name: &str, expires_in: i64) -> Credentials {
        match self.role_session(role_arn, session_name) {
            Some(principal) => self.issue(SessionKind::Role, principal, expires_in, None, Facts::default()),
            None => panic!("no role {role_arn}"),
        }
    }

    /// Role credentials as an instance or a task finds them: the role has to trust that service of AWS.
    pub fn service_session(&mut self, role_arn: &str, service: &str, session_name: &str, lasts: i64) -> Credentials {
        let trusts = self.roles.get(role_arn).is_some_and(|role| role.trusted.iter().any(|trusted| trusted == service));
        assert!(trusts, "{role_arn} does not trust {service}");
        self.saml_session(role_arn, session_name, lasts)
    }

    /// What `GetSessionToken` would give this user (or root), without the call.
    pub fn user_session(&mut self, owner_arn: &str, mfa: bool, expires_in: i64) -> Credentials {
        let owner = self.owner(owner_arn);
        self.issue(SessionKind::User, owner, expires_in, None, Facts { mfa, ..Facts::default() })
    }

    /// What the server remembers of issued credentials.
    pub fn session(&self, access_key_id: &str) -> Option<&Session> {
        self.sessions.get(access_key_id)
    }

    /// All issued credentials that were not deleted, in no order of time.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// Lets a session expire this very second.
    pub fn expire(&mut self, access_key_id: &str) {
        let now = self.now();
        match self.sessions.get_mut(access_key_id) {
            Some(session) => session.credentials.expires_at = now,
            None => panic!("no session {access_key_id}"),
        }
    }

    /// The principal of a session of this role; `None` where there is no such role.
    pub(super) fn role_session(&self, role_arn: &str, session_name: &str) -> Option<Principal> {
        let role = self.roles.get(role_arn)?;
        Some(Principal::RoleSession {
            partition: self.partitions.get(&role.account)?.clone(),
            account: role.account.clone(),
            role_arn: role_arn.to_owned(),
            role_name: role.name.clone(),
            unique_id: role.unique_id.clone(),
            session_name: session_name.to_owned(),
        })
    }

    /// Makes credentials and remembers them.
    pub(super) fn issue(
        &mut self,
        kind: SessionKind,
        principal: Principal,
        expires_in: i64,
        issuer: Option<&str>,
        facts: Facts,
    ) -> Credentials {
        let credentials = Credentials {
            access_key_id: self.random.id("ASIA"),
            secret: self.random.secret(),
            session_token: self.random.session_token(self.token_size),
            expires_at: self.now() + expires_in,
        };
        let issuer = issuer.map(str::to_owned);
        let session = Session { kind, principal, credentials: credentials.clone(), issuer, facts };
        self.sessions.insert(credentials.access_key_id.clone(), session);
        credentials
    }
}
