//! A credential as a text for programs to read: JSON, INI, and the two kinds of environment files.

use serde_json::json;

use crate::aws_config::document::{Document as Ini, EditError, SectionId};
use crate::env_change::{Action, EnvChange};
use crate::secret::{Credential, Secret};

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// What a `credential_process` prints.
    Json,
    /// A `.env` file.
    Dotenv,
    /// A section of the shared credentials file.
    Ini,
    /// A file for `docker run --env-file`.
    Docker,
}

/// Why a value cannot be written so that it is read back as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// A `.env` file has no quoting that all its readers share.
    #[error("the value of {0} cannot be written so that every reader of a .env file reads it back")]
    Dotenv(&'static str),
    /// An `--env-file` has no quoting at all.
    #[error("the value of {0} has a line break, which no --env-file can hold")]
    Docker(&'static str),
    /// The name or a value cannot stand in an INI file.
    #[error(transparent)]
    Ini(#[from] EditError),
}

impl Document {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "dotenv" => Self::Dotenv,
            "ini" => Self::Ini,
            "docker" => Self::Docker,
            _ => return None,
        })
    }
}

/// What the AWS SDKs want a `credential_process` to print (AWS SDKs and Tools Reference Guide, "Process credential
/// provider"). `expiry` is in RFC 3339; it must be there with a session token, a guess included: without it an SDK
/// never asks again.
pub fn process_json(credential: &Credential, expiry: Option<&str>) -> Secret {
    let mut value = json!({
        "Version": 1,
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.material.secret_access_key.expose(),
    });
    if let Some(token) = &credential.material.session_token {
        value["SessionToken"] = token.expose().into();
        value["Expiration"] = expiry.into();
    }
    Secret::new(format!("{value}\n"))
}

/// A section of the shared credentials file. `expiry` is in RFC 3339.
///
/// # Errors
/// The name or a value cannot stand there.
pub fn ini(
    name: &str,
    credential: &Credential,
    expiry: Option<&str>,
    region: Option<&str>,
) -> Result<Secret, ExportError> {
    let mut keys = vec![
        ("aws_access_key_id", credential.access_key_id.as_str()),
        ("aws_secret_access_key", credential.material.secret_access_key.expose()),
    ];
    keys.extend(credential.material.session_token.as_ref().map(|token| ("aws_session_token", token.expose())));
    keys.extend(expiry.map(|expiry| ("expiration", expiry)));
    keys.extend(region.map(|region| ("region", region)));
    let mut document = Ini::parse("");
    document.append_section(&SectionId::plain(name).to_header(), &keys)?;
    Ok(document.to_text().into())
}

/// A `.env` file.
///
/// # Errors
/// A value cannot stand there.
pub fn dotenv(change: &EnvChange) -> Result<Secret, ExportError> {
    lines(change, |name, value| {
        // Between single quotes most readers take everything as it is; some know \\ and \' there.
        let is_literal = !value.contains(['\'', '\n', '\r']) && !value.contains("\\\\") && !value.ends_with('\\');
        let is_bare = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+,@=".contains(&byte));
        match (is_bare, is_literal) {
            (true, _) => Ok(format!("{name}={value}\n")),
            (false, true) => Ok(format!("{name}='{value}'\n")),
            (false, false) => Err(ExportError::Dotenv(name)),
        }
    })
}

/// A file for `docker run --env-file`, which takes every character after the `=` as it is.
///
/// # Errors
/// A value cannot stand there.
pub fn docker(change: &EnvChange) -> Result<Secret, ExportError> {
    lines(change, |name, value| {
        if value.contains(['\n', '\r']) { Err(ExportError::Docker(name)) } else { Ok(format!("{name}={value}\n")) }
    })
}

fn lines(
    change: &EnvChange,
    line: impl Fn(&'static str, &str) -> Result<String, ExportError>,
) -> Result<Secret, ExportError> {
    let mut text = zeroize::Zeroizing::new(String::with_capacity(8 * 1024));
    for (name, action) in change.actions() {
        if let Action::Set(value) = action {
            text.push_str(&zeroize::Zeroizing::new(line(name, value.expose())?));
        }
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::KeyMaterial;

    fn credential(secret: &str, token: Option<&str>) -> Credential {
        let material = KeyMaterial { secret_access_key: Secret::new(secret), session_token: token.map(Secret::new) };
        Credential { access_key_id: "ASIAEXAMPLE123456789".into(), material, expires_at: None }
    }

    #[test]
    fn a_process_tells_an_expiry_with_every_token_and_never_without_one() {
        let expiry = Some("2030-01-31T23:59:00Z");
        let with = process_json(&credential("s", Some("t")), expiry);
        let with: serde_json::Value = serde_json::from_str(with.expose()).unwrap();
        assert_eq!(with["Version"], 1);
        assert_eq!(with["Expiration"], "2030-01-31T23:59:00Z");
        let without = process_json(&credential("s", None), expiry);
        assert!(!without.expose().contains("Expiration") && !without.expose().contains("SessionToken"));
    }

    #[test]
    fn a_dotenv_file_holds_what_its_readers_agree_on() {
        let written = |value: &str| {
            let mut change = EnvChange::default();
            change.set("K", value);
            dotenv(&change).map(|text| text.expose().to_owned())
        };
        assert_eq!(written("a/b+c=").as_deref(), Ok("K=a/b+c=\n"));
        assert_eq!(written("a b#\"$c`\\d").as_deref(), Ok("K='a b#\"$c`\\d'\n"));
        for bad in ["it's", "two\nlines", "a\\\\b", "end\\"] {
            assert_eq!(written(bad), Err(ExportError::Dotenv("K")), "{bad}");
        }
    }

    #[test]
    fn an_ini_section_is_read_back_as_it_was_written() {
        let hostile = "a%b#c;d=e\"f\\g h";
        let text = ini("prod/Admin", &credential(hostile, Some("t")), Some("2030-01-31T23:59:00Z"), Some("eu-west-1"));
        let text = text.unwrap();
        let document = Ini::parse(text.expose());
        let section = document.section_of_header("prod/Admin").unwrap();
        let found = crate::credential_text::of_section(&section).unwrap().unwrap();
        assert_eq!(found.secret_access_key.as_str(), hostile);
        assert!(found.expires_at.is_some());
        assert!(ini("a]b\n", &credential("s", None), None, None).is_err());
    }
}
