//! The way back: what each section was before multicred kept it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{credential, kept};
use crate::aws_config::document::{Document, SectionId};
use crate::credential_text::Found;

/// What the sections of a credentials file were before they were kept. It holds secrets: it is kept sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// Whether commands, not temporary credentials, take the place of keys.
    pub with_commands: bool,
    /// Whether long-term keys that are put into the file later are taken in, too: `setup` was run.
    pub takes_new: bool,
    pub(super) sections: BTreeMap<String, Before>,
}

/// A section before it was kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) texts: Vec<String>,
    /// The long-term key that it is to have again; empty where it had none, or was not there.
    pub(super) access_key_id: String,
    /// For whom it is kept since: an ARN, or another name that multicred resolves.
    who: String,
    /// What was put above it, where it was not there.
    pub(super) gap: String,
}

impl Drop for Before {
    fn drop(&mut self) {
        self.texts.zeroize();
    }
}

impl Before {
    pub(super) fn document(&self) -> Document {
        Document::parse(&Zeroizing::new(self.texts.concat()))
    }
}

impl WayBack {
    /// Reads what [`to_text`](Self::to_text) wrote; `None` where it is none of ours.
    pub fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// As one text, to be sealed.
    pub fn to_text(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Notes what the section of a key is in this text. Of one that is kept already only the key is new: what it was
    /// before that is known.
    pub fn note(&mut self, credentials: &Document, profile: &str, access_key_id: &str, who: &str) {
        let Some(section) = credentials.section(&SectionId::plain(profile)) else { return };
        let before = self.sections.entry(profile.to_owned()).or_default();
        // Of a kept one another process knows it.
        if kept(&section).is_none() {
            before.texts = section.texts().iter().map(|text| text.as_str().to_owned()).collect();
        }
        access_key_id.clone_into(&mut before.access_key_id);
        who.clone_into(&mut before.who);
    }

    /// The same, which was made from `known`, with what another one has since: what a section was before is what the
    /// first has noted who kept it.
    #[must_use]
    pub fn with(&self, mut other: Self, known: &Self) -> Self {
        other.with_commands = self.with_commands;
        other.takes_new |= self.takes_new;
        for (name, noted) in self.sections.iter().filter(|(name, noted)| known.sections.get(*name) != Some(noted)) {
            let theirs = other.sections.entry(name.clone()).or_default();
            if theirs.texts.is_empty() || known.sections.get(name) == Some(theirs) {
                theirs.texts.clone_from(&noted.texts);
            }
            theirs.access_key_id.clone_from(&noted.access_key_id);
            theirs.who.clone_from(&noted.who);
            theirs.gap.clone_from(&noted.gap);
        }
        other
    }

    /// Notes that a section had no long-term key before it was kept; of one that was not there, what comes above it. What
    /// is known of one that was kept for the same stays: it had that key, and may have been away for a moment only.
    pub fn note_keyless(&mut self, profile: &str, who: &str, gap: String) {
        if self.sections.get(profile).is_some_and(|known| known.who == who) {
            return;
        }
        let before = Before { texts: Vec::new(), access_key_id: String::new(), who: who.to_owned(), gap };
        self.sections.insert(profile.to_owned(), before);
    }

    /// What another way back knows of a section, where this one does not: its file was moved, or was given back and came
    /// again, or it was renamed.
    pub fn learn(&mut self, profile: &str, who: &str, others: &[Self]) {
        if self.knows(profile) {
            return;
        }
        let all = || others.iter().flat_map(|other| &other.sections);
        let is_theirs = |before: &Before| before.who == who || before.access_key_id == who;
        let of_name = all().find(|(name, before)| *name == profile && is_theirs(before));
        let found = of_name.or_else(|| all().find(|(_, before)| is_theirs(before) && !before.access_key_id.is_empty()));
        let found = found.map(|(_, before)| (profile.to_owned(), before.clone()));
        self.sections.extend(found);
    }

    /// What was put aside before, with this.
    #[must_use]
    pub fn over(self, mut earlier: Self) -> Self {
        earlier.sections.extend(self.sections);
        earlier
    }

    /// Whether it is known what the section was.
    pub fn knows(&self, profile: &str) -> bool {
        self.sections.contains_key(profile)
    }

    /// The long-term key that a section is to have again.
    pub fn key_id(&self, profile: &str) -> Option<&str> {
        self.sections.get(profile).map(|before| before.access_key_id.as_str()).filter(|id| !id.is_empty())
    }

    /// That key, where it is the one that the section had at first.
    pub fn first_key(&self, profile: &str) -> Option<Found> {
        let before = self.sections.get(profile)?;
        key_of(&before.document(), profile).filter(|found| found.access_key_id == before.access_key_id)
    }
}

/// The long-term key that stands in a section.
pub fn key_of(document: &Document, profile: &str) -> Option<Found> {
    let section = document.section(&SectionId::plain(profile))?;
    credential(&section)?.ok().filter(|found| found.session_token.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "[a]\naws_access_key_id = AKIAFIRSTFIRST\naws_secret_access_key = x\n";
    const SECOND: &str = "[b]\naws_access_key_id = AKIASECONDSECOND\naws_secret_access_key = y\n";

    fn noting(mut back: WayBack, text: &str, profile: &str, access_key_id: &str) -> WayBack {
        back.note(&Document::parse(text), profile, access_key_id, "x");
        back
    }

    #[test]
    fn what_another_process_has_noted_since_is_not_undone() {
        let known = noting(WayBack::default(), FIRST, "a", "AKIAFIRSTFIRST");
        let ours = noting(known.clone(), SECOND, "b", "AKIASECONDSECOND");
        let theirs = noting(known.clone(), "[a]\n", "a", "AKIATHIRDTHIRD");
        let both = ours.with(theirs, &known);
        assert_eq!(both.key_id("a"), Some("AKIATHIRDTHIRD"));
        assert_eq!(both.key_id("b"), Some("AKIASECONDSECOND"));
    }

    #[test]
    fn of_two_that_keep_the_same_section_the_first_knows_what_it_was() {
        let first = noting(WayBack::default(), FIRST, "a", "AKIAFIRSTFIRST");
        let kept = "[a]\nmulticred_identity = x\n";
        let second = noting(WayBack::default(), kept, "a", "AKIAFIRSTFIRST");
        let both = second.with(first.clone(), &WayBack::default());
        assert!(both == first, "the text before it was kept");
    }

    #[test]
    fn a_section_that_was_away_for_a_moment_is_what_it_was() {
        let known = noting(WayBack::default(), FIRST, "a", "AKIAFIRSTFIRST");
        let mut back = known.clone();
        back.note_keyless("a", "x", "\n".to_owned());
        assert!(back == known, "its key was forgotten");
        back.note_keyless("a", "somebody else", "\n".to_owned());
        assert_eq!(back.key_id("a"), None);
    }

    #[test]
    fn a_section_that_had_no_key_is_known_to_have_had_none() {
        let mut back = WayBack::default();
        assert!(!back.knows("a"));
        back.note_keyless("a", "x", String::new());
        assert!(back.knows("a") && back.key_id("a").is_none());
        assert!(WayBack::read(&back.to_text()).unwrap() == back);
    }
}
