//! Credentials in JSON: what `aws sts`, `aws sso get-role-credentials`, `aws iam create-access-key` and a
//! `credential_process` print.

use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Number, Value};
use zeroize::Zeroizing;

use super::TextError;
use super::draft::{Draft, Field, Names};
use super::found::{FaultReason, Found, SectionFault};

pub(super) const NAMES: Names = Names { id: "AccessKeyId", secret: "SecretAccessKey", token: "SessionToken" };

/// The one object, whose credential is in a field of it or, in a `credential_process`'s answer, its own fields.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Credentials", alias = "roleCredentials")]
    credentials: Option<Triple>,
    #[serde(rename = "AccessKey")]
    access_key: Option<Triple>,
    #[serde(rename = "Version")]
    version: Option<Value>,
}

#[derive(Deserialize)]
struct Triple {
    #[serde(rename = "AccessKeyId", alias = "accessKeyId")]
    id: Option<SecretText>,
    #[serde(rename = "SecretAccessKey", alias = "secretAccessKey")]
    secret: Option<SecretText>,
    #[serde(rename = "SessionToken", alias = "sessionToken")]
    token: Option<SecretText>,
    #[serde(rename = "Expiration", alias = "expiration")]
    expiration: Option<Expiration>,
}

/// A text zeroised on drop.
pub(super) struct SecretText(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expiration {
    Text(String),
    Epoch(Number),
}

/// Reads the one credential of a JSON text.
pub(super) fn read(text: &str) -> Result<Result<Found, SectionFault>, TextError> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| text_error(&error))?;
    match envelope {
        Envelope { credentials: Some(triple), .. } | Envelope { access_key: Some(triple), .. } => finish(triple),
        Envelope { version, .. } => {
            let triple: Triple = serde_json::from_str(text).map_err(|error| text_error(&error))?;
            let result = finish(triple)?;
            Ok(result.and_then(|found| version_1(version.as_ref()).map(|()| found)))
        }
    }
}

/// serde's own messages may quote a value.
fn text_error(error: &serde_json::Error) -> TextError {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => TextError::WrongJson { line, column },
        Category::Syntax | Category::Eof | Category::Io => TextError::BrokenJson { line, column },
    }
}

fn finish(triple: Triple) -> Result<Result<Found, SectionFault>, TextError> {
    let field = |name: &str, text| Field { name: name.to_owned(), line: None, text };
    let expiration = triple.expiration.map(|expiration| match expiration {
        Expiration::Text(text) => text,
        Expiration::Epoch(number) => number.to_string(),
    });
    let draft = Draft {
        names: &NAMES,
        section: None,
        line: None,
        id: triple.id.map(|id| field(NAMES.id, id.0)),
        secret: triple.secret.map(|secret| field(NAMES.secret, secret.0)),
        token: triple.token.map(|token| field(NAMES.token, token.0)),
        expiry: expiration.map(|text| field("Expiration", text.into())),
        region: None,
        mfa_serial: None,
    };
    draft.finish().ok_or(TextError::NoKey)
}

/// The SDK guide, "Process credential provider": Version must be 1.
pub(super) fn version_1(version: Option<&Value>) -> Result<(), SectionFault> {
    let found = match version {
        Some(version) if version.as_u64() == Some(1) => return Ok(()),
        Some(_) => "it has another one; update the tool that printed this",
        None => "it has none; add \"Version\": 1",
    };
    Err(SectionFault { section: None, line: None, reason: FaultReason::NotVersion1 { found } })
}
