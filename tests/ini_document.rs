//! What holds for every INI text: it is kept byte for byte, an edit changes its own lines only, and what was set is
//! what is read.

use multicred::aws_config::document::{Document, EditError, SectionId};
use proptest::prelude::*;

use crate::ini::{any_text, hostile_value, ini_text, readable_sections};

const CREDENTIAL_KEY: &str = "aws_secret_access_key";

/// Key, value, raw value, line number.
type Key = (String, String, String, u32);

/// What a reader sees: every section with its keys, values and line numbers, and every fault.
#[derive(Debug, PartialEq, Clone)]
struct Reading {
    sections: Vec<(SectionId, Vec<u32>, Vec<Key>)>,
    faults: Vec<u32>,
}

fn reading(document: &Document) -> Reading {
    let sections = document.sections().map(|section| {
        let values = section.properties().map(|property| {
            let (value, raw) = (property.value().into_owned(), property.raw_value().into_owned());
            (property.key().to_owned(), value, raw, property.line())
        });
        (section.id().clone(), section.header_lines().collect(), values.collect())
    });
    Reading { sections: sections.collect(), faults: document.faults().map(|fault| fault.line).collect() }
}

/// True where the new text is the old one but for this line, the old line of its key, and lines that continued its
/// value. Where the last line had no ending, it may have been given one.
fn stays_but_for(before: &str, after: &str, line: u32) -> bool {
    let without_ending = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let before: Vec<String> = before.split_inclusive('\n').map(without_ending).collect();
    let mut after: Vec<String> = after.split_inclusive('\n').map(without_ending).collect();
    after.remove(line as usize - 1);
    let mut kept = after.iter().peekable();
    let gone: Vec<&String> = before.iter().filter(|old| kept.next_if(|new| new == old).is_none()).collect();
    let continues = |line: &&&String| line.starts_with([' ', '\t']);
    kept.next().is_none() && gone.iter().filter(|line| !continues(line)).count() <= 1
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_kept_byte_for_byte(text in any_text()) {
        let document = Document::parse(&text);
        prop_assert_eq!(document.to_string(), text.as_str());
        prop_assert_eq!(document.to_text().to_string(), text.as_str());
        let _ = reading(&document);
    }

    #[test]
    fn ini_text_is_kept_byte_for_byte(text in ini_text()) {
        prop_assert_eq!(Document::parse(&text).to_string(), text);
    }

    #[test]
    fn what_is_set_is_read_and_every_other_line_stays(
        text in ini_text(), which in any::<prop::sample::Index>(), value in hostile_value(),
        key in "(a|b|region|s3|aws_secret_access_key|new)",
    ) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        if ids.is_empty() {
            return Ok(());
        }
        let id = which.get(&ids);
        let before = reading(&document);
        match document.set(id, &key, &value) {
            Err(EditError::ValueBreaksLine(_) | EditError::ValueChangesWhenRead(_)) => {
                prop_assert_eq!(document.to_string(), text);
            }
            Err(other) => prop_assert!(false, "{other}"),
            Ok(()) => {
                let after = document.to_string();
                let read = Document::parse(&after);
                prop_assert_eq!(read.section(id).unwrap().get(&key).unwrap().value(), value.as_str());
                prop_assert_eq!(reading(&read), reading(&document), "numbers and places are those of the new text");
                only_this_key_differs(&before, &reading(&read), id, &key);
                let line = read.section(id).unwrap().get(&key).unwrap().line();
                prop_assert!(stays_but_for(&text, &after, line));
            }
        }
    }

    #[test]
    fn a_secret_with_any_visible_characters_can_be_set(text in ini_text(), value in "[!-~][ -~]{0,40}[!-~]") {
        let mut document = Document::parse(&text);
        for id in readable_sections(&document) {
            prop_assert_eq!(document.set(&id, CREDENTIAL_KEY, &value), Ok(()));
            let read = Document::parse(&document.to_string());
            prop_assert_eq!(read.section(&id).unwrap().get(CREDENTIAL_KEY).unwrap().value(), value.as_str());
        }
    }

    #[test]
    fn a_new_section_leaves_every_old_byte(text in ini_text(), name in "[a-z \"'\\\\#\\]\\[]{1,8}", value in "[!-~]{1,20}") {
        let mut document = Document::parse(&text);
        let before = reading(&document);
        let id = SectionId::profile(&name);
        prop_assume!(document.section(&id).is_none());
        prop_assert_eq!(document.append_section(&id.to_header(), &[(CREDENTIAL_KEY, &value)]), Ok(()));
        let after = document.to_string();
        prop_assert!(after.starts_with(&text));
        let mut read = reading(&Document::parse(&after));
        prop_assert_eq!(&read, &reading(&document));
        let (added, _, keys) = read.sections.pop().unwrap();
        prop_assert_eq!(added, id);
        prop_assert_eq!(&keys[0].1, &value);
        prop_assert_eq!(read, before);
    }

    #[test]
    fn a_removed_key_is_gone_and_nothing_else(
        text in ini_text(), which in any::<prop::sample::Index>(), key in "(a|b|region|s3)",
    ) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        if ids.is_empty() {
            return Ok(());
        }
        let id = which.get(&ids);
        let before = reading(&document);
        let had = document.section(id).unwrap().get(&key).is_some();
        prop_assert_eq!(document.remove_key(id, &key), had);
        let read = Document::parse(&document.to_string());
        prop_assert!(read.section(id).unwrap().get(&key).is_none());
        prop_assert_eq!(reading(&read), reading(&document));
        only_this_key_differs(&before, &reading(&read), id, &key);
    }

    #[test]
    fn a_removed_section_is_gone_and_nothing_else(text in ini_text(), which in any::<prop::sample::Index>()) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        if ids.is_empty() {
            return Ok(());
        }
        let id = which.get(&ids);
        let before = reading(&document);
        match document.remove_section(id) {
            Err(error) => {
                prop_assert_eq!(error, EditError::NextHeaderIndented(id.to_header()));
                prop_assert_eq!(document.to_string(), text);
            }
            Ok(removed) => {
                prop_assert!(removed);
                let read = Document::parse(&document.to_string());
                prop_assert_eq!(reading(&read), reading(&document));
                let others = |reading: &Reading| -> Vec<_> {
                    let sections = reading.sections.iter().filter(|(other, ..)| other != id);
                    sections.map(|(id, lines, keys)| (id.clone(), lines.len(), without_lines(keys))).collect()
                };
                prop_assert_eq!(others(&reading(&read)), others(&before));
                prop_assert!(read.section(id).is_none());
            }
        }
    }
}

/// Keys, values and raw values.
fn without_lines(keys: &[Key]) -> Vec<(String, String, String)> {
    keys.iter().map(|(key, value, raw, _)| (key.clone(), value.clone(), raw.clone())).collect()
}

fn only_this_key_differs(before: &Reading, after: &Reading, id: &SectionId, key: &str) {
    let others = |reading: &Reading| -> Vec<_> {
        let sections = reading.sections.iter().map(|(section, lines, keys)| {
            let is_other = |(name, ..): &&(String, String, String)| section != id || !name.eq_ignore_ascii_case(key);
            (section.clone(), lines.len(), without_lines(keys).iter().filter(is_other).cloned().collect::<Vec<_>>())
        });
        sections.collect()
    };
    assert_eq!(others(before), others(after));
}
