//! Many sections at once: each is written whole or left as it was.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Documents, FileText, Keep, Temporary, TemporaryError, is_same_key, reads_back, section_id};
use crate::aws_config::document::{Document, SectionId};
use crate::aws_config::kept;
use crate::credential_text::Found;

/// The new text, and what became of each section, in the order in which they were given.
pub struct Written {
    /// The whole text.
    pub text: Zeroizing<String>,
    /// Whether it was written, or why not.
    pub sections: Vec<Result<(), TemporaryError>>,
}

/// Puts temporary credentials into sections of the credentials file; one that must not be written to is left alone.
pub fn put_all(all: &[(&str, Temporary<'_>)], credentials: FileText<'_>, config: FileText<'_>) -> Written {
    let mut documents = Documents::parse(credentials, config);
    let written: Vec<_> = all.iter().map(|(profile, new)| put_one(&mut documents, profile, new)).collect();
    let text = documents.credentials.to_text();
    let read = Document::parse(&text);
    let is_good =
        |profile: &str, new: &Temporary<'_>| section_id(profile).is_ok_and(|id| reads_back(&read, &id, new.credential));
    let spoilt = |((profile, new), one): (&(&str, Temporary<'_>), &Result<_, _>)| one.is_ok() && !is_good(profile, new);
    // What one section makes unreadable must not be written, and which one it was cannot be told.
    if all.iter().zip(&written).any(spoilt) || !is_same_list(&documents, &read, all.iter().map(|(name, _)| *name)) {
        return spoiled(credentials, all.iter().map(|(profile, _)| *profile));
    }
    Written { text, sections: written }
}

/// Puts the command that asks multicred into the place of long-term keys that the store has. Each is a profile, its
/// command and that key.
pub fn put_commands(all: &[(&str, &str, &Found)], credentials: FileText<'_>, config: FileText<'_>) -> Written {
    let mut documents = Documents::parse(credentials, config);
    let mut put = |profile: &str, command: &str, stored: &Found| {
        let keep = Keep { who: "", store: None, stored: Some(stored) };
        documents.check(profile, Some(&keep))?;
        let id = section_id(profile)?;
        let found = documents.credentials.section(&id).as_ref().and_then(kept::credential).and_then(Result::ok);
        if !found.is_some_and(|found| is_same_key(&found, stored)) {
            return Err(TemporaryError::Changed(profile.to_owned()));
        }
        let edited = kept::put_command(&mut documents.credentials, &id, command);
        edited.map_err(|error| TemporaryError::Edit { profile: profile.to_owned(), error })
    };
    let written: Vec<_> = all.iter().map(|(profile, command, stored)| put(profile, command, stored)).collect();
    let text = documents.credentials.to_text();
    let read = Document::parse(&text);
    let is_good = |profile: &str, command: &str| {
        let section = section_id(profile).ok().and_then(|id| read.section(&id));
        section.is_some_and(|section| {
            section.get(kept::PROCESS).is_some_and(|process| process.value() == command)
                && kept::credential(&section).is_none()
        })
    };
    let mut pairs = all.iter().zip(&written);
    if pairs.any(|((profile, command, _), one)| one.is_ok() && !is_good(profile, command))
        || !is_same_list(&documents, &read, std::iter::empty())
    {
        return spoiled(credentials, all.iter().map(|(profile, ..)| *profile));
    }
    Written { text, sections: written }
}

/// Whether multicred may keep these sections, given that the store has the long-term keys in them; in their order.
pub fn check_kept(
    all: &[(&str, Option<&Found>)],
    credentials: FileText<'_>,
    config: FileText<'_>,
) -> Vec<Result<(), TemporaryError>> {
    let documents = Documents::parse(credentials, config);
    let check = |(profile, stored): &(&str, Option<&Found>)| {
        documents.check(profile, Some(&Keep { who: "", store: None, stored: *stored }))
    };
    all.iter().map(check).collect()
}

fn put_one(documents: &mut Documents<'_>, profile: &str, new: &Temporary<'_>) -> Result<(), TemporaryError> {
    // A value that cannot be written is found before the first line of the section is.
    let mut probe = Document::parse("");
    super::write(&mut probe, &section_id(profile)?, new, true)
        .map_err(|error| TemporaryError::Edit { profile: profile.to_owned(), error })?;
    documents.write(profile, new)
}

/// Whether what was written has the sections that the file had, with as many settings in those that were left alone.
fn is_same_list<'n>(documents: &Documents<'_>, read: &Document, named: impl Iterator<Item = &'n str>) -> bool {
    let named: Vec<&str> = named.collect();
    let list = |document: &Document| -> BTreeMap<SectionId, usize> {
        let sections = document.sections().filter(|section| !named.contains(&section.name()));
        sections.map(|section| (section.id().clone(), section.properties().count())).collect()
    };
    list(&documents.credentials) == list(read)
}

fn spoiled<'n>(credentials: FileText<'_>, names: impl Iterator<Item = &'n str>) -> Written {
    let sections = names.map(|name| Err(TemporaryError::NotReadBack(name.to_owned()))).collect();
    Written { text: Zeroizing::new(credentials.text.to_owned()), sections }
}
