//! The forms in which `env` prints a credential.

use std::str::FromStr;

use crate::export::Document;
use crate::shell::Language;

/// A form of `env`'s output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Statements for a shell to run.
    Statements(Language),
    /// A text for programs to read.
    Document(Document),
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(language) = Language::named(name) {
            return Ok(Self::Statements(language));
        }
        Document::named(name).map(Self::Document).ok_or_else(|| {
            "it is one of sh, fish, tcsh, powershell, nu, elvish, xonsh, json, dotenv, ini, docker".to_owned()
        })
    }
}
