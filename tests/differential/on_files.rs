//! The differences that can be said in a config: the rules that translate it for boto3.

pub mod base;
pub mod default;
pub mod include;

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, HOME, Profile};
use super::on_ways::has_session;
use super::tags;

/// Seconds that a role assumed from a session, or from another role, lasts at most.
const CHAINED: u32 = 3_600;

pub fn leave_comments_out(files: &mut Files, _target: &str) {
    files.layout.comments_behind = false;
}

pub fn do_as_a_shell(files: &mut Files, _target: &str) {
    for profile in files.profiles.values_mut() {
        if let Some(command) = profile.settings.get_mut("credential_process") {
            *command = command.replace("$HOME", HOME).replace(" | cat", "");
        }
    }
}

/// A profile's own key is its only source, whatever else it names.
pub fn refuse_two_sources(files: &Files, target: &str) -> Option<String> {
    let (roles, base) = files.way_to(target);
    let contradicts_itself = |name: &&String| {
        let profile = files.of(name);
        profile.key.is_none() && contradicts_itself(&profile)
    };
    let name = roles.iter().chain(&base).find(contradicts_itself)?;
    Some(format!("{name} has two sources, or a source for no role"))
}

fn contradicts_itself(profile: &Profile) -> bool {
    let has = |key| profile.has(key);
    let two_for_a_role = has("source_profile") && has("credential_source");
    let two_for_a_token = has("web_identity_token_file") && (has("source_profile") || has("credential_source"));
    let two_for_none = has("credential_process") && has("source_profile");
    two_for_a_role || two_for_a_token || (!has("role_arn") && (two_for_none || has("credential_source")))
}

pub fn refuse_durations(files: &Files, target: &str) -> Option<String> {
    let is_one = |text: &str| text.parse().is_ok_and(|seconds| (900..=43_200).contains(&seconds));
    let durations = files.roles_to(target).into_iter().filter_map(|mut profile| profile.take("duration_seconds"));
    let bad = durations.into_iter().find(|text| !text.is_empty() && !is_one(text))?;
    Some(format!("{bad} is no duration of a role"))
}

/// Tags that are none, and those for which a session above has another value that AWS carries on.
pub fn refuse_tags(files: &Files, target: &str) -> Option<String> {
    let mut inherited: BTreeMap<String, String> = BTreeMap::new();
    for profile in files.roles_to(target) {
        let tags = match tags::of(&profile) {
            Ok(tags) => tags,
            Err(why) => return Some(why),
        };
        let is_other = |(key, value): &(&String, &String)| inherited.get(*key).is_some_and(|known| known != *value);
        if let Some((key, _)) = tags.values.iter().find(is_other) {
            return Some(format!("the tag {key} has another value already"));
        }
        inherited.extend(tags.values.into_iter().filter(|(key, _)| tags.transitive.contains(key)));
    }
    None
}

pub fn refuse_two_identities(files: &Files, target: &str) -> Option<String> {
    let roles = files.roles_to(target);
    let identities: BTreeSet<&str> = roles.iter().filter_map(|profile| profile.get("source_identity")).collect();
    (identities.len() > 1).then(|| format!("{identities:?} are not one identity"))
}

pub fn leave_later_devices_out(files: &mut Files, target: &str) {
    for name in files.way_to(target).0.iter().skip(1) {
        files.at(name).take("mfa_serial");
    }
}

pub fn cap_durations(files: &mut Files, target: &str) {
    let is_behind_a_session = has_session(files, target);
    let roles = files.way_to(target).0;
    for name in roles.iter().skip(usize::from(!is_behind_a_session)) {
        let profile = files.at(name);
        if profile.duration().is_some_and(|seconds| seconds > CHAINED) {
            profile.set("duration_seconds", &CHAINED.to_string());
        }
    }
}
