//! What is found, and how bad it is.

use std::fmt::Display;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work, will not, or is open to others.
    Fault,
    /// Something that a person may want to know, or to do.
    Note,
}

impl Severity {
    /// The word of it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Note => "note",
        }
    }
}

/// Something that was found, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// `credential AKIA…`, `slot 1`, a path, a variable.
    pub about: String,
    /// What it is.
    pub fact: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// Something that is wrong.
    #[allow(clippy::needless_pass_by_value, reason = "a text as it stands, or a path's own")]
    pub fn fault(about: impl Display, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Fault, about: about.to_string(), fact: fact.into(), remedy: remedy.into() }
    }

    /// Something to know.
    pub fn note(about: impl Display, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::fault(about, fact, remedy) }
    }

    /// Whether it is more than something to know.
    pub fn is_fault(&self) -> bool {
        self.severity == Severity::Fault
    }
}
