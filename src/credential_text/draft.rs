//! The parts of a credential, and the rules they must keep.

use zeroize::Zeroizing;

use super::expiry::epoch_seconds;
use super::found::{FaultReason, Found, SectionFault};

/// The names of a credential's parts in one format.
pub(super) struct Names {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: &'static str,
}

/// One value of a text, as it stands there.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: Option<u32>,
    pub(super) text: Zeroizing<String>,
}

/// The parts of a credential before they are checked.
pub(super) struct Draft {
    pub(super) names: &'static Names,
    pub(super) section: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) id: Option<Field>,
    pub(super) secret: Option<Field>,
    pub(super) token: Option<Field>,
    pub(super) expiry: Option<Field>,
    pub(super) region: Option<Field>,
    pub(super) mfa_serial: Option<Field>,
}

impl Draft {
    /// The credential; nothing where the text has no part of one.
    pub(super) fn finish(mut self) -> Option<Result<Found, SectionFault>> {
        for field in [&mut self.id, &mut self.secret, &mut self.token, &mut self.expiry] {
            // `aws configure` leaves empty values behind.
            field.take_if(|field| field.text.is_empty());
        }
        let first = self.id.as_ref().or(self.secret.as_ref()).or(self.token.as_ref())?;
        self.line = first.line.or(self.line);
        Some(self.check())
    }

    fn check(self) -> Result<Found, SectionFault> {
        let all = [&self.id, &self.secret, &self.token, &self.expiry, &self.region, &self.mfa_serial];
        for field in all.into_iter().flatten() {
            self.refuse_invisible(field)?;
        }
        let id = self.id.as_ref().ok_or_else(|| self.missing(self.names.id))?;
        let secret = self.secret.as_ref().ok_or_else(|| self.missing(self.names.secret))?;
        if !is_access_key_id(&id.text) {
            return Err(self.fault(id.line, FaultReason::NotAKeyId { name: id.name.clone() }));
        }
        self.check_token(&id.text)?;
        Ok(Found {
            section: self.section.clone(),
            line: id.line,
            access_key_id: id.text.to_string(),
            secret_access_key: secret.text.clone(),
            session_token: self.token.as_ref().map(|token| token.text.clone()),
            expires_at: self.expires_at(&id.text)?,
            region: self.region.as_ref().map(plain),
            mfa_serial: self.mfa_serial.as_ref().map(plain),
        })
    }

    fn check_token(&self, id: &str) -> Result<(), SectionFault> {
        match &self.token {
            Some(token) if is_long_term(id) => {
                let reason = FaultReason::TokenOfLongTermKey { token: token.name.clone() };
                Err(self.fault(token.line, reason))
            }
            None if id.starts_with("ASIA") => {
                Err(self.fault(self.line, FaultReason::NoToken { token: self.names.token }))
            }
            _ => Ok(()),
        }
    }

    fn expires_at(&self, id: &str) -> Result<Option<i64>, SectionFault> {
        let Some(expiry) = self.expiry.as_ref().filter(|_| !is_long_term(id)) else { return Ok(None) };
        match epoch_seconds(&expiry.text) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(self.fault(expiry.line, FaultReason::NotATime { name: expiry.name.clone() })),
        }
    }

    fn refuse_invisible(&self, field: &Field) -> Result<(), SectionFault> {
        match field.text.chars().find(|c| is_invisible(*c)) {
            Some(character) => {
                let reason = FaultReason::InvisibleCharacter { name: field.name.clone(), code: u32::from(character) };
                Err(self.fault(field.line, reason))
            }
            None => Ok(()),
        }
    }

    fn missing(&self, missing: &'static str) -> SectionFault {
        self.fault(self.line, FaultReason::Missing { missing })
    }

    fn fault(&self, line: Option<u32>, reason: FaultReason) -> SectionFault {
        SectionFault { section: self.section.clone(), line, reason }
    }
}

fn plain(field: &Field) -> String {
    field.text.to_string()
}

/// IAM's unique id prefixes: AKIA is a long-term key, ASIA a temporary one
/// (IAM user guide, "Understanding unique ID prefixes").
fn is_long_term(id: &str) -> bool {
    id.starts_with("AKIA")
}

/// STS API, type Credentials, `AccessKeyId`: 16 to 128 characters of `\w`.
fn is_access_key_id(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Control characters, and the spaces that web pages and chats put into what is copied from them.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || (!character.is_ascii() && character.is_whitespace())
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
