//! Sections that look like profiles, and that no program takes for one.

use super::document::{Document, Section, SectionKind};
use super::keys;
use super::profile::{DEFAULT, FileKind};
use super::{AwsFiles, FileError};

/// A section that is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file it stands in.
    pub file: FileKind,
    /// The line of its header, from 1.
    pub line: u32,
    /// What stands between the brackets; not safe to print.
    pub header: String,
    /// Why, and what would mend it.
    pub reason: String,
}

/// Those of both files.
///
/// # Errors
/// A file exists and cannot be read.
pub fn skipped(files: &AwsFiles) -> Result<Vec<Skipped>, FileError> {
    let mut found = Vec::new();
    for file in [FileKind::Config, FileKind::Credentials] {
        let document = Document::parse(&files.text(file)?);
        found.extend(document.sections().filter_map(|section| of_section(file, &section)));
    }
    Ok(found)
}

fn of_section(file: FileKind, section: &Section<'_>) -> Option<Skipped> {
    let reason = match section.kind() {
        SectionKind::Unreadable => section.faults().next()?.reason.to_string(),
        SectionKind::Plain if file == FileKind::Config && section.name() != DEFAULT && is_like_profile(section) => {
            "a profile's name has `profile ` before it in this file".to_owned()
        }
        _ => return None,
    };
    Some(Skipped { file, line: section.line(), header: section.name().to_owned(), reason })
}

/// Other tools have sections of their own in this file: `[plugins]`, `[preview]`.
fn is_like_profile(section: &Section<'_>) -> bool {
    let is_key = |key: &str| keys::says(key).is_some() || key.starts_with("aws_");
    section.properties().any(|property| is_key(&property.key().to_ascii_lowercase()))
}
