//! The differences that can be said in a config: the rules that translate it for boto3.

#[path = "on_files/base.rs"]
pub mod base;
#[path = "on_files/default.rs"]
pub mod default;
#[path = "on_files/include.rs"]
pub mod include;

use std::collections::BTreeSet;

use crate::files::{Files, HOME, Profile};
use crate::on_ways::has_session;
use crate::tags;

/// Seconds that a role assumed from a session, or from another role, lasts at most.
const CHAINED: u32 = 3_600;

pub fn leave_comments_out(files: &mut Files, _target: &str) -> Result<(), String> {
    files.layout.comments_behind = false;
    Ok(())
}

pub fn do_as_a_shell(files: &mut Files, _target: &str) -> Result<(), String> {
    for profile in files.profiles.values_mut() {
        if let Some(command) = profile.settings.get_mut("credential_process") {
            *command = command.replace("$HOME", HOME).replace(" | cat", "");
        }
    }
    Ok(())
}

pub fn refuse_two_sources(files: &mut Files, target: &str) -> Result<(), String> {
    let (roles, base) = files.way_to(target);
    for name in roles.iter().chain(&base) {
        let profile = files.of(name);
        if profile.key.is_none() && contradicts_itself(&profile) {
            return Err(format!("{name} has two sources, or a source for no role"));
        }
    }
    Ok(())
}

fn contradicts_itself(profile: &Profile) -> bool {
    let has = |key| profile.has(key);
    let two_for_a_role = has("source_profile") && has("credential_source");
    let two_for_a_token = has("web_identity_token_file") && (has("source_profile") || has("credential_source"));
    let two_for_none = has("credential_process") && has("source_profile");
    two_for_a_role || two_for_a_token || (!has("role_arn") && (two_for_none || has("credential_source")))
}

pub fn refuse_durations(files: &mut Files, target: &str) -> Result<(), String> {
    for profile in files.roles_to(target) {
        let is_none = |text: &&str| !text.parse().is_ok_and(|seconds| (900..=43_200).contains(&seconds));
        if let Some(duration) = profile.get("duration_seconds").filter(|text| !text.is_empty()).filter(is_none) {
            return Err(format!("{duration} is no duration of a role"));
        }
    }
    Ok(())
}

pub fn refuse_tags(files: &mut Files, target: &str) -> Result<(), String> {
    files.roles_to(target).iter().try_for_each(|profile| tags::of(profile).map(drop))
}

pub fn refuse_two_identities(files: &mut Files, target: &str) -> Result<(), String> {
    let roles = files.roles_to(target);
    let identities: BTreeSet<&str> = roles.iter().filter_map(|profile| profile.get("source_identity")).collect();
    if identities.len() > 1 { Err(format!("{identities:?} are not one identity")) } else { Ok(()) }
}

pub fn leave_later_devices_out(files: &mut Files, target: &str) -> Result<(), String> {
    for name in files.way_to(target).0.iter().skip(1) {
        files.at(name).take("mfa_serial");
    }
    Ok(())
}

pub fn cap_durations(files: &mut Files, target: &str) -> Result<(), String> {
    let is_behind_a_session = has_session(files, target);
    let roles = files.way_to(target).0;
    for name in roles.iter().skip(usize::from(!is_behind_a_session)) {
        let profile = files.at(name);
        if profile.duration().is_some_and(|seconds| seconds > CHAINED) {
            profile.set("duration_seconds", &CHAINED.to_string());
        }
    }
    Ok(())
}
