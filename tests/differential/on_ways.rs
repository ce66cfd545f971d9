//! The differences that no config can say: the rules that turn boto3's calls into those of multicred.
//!
//! Before a user's session is put in front of them, the hops are the roles of the way, in the same order.

use std::collections::BTreeMap;

use super::files::{Files, Profile};
use super::tags;
use super::way::{BOTOCORE_SESSION, Credential, Hop, Way};

/// Seconds of a role for which nothing is configured, and of a user's session that is asked for itself.
const HOUR: &str = "3600";
/// Seconds of a user's session from which roles are assumed: a working day on one code.
const WORKING_DAY: &str = "28800";
/// Whom the environment of every case says that it belongs to.
const PERSON: &str = "tester";

/// Each role of the way with its hop.
fn roles<'w>(way: &'w mut Way, files: &Files, target: &str) -> impl Iterator<Item = (Profile, &'w mut Hop)> {
    files.roles_to(target).into_iter().zip(&mut way.hops)
}

/// A tag that is inherited is not sent again.
pub fn add_tags(way: &mut Way, files: &Files, target: &str) {
    let mut inherited: Vec<String> = Vec::new();
    for (profile, hop) in roles(way, files, target) {
        let Ok(mut tags) = tags::of(&profile) else { continue };
        tags.values.retain(|key, _| !inherited.contains(key));
        tags.transitive.retain(|key| !inherited.contains(key));
        tags.transitive.sort();
        let values: Vec<String> = tags.values.iter().map(|(key, value)| format!("{key}={value}")).collect();
        for (name, list) in [("Tags", &values), ("TransitiveTagKeys", &tags.transitive)] {
            if !list.is_empty() {
                hop.params.insert(name.to_owned(), list.join(", "));
            }
        }
        inherited.extend(tags.transitive);
    }
}

/// The first hop names it, and every session behind that one has it.
pub fn add_source_identity(way: &mut Way, files: &Files, target: &str) {
    let identity = files.roles_to(target).iter().find_map(|profile| profile.get("source_identity").map(str::to_owned));
    if let (Some(identity), Some(hop)) = (identity, way.hops.first_mut()) {
        hop.params.insert("SourceIdentity".to_owned(), identity);
    }
}

pub fn add_durations_of_web_identities(way: &mut Way, files: &Files, target: &str) {
    for (profile, hop) in roles(way, files, target).filter(|(_, hop)| hop.by == Credential::Token) {
        if let Some(seconds) = profile.duration() {
            hop.params.insert("DurationSeconds".to_owned(), seconds.to_string());
        }
    }
}

pub fn add_durations(way: &mut Way, _files: &Files, _target: &str) {
    for hop in &mut way.hops {
        hop.params.entry("DurationSeconds".to_owned()).or_insert_with(|| HOUR.to_owned());
    }
}

pub fn name_sessions(way: &mut Way, files: &Files, target: &str) {
    for (_, hop) in roles(way, files, target).filter(|(profile, _)| !profile.has("role_session_name")) {
        assert_eq!(hop.params["RoleSessionName"], BOTOCORE_SESSION, "boto3 names a session after the time");
        PERSON.clone_into(hop.params.get_mut("RoleSessionName").expect("a name"));
    }
}

/// A key that stands in the files, and that was asked for itself.
pub fn give_a_session(way: &mut Way, files: &Files, target: &str) {
    let base = files.base_of(target).filter(|base| base.key.is_some() && way.hops.is_empty());
    if let Some(base) = base {
        way.hops.push(session_of(&base, HOUR, way.end.clone()));
        way.end = Credential::OfHop(0);
    }
}

/// The code goes with the session, and the role needs none then.
pub fn begin_with_a_session(way: &mut Way, files: &Files, target: &str) {
    let Some(base) = files.base_of(target).filter(|_| has_session(files, target)) else { return };
    let session = session_of(&base, WORKING_DAY, way.hops[0].by.clone());
    for name in ["SerialNumber", "TokenCode"] {
        way.hops[0].params.remove(name).expect("boto3 sends a code for the role");
    }
    for hop in &mut way.hops {
        hop.by = one_later(&hop.by);
    }
    way.end = one_later(&way.end);
    way.hops.insert(0, session);
}

fn one_later(credential: &Credential) -> Credential {
    match credential {
        Credential::OfHop(index) => Credential::OfHop(index + 1),
        _ => Credential::OfHop(0),
    }
}

fn session_of(base: &Profile, seconds: &str, by: Credential) -> Hop {
    let mut params = BTreeMap::from([("DurationSeconds".to_owned(), seconds.to_owned())]);
    if let Some(serial) = base.get("mfa_serial") {
        params.insert("SerialNumber".to_owned(), serial.to_owned());
        params.insert("TokenCode".to_owned(), "a code".to_owned());
    }
    Hop { action: "GetSessionToken".to_owned(), by, params }
}

/// Whether a session of the user stands between a key and the roles: the first role names the same device as the
/// profile of the key, and is not the only one, asked for longer than a session lets it last.
pub fn has_session(files: &Files, target: &str) -> bool {
    let roles = files.roles_to(target);
    let (Some(first), Some(base)) = (roles.first(), files.base_of(target)) else { return false };
    let is_same_device = first.has("mfa_serial") && first.get("mfa_serial") == base.get("mfa_serial");
    let is_long = roles.len() == 1 && first.duration().is_some_and(|seconds| seconds > 3_600);
    base.key.is_some() && is_same_device && !is_long
}
