//! What a profile inherits: from the profiles it includes, then from `[default]`.
//!
//! aws-vault's users rely on both; the SDKs know neither. From `[default]` comes only how AWS is asked, never who a
//! profile is: otherwise a role in `[default]` would turn every profile with a key of its own into that role.

use std::collections::{BTreeMap, HashMap};

use super::keys::{STS_ENDPOINT, Says, says};
use super::profile::{DEFAULT, Fault, Origin, Profile, Setting};

/// Nobody includes so many; each costs every profile that includes it.
const DEEPEST: usize = 64;

/// The key, the value and the place of a setting in a shared section.
type SharedSetting = (String, String, Origin);

/// The sections that profiles share by name.
#[derive(Default)]
pub(super) struct Shared {
    /// `[services NAME]`: the endpoint of STS, where it has one.
    pub(super) services: HashMap<String, Option<(String, Origin)>>,
    /// `[sso-session NAME]`
    pub(super) sso_sessions: HashMap<String, Vec<SharedSetting>>,
}

/// Gives every profile what it inherits.
pub(super) fn settle(raw: &BTreeMap<String, Profile>, shared: &Shared) -> BTreeMap<String, Profile> {
    let settled = |(name, profile): (&String, &Profile)| {
        let mut profile = with_default(with_included(profile, raw), raw.get(DEFAULT));
        add_shared(&mut profile, shared);
        (name.clone(), profile)
    };
    raw.iter().map(settled).collect()
}

/// Puts the profile over those it includes, the nearest first.
fn with_included(profile: &Profile, raw: &BTreeMap<String, Profile>) -> Profile {
    let mut whole = profile.clone();
    let mut trail = vec![profile.name.as_str()];
    let mut last = profile;
    loop {
        let include = match include_of(last) {
            Ok(None) => return whole,
            Ok(Some(include)) => include,
            Err(fault) => {
                whole.faults.push(fault);
                return whole;
            }
        };
        trail.push(&include.value);
        let fault = |text| Fault { origin: include.origin.clone(), text };
        if trail[..trail.len() - 1].contains(&include.value.as_str()) {
            whole.faults.push(fault(format!("{} leads round in a loop: {}", include.key, shown(&trail))));
            return whole;
        }
        if trail.len() > DEEPEST {
            whole.faults.push(fault(format!("{} goes on for more than {DEEPEST} profiles", include.key)));
            return whole;
        }
        let Some(included) = raw.get(&include.value) else {
            whole.faults.push(fault(format!("{} names a profile that there is not: {}", include.key, shown(&trail))));
            return whole;
        };
        for setting in included.settings.iter().filter(|it| !matches!(&*it.key, "include_profile" | "parent_profile")) {
            give(&mut whole, setting);
        }
        // What cannot be read there may have been about this profile.
        whole.faults.extend(included.faults.iter().cloned());
        last = included;
    }
}

fn shown(trail: &[&str]) -> String {
    trail.join(" → ").escape_debug().to_string()
}

/// What a profile includes, under whichever of the two names.
fn include_of(profile: &Profile) -> Result<Option<&Setting>, Fault> {
    match (profile.setting("include_profile"), profile.setting("parent_profile")) {
        (Some(include), Some(parent)) if include.value != parent.value => {
            let text = "parent_profile and include_profile mean the same, and name two different profiles".to_owned();
            Err(Fault { origin: parent.origin.clone(), text })
        }
        (Some(one), _) | (None, Some(one)) => Ok(Some(one)),
        (None, None) => Ok(None),
    }
}

fn with_default(mut profile: Profile, default: Option<&Profile>) -> Profile {
    let Some(default) = default.filter(|default| default.name != profile.name) else { return profile };
    let lacks_source = profile.key.is_none() && profile.setting("role_arn").is_some() && !profile.has_source();
    for setting in &default.settings {
        match says(&setting.key) {
            Some(Says::How) => give(&mut profile, setting),
            Some(Says::From) if lacks_source && setting.value != profile.name => give(&mut profile, setting),
            _ => {}
        }
    }
    profile
}

/// Gives a profile a setting, where it has none of that key.
fn give(profile: &mut Profile, setting: &Setting) {
    if profile.setting(&setting.key).is_none() {
        profile.settings.push(setting.clone());
    }
}

/// Looks up what the profile names among the shared sections.
fn add_shared(profile: &mut Profile, shared: &Shared) {
    let missing = |setting: &Setting, header: &str| Fault {
        origin: setting.origin.clone(),
        text: format!("there is no section [{header} {}]", setting.value.escape_debug()),
    };
    if let Some(setting) = profile.setting("services").cloned() {
        match shared.services.get(&setting.value) {
            // A line of [default] is no fault of every profile.
            None if profile.own_setting("services").is_none() => {}
            None => profile.faults.push(missing(&setting, "services")),
            Some(None) => {}
            Some(Some((value, origin))) => {
                let (key, value, origin) = (STS_ENDPOINT.to_owned(), value.clone(), origin.clone());
                profile.settings.push(Setting { key, value, origin, section: setting.section });
            }
        }
    }
    if let Some(setting) = profile.setting("sso_session").cloned() {
        match shared.sso_sessions.get(&setting.value) {
            None => profile.faults.push(missing(&setting, "sso-session")),
            // What the session says wins over what the profile says itself, as in the SDKs.
            Some(settings) => {
                for (key, value, origin) in settings.iter().filter(|(key, ..)| says(key).is_some()) {
                    profile.settings.retain(|known| known.key != *key);
                    let (key, value, origin) = (key.clone(), value.clone(), origin.clone());
                    profile.settings.push(Setting { key, value, origin, section: setting.section.clone() });
                }
            }
        }
    }
}
