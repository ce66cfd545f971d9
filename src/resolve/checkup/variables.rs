//! The variables of this shell: what would win over a switch, or contradicts it.

use super::Finding;
use crate::agent::Session;
use crate::env_change::{ENDPOINT, REGIONS, UNSETS};

/// What the environment says that contradicts itself. Values are never told: some are secrets.
pub(super) fn findings<'v>(get: impl Fn(&str) -> Option<&'v str> + Copy, now: i64) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_set = |name: &str| get(name).is_some();
    let live = Session::of_environment(get);
    if let Some(identity) = get("MULTICRED_IDENTITY").filter(|_| live.is_some() || is_set("MULTICRED_ACCESS_KEY_ID")) {
        let winning = UNSETS.into_iter().filter(|name| is_set(name) && !(live.is_some() && ENDPOINT.contains(name)));
        for name in winning {
            let fact = format!("it is set beside the switch to {identity}: programs may take it in the switch's place");
            found.push(Finding::fault(name, fact, format!("unset {name}")));
        }
        found.extend(switch(get, identity, live.as_ref(), found.is_empty()));
        found.extend(expired(get, identity, now));
    }
    found.extend(regions(get));
    found
}

fn regions<'v>(get: impl Fn(&str) -> Option<&'v str>) -> Option<Finding> {
    let [one, other] = REGIONS.map(get);
    let ([first, second], one, other) = (REGIONS, one?, other?);
    let fact = format!("{first} is {one}, and {second} is {other}: programs differ in which they take");
    (one != other).then(|| Finding::note(second, fact, format!("unset {second}")))
}

/// Whether the shell still holds what the switch put there.
fn switch<'v>(
    get: impl Fn(&str) -> Option<&'v str> + Copy,
    identity: &str,
    live: Option<&Session>,
    is_all: bool,
) -> Option<Finding> {
    let remedy = "multicred renew; or, to have it so, multicred deactivate --keep-creds";
    match live {
        Some(session) if !session.lives() => {
            let fact = format!("the live session of {identity} has ended: programs here get no credential");
            Some(Finding::fault("MULTICRED_LIVE", fact, "multicred renew"))
        }
        Some(session) if is_all && !session.is_whole(get) => {
            let fact =
                format!("the live session of {identity} was changed by hand: programs here may be somebody else");
            Some(Finding::fault("MULTICRED_LIVE", fact, "multicred renew"))
        }
        None if get("AWS_ACCESS_KEY_ID") != get("MULTICRED_ACCESS_KEY_ID") => {
            let fact = format!("it is not the one that the switch to {identity} set: programs here are somebody else");
            Some(Finding::fault("AWS_ACCESS_KEY_ID", fact, remedy))
        }
        _ => None,
    }
}

fn expired<'v>(get: impl Fn(&str) -> Option<&'v str>, identity: &str, now: i64) -> Option<Finding> {
    let end: i64 = get("MULTICRED_EXPIRES_AT")?.parse().ok()?;
    let fact = || format!("the credential of {identity} in this shell has expired");
    (end <= now).then(|| Finding::note("MULTICRED_EXPIRES_AT", fact(), "multicred renew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(variables: &[(&str, &'static str)]) -> Vec<(String, bool)> {
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        findings(get, 1_000).into_iter().map(|finding| (finding.about.clone(), finding.is_fault())).collect()
    }

    const SWITCHED: [(&str, &str); 4] = [
        ("MULTICRED_IDENTITY", "prod/Admin"),
        ("MULTICRED_ACCESS_KEY_ID", "ASIA1"),
        ("AWS_ACCESS_KEY_ID", "ASIA1"),
        ("MULTICRED_EXPIRES_AT", "1001"),
    ];

    #[test]
    fn nothing_is_said_of_a_shell_that_is_nobody_or_as_a_switch_left_it() {
        assert!(about(&[]).is_empty());
        assert!(about(&SWITCHED).is_empty());
        // Without a switch it is the person's own affair.
        assert!(about(&[("AWS_PROFILE", "x"), ("AWS_ACCESS_KEY_ID", "AKIA1")]).is_empty());
    }

    #[test]
    fn whatever_wins_over_a_switch_is_a_fault() {
        for name in UNSETS {
            assert_eq!(about(&[&SWITCHED[..], &[(name, "x")]].concat()), [(name.to_owned(), true)], "{name}");
        }
        let by_hand = [("AWS_ACCESS_KEY_ID", "AKIA2"), SWITCHED[0], SWITCHED[1]];
        assert_eq!(about(&by_hand), [("AWS_ACCESS_KEY_ID".to_owned(), true)]);
        assert_eq!(about(&SWITCHED[..2]), [("AWS_ACCESS_KEY_ID".to_owned(), true)]);
    }

    #[test]
    fn an_expired_credential_and_two_regions_are_to_be_known() {
        let expired = [SWITCHED[0], SWITCHED[1], SWITCHED[2], ("MULTICRED_EXPIRES_AT", "1000")];
        assert_eq!(about(&expired), [("MULTICRED_EXPIRES_AT".to_owned(), false)]);
        let regions = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "us-east-1")];
        assert_eq!(about(&regions), [("AWS_DEFAULT_REGION".to_owned(), false)]);
    }
}
