//! How each section that was kept becomes again what it was.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::way_back::{Before, WayBack, key_of};
use super::{
    CHANGED, KEY_ID, Kept, PROCESS, SECRET, credential, is_changed, kept, put_command, take_out_temporary, twice,
};
use crate::aws_config::document::{Document, EditError, Section, SectionId, lines, without_ending};
use crate::aws_config::temporary::{self, Keep, Temporary};
use crate::credential_text::Found;
use crate::secret::{Credential, KeyMaterial};

/// What became of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is as it was before it was kept, byte for byte, but for a key that is another one now.
    AsItWas,
    /// It has the key again, among lines that somebody has changed.
    Changed,
    /// It has a key that somebody has put there: only what multicred added is gone.
    OwnKey,
    /// There was never a key: what was kept there is gone.
    Emptied,
    /// It is left as it is, and why.
    Left(String),
}

/// Gives the kept sections their keys back. `keys` has those that are known of, by profile, or why the section must be
/// left.
pub fn restore(
    credentials: &str,
    back: &WayBack,
    keys: &BTreeMap<String, Result<Found, String>>,
) -> (Zeroizing<String>, Vec<(String, Restored)>) {
    let mut document = Document::parse(credentials);
    let of = |section: Section<'_>| kept(&section).map(|kept| (section.id().clone(), kept));
    let all: Vec<(SectionId, Kept)> = document.sections().filter_map(of).collect();
    let mut done = Vec::with_capacity(all.len());
    // From below: what was put above the last section is at the file's end without it.
    for (id, kept) in all.into_iter().rev() {
        let restored = restore_one(&mut document, &id, &kept, back.sections.get(&id.name), keys.get(&id.name));
        done.push((id.name.clone(), restored.unwrap_or_else(|error| Restored::Left(error.to_string()))));
    }
    done.reverse();
    (document.to_text(), done)
}

fn restore_one(
    document: &mut Document,
    id: &SectionId,
    kept: &Kept,
    before: Option<&Before>,
    key: Option<&Result<Found, String>>,
) -> Result<Restored, EditError> {
    if let Some(Err(reason)) = key {
        return Ok(Restored::Left(reason.clone()));
    }
    if key_of(document, &id.name).is_some() {
        unmark(document, id, kept, before);
        return Ok(Restored::OwnKey);
    }
    if let Some(reason) = document.section(id).as_ref().and_then(|section| untouchable(section, kept)) {
        return Ok(Restored::Left(reason));
    }
    let Some(Ok(key)) = key else {
        return match before {
            None => Ok(Restored::Left(unknown(&kept.who))),
            Some(before) if before.access_key_id.is_empty() => {
                empty(document, id, &before.gap).map(|()| Restored::Emptied)
            }
            Some(_) => Ok(Restored::Left("the store does not have its key any more".to_owned())),
        };
    };
    if let Some(texts) = before.and_then(|before| as_it_was(document, id, kept, before, key))
        && document.replace_texts(id, &texts)
    {
        return Ok(Restored::AsItWas);
    }
    document.edit_apart(id, |edited| {
        put_key(edited, id, kept, key)?;
        unmark(edited, id, kept, before);
        Ok(Restored::Changed)
    })
}

/// It may have had a key: to take out what stands there now would take the profile away.
fn unknown(who: &str) -> String {
    let who = who.escape_debug();
    format!(
        "this store does not know what it was: put its key there (multicred credential-process --no-session {who} prints \
         it), or remove it by hand"
    )
}

/// What in the section may be a person's own.
fn untouchable(section: &Section<'_>, kept: &Kept) -> Option<String> {
    // Only the last one is known to be multicred's.
    if let Some((key, line)) = twice(section) {
        return Some(format!("{key} stands twice (line {line}): keep one"));
    }
    if kept.is_command() {
        let own = credential(section)?.map_or_else(|fault| fault.reason.to_string(), |_| OWN_TEMPORARY.to_owned());
        return Some(own);
    }
    is_changed(section).then(|| CHANGED.to_owned())
}

const OWN_TEMPORARY: &str = "a temporary credential stands beside its credential_process: remove one of them";

/// Takes out a temporary credential where there was no key before, and the section with it where nothing else is left.
fn empty(document: &mut Document, id: &SectionId, gap: &str) -> Result<(), EditError> {
    take_out_temporary(document, id, None);
    document.remove_key(id, KEY_ID);
    document.remove_key(id, SECRET);
    let texts = document.section(id).map(|section| section.texts()).unwrap_or_default();
    if texts.iter().flat_map(|text| lines(text).skip(1)).any(|line| !line.trim().is_empty()) {
        return Ok(());
    }
    let is_last = document.sections().last().is_some_and(|last| last.id() == id);
    document.remove_section(id)?;
    if is_last {
        document.remove_gap(gap);
    }
    Ok(())
}

fn put_key(document: &mut Document, id: &SectionId, kept: &Kept, key: &Found) -> Result<(), EditError> {
    if kept.is_command() {
        document.set_above(id, KEY_ID, &key.access_key_id, PROCESS)?;
        return document.set_above(id, SECRET, &key.secret_access_key, PROCESS);
    }
    document.set(id, KEY_ID, &key.access_key_id)?;
    document.set(id, SECRET, &key.secret_access_key)
}

/// Takes out what stands there of multicred's.
fn unmark(document: &mut Document, id: &SectionId, kept: &Kept, before: Option<&Before>) {
    if kept.is_command() {
        document.remove_key(id, PROCESS);
        return;
    }
    let former = before.map_or_else(|| Document::parse(""), Before::document);
    take_out_temporary(document, id, former.section(id).as_ref());
}

/// The texts that the section had before it was kept, with this key, where nobody has changed anything since: keeping
/// it again makes what stands there now.
fn as_it_was(
    document: &Document,
    id: &SectionId,
    kept: &Kept,
    before: &Before,
    key: &Found,
) -> Option<Vec<Zeroizing<String>>> {
    let section = document.section(id)?;
    let mut former = in_place(document, id, before)?;
    let again = keep_again(&former, id, kept, &section)?;
    if credential(&former.section(id)?)?.ok()?.access_key_id != key.access_key_id {
        former.set(id, KEY_ID, &key.access_key_id).ok()?;
        former.set(id, SECRET, &key.secret_access_key).ok()?;
    }
    let (now, again, former) = (section.texts(), again.section(id)?.texts(), former.section(id)?.texts());
    if now.len() != again.len() || now.len() != former.len() {
        return None;
    }
    let pairs = now.iter().zip(&again).zip(&former);
    pairs.map(|((now, again), former)| exchanged(now, again, former)).collect()
}

/// The section as it was, with what stands around it: what is written depends on that.
fn in_place(document: &Document, id: &SectionId, before: &Before) -> Option<Document> {
    let mut texts: Vec<_> = before.texts.iter().cloned().map(Zeroizing::new).collect();
    let mut whole = document.apart(id)?;
    if !whole.replace_texts(id, &texts) {
        // It was the file's last line, and is not any more.
        texts.last_mut()?.push('\n');
        if !whole.replace_texts(id, &texts) {
            return None;
        }
    }
    Some(whole)
}

/// What it was, with what has been added below since; `None` where anything else is another.
fn exchanged(now: &str, again: &str, former: &str) -> Option<Zeroizing<String>> {
    if now == again {
        return Some(Zeroizing::new(former.to_owned()));
    }
    let added = now.strip_prefix(without_ending(again))?;
    let is_below = added.is_empty() || added.starts_with(['\n', '\r']);
    is_below.then(|| Zeroizing::new([without_ending(former), added].concat()))
}

/// The section as it would stand there now, had nobody but multicred changed it.
fn keep_again(former: &Document, id: &SectionId, kept: &Kept, now: &Section<'_>) -> Option<Document> {
    if kept.is_command() {
        let mut again = former.clone();
        let command = now.get(PROCESS)?.value().into_owned();
        put_command(&mut again, id, &command).ok()?;
        return Some(again);
    }
    let found = credential(now)?.ok()?;
    let material = KeyMaterial {
        secret_access_key: found.secret_access_key.into(),
        session_token: found.session_token.map(Into::into),
    };
    let credential = Credential { access_key_id: found.access_key_id, material, expires_at: found.expires_at };
    let stored = key_of(former, &id.name)?;
    let account = now.get(temporary::ACCOUNT).map(|account| account.value().into_owned());
    let keep = Keep { who: &kept.who, store: kept.store.as_deref(), stored: Some(&stored) };
    let (region, overwrite_region, keep) = (None, false, Some(keep));
    let account_id = account.as_deref();
    let new = Temporary { credential: &credential, account_id, region, overwrite_region, keep };
    let mut again = former.clone();
    temporary::put_into(&mut again, &id.name, &new).ok()?;
    Some(again)
}
