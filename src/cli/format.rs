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

impl Format {
    /// The name of each, which is offered; a shell's other names are understood, too.
    pub const NAMES: &[&str] =
        &["sh", "fish", "tcsh", "powershell", "nu", "elvish", "xonsh", "json", "dotenv", "ini", "docker"];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(language) = Language::named(name) {
            return Ok(Self::Statements(language));
        }
        Document::named(name).map(Self::Document).ok_or_else(|| format!("it is one of {}", Self::NAMES.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_that_is_offered_is_understood() {
        for name in Format::NAMES {
            assert!(name.parse::<Format>().is_ok(), "{name}");
        }
    }
}
