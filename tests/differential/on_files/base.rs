//! What a way begins with: boto3 wants it in a profile without a role.

use super::super::files::{Files, Profile};

/// A profile's own key is where the way to its role begins, whatever source the profile names.
pub fn put_keys_apart(files: &mut Files, _target: &str) {
    for (name, profile) in files.profiles.clone() {
        if profile.key.is_some() && profile.has("role_arn") {
            let base = Profile { key: files.at(&name).key.take(), ..Profile::default() };
            put_apart(files, &name, base);
        }
    }
}

/// A process may stand in the profile of the role that is assumed from it, if that has no other source.
pub fn put_processes_apart(files: &mut Files, _target: &str) {
    const OTHERS: [&str; 3] = ["source_profile", "credential_source", "web_identity_token_file"];
    for (name, mut profile) in files.profiles.clone() {
        let may_be_its_source = profile.has("role_arn") && !OTHERS.iter().any(|other| profile.has(other));
        if let Some(process) = profile.take("credential_process").filter(|_| may_be_its_source) {
            let mut base = Profile::default();
            base.set("credential_process", &process);
            put_apart(files, &name, base);
        }
    }
}

fn put_apart(files: &mut Files, name: &str, base: Profile) {
    let base_name = format!("{name}, apart");
    let profile = files.at(name);
    for source in ["credential_source", "web_identity_token_file", "credential_process"] {
        profile.take(source);
    }
    profile.set("source_profile", &base_name);
    files.profiles.insert(base_name, base);
}

/// A profile that has a source and no role is that source.
pub fn put_sources_in_place(files: &mut Files, _target: &str) {
    for name in files.profiles.clone().into_keys() {
        let whole = with_source(files, &name, &mut Vec::new());
        files.profiles.insert(name, whole);
    }
}

fn with_source(files: &Files, name: &str, visited: &mut Vec<String>) -> Profile {
    let profile = files.of(name);
    visited.push(name.to_owned());
    let is_only_a_source = profile.key.is_none() && !profile.has("role_arn");
    let source =
        profile.get("source_profile").filter(|source| is_only_a_source && !visited.iter().any(|it| it == source));
    let Some(source) = source else { return profile };
    let mut source = with_source(files, source, visited);
    if !source.has("role_arn") {
        // Which device the user has is said nearest to whoever asks.
        source.settings.extend(profile.settings.into_iter().filter(|(key, _)| *key != "source_profile"));
    }
    source
}
