//! `include_profile` and `parent_profile`, which are two names of one setting.

use std::collections::BTreeMap;

use super::super::files::Files;

const NAMES: [&str; 2] = ["include_profile", "parent_profile"];

pub fn refuse(files: &Files, _target: &str) -> Option<String> {
    files.profiles.keys().find_map(|name| with_included(files, name, &mut Vec::new()).err())
}

/// Gives each profile what it includes, but no key.
pub fn write_out(files: &mut Files, _target: &str) {
    let before = files.clone();
    for (name, profile) in &mut files.profiles {
        profile.settings = with_included(&before, name, &mut Vec::new()).expect("what is not refused");
    }
}

/// The settings of a profile, its own before those that it includes.
fn with_included(
    files: &Files,
    name: &str,
    visited: &mut Vec<String>,
) -> Result<BTreeMap<&'static str, String>, String> {
    if visited.iter().any(|known| known == name) {
        return Err(format!("{name} includes itself"));
    }
    visited.push(name.to_owned());
    let mut settings = files.of(name).settings;
    let [one, other] = NAMES.map(|key| settings.remove(key));
    match (one, other) {
        (None, None) => {}
        (Some(one), Some(other)) if one != other => return Err(format!("{name} includes both {one} and {other}")),
        (Some(included), _) | (None, Some(included)) => {
            for (key, value) in with_included(files, &included, visited)? {
                settings.entry(key).or_insert(value);
            }
        }
    }
    Ok(settings)
}
