//! From a profile to the profile that holds the first key: pure, given a way to look profiles up.

use super::{Profile, Setting};
use crate::identity::arn;
use crate::identity::request::{is_external_id, is_mfa_serial, is_region, is_session_name, limits};
use crate::identity::route::RoleHop;

/// Why a profile cannot be followed. The place is `file:line`, for the person to open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A profile names a source that does not exist.
    #[error("profile {profile} names source_profile = {source_name} ({place}), and there is no such profile")]
    NoSuchSource {
        /// The profile.
        profile: String,
        /// What it names.
        source_name: String,
        /// Where.
        place: String,
    },
    /// The chain comes back to where it has been.
    #[error("source_profile leads round in a loop: {0}")]
    Loop(String),
    /// A role without a source.
    #[error("profile {profile} has role_arn ({place}) but neither source_profile nor a key of its own")]
    NoSource {
        /// The profile.
        profile: String,
        /// Where the role stands.
        place: String,
    },
    /// A value that AWS cannot take.
    #[error("profile {profile}: {key} = '{value}' ({place}) is not {wanted}")]
    BadValue {
        /// The profile.
        profile: String,
        /// The key.
        key: String,
        /// The value, safe to print.
        value: String,
        /// Where.
        place: String,
        /// What it should be.
        wanted: String,
    },
    /// A setting for a later version.
    #[error("profile {profile} uses {key} ({place}), which this version of multicred does not follow yet")]
    Unsupported {
        /// The profile.
        profile: String,
        /// The key.
        key: String,
        /// Where.
        place: String,
    },
    /// A profile asks multicred with a flag that holds only for the program that runs it.
    #[error("profile {profile} asks multicred with {flag} ({place}), which is not followed where the profile is named")]
    AsksWith {
        /// The profile.
        profile: String,
        /// The flag, without its value, safe to print.
        flag: String,
        /// Where.
        place: String,
    },
    /// A profile asks multicred for nobody, or for more than one.
    #[error("profile {profile} asks multicred ({place}), and does not name one identity")]
    AsksForNoOne {
        /// The profile.
        profile: String,
        /// Where.
        place: String,
    },
    /// Profiles ask multicred for each other.
    #[error("credential_process leads round in a loop: {0}")]
    AsksInLoop(String),
    /// A line of the profile that cannot be read.
    #[error("profile {profile}: {fault}")]
    Fault {
        /// The profile.
        profile: String,
        /// What is wrong, with its place.
        fault: String,
    },
}

/// Names a setting's place.
pub type Places<'a> = &'a dyn Fn(&Setting) -> String;

/// The profiles from the one that holds the first key (first) to the one asked for (last).
///
/// # Errors
/// A [`ChainError`], or what `get` returns.
pub fn chain<E: From<ChainError>>(
    start: Profile,
    get: impl Fn(&str) -> Result<Option<Profile>, E>,
    places: Places<'_>,
) -> Result<Vec<Profile>, E> {
    let mut chain = vec![start];
    while let Some(next) = source_of(&chain[chain.len() - 1], places)? {
        let visited = chain.iter().any(|profile| profile.name == next.value);
        let names: Vec<&str> = chain.iter().map(|profile| profile.name.as_str()).chain([next.value.as_str()]).collect();
        if visited {
            return Err(ChainError::Loop(names.join(" → ")).into());
        }
        let profile = &chain[chain.len() - 1];
        let missing = || ChainError::NoSuchSource {
            profile: profile.name.clone(),
            source_name: next.value.escape_debug().to_string(),
            place: places(&next),
        };
        let source = get(&next.value)?.ok_or_else(missing)?;
        chain.push(source);
    }
    chain.reverse();
    Ok(chain)
}

/// The source that a profile's role is assumed from; `None` where the profile itself is the root. A profile's own
/// key beats its `source_profile`.
fn source_of(profile: &Profile, places: Places<'_>) -> Result<Option<Setting>, ChainError> {
    check(profile, places)?;
    let Some(role_arn) = profile.setting("role_arn").filter(|_| profile.key.is_none()) else { return Ok(None) };
    let no_source = || ChainError::NoSource { profile: profile.name.clone(), place: places(role_arn) };
    profile.setting("source_profile").cloned().map(Some).ok_or_else(no_source)
}

fn check(profile: &Profile, places: Places<'_>) -> Result<(), ChainError> {
    if let Some(fault) = profile.faults.first() {
        return Err(ChainError::Fault { profile: profile.name.clone(), fault: fault.clone() });
    }
    if let Some(setting) = profile.unsupported() {
        let (profile, key) = (profile.name.clone(), setting.key.clone());
        return Err(ChainError::Unsupported { profile, key, place: places(setting) });
    }
    check_value(profile, "role_arn", "the ARN of a role", places, |_| profile.role().is_some())?;
    check_value(profile, "mfa_serial", "an MFA device's ARN or serial number", places, is_mfa_serial)?;
    check_value(profile, "external_id", "an external id (letters, digits and _+=,.@:/-)", places, is_external_id)?;
    check_value(profile, "region", "the code of a region, such as eu-west-1", places, is_region)?;
    check_value(profile, "role_session_name", "2 to 64 letters, digits or _+=,.@-", places, is_session_name)?;
    let range = format!("a number of seconds from {} to {}", limits::SHORTEST, limits::ROLE);
    check_value(profile, "duration_seconds", &range, places, |value| {
        value.parse().is_ok_and(|seconds: u32| (limits::SHORTEST..=limits::ROLE).contains(&seconds))
    })
}

fn check_value(
    profile: &Profile,
    key: &str,
    wanted: &str,
    places: Places<'_>,
    is_good: impl Fn(&str) -> bool,
) -> Result<(), ChainError> {
    match profile.setting(key) {
        Some(setting) if !is_good(&setting.value) => Err(ChainError::BadValue {
            profile: profile.name.clone(),
            key: key.to_owned(),
            value: setting.value.escape_debug().to_string(),
            place: places(setting),
            wanted: wanted.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// How the role of a checked profile is assumed; `None` for a profile without a role.
pub fn hop(profile: &Profile) -> Option<RoleHop> {
    let owned = |key: &str| profile.value(key).map(str::to_owned);
    Some(RoleHop {
        role_arn: owned("role_arn").filter(|text| arn::parse(text).is_ok())?,
        external_id: owned("external_id"),
        mfa_serial: owned("mfa_serial"),
        duration: profile.value("duration_seconds").and_then(|seconds| seconds.parse().ok()),
        session_name: owned("role_session_name"),
    })
}
