//! The rows of the Python multicred: identities with their credentials, in the clear, and from whom each is assumed.

use zeroize::Zeroizing;

use crate::credential_text::Parts;

/// The tables.
pub const TABLES: &[&str] = &["aws_identity", "aws_credential", "aws_role_identity_source"];
/// See [`Row`]; the newest credential of each first, as that tool prefers it.
pub const CREDENTIALS: &str = "SELECT i.arn, c.aws_access_key_id, c.aws_secret_access_key, c.aws_session_token, \
     CAST(strftime('%s', c.created_at) AS INTEGER) FROM aws_credential c JOIN aws_identity i ON i.id = c.aws_identity_id \
     ORDER BY i.arn, c.created_at DESC, c.id DESC";
/// See [`Edge`].
pub const LINKS: &str = "SELECT t.arn, p.arn, s.role_arn FROM aws_role_identity_source s \
     JOIN aws_identity t ON t.id = s.target_aws_identity_id JOIN aws_identity p ON p.id = s.parent_aws_identity_id \
     ORDER BY s.id";

/// No session that AWS gives lives longer than 36 hours. The time that was written down is local, of no known zone: it
/// may be 14 hours behind, or 12 ahead.
const SURELY_OVER: i64 = (36 + 14 + 12) * 3600;

/// A credential as it is kept.
pub struct Row {
    /// Whose it is, as that tool was told.
    pub arn: String,
    /// The parts of the key.
    pub access_key_id: String,
    /// In the clear.
    pub secret: Zeroizing<String>,
    /// In the clear, too.
    pub session_token: Option<Zeroizing<String>>,
    /// When it was stored: epoch seconds, were the local time UTC.
    pub created_at: Option<i64>,
}

/// From whom a role is assumed.
pub struct Edge {
    /// The role, or a session of it.
    pub target: String,
    /// A user, a role, or a session of one.
    pub parent: String,
    /// The role's ARN.
    pub role_arn: String,
}

impl Row {
    /// Whether its session has ended, whenever it began.
    pub fn is_over(&self, now: i64) -> bool {
        let is_temporary = self.session_token.as_ref().is_some_and(|token| !token.is_empty());
        is_temporary && self.created_at.is_some_and(|at| at + SURELY_OVER < now)
    }

    /// The credential.
    pub fn opened(self) -> Parts {
        Parts {
            access_key_id: Some(Zeroizing::new(self.access_key_id)),
            secret_access_key: Some(self.secret),
            session_token: self.session_token,
            ..Parts::default()
        }
    }
}
