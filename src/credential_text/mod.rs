//! Reading the credentials that a person pastes or points to: INI, shell lines, JSON.
//!
//! No error of this module quotes a value: people swap fields, and any value may be the secret.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::aws_config::document::Document;

mod answer;
mod decode;
mod draft;
mod expiry;
mod found;
mod given;
mod ini;
mod json;
mod parts;
mod shell_lines;
mod shell_words;

pub use decode::{DecodeError, decode};
pub use expiry::{shown as shown_expiry, written_like as expiry_like};
pub use found::{AnswerFault, FaultReason, Found, SectionFault, fingerprint};
pub use ini::{EXPIRY_KEYS, read_section as of_section};
pub use parts::Parts;

/// Why nothing could be read from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// No text, or white space only.
    #[error("the text is empty: paste credentials, or name a file that holds some")]
    Empty,
    /// In none of the formats.
    #[error(
        "no credentials in a known format: give an INI file ([profile], aws_access_key_id = …), lines of \
         export, set, setenv or $env:, or the JSON of aws sts, aws iam create-access-key or a credential_process"
    )]
    UnknownFormat,
    /// In a known format, without any part of a key.
    #[error("there is no access key in the text: it must have an access key id and a secret access key")]
    NoKey,
    /// Broken JSON.
    #[error("the JSON cannot be read at line {line}, column {column}: copy it again, from {{ to the last }}")]
    BrokenJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 before the first.
        column: usize,
    },
    /// JSON whose fields are not texts where texts belong.
    #[error(
        "the JSON at line {line}, column {column} is not what aws prints: \
         a field has another type there, or stands there twice"
    )]
    WrongJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 before the first.
        column: usize,
    },
}

/// Reads every credential of a text, whose format is found out here.
///
/// Each section of an INI text has a result of its own, so that a broken one hides no other; sections without any
/// part of a key are left out. Shell lines and JSON give one result. The list is never empty.
pub fn parse(text: &str) -> Result<Vec<Result<Found, SectionFault>>, TextError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.trim_start().starts_with('{') {
        return json::read(text).map(|result| vec![result]);
    }
    let document = Document::parse(text);
    let in_sections = || Some(ini::read(&document)).filter(|results| !results.is_empty());
    if ini::has_header(&document) {
        return in_sections().ok_or(TextError::NoKey);
    }
    let in_lines = || shell_lines::read(text).or_else(|| ini::read_without_header(text));
    in_sections().or_else(|| in_lines().map(|result| vec![result])).ok_or(TextError::UnknownFormat)
}

/// A time in any of the forms that tools write it, in epoch seconds UTC.
pub fn instant(text: &str) -> Option<i64> {
    expiry::epoch_seconds(text)
}

/// Reads what a `credential_process` prints (AWS SDKs and Tools Reference Guide, "Process credential provider").
///
/// # Errors
/// Names the field that is missing or wrong, and quotes nothing.
pub fn of_process(text: &str) -> Result<Found, AnswerFault> {
    answer::of_process(text)
}

/// Reads what a metadata service answers.
///
/// # Errors
/// Names the field that is missing or wrong.
pub fn of_metadata(text: &str) -> Result<Found, AnswerFault> {
    answer::of_metadata(text)
}

/// The credential that the variables of an environment hold; nothing where none of them has a part of one.
pub fn of_variables(value: impl Fn(&str) -> Option<Zeroizing<String>>) -> Option<Result<Found, SectionFault>> {
    given::of_variables(value)
}

/// The credential that a person has typed, part by part; nothing where that is empty.
pub fn typed(
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
) -> Option<Result<Found, SectionFault>> {
    given::typed(id, secret, token)
}

/// The words of a command line, as a POSIX shell splits it; `None` where a shell would compute something, or run more
/// than one command.
pub fn command_words(line: &str) -> Option<Vec<String>> {
    match &shell_words::statements(line, false).ok()?[..] {
        [words] => Some(words.iter().map(|word| word.to_string()).collect()),
        _ => None,
    }
}
