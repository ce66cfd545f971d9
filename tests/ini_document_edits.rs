//! What holds for every edit of an INI text, line by line: lines are taken out or put in, and no other byte changes.

use multicred::aws_config::document::{Document, Section, SectionId};
use proptest::prelude::*;

use crate::ini::{any_text, hostile_value, ini_text, readable_sections};

/// A key that no text here has.
const NEW: &str = "brand_new";

/// Lines with their endings, LF and CRLF.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The lines of `before` that are not in `after`; `None` where `after` is more than `before` without some lines.
fn taken_out<'t>(before: &'t str, after: &str) -> Option<Vec<&'t str>> {
    let kept = lines(after);
    let mut kept = kept.iter().peekable();
    let gone = lines(before).into_iter().filter(|line| kept.next_if(|kept| *kept == line).is_none()).collect();
    kept.next().is_none().then_some(gone)
}

/// Whether a line sets this key, or could continue the value of one.
fn is_of_key(line: &str, key: &str) -> bool {
    let name = line.split(['=', ':']).next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case(key) || line.starts_with([' ', '\t'])
}

/// How many lines of the section set the key.
fn times(document: &Document, id: &SectionId, key: &str) -> usize {
    let section = document.section(id);
    section.iter().flat_map(Section::properties).filter(|own| own.key().eq_ignore_ascii_case(key)).count()
}

fn some_section(ids: &[SectionId], which: prop::sample::Index) -> Option<&SectionId> {
    (!ids.is_empty()).then(|| which.get(ids))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_set_above_another_is_one_more_line_directly_above_it(
        text in ini_text(), which in any::<prop::sample::Index>(), below in "(a|b|region|s3)", value in hostile_value(),
    ) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        let Some(id) = some_section(&ids, which) else { return Ok(()) };
        let had = times(&document, id, &below);
        if document.set_above(id, NEW, &value, &below).is_err() {
            prop_assert_eq!(document.to_string(), text);
            return Ok(());
        }
        prop_assert!(had > 0, "there was nothing to stand above");
        let after = document.to_string();
        let read = Document::parse(&after);
        let section = read.section(id).unwrap();
        let line = section.get(NEW).unwrap().line();
        prop_assert_eq!(section.get(NEW).unwrap().value(), value.as_str());
        let first = section.properties().find(|own| own.key().eq_ignore_ascii_case(&below)).unwrap().line();
        prop_assert_eq!(first, line + 1);
        let mut without = lines(&after);
        without.remove(line as usize - 1);
        prop_assert_eq!(without.concat(), text);
    }

    #[test]
    fn taking_out_a_key_takes_its_lines_only(
        text in ini_text(), which in any::<prop::sample::Index>(), key in "(a|b|region|s3)", first_only in any::<bool>(),
    ) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        let Some(id) = some_section(&ids, which) else { return Ok(()) };
        let had = times(&document, id, &key);
        let removed = if first_only { document.remove_first(id, &key) } else { document.remove_key(id, &key) };
        prop_assert_eq!(removed, had > 0);
        let after = document.to_string();
        let gone = taken_out(&text, &after);
        prop_assert!(gone.is_some(), "{:?} is not {:?} without some lines", after, text);
        for line in gone.unwrap() {
            prop_assert!(is_of_key(line, &key), "{:?} was taken out with {}", line, key);
        }
        let left = if first_only { had.saturating_sub(1) } else { 0 };
        prop_assert_eq!(times(&Document::parse(&after), id, &key), left);
    }

    #[test]
    fn taking_out_a_section_takes_lines_below_its_headers_only(text in ini_text(), which in any::<prop::sample::Index>()) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        let Some(id) = some_section(&ids, which) else { return Ok(()) };
        let headers: Vec<u32> = document.sections().flat_map(|section| section.header_lines().collect::<Vec<_>>()).collect();
        let own: Vec<u32> = document.section(id).unwrap().header_lines().collect();
        if document.remove_section(id).is_err() {
            return Ok(());
        }
        let is_own = |line: u32| headers.iter().filter(|header| **header <= line).max().is_some_and(|at| own.contains(at));
        let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let kept: String = (1..).zip(lines(body)).filter(|(line, _)| !is_own(*line)).map(|(_, line)| line).collect();
        let after = document.to_string();
        let after = after.strip_prefix('\u{feff}').unwrap_or(&after);
        // Comments above the next header stay, beside every line of the others.
        let more = taken_out(after, &kept);
        prop_assert!(more.is_some(), "{:?} has not all of {:?}", after, kept);
        for line in more.unwrap() {
            prop_assert!(line.trim_start().starts_with(['#', ';']), "{:?} stayed", line);
        }
    }

    #[test]
    fn a_key_that_is_added_and_taken_out_again_leaves_no_trace(
        text in ini_text(), which in any::<prop::sample::Index>(), value in "[!-~]{1,20}",
    ) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        let Some(id) = some_section(&ids, which) else { return Ok(()) };
        if document.set(id, NEW, &value).is_err() {
            return Ok(());
        }
        prop_assert!(document.remove_key(id, NEW));
        let after = document.to_string();
        let ended = after.trim_end_matches(['\r', '\n']);
        prop_assert!(after == text || (ended == text && !text.ends_with('\n')), "{:?} became {:?}", text, after);
    }

    #[test]
    fn a_value_that_is_set_to_what_it_is_changes_nothing(text in ini_text(), which in any::<prop::sample::Index>()) {
        let mut document = Document::parse(&text);
        let ids = readable_sections(&document);
        let Some(id) = some_section(&ids, which) else { return Ok(()) };
        let section = document.section(id).unwrap();
        let values: Vec<(String, String)> = section.properties()
            .map(|own| own.key().to_owned()).collect::<std::collections::BTreeSet<_>>().into_iter()
            .filter_map(|key| Some((key.clone(), section.get(&key)?.value().into_owned())))
            .filter(|(_, value)| !value.is_empty() && !value.contains('\n')).collect();
        for (key, value) in values {
            if document.set(id, &key, &value).is_ok() {
                prop_assert_eq!(document.to_string(), text.clone(), "{} = {:?}", key, value);
            }
        }
    }

    #[test]
    fn no_edit_of_any_text_panics_or_leaves_what_is_read_otherwise(
        text in any_text(), key in "(a|ü|s3|aws_secret_access_key)", value in hostile_value(),
    ) {
        let mut document = Document::parse(&text);
        for id in readable_sections(&document) {
            if document.set(&id, &key, &value).is_ok() {
                let read = Document::parse(&document.to_string());
                let section = read.section(&id).unwrap();
                prop_assert_eq!(section.get(&key).unwrap().value(), value.as_str());
            }
            let _ = document.set_above(&id, NEW, &value, &key);
            document.remove_first(&id, &key);
            document.remove_key(&id, &key);
            let _ = document.remove_section(&id);
        }
        prop_assert_eq!(document.to_text().to_string(), document.to_string());
    }
}
