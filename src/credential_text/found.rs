//! What was found in a text, and what can be wrong with it.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::aws_config::document::Reason;
use crate::identity::hash::{Hasher, RequestHash};

/// One credential of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The name of its INI section; none in the other formats.
    pub section: Option<String>,
    /// The line that the access key id stands in, from 1; none in JSON.
    pub line: Option<u32>,
    /// 16 to 128 characters of `[A-Za-z0-9_]`.
    pub access_key_id: String,
    /// The secret half of the key.
    pub secret_access_key: Zeroizing<String>,
    /// Always there for an `ASIA…` key, never for an `AKIA…` key.
    pub session_token: Option<Zeroizing<String>>,
    /// Epoch seconds, UTC. None where the text tells none, and for a long-term key: that has no expiry, and one
    /// beside it was left over from another credential.
    pub expires_at: Option<i64>,
    /// The region that stands beside the credential.
    pub region: Option<String>,
    /// The MFA device that stands beside the credential.
    pub mfa_serial: Option<String>,
}

/// A hash of a whole credential: another one for the same key with another secret or session token.
pub fn fingerprint(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> RequestHash {
    let hasher = Hasher::new("written").field("id", Some(access_key_id)).field("secret", Some(secret_access_key));
    hasher.field("token", session_token).finish()
}

impl Found {
    /// Its [`fingerprint`].
    pub fn fingerprint(&self) -> RequestHash {
        let token = self.session_token.as_deref().map(String::as_str);
        fingerprint(&self.access_key_id, &self.secret_access_key, token)
    }
}

/// Redacted.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("section", &self.section)
            .field("line", &self.line)
            .field("access_key_id", &self.access_key_id)
            .field("has_session_token", &self.session_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why one credential of a text was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason}", place(self))]
pub struct SectionFault {
    /// The INI section.
    pub section: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What is wrong, and what to do.
    pub reason: FaultReason,
}

/// What is wrong with a credential, in a text that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultReason {
    /// A key without its other half, or a token without its key.
    #[error("{missing} is missing: add it")]
    Missing {
        /// The field's name in this format.
        missing: &'static str,
    },
    /// A long-term key id with a session token.
    #[error("a long-term key (AKIA…) takes no session token: remove {token}, or give the temporary key it belongs to")]
    TokenOfLongTermKey {
        /// The token's name in this format.
        token: String,
    },
    /// A temporary key id without a session token.
    #[error("a temporary key (ASIA…) works only with its session token: add {token}")]
    NoToken {
        /// The token's name in this format.
        token: &'static str,
    },
    /// An access key id that can be none.
    #[error(
        "{name} is no access key id: it must be 16 to 128 letters, digits or _, \
         without quotes, and without a comment in its line"
    )]
    NotAKeyId {
        /// The field's name in the text.
        name: String,
    },
    /// A control character, or one that cannot be seen.
    #[error("the value of {name} has an invisible character in it (U+{code:04X}): copy the value again")]
    InvisibleCharacter {
        /// The field's name in the text.
        name: String,
        /// Unicode code point.
        code: u32,
    },
    /// An expiry in no known form.
    #[error("{name} is no time that can be read: write it like 2030-01-31T23:59:00Z, or remove it")]
    NotATime {
        /// The field's name in the text.
        name: String,
    },
    /// A `credential_process` answer of another version.
    #[error("Version must be 1 in what a credential_process prints: {found}")]
    NotVersion1 {
        /// What is there instead.
        found: &'static str,
    },
    /// One variable with two values.
    #[error("{name} is set to two different values: paste one credential at a time")]
    SetTwice {
        /// The variable.
        name: String,
    },
    /// A value that a shell would compute.
    #[error("the shell would expand a $, ` or bracket here: put the plain value between single quotes")]
    Expands,
    /// A quote without its end in the same line.
    #[error("a quote is not closed in this line: put each assignment in one line")]
    QuoteNotClosed,
    /// A backslash at the line's end.
    #[error("the line goes on in the next one: put each assignment in one line")]
    LineContinues,
    /// A PowerShell value without quotes.
    #[error("PowerShell takes no bare value here: put it between single quotes")]
    NotQuoted,
    /// The section's header, or a line that may hold the missing half, cannot be read.
    #[error(transparent)]
    UnreadableLine(Reason),
}

/// Why the answer of a program, or of a service, is no credential.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerFault {
    /// It is something else than an object, or nothing.
    #[error("it is no JSON object")]
    NoObject,
    /// It is no JSON.
    #[error("it is no JSON (line {line}, column {column})")]
    NoJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// A field is something else than a text.
    #[error("{0} is no text")]
    NoText(&'static str),
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is missing or cannot be what it is.
    #[error(transparent)]
    Field(SectionFault),
    /// The service says that it has none.
    #[error("it says '{0}'")]
    Code(String),
}

/// Text from a file is stripped of control characters before it meets a terminal.
fn place(fault: &SectionFault) -> String {
    let visible = |name: &String| name.chars().filter(|c| !c.is_control()).collect::<String>();
    match (fault.section.as_ref().map(visible), fault.line) {
        (Some(section), Some(line)) => format!("[{section}], line {line}: "),
        (Some(section), None) => format!("[{section}]: "),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    }
}
