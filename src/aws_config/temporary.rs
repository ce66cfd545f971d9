//! A temporary credential in a section of the credentials file: pure, from text to text.
//!
//! Long-term keys are never replaced, but the very one that is known to be in the store: what a person has nowhere else
//! would be lost. Every other byte of the file stays.

mod batch;

use std::path::Path;

use zeroize::Zeroizing;

use super::document::{Document, EditError, Section, SectionId};
use super::kept;
use super::{FileKind, read};
use crate::credential_text::{self, EXPIRY_KEYS, Found};
use crate::secret::{Credential, Secret};

/// botocore takes it before `aws_session_token`.
pub(super) const OLD_TOKEN: &str = "aws_security_token";
pub(super) const ACCOUNT: &str = "aws_account_id";
/// Beside the expiry, whatever may be written or removed.
const WRITTEN: [&str; 6] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", OLD_TOKEN, ACCOUNT, "region"];
/// The name that most tools read.
pub(super) const EXPIRY: &str = "expiration";
/// What mentaws shows of the expiry: `Mon 14:30 tz:UTC`.
pub(super) const EXPIRY_SHOWN: &str = "aws_token_expiry_time_human";

/// Settings that win over the keys of the same profile: `role_arn`, `web_identity_token_file` and `sso_…` in botocore
/// (`ProfileProviderBuilder`), `credential_source` in the SDK for Rust (`profile/credentials/repr.rs`). About the other
/// two the SDKs differ, and then it would depend on the program who one is.
const WINNERS: [&str; 5] =
    ["role_arn", "credential_source", "credential_process", "web_identity_token_file", "login_session"];
const SSO: &str = "sso_";

/// One of the two files: where it is, for errors, and what it says.
#[derive(Clone, Copy)]
pub struct FileText<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its text, empty where there is no file.
    pub text: &'a str,
}

impl FileText<'_> {
    fn place(&self, line: u32) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// What is put into a section.
#[derive(Clone, Copy, Debug)]
pub struct Temporary<'a> {
    /// With a session token. Its expiry is written where it has one.
    pub credential: &'a Credential,
    /// The account it is for: an `aws_account_id` that stands in the section is brought up to date, or removed where
    /// this is not known.
    pub account_id: Option<&'a str>,
    /// The region to write into a profile that has none.
    pub region: Option<&'a str>,
    /// Whether to write the region into a profile that has one, too.
    pub overwrite_region: bool,
    /// Whose credential the section is to have from now on, where it is kept for somebody.
    pub keep: Option<Keep<'a>>,
}

/// For whom a section is kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep<'a> {
    /// A name that multicred resolves.
    pub who: &'a str,
    /// The store that knows it, where that is not the default one.
    pub store: Option<&'a str>,
    /// A long-term key that the store has: the section may hold it, and then loses it.
    pub stored: Option<&'a Found>,
}

pub use batch::{Written, check_kept, put_all, put_commands};

/// Why a credential was not written. No text quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemporaryError {
    /// A name that would not be read back from a section's header.
    #[error("'{0}' cannot be the name of a profile in the credentials file")]
    BadName(String),
    /// The credential to be written is a long-term key.
    #[error("{0} is a long-term key: only temporary credentials are written into a profile")]
    LongTermCredential(String),
    /// The section holds a long-term key.
    #[error("profile {profile} holds a long-term key ({place}), which would be lost")]
    HoldsLongTermKey {
        /// The profile.
        profile: String,
        /// `file:line`
        place: String,
    },
    /// The section cannot be read, so that nobody knows what would be lost.
    #[error("profile {profile} cannot be changed ({place}): {reason}")]
    Fault {
        /// The profile.
        profile: String,
        /// `file:line`
        place: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A setting that SDKs would use instead.
    #[error("profile {profile} has {key} ({place}), which programs would use instead of what is written")]
    Wins {
        /// The profile.
        profile: String,
        /// The setting.
        key: String,
        /// `file:line`
        place: String,
    },
    /// A value or a place that the file's format does not allow.
    #[error("profile {profile} cannot be written: {error}")]
    Edit {
        /// The profile.
        profile: String,
        /// What is wrong.
        error: EditError,
    },
    /// What is written there would not stay, and a key that was there before could not be given back.
    #[error("profile {profile} is kept up by multicred refresh for somebody ({place})")]
    Kept {
        /// The profile.
        profile: String,
        /// `file:line`
        place: String,
    },
    /// The section no longer holds the key that was taken from it.
    #[error("profile {0} was changed meanwhile: it no longer holds the key that was taken from it")]
    Changed(String),
    /// The text that was made does not give the credential back.
    #[error("the credential would not be read back from profile {0} as it is")]
    NotReadBack(String),
}

/// Whether a temporary credential may be put into a profile: to be asked before AWS is.
///
/// # Errors
/// See [`TemporaryError`].
pub fn check(profile: &str, credentials: FileText<'_>, config: FileText<'_>) -> Result<(), TemporaryError> {
    let documents = Documents::parse(credentials, config);
    documents.check(profile, None)
}

/// Both files, read.
struct Documents<'a> {
    credentials: Document,
    config: Document,
    files: [FileText<'a>; 2],
}

impl<'a> Documents<'a> {
    fn parse(credentials: FileText<'a>, config: FileText<'a>) -> Self {
        let documents = [credentials, config].map(|file| Document::parse(file.text));
        let [of_credentials, of_config] = documents;
        Self { credentials: of_credentials, config: of_config, files: [credentials, config] }
    }

    fn check(&self, profile: &str, keep: Option<&Keep<'_>>) -> Result<(), TemporaryError> {
        let id = section_id(profile)?;
        if let Some(section) = read::section(&self.config, FileKind::Config, profile) {
            refuse_winners(profile, &section, self.files[1], false)?;
        }
        let Some(section) = self.credentials.section(&id) else { return Ok(()) };
        refuse_winners(profile, &section, self.files[0], keep.is_some())?;
        refuse_what_would_be_lost(profile, &section, self.files[0], keep.and_then(|keep| keep.stored))
    }

    fn write(&mut self, profile: &str, new: &Temporary<'_>) -> Result<(), TemporaryError> {
        self.check(profile, new.keep.as_ref())?;
        if new.credential.is_long_term() {
            return Err(TemporaryError::LongTermCredential(new.credential.access_key_id.clone()));
        }
        let id = section_id(profile)?;
        let may_have_region = new.overwrite_region || !has_region_in_config(profile, &self.config);
        let edited = write(&mut self.credentials, &id, new, may_have_region);
        edited.map_err(|error| TemporaryError::Edit { profile: profile.to_owned(), error })
    }
}

/// The credentials file's text with the credential in the section of that name, which is added at the end where it is
/// missing.
///
/// # Errors
/// See [`TemporaryError`].
pub fn put(
    profile: &str,
    new: &Temporary<'_>,
    credentials: FileText<'_>,
    config: FileText<'_>,
) -> Result<Zeroizing<String>, TemporaryError> {
    let mut documents = Documents::parse(credentials, config);
    documents.write(profile, new)?;
    let text = documents.credentials.to_text();
    if reads_back(&Document::parse(&text), &section_id(profile)?, new.credential) {
        return Ok(text);
    }
    Err(TemporaryError::NotReadBack(profile.to_owned()))
}

/// The same in a document, beside a config that says nothing.
pub(super) fn put_into(document: &mut Document, profile: &str, new: &Temporary<'_>) -> Result<(), TemporaryError> {
    let nothing = || FileText { path: Path::new(""), text: "" };
    let credentials = std::mem::replace(document, Document::parse(""));
    let mut documents = Documents { credentials, config: Document::parse(""), files: [nothing(), nothing()] };
    let written = documents.write(profile, new);
    *document = documents.credentials;
    written
}

/// The SDK for Rust takes a `#` or `;` for a comment inside of brackets too, and then refuses the whole file.
fn section_id(profile: &str) -> Result<SectionId, TemporaryError> {
    let id = SectionId::plain(profile);
    let breaks_header = |c: char| c.is_control() || "[]#;".contains(c);
    if profile.contains(breaks_header) || profile.trim() != profile || SectionId::of_header(&id.to_header()) != id {
        return Err(TemporaryError::BadName(profile.escape_debug().to_string()));
    }
    Ok(id)
}

/// Where the section is `kept`, the command that stands in the place of its key does not win: it is multicred's own.
fn refuse_winners(profile: &str, section: &Section<'_>, file: FileText<'_>, kept: bool) -> Result<(), TemporaryError> {
    let found = kept::kept(section);
    if !kept && found.as_ref().is_some_and(|found| !found.is_command()) {
        return Err(TemporaryError::Kept { profile: profile.to_owned(), place: file.place(section.line()) });
    }
    let is_own = kept && found.is_some_and(|found| found.is_command());
    let wins = |key: &str| (WINNERS.contains(&key) && !(is_own && key == kept::PROCESS)) || key.starts_with(SSO);
    match section.properties().find(|property| wins(&property.key().to_ascii_lowercase())) {
        Some(property) => Err(TemporaryError::Wins {
            profile: profile.to_owned(),
            key: property.key().escape_debug().to_string(),
            place: file.place(property.line()),
        }),
        None => Ok(()),
    }
}

fn refuse_what_would_be_lost(
    profile: &str,
    section: &Section<'_>,
    file: FileText<'_>,
    stored: Option<&Found>,
) -> Result<(), TemporaryError> {
    let profile = profile.to_owned();
    let place = |line: Option<u32>| file.place(line.unwrap_or_else(|| section.line()));
    if let Some(fault) = section.faults().next() {
        return Err(TemporaryError::Fault { profile, place: file.place(fault.line), reason: fault.reason.to_string() });
    }
    if let Some(line) = goes_on(section) {
        let reason = "its value goes on in the next line: end it there".to_owned();
        return Err(TemporaryError::Fault { profile, place: file.place(line), reason });
    }
    if let Some((key, line)) = kept::twice(section) {
        let reason = format!("{key} stands twice, and what stands above would be lost: keep one");
        return Err(TemporaryError::Fault { profile, place: file.place(line), reason });
    }
    match kept::credential(section) {
        Some(Ok(found)) if stored.is_some_and(|stored| is_same_key(&found, stored)) => Ok(()),
        Some(Err(fault)) => {
            Err(TemporaryError::Fault { profile, place: place(fault.line), reason: fault.reason.to_string() })
        }
        Some(Ok(found)) if found.session_token.is_none() => {
            Err(TemporaryError::HoldsLongTermKey { profile, place: place(found.line) })
        }
        Some(Ok(found)) if kept::is_changed(section) => {
            Err(TemporaryError::Fault { profile, place: place(found.line), reason: kept::CHANGED.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The line of a key whose value has more lines, which would go with it: perhaps it was not meant to.
fn goes_on(section: &Section<'_>) -> Option<u32> {
    let written = || WRITTEN.iter().chain(&EXPIRY_KEYS).chain(&[EXPIRY_SHOWN]).chain(&kept::MARKS);
    let is_written = |key: &str| written().any(|own| own.eq_ignore_ascii_case(key));
    let mut properties = section.properties();
    let found = properties.find(|property| is_written(property.key()) && property.raw_value().contains('\n'));
    found.map(|property| property.line())
}

fn has_region(section: Option<Section<'_>>) -> bool {
    section.and_then(|section| section.get("region")).is_some_and(|region| !region.value().is_empty())
}

fn has_region_in_config(profile: &str, config: &Document) -> bool {
    has_region(read::section(config, FileKind::Config, profile))
}

fn is_same_key(one: &Found, other: &Found) -> bool {
    (&one.access_key_id, &one.secret_access_key, &one.session_token)
        == (&other.access_key_id, &other.secret_access_key, &other.session_token)
}

fn write(document: &mut Document, id: &SectionId, new: &Temporary<'_>, may_have_region: bool) -> Result<(), EditError> {
    if document.section(id).is_none() {
        document.append_section(&id.to_header(), &[])?;
    }
    let material = &new.credential.material;
    document.set(id, "aws_access_key_id", &new.credential.access_key_id)?;
    document.set(id, "aws_secret_access_key", material.secret_access_key.expose())?;
    if let Some(token) = &material.session_token {
        document.set(id, "aws_session_token", token.expose())?;
        update(document, id, OLD_TOKEN, Some(token.expose()))?;
    }
    write_expiry(document, id, new.credential.expires_at)?;
    update(document, id, ACCOUNT, new.account_id)?;
    if let Some(keep) = &new.keep {
        kept::mark(document, id, new.credential, (keep.who, keep.store))?;
    }
    let has_region = has_region(document.section(id));
    match new.region.filter(|_| may_have_region && (new.overwrite_region || !has_region)) {
        Some(region) => document.set(id, "region", region),
        None => Ok(()),
    }
}

/// Gives a key that is there another value, or removes it; one that is not there stays away.
fn update(document: &mut Document, id: &SectionId, key: &str, value: Option<&str>) -> Result<(), EditError> {
    let is_there = document.section(id).is_some_and(|section| section.get(key).is_some());
    match value {
        Some(value) if is_there => document.set(id, key, value),
        _ => {
            document.remove_key(id, key);
            Ok(())
        }
    }
}

/// Every expiry that stands in the section tells of the new credential, each in its own form: no tool sees a stale one.
fn write_expiry(document: &mut Document, id: &SectionId, expires_at: Option<i64>) -> Result<(), EditError> {
    for key in EXPIRY_KEYS {
        let old = document.section(id).and_then(|section| Some(section.get(key)?.value().into_owned()));
        let old = old.or_else(|| (key == EXPIRY).then(String::new));
        let new = expires_at.zip(old).and_then(|(end, old)| credential_text::expiry_like(&old, end));
        match new {
            Some(new) => document.set(id, key, &new)?,
            None => drop(document.remove_key(id, key)),
        }
    }
    update(document, id, EXPIRY_SHOWN, expires_at.and_then(credential_text::shown_expiry).as_deref())
}

fn reads_back(document: &Document, id: &SectionId, credential: &Credential) -> bool {
    let found = document.section(id).as_ref().and_then(credential_text::of_section).and_then(Result::ok);
    found.is_some_and(|found| is(&found, credential))
}

fn is(found: &Found, credential: &Credential) -> bool {
    let material = &credential.material;
    let token = found.session_token.as_deref().map(String::as_str);
    found.access_key_id == credential.access_key_id
        && *found.secret_access_key == material.secret_access_key.expose()
        && token == material.session_token.as_ref().map(Secret::expose)
        && found.expires_at == credential.expires_at
}

#[cfg(test)]
mod tests;
