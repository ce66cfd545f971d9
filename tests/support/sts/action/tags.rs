//! Session tags: which are sent, which are inherited.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use std::collections::{BTreeMap, BTreeSet};

use super::super::failure::Failure;
use super::super::session::Facts;
use super::super::validate::members;
use super::Params;

const MOST: usize = 50;

/// The tags of this request. Keys differ in more than case.
pub fn sent(params: &Params) -> Result<BTreeMap<String, String>, Failure> {
    let (keys, values) = (members(params, "Tags", Some("Key")), members(params, "Tags", Some("Value")));
    if keys.len() != values.len() || keys.len() > MOST {
        return Err(Failure::validation("Tags must be at most 50 pairs of Key and Value"));
    }
    let mut tags = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(Failure::validation("A tag key has 1 to 128 characters and its value at most 256"));
        }
        if same_key(tags.keys(), key) {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        tags.insert((*key).to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// All tags of the new session and the keys that go on to the next one: inherited ones first, then the sent ones.
pub fn combine(inherited: &Facts, params: &Params) -> Result<(BTreeMap<String, String>, BTreeSet<String>), Failure> {
    let mut tags = sent(params)?;
    let mut transitive = inherited.transitive.clone();
    if tags.keys().any(|key| same_key(inherited.transitive.iter(), key)) {
        return Err(invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        ));
    }
    for key in members(params, "TransitiveTagKeys", None) {
        if !same_key(tags.keys(), key) {
            return Err(invalid("The specified transitive tag key must be included in the requested tags."));
        }
        transitive.insert(key.to_owned());
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
