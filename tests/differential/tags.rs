//! Session tags, as profiles write them.

use std::collections::BTreeMap;

use super::files::Profile;

#[derive(Default)]
pub struct Tags {
    pub values: BTreeMap<String, String>,
    /// Keys of those that the next session of the chain inherits.
    pub transitive: Vec<String>,
}

/// `key = value, key = value` and `key, key`.
pub fn of(profile: &Profile) -> Result<Tags, String> {
    let mut tags = Tags::default();
    for pair in profile.get("session_tags").into_iter().flat_map(|text| text.split(',')) {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no tag"))?;
        tags.values.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    let keys = profile.get("transitive_session_tags").unwrap_or_default().split(',').map(str::trim);
    tags.transitive = keys.filter(|key| !key.is_empty()).map(str::to_owned).collect();
    Ok(tags)
}
