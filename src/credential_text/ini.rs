//! Credentials in INI text, as `~/.aws/credentials` and the AWS access portal have it.

use zeroize::Zeroizing;

use super::draft::{Draft, Field, Names};
use super::found::{FaultReason, Found, SectionFault};
use crate::aws_config::document::{Document, Section, SectionKind};

const NAMES: Names = Names { id: "aws_access_key_id", secret: "aws_secret_access_key", token: "aws_session_token" };

/// The names of the expiry, in the order in which they are read. There is no standard: saml2aws, aws-mfa, mentaws, awsu and many scripts write the expiry under names of their own.
pub const EXPIRY_KEYS: [&str; 9] = [
    "aws_credential_expiration",
    "aws_session_expiration",
    "aws_session_token_expiration",
    "aws_expiration",
    "x_security_token_expires",
    "expiration",
    "expires_at",
    "expires",
    "aws_token_expiry_time_machine",
];

/// True where a line is a section header beyond doubt; `[Environment]::…` of PowerShell is none.
pub(super) fn has_header(document: &Document) -> bool {
    let is_whole = |section: &Section| section.faults().all(|fault| fault.line != section.line());
    document.sections().any(|section| is_whole(&section))
}

/// The credentials of every section that has at least a part of one.
pub(super) fn read(document: &Document) -> Vec<Result<Found, SectionFault>> {
    document.sections().filter_map(|section| read_section(&section)).collect()
}

/// The credential of lines pasted without their `[name]`.
pub(super) fn read_without_header(text: &str) -> Option<Result<Found, SectionFault>> {
    let text = Zeroizing::new(["[default]\n", text].concat());
    let result = read_section(&Document::parse(&text).section_of_header("default")?)?;
    let line_above = |line: Option<u32>| line.map(|line| line - 1);
    Some(match result {
        Ok(found) => Ok(Found { section: None, line: line_above(found.line), ..found }),
        Err(fault) => Err(SectionFault { section: None, line: line_above(fault.line), ..fault }),
    })
}

/// The credential of one section; `None` where the section has no part of one.
pub fn read_section(section: &Section) -> Option<Result<Found, SectionFault>> {
    let result = draft(section).finish()?;
    let first_fault = section.faults().next();
    let is_half = |fault: &SectionFault| matches!(fault.reason, FaultReason::Missing { .. });
    match (result, first_fault) {
        // The header is broken, or the half that is missing may stand in the line that cannot be read.
        (result, Some(bad)) if section.kind() == SectionKind::Unreadable || result.as_ref().is_err_and(is_half) => {
            let reason = FaultReason::UnreadableLine(bad.reason);
            Some(Err(SectionFault { section: section_name(section), line: Some(bad.line), reason }))
        }
        (result, _) => Some(result),
    }
}

/// None for a header that cannot be read: whatever stands in it must not be quoted.
fn section_name(section: &Section) -> Option<String> {
    (section.kind() != SectionKind::Unreadable).then(|| section.name().to_owned())
}

fn draft(section: &Section) -> Draft {
    Draft {
        names: &NAMES,
        section: section_name(section),
        line: Some(section.line()),
        id: first_of(section, &[NAMES.id]),
        secret: first_of(section, &[NAMES.secret]),
        token: first_of(section, &[NAMES.token, "aws_security_token"]),
        expiry: first_of(section, &EXPIRY_KEYS),
        region: first_of(section, &["region"]),
        mfa_serial: first_of(section, &["mfa_serial", "aws_mfa_device"]),
    }
}

/// The first of these keys that has a value. A comment is part of a credential's value, see [`Document`].
fn first_of(section: &Section, keys: &[&str]) -> Option<Field> {
    let properties = keys.iter().filter_map(|key| section.get(key));
    let field = |name: &str, line, text: String| Field { name: name.to_owned(), line: Some(line), text: text.into() };
    properties
        .map(|property| field(property.key(), property.line(), property.value().into_owned()))
        .find(|field| !field.text.is_empty())
}
