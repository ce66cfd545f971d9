//! From a profile to the profile that holds the first key: pure, given a way to look profiles up.

use super::check::{contradiction, duration, without_bad_default};
use super::problem::{ChainError, Problem};
use super::source::{Source, source};
use super::{Origin, Places, Profile, Setting};
use crate::identity::route::RoleHop;
use crate::identity::session_tags::{SessionTags, transitive_keys};

/// The profiles from the one that holds the first key (first) to the one asked for (last). Each but the last is the
/// source of the one behind it.
///
/// `get` finds a profile; `is_stored` says whether the store has a key of a profile's own under its name.
///
/// # Errors
/// A [`ChainError`], or what `get` and `is_stored` return.
pub fn chain<E: From<ChainError>>(
    start: Profile,
    get: impl Fn(&str) -> Result<Option<Profile>, E>,
    is_stored: impl Fn(&Profile) -> Result<bool, E>,
    places: Places<'_>,
) -> Result<Vec<Profile>, E> {
    let mut chain = vec![start];
    loop {
        let last = &chain[chain.len() - 1];
        let stored = is_stored(last)?;
        let failed = |problem: Problem| E::from(ChainError { problem: Box::new(problem), trail: names(chain.iter()) });
        let next = match source(last, stored, places).map_err(failed)? {
            Source::Profile(next) => next.clone(),
            Source::Nothing => return Err(failed(nothing(last, places))),
            _ => break,
        };
        if chain.iter().any(|profile| profile.name == next.value) {
            let chain = [names(chain.iter()), vec![next.value.clone()]].concat().join(" → ").escape_debug().to_string();
            return Err(ChainError::from(Problem::Loop { chain, place: places(&next.origin) }).into());
        }
        let missing = || Problem::NoSuchSource {
            profile: last.name.clone(),
            source_name: next.value.escape_debug().to_string(),
            place: places(&next.origin),
        };
        let source = get(&next.value)?.ok_or_else(|| failed(missing()))?;
        chain.push(without_bad_default(source));
    }
    chain.reverse();
    let carried = check_source_identity(&chain, places).and_then(|()| check_tags(&chain, places));
    carried.map_err(|problem| ChainError { problem: Box::new(problem), trail: names(chain.iter().rev()) })?;
    Ok(chain)
}

fn names<'p>(chain: impl Iterator<Item = &'p Profile>) -> Vec<String> {
    chain.map(|profile| profile.name.clone()).collect()
}

fn nothing(profile: &Profile, places: Places<'_>) -> Problem {
    let name = profile.name.clone();
    match profile.setting("role_arn") {
        Some(role) => Problem::NoSource { profile: name, place: places(&role.origin) },
        None => Problem::NoCredential { profile: name },
    }
}

fn roles(chain: &[Profile]) -> impl Iterator<Item = &Profile> {
    chain.iter().filter(|profile| profile.setting("role_arn").is_some())
}

/// AWS carries a source identity on through a chain, and lets nobody change it.
fn check_source_identity(chain: &[Profile], places: Places<'_>) -> Result<(), Problem> {
    let mut named = roles(chain).filter_map(|profile| Some((profile, profile.setting("source_identity")?)));
    let Some((_, first)) = named.next() else { return Ok(()) };
    match named.find(|(_, other)| other.value != first.value) {
        None => Ok(()),
        Some((profile, other)) => {
            let why = "a source identity is set on the first role of a chain and cannot change below it";
            Err(contradiction(profile, first, other, why, places))
        }
    }
}

/// A tag that a role passes on keeps its value through the whole chain.
fn check_tags(chain: &[Profile], places: Places<'_>) -> Result<(), Problem> {
    let mut passed_on: Vec<(String, String, &Setting)> = Vec::new();
    for profile in roles(chain) {
        let (Some(setting), Some(hop)) = (profile.setting("session_tags"), hop(profile)) else { continue };
        let differs = |(key, value, _): &&(String, String, &Setting)| hop.tags.get(key).is_some_and(|it| it != value);
        if let Some((_, _, before)) = passed_on.iter().find(differs) {
            let why = "a transitive tag of a role before it in the chain cannot change below that";
            return Err(contradiction(profile, before, setting, why, places));
        }
        let transitive = hop.transitive_tags.iter();
        passed_on.extend(transitive.filter_map(|key| Some((key.clone(), hop.tags.get(key)?.to_owned(), setting))));
    }
    Ok(())
}

/// How the role of a checked profile is assumed; `None` for a profile without a role.
pub fn hop(profile: &Profile) -> Option<RoleHop> {
    let owned = |key: &str| profile.value(key).map(str::to_owned);
    Some(RoleHop {
        role_arn: owned("role_arn").filter(|_| profile.role().is_some())?,
        external_id: owned("external_id"),
        mfa_serial: owned("mfa_serial"),
        duration: duration(profile),
        session_name: owned("role_session_name"),
        tags: profile.value("session_tags").and_then(|it| SessionTags::of_setting(it).ok()).unwrap_or_default(),
        transitive_tags: profile
            .value("transitive_session_tags")
            .and_then(|it| transitive_keys(it).ok())
            .unwrap_or_default(),
        source_identity: owned("source_identity"),
        by_variable: ["session_tags", "transitive_session_tags", "source_identity"]
            .iter()
            .any(|key| profile.setting(key).is_some_and(|setting| matches!(setting.origin, Origin::Variable(_)))),
    })
}

/// How long the session of a checked profile without a role is to last, in seconds.
pub fn session_duration(profile: &Profile) -> Option<u32> {
    duration(profile)
}

/// The profiles that stand for the one at the root of a chain without a role of their own, the one nearest to the
/// profile asked for first: what the nearest says counts.
pub fn without_role(chain: &[Profile]) -> impl Iterator<Item = &Profile> + Clone {
    let count = chain.iter().take_while(|profile| profile.setting("role_arn").is_none()).count();
    chain[..count].iter().rev()
}

/// The MFA device of the user at the root, where one of these names it; what `[default]` says counts last.
pub fn root_serial(chain: &[Profile]) -> Option<&Setting> {
    let own = without_role(chain).find_map(|profile| profile.own_setting("mfa_serial"));
    own.or_else(|| without_role(chain).find_map(|profile| profile.setting("mfa_serial")))
}
