//! Whether the values of a profile are such as AWS takes.

use super::keys::STS_ENDPOINT;
use super::problem::Problem;
use super::{DEFAULT, Places, Profile, Setting};
use crate::identity::request::{
    is_external_id, is_http_url, is_mfa_serial, is_region, is_session_name, limits, parse_flag,
};
use crate::identity::session_tags::{SessionTags, transitive_keys};

/// What a good value is, in words, and whether a text is one.
type Rule = (&'static str, &'static str, fn(&str) -> bool);

const SESSION_NAME: &str = "2 to 64 letters, digits or _+=,.@-";
const TRUE_OR_FALSE: &str = "true or false";
const URL: &str = "an http:// or https:// address";

const RULES: [Rule; 14] = [
    ("mfa_serial", "an MFA device's ARN or serial number", is_mfa_serial),
    ("external_id", "an external id (letters, digits and _+=,.@:/-)", is_external_id),
    ("region", "the code of a region, such as eu-west-1", is_region),
    ("role_session_name", SESSION_NAME, is_session_name),
    ("source_identity", SESSION_NAME, is_session_name),
    ("sts_regional_endpoints", "legacy or regional", |text| {
        ["legacy", "regional"].contains(&&*text.to_ascii_lowercase())
    }),
    ("endpoint_url", URL, is_http_url),
    (STS_ENDPOINT, URL, is_http_url),
    ("ignore_configured_endpoint_urls", TRUE_OR_FALSE, |text| parse_flag(text).is_some()),
    ("use_fips_endpoint", TRUE_OR_FALSE, |text| parse_flag(text).is_some()),
    ("use_dualstack_endpoint", TRUE_OR_FALSE, |text| parse_flag(text).is_some()),
    ("credential_source", "Environment, EcsContainer or Ec2InstanceMetadata", |text| {
        matches!(text, ENVIRONMENT | "EcsContainer" | "Ec2InstanceMetadata")
    }),
    ("ec2_metadata_service_endpoint", URL, is_http_url),
    ("ec2_metadata_service_endpoint_mode", "IPv4 or IPv6", |text| {
        ["ipv4", "ipv6"].contains(&&*text.to_ascii_lowercase())
    }),
];

/// The `credential_source` that is no metadata service.
pub(super) const ENVIRONMENT: &str = "Environment";

/// Refuses a profile with lines that cannot be read, or values that AWS would not take.
///
/// # Errors
/// Names the line.
pub(super) fn check(profile: &Profile, places: Places<'_>) -> Result<(), Problem> {
    if let Some(fault) = profile.faults.first() {
        let (place, fault) = (places(&fault.origin), fault.text.clone());
        return Err(Problem::Fault { profile: profile.name.clone(), place, fault });
    }
    let bad = |setting: &Setting, wanted: &str| Problem::BadValue {
        profile: profile.name.clone(),
        key: setting.key.rsplit('/').next().unwrap_or_default().to_owned(),
        value: setting.value.escape_debug().to_string(),
        place: place_of(profile, setting, places),
        wanted: wanted.to_owned(),
    };
    if let Some(setting) = profile.setting("role_arn").filter(|_| profile.role().is_none()) {
        return Err(bad(setting, "the ARN of a role"));
    }
    for (key, wanted, is_good) in RULES {
        let concerned = profile.setting(key).filter(|setting| concerns(profile, setting));
        if let Some(setting) = concerned.filter(|setting| !is_good(&setting.value)) {
            return Err(bad(setting, wanted));
        }
    }
    if let Some((setting, error)) = bad_tags(profile).filter(|(setting, _)| concerns(profile, setting)) {
        return Err(bad(setting, &format!("a list of session tags: {error}")));
    }
    let most = longest(profile);
    let duration = |key: &str| setting_of_duration(profile, key).filter(|it| !is_duration(&it.value, most));
    match duration("duration_seconds").or_else(|| duration("session_duration")) {
        Some(setting) => Err(bad(setting, &format!("a number of seconds from {} to {most}", limits::SHORTEST))),
        None => check_durations_agree(profile, places),
    }
}

/// What `[default]` says of role sessions is no concern of who has no role.
fn concerns(profile: &Profile, setting: &Setting) -> bool {
    const OF_ROLES: [&str; 5] =
        ["external_id", "role_session_name", "source_identity", "session_tags", "transitive_session_tags"];
    let is_inherited = setting.section == DEFAULT && profile.name != DEFAULT;
    !(is_inherited && profile.setting("role_arn").is_none() && OF_ROLES.contains(&&*setting.key))
}

/// The source of another profile, without what `[default]` gives it that is no such value: a bad line there is no
/// concern of whoever has not been asked for.
pub(super) fn without_bad_default(mut profile: Profile) -> Profile {
    let is_bad =
        |setting: &Setting| RULES.iter().any(|(key, _, is_good)| *key == setting.key && !is_good(&setting.value));
    let is_own = |setting: &Setting| setting.section != DEFAULT;
    if profile.name != DEFAULT {
        profile.settings.retain(|setting| is_own(setting) || !is_bad(setting));
    }
    profile
}

fn bad_tags(profile: &Profile) -> Option<(&Setting, String)> {
    let tags = profile.setting("session_tags");
    let of_tags = tags.and_then(|it| Some((it, SessionTags::of_setting(&it.value).err()?.to_string())));
    let transitive = profile.setting("transitive_session_tags");
    of_tags.or_else(|| transitive.and_then(|it| Some((it, transitive_keys(&it.value).err()?.to_string()))))
}

/// In seconds.
fn longest(profile: &Profile) -> u32 {
    if profile.setting("role_arn").is_some() { limits::ROLE } else { limits::USER_SESSION }
}

fn is_duration(text: &str, most: u32) -> bool {
    text.parse().is_ok_and(|seconds: u32| (limits::SHORTEST..=most).contains(&seconds))
}

/// What `[default]` says of durations is meant for roles: a user's session, on one code, lasts as long as it would.
fn setting_of_duration<'p>(profile: &'p Profile, key: &str) -> Option<&'p Setting> {
    let counts = |setting: &&Setting| {
        profile.setting("role_arn").is_some() || profile.name == DEFAULT || setting.section != DEFAULT
    };
    profile.setting(key).filter(counts)
}

/// `session_duration` is another name for `duration_seconds`.
fn check_durations_agree(profile: &Profile, places: Places<'_>) -> Result<(), Problem> {
    let found = (setting_of_duration(profile, "duration_seconds"), setting_of_duration(profile, "session_duration"));
    match found {
        (Some(one), Some(other)) if one.value != other.value && one.section == other.section => {
            Err(contradiction(profile, one, other, "they mean the same, and say two different times", places))
        }
        _ => Ok(()),
    }
}

/// How long a checked profile's credential is to last, in seconds; what stands nearer to the profile counts.
pub(super) fn duration(profile: &Profile) -> Option<u32> {
    let found = ["duration_seconds", "session_duration"].map(|key| setting_of_duration(profile, key));
    let is_default = |setting: &Setting| setting.section == DEFAULT && profile.name != DEFAULT;
    // What is included stands in the order in which it was.
    let place = |setting: &Setting| profile.settings().position(|known| known.key == setting.key);
    let distance = |setting: &&Setting| (setting.section != profile.name, is_default(setting), place(setting));
    found.into_iter().flatten().min_by_key(distance)?.value.parse().ok()
}

/// The place of a setting, and whose it is where it is inherited.
fn place_of(profile: &Profile, setting: &Setting, places: Places<'_>) -> String {
    let place = places(&setting.origin);
    if setting.section == profile.name { place } else { format!("{place}, of [{}]", setting.section.escape_debug()) }
}

/// Two settings of which only one can hold.
pub(super) fn contradiction(
    profile: &Profile,
    one: &Setting,
    other: &Setting,
    why: &'static str,
    places: Places<'_>,
) -> Problem {
    let is_same_key = one.key == other.key;
    let say = |setting: &Setting| {
        let value = if is_same_key { format!(" = {}", setting.value.escape_debug()) } else { String::new() };
        format!("{}{value} ({})", setting.key, place_of(profile, setting, places))
    };
    Problem::Contradiction { profile: profile.name.clone(), one: say(one), other: say(other), why }
}
