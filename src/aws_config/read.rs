//! From the text of the two files to profiles, each as its own sections have it.

use std::collections::BTreeMap;

use super::document::{Document, Property, Section, SectionId, SectionKind};
use super::inherit::{self, Shared};
use super::kept;
use super::keys;
use super::profile::{DEFAULT, Fault, FileKey, FileKind, Origin, Profile, Setting};
use crate::credential_text::{self, SectionFault};

/// An expiry that nobody told us is guessed as this many seconds after the file was written.
const GUESSED_LIFE: i64 = 3600;

/// The section of a profile in one of the files.
pub(super) fn section<'d>(document: &'d Document, file: FileKind, profile: &str) -> Option<Section<'d>> {
    let ids = match file {
        // As in the SDKs: `[profile default]` wins over `[default]`, and only that one needs no prefix.
        FileKind::Config if profile == DEFAULT => vec![SectionId::profile(profile), SectionId::plain(profile)],
        FileKind::Config => vec![SectionId::profile(profile)],
        FileKind::Credentials => vec![SectionId::plain(profile)],
    };
    ids.iter().find_map(|id| document.section(id))
}

/// The name of the profile that a section of one of the files is of.
pub(super) fn profile_name(file: FileKind, id: &SectionId) -> Option<&str> {
    match (file, id.kind) {
        (FileKind::Config, SectionKind::Profile) | (FileKind::Credentials, SectionKind::Plain) => Some(&id.name),
        (FileKind::Config, SectionKind::Plain) if id.name == DEFAULT => Some(DEFAULT),
        _ => None,
    }
}

/// Reads every profile, with what each inherits. `modified` is when the credentials file was written, epoch seconds.
pub(super) fn read_all(config: &str, credentials: &str, modified: Option<i64>) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    let config = Document::parse(config);
    // The credentials file is read last: its keys win, as in the SDKs.
    for (file, document) in [(FileKind::Config, &config), (FileKind::Credentials, &Document::parse(credentials))] {
        for section in document.sections() {
            let Some(name) = profile_name(file, section.id()) else { continue };
            if file == FileKind::Config
                && name == DEFAULT
                && section.kind() == SectionKind::Plain
                && document.section(&SectionId::profile(name)).is_some()
            {
                continue;
            }
            let profile = profiles
                .entry(name.to_owned())
                .or_insert_with(|| Profile { name: name.to_owned(), ..Profile::default() });
            add_section(profile, file, &section, modified.unwrap_or_default());
        }
    }
    inherit::settle(&profiles, &shared(&config))
}

fn add_section(profile: &mut Profile, file: FileKind, section: &Section<'_>, written_at: i64) {
    for property in section.properties() {
        let key = property.key().to_ascii_lowercase();
        if keys::says(&key).is_none() {
            continue;
        }
        // Of a key written twice the later one counts, also where it takes the value away again.
        profile.settings.retain(|known| known.key != key);
        let value = property.value().into_owned();
        if !value.is_empty() {
            let origin = Origin::Line { file, line: property.line() };
            profile.settings.push(Setting { key, value, origin, section: profile.name.clone() });
        }
    }
    for fault in section.faults() {
        let origin = Origin::Line { file, line: fault.line };
        profile.faults.push(Fault { origin, text: fault.reason.to_string() });
    }
    match kept::credential(section) {
        None => {}
        // What multicred keeps there for others is, to itself, for whom it keeps it.
        Some(Ok(found)) if found.session_token.is_some() && keeps(profile, file, section) => {}
        Some(Ok(found)) => profile.key = Some(file_key(&found, file, written_at)),
        Some(Err(fault)) => profile.faults.push(key_fault(file, section, &fault)),
    }
}

/// Whether the temporary credential of a section is kept up by multicred: then the profile is whom it is kept for.
fn keeps(profile: &mut Profile, file: FileKind, section: &Section<'_>) -> bool {
    let kept = kept::kept(section).filter(|kept| !kept.is_command() && file == FileKind::Credentials);
    let Some((command, line)) = kept.and_then(|kept| kept::command_of_mark(section, &kept)) else { return false };
    profile.settings.retain(|known| ![kept::PROCESS, kept::WHO].contains(&&*known.key));
    let (key, origin) = (kept::PROCESS.to_owned(), Origin::Line { file, line });
    let (section, who) = (profile.name.clone(), section.get(kept::WHO).map(|who| who.value().into_owned()));
    let mark = Setting { key: kept::WHO.to_owned(), value: who.unwrap_or_default(), origin: origin.clone(), section };
    profile.settings.push(mark);
    profile.settings.push(Setting { key, value: command, origin, section: profile.name.clone() });
    true
}

fn file_key(found: &credential_text::Found, file: FileKind, written_at: i64) -> FileKey {
    let temporary = found.session_token.is_some();
    let guessed = temporary && found.expires_at.is_none();
    FileKey {
        access_key_id: found.access_key_id.clone(),
        file,
        line: found.line.unwrap_or_default(),
        temporary,
        expires_at: if guessed { Some(written_at + GUESSED_LIFE) } else { found.expires_at },
        expiry_is_guess: guessed,
        written_at,
    }
}

fn key_fault(file: FileKind, section: &Section<'_>, fault: &SectionFault) -> Fault {
    let line = fault.line.unwrap_or_else(|| section.line());
    Fault { origin: Origin::Line { file, line }, text: fault.reason.to_string() }
}

/// The sections of the config file that profiles share by name.
fn shared(config: &Document) -> Shared {
    let mut shared = Shared::default();
    for section in config.sections() {
        let name = section.name().to_owned();
        let line = |number: u32| Origin::Line { file: FileKind::Config, line: number };
        match section.kind() {
            SectionKind::Services => {
                let sts = section.get("sts");
                let endpoint = sts.iter().flat_map(Property::sub_properties).filter(|it| it.key == "endpoint_url");
                let endpoint = endpoint.last().map(|it| (it.value.to_owned(), line(it.line)));
                shared.services.insert(name, endpoint);
            }
            SectionKind::SsoSession => {
                let settings = section.properties().map(|property| {
                    let key = property.key().to_ascii_lowercase();
                    (key, property.value().into_owned(), line(property.line()))
                });
                shared.sso_sessions.insert(name, settings.collect());
            }
            SectionKind::Plain | SectionKind::Profile | SectionKind::Unreadable => {}
        }
    }
    shared
}

#[cfg(test)]
mod tests;
