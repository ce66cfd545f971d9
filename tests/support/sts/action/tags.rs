//! Session tags: which are sent, which are inherited.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use std::collections::{BTreeMap, BTreeSet};

use super::super::failure::Failure;
use super::super::session::Facts;
use super::super::validate::{Checked, members};
use super::Params;

const MOST: usize = 50;
const KEY_LENGTH: (usize, usize) = (1, 128);
const VALUE_LENGTH: (usize, usize) = (0, 256);

/// Keys and values in the order they were sent.
pub type Tags = Vec<(String, String)>;

/// `Tags`, each that is out of its own bounds blamed.
pub fn read(checked: &mut Checked, params: &Params) -> Tags {
    let keys = members(params, "Tags", Some("Key"));
    let values = members(params, "Tags", Some("Value"));
    if keys.len().max(values.len()) > MOST {
        checked.too_many("tags", MOST);
    }
    for index in keys.len()..values.len() {
        checked.missing(&format!("tags.{}.member.key", index + 1));
    }
    for index in values.len()..keys.len() {
        checked.missing(&format!("tags.{}.member.value", index + 1));
    }
    for (index, (key, value)) in (1..).zip(keys.iter().zip(&values)) {
        blame_key(checked, &format!("tags.{index}.member.key"), key);
        let field = format!("tags.{index}.member.value");
        checked.text(&field, value, VALUE_LENGTH, "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", is_tag_letter);
    }
    keys.into_iter().zip(values).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// `TransitiveTagKeys`, each that is out of its own bounds blamed.
pub fn read_transitive(checked: &mut Checked, params: &Params) -> Vec<String> {
    let keys = members(params, "TransitiveTagKeys", None);
    if keys.len() > MOST {
        checked.too_many("transitiveTagKeys", MOST);
    }
    for (index, key) in (1..).zip(&keys) {
        blame_key(checked, &format!("transitiveTagKeys.{index}.member"), key);
    }
    keys.into_iter().map(str::to_owned).collect()
}

fn blame_key(checked: &mut Checked, field: &str, key: &str) {
    checked.text(field, key, KEY_LENGTH, "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+", is_tag_letter);
}

/// Letters, separators, numbers. Rust counts some combining marks as alphabetic, which AWS's `\p{L}` does not.
fn is_tag_letter(letter: char) -> bool {
    let separator = letter.is_whitespace() && !letter.is_control();
    letter.is_alphabetic() || letter.is_numeric() || separator || "_.:/=+-@".contains(letter)
}

/// Refuses keys that are AWS's own, and keys that differ in case only.
pub fn check(tags: &Tags) -> Result<(), Failure> {
    for (index, (key, _)) in tags.iter().enumerate() {
        if key.to_lowercase().starts_with("aws:") {
            return Err(Failure::validation(format!("Tag keys beginning with aws: are reserved: {key}")));
        }
        if same_key(tags[..index].iter().map(|(earlier, _)| earlier), key) {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
    }
    Ok(())
}

/// All tags of the new session and the keys that go on to the next one: inherited ones first, then the sent ones.
pub fn combine(
    inherited: &Facts,
    sent: &Tags,
    transitive_keys: &[String],
) -> Result<(BTreeMap<String, String>, BTreeSet<String>), Failure> {
    let mut tags: BTreeMap<String, String> = sent.iter().cloned().collect();
    let mut transitive = inherited.transitive.clone();
    if tags.keys().any(|key| same_key(inherited.transitive.iter(), key)) {
        return Err(invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        ));
    }
    for key in transitive_keys {
        if !same_key(tags.keys(), key) {
            return Err(invalid("The specified transitive tag key must be included in the requested tags."));
        }
        transitive.insert(key.clone());
    }
    let passed_on = inherited.tags.iter().filter(|(key, _)| same_key(inherited.transitive.iter(), key));
    tags.extend(passed_on.map(|(key, value)| (key.clone(), value.clone())));
    Ok((tags, transitive))
}

fn same_key<'a>(mut keys: impl Iterator<Item = &'a String>, key: &str) -> bool {
    keys.any(|known| known.to_lowercase() == key.to_lowercase())
}

fn invalid(message: &str) -> Failure {
    Failure::new(400, "InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error's code, or `ok`.
    fn verdict(tags: &[(&str, &str)]) -> String {
        let mut sent = Params::new();
        for (index, (key, value)) in (1..).zip(tags) {
            sent.insert(format!("Tags.member.{index}.Key"), (*key).to_owned());
            sent.insert(format!("Tags.member.{index}.Value"), (*value).to_owned());
        }
        let mut checked = Checked::new(&sent);
        let tags = read(&mut checked, &sent);
        checked.finish().and_then(|()| check(&tags)).map_or_else(|failure| failure.code, |()| "ok".to_owned())
    }

    #[test]
    fn a_tag_has_letters_numbers_spaces_and_some_signs_within_its_lengths() {
        let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
        for good in [("k", ""), ("Straße 9\u{a0}_.:/=+-@", "a b"), (&long_key[1..], &long_value[1..])] {
            assert_eq!(verdict(&[good]), "ok", "{good:?}");
        }
        for bad in [("", "v"), (&long_key, "v"), ("k", &long_value), ("a,b", "v"), ("k", "a;b"), ("k", "a\nb")] {
            assert_eq!(verdict(&[bad]), "ValidationError", "{bad:?}");
        }
    }

    #[test]
    fn tag_keys_differ_in_more_than_case_and_none_is_awss() {
        assert_eq!(verdict(&[("team", "a"), ("Team", "b")]), "InvalidParameterValue");
        for reserved in ["aws:x", "AWS:x"] {
            assert_eq!(verdict(&[(reserved, "a")]), "ValidationError", "{reserved}");
        }
        assert_eq!(verdict(&[("awsx", "a")]), "ok");
    }

    #[test]
    fn fifty_tags_are_the_most_and_each_has_key_and_value() {
        let names: Vec<String> = (0..51).map(|index| format!("k{index}")).collect();
        let tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        assert_eq!((verdict(&tags[..50]), verdict(&tags)), ("ok".to_owned(), "ValidationError".to_owned()));
        for lonely in ["Tags.member.1.Key", "Tags.member.1.Value"] {
            let sent = Params::from([(lonely.to_owned(), "x".to_owned())]);
            let mut checked = Checked::new(&sent);
            read(&mut checked, &sent);
            assert!(checked.finish().is_err(), "{lonely}");
        }
    }

    #[test]
    fn a_transitive_tag_is_sent_once_and_goes_down_the_whole_chain() {
        let sent = |key: &str| vec![(key.to_owned(), "v".to_owned())];
        let first = combine(&Facts::default(), &sent("team"), &["team".to_owned()]).expect("a first session");
        let above = Facts { tags: first.0, transitive: first.1, ..Facts::default() };
        let (tags, transitive) = combine(&above, &sent("own"), &[]).expect("a second session");
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["own", "team"]);
        let below = Facts { tags, transitive, ..Facts::default() };
        let (tags, _) = combine(&below, &Vec::new(), &[]).expect("a third session");
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["team"]);
        for (tags, transitive) in [(sent("TEAM"), vec![]), (sent("own"), vec!["other".to_owned()])] {
            let refused = combine(&below, &tags, &transitive).map_err(|failure| failure.code);
            assert_eq!(refused, Err("InvalidParameterValue".to_owned()));
        }
    }
}
