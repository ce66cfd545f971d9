//! What aws-vault keeps: items of a keyring. In its encrypted-file backend each is a file, named as the item is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::credential_text::Parts;
use crate::percent;

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The key that somebody added, under this name.
    Key(String),
    /// A session, which can be obtained again.
    Session,
    /// A sign-in at IAM Identity Center.
    SignIn,
}

/// What the item in a file of this name is. Characters that cannot stand in one are percent-encoded.
pub fn item_of(file_name: &str) -> Item {
    let name = percent::decode(file_name).unwrap_or_else(|| file_name.to_owned());
    if name.starts_with("oidc:") {
        return Item::SignIn;
    }
    if is_session(&name) || is_old_session(&name) { Item::Session } else { Item::Key(name) }
}

/// `sts.GetSessionToken,PROFILE,SERIAL,EXPIRY`, two of them in base64.
fn is_session(name: &str) -> bool {
    let fields: Vec<&str> = name.split(',').collect();
    let [kind, profile, serial, expiry] = fields[..] else { return false };
    let is_coded = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok();
    !kind.is_empty() && !profile.is_empty() && is_coded(profile) && is_coded(serial) && is_number(expiry)
}

/// As older versions named them: `session,A,B,1…`, `session:A:B:…`, `A session (1…)`.
fn is_old_session(name: &str) -> bool {
    let fields = |mark: char| name.split(mark).collect::<Vec<_>>();
    let in_brackets = |rest: &str| rest.strip_suffix(')').is_some_and(is_number);
    matches!(fields(',')[..], ["session", profile, _, expiry] if !profile.is_empty() && is_number(expiry))
        || (name.starts_with("session:") && fields(':').len() >= 4)
        || name.rsplit_once(" session (").is_some_and(|(profile, rest)| !profile.is_empty() && in_brackets(rest))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why an item holds no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it opens, and holds no credential of aws-vault's")]
pub struct NoCredential;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    data: String,
}

/// As Go's AWS SDKs name the parts.
#[derive(Deserialize)]
struct Value {
    #[serde(rename = "AccessKeyID")]
    access_key_id: String,
    #[serde(rename = "SecretAccessKey")]
    secret_access_key: String,
    #[serde(rename = "SessionToken", default)]
    session_token: String,
    #[serde(rename = "CanExpire", default)]
    can_expire: bool,
    #[serde(rename = "Expires", default)]
    expires: String,
}

/// The credential of an item, as it was decrypted.
///
/// # Errors
/// It holds something else.
pub fn credential(name: &str, item: &[u8]) -> Result<Parts, NoCredential> {
    let mut envelope: Envelope = serde_json::from_slice(item).map_err(|_| NoCredential)?;
    let data = STANDARD.decode(&envelope.data).map(Zeroizing::new);
    envelope.data.zeroize();
    let value: Value = serde_json::from_slice(&data.map_err(|_| NoCredential)?).map_err(|_| NoCredential)?;
    Ok(Parts {
        section: Some(name.to_owned()),
        access_key_id: Some(Zeroizing::new(value.access_key_id)),
        secret_access_key: Some(Zeroizing::new(value.secret_access_key)),
        session_token: Some(Zeroizing::new(value.session_token)),
        expiry: value.can_expire.then_some(value.expires),
        ..Parts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_sign_ins_are_told_from_keys_by_their_names() {
        let key = |name: &str| Item::Key(name.to_owned());
        for name in ["work", "a b", "team/prod", "session", "a,b,c", "a,*,c,1", "oidc", "1 session ()"] {
            assert_eq!(item_of(name), key(name), "{name}");
        }
        assert_eq!(item_of("team%2Fprod"), key("team/prod"));
        assert_eq!(item_of("100%"), key("100%"));
        for name in [
            "sts.GetSessionToken,d29yaw,YXJuOmF3czppYW06OjE6bWZhL2E,1893456000",
            "sts.AssumeRole,d29yaw,,1893456000",
            "sso.GetRoleCredentials,d29yaw,aHR0cHM6Ly9h,1893456000",
            "session,d29yaw,,1893456000",
            "session:work:arn:aws:iam::1:mfa/a:2019",
            "work session (1893456000)",
        ] {
            assert_eq!(item_of(name), Item::Session, "{name}");
        }
        assert_eq!(item_of("oidc:https:%2F%2Fa.awsapps.com%2Fstart"), Item::SignIn);
    }

    #[test]
    fn what_holds_no_credential_is_said_to() {
        for item in ["", "{}", "secret", r#"{"Data":"*"}"#, r#"{"Data":"e30="}"#, r#"{"Data":1}"#] {
            assert_eq!(credential("a", item.as_bytes()).err(), Some(NoCredential), "{item}");
        }
    }
}
