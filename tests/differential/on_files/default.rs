//! What every profile inherits from `[default]`.

use super::super::files::{Files, Profile};

/// What says how, and not who.
const INHERITED: [&str; 7] = [
    "external_id",
    "mfa_serial",
    "region",
    "role_session_name",
    "session_tags",
    "source_identity",
    "transitive_session_tags",
];

const SOURCES: [&str; 4] = ["source_profile", "credential_source", "web_identity_token_file", "credential_process"];

/// Gives each profile what it inherits.
pub fn write_out(files: &mut Files, _target: &str) {
    let default = files.of("default");
    for (_, profile) in files.profiles.iter_mut().filter(|(name, _)| *name != "default") {
        inherit(profile, &default, &INHERITED);
        if profile.has("role_arn") {
            inherit(profile, &default, &["duration_seconds"]);
            if profile.key.is_none() && !SOURCES.iter().any(|source| profile.has(source)) {
                inherit(profile, &default, &SOURCES[..2]);
            }
        }
    }
}

fn inherit(profile: &mut Profile, default: &Profile, keys: &[&str]) {
    for (key, value) in default.settings.iter().filter(|(key, _)| keys.contains(key)) {
        profile.settings.entry(key).or_insert_with(|| value.clone());
    }
}
