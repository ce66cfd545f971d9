//! How AWS is reached: addresses, certificates, proxies, and whether the clocks agree.

use std::fs::File;
use std::path::Path;

use super::Finding;
use crate::sts::settings::{ENDPOINT, IGNORE_ENDPOINT};
use crate::sts::{OfProfile, StsSettings, date, settings};

/// From this many seconds on AWS takes no signature.
const REFUSED: i64 = 300;
/// Less than this, in seconds, is nothing to speak of.
const UNNOTICED: i64 = 60;

/// What the variables say of the way to AWS. `get` gives the person's own.
pub(super) fn findings(get: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    match StsSettings::read(get, &OfProfile::default()) {
        Err(error) => {
            let fact = format!("AWS cannot be asked: {}", error.outcome());
            found.push(Finding::fault(error.variable, fact, format!("correct {0}, or: unset {0}", error.variable)));
        }
        Ok(settings) => {
            found.extend(bundle(&settings));
            found.extend(endpoint(get, &settings));
        }
    }
    found.extend(proxies(get));
    found
}

fn bundle(settings: &StsSettings) -> Option<Finding> {
    let bundle = settings.ca_bundle.as_ref()?;
    let error = File::open(&bundle.path).err()?;
    let fact = format!("its file {} cannot be read: {error}; AWS is not asked without it", bundle.path.display());
    let remedy = format!("let {0} name a file of PEM certificates, or: unset {0}", bundle.from);
    Some(Finding::fault(&bundle.from, fact, remedy))
}

fn endpoint(get: &dyn Fn(&str) -> Option<String>, settings: &StsSettings) -> Option<Finding> {
    let address = settings.endpoint.as_deref()?;
    let name = ENDPOINT.into_iter().find(|name| get(name).is_some_and(|value| !value.is_empty()))?;
    let fact = format!("calls to AWS go to {}", without_password(address));
    Some(Finding::note(name, fact, format!("where that is not meant: unset {name}, or {IGNORE_ENDPOINT}=true")))
}

/// The variables of proxies, as curl and the SDKs read them.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const PROXY_OF_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

fn proxies(get: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let value = |name: &str| get(name).filter(|value| !value.is_empty());
    let exempt = ["NO_PROXY", "no_proxy"].into_iter().find_map(value).unwrap_or_default();
    let named = |name: &'static str| Some((name, value(name)?));
    let mut found: Vec<Finding> = PROXIES
        .into_iter()
        .filter_map(named)
        .map(|(name, address)| {
            let but = if exempt.is_empty() { String::new() } else { format!(", but for {exempt} (NO_PROXY)") };
            let fact = format!("programs reach others by the proxy {}{but}", without_password(&address));
            Finding::note(name, fact, format!("where that is not meant: unset {name}"))
        })
        .collect();
    let is_exempt = exempt.split(',').map(str::trim).any(|host| ["127.0.0.1", "*", "127.0.0.0/8"].contains(&host));
    if PROXY_OF_HTTP.into_iter().any(|name| value(name).is_some()) && !is_exempt {
        let fact = "it does not name 127.0.0.1: some SDKs would ask the proxy for the credentials of a live session";
        let list = if exempt.is_empty() { String::new() } else { format!("{exempt},") };
        found.push(Finding::note("NO_PROXY", fact, format!("export NO_PROXY={list}127.0.0.1")));
    }
    found
}

/// An address without the name and the password that it may have (RFC 3986, 3.2.1).
fn without_password(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest[..end].rsplit('@').next().unwrap_or_default();
    // What stands behind it may be a token.
    if scheme.is_empty() { authority.to_owned() } else { format!("{scheme}://{authority}") }
}

/// How far this machine's clock is from AWS's, in seconds: more than 0 where it is ahead. And what is to be said of that.
pub(super) fn clock(get: &dyn Fn(&str) -> Option<String>, now: &dyn Fn() -> i64) -> (Option<i64>, Option<Finding>) {
    let Ok(settings) = StsSettings::read(get, &OfProfile::default()) else { return (None, None) };
    let region = settings.region.clone().unwrap_or_else(|| settings::default_region("aws").to_owned());
    match date(&settings, &region) {
        Ok(time) => {
            let ahead = now() - time;
            (Some(ahead), skew(ahead))
        }
        Err(error) => {
            let remedy = "where there is a network, check the proxy variables and AWS_ENDPOINT_URL";
            (None, Some(Finding::note("the clock", format!("AWS could not be asked for the time: {error}"), remedy)))
        }
    }
}

fn skew(ahead: i64) -> Option<Finding> {
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    let fact = format!("this machine's clock is {} {how} AWS's", in_words(ahead.abs()));
    let remedy = "timedatectl set-ntp true, or set the clock";
    match ahead.abs() {
        ..UNNOTICED => None,
        UNNOTICED..REFUSED => Some(Finding::note("the clock", fact, remedy)),
        _ => Some(Finding::fault("the clock", format!("{fact}: AWS takes no signature of this machine's"), remedy)),
    }
}

fn in_words(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// Whether a path is there at all.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Vec<Finding> {
        findings(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_password_of_a_proxy_is_told_to_nobody() {
        for (address, shown) in [
            ("http://me:hush@proxy:3128/hush", "http://proxy:3128"),
            ("me:hush@proxy:3128", "proxy:3128"),
            ("http://me:hu@sh@proxy", "http://proxy"),
            ("proxy", "proxy"),
        ] {
            assert_eq!(without_password(address), shown);
            let told = format!("{:?}", found(&[("HTTPS_PROXY", address), ("AWS_ENDPOINT_URL", address)]));
            assert!(!told.contains("hush") && !told.contains("hu@sh"), "{told}");
        }
    }

    #[test]
    fn proxies_and_addresses_are_to_be_known_and_what_cannot_be_used_is_a_fault() {
        assert!(found(&[]).is_empty());
        let severities = |variables: &[(&str, &str)]| {
            found(variables).into_iter().map(|one| (one.about.clone(), one.is_fault())).collect::<Vec<_>>()
        };
        let note = |name: &str| (name.to_owned(), false);
        assert_eq!(severities(&[("https_proxy", "http://p")]), [note("https_proxy")]);
        assert_eq!(severities(&[("HTTP_PROXY", "http://p")]), [note("HTTP_PROXY"), note("NO_PROXY")]);
        assert_eq!(severities(&[("HTTP_PROXY", "http://p"), ("NO_PROXY", "x, 127.0.0.1")]), [note("HTTP_PROXY")]);
        assert_eq!(severities(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]), [note("AWS_ENDPOINT_URL")]);
        let fault = |name: &str| (name.to_owned(), true);
        assert_eq!(severities(&[("AWS_ENDPOINT_URL", "nowhere")]), [fault("AWS_ENDPOINT_URL")]);
        assert_eq!(severities(&[("AWS_REGION", "not a region")]), [fault("AWS_REGION")]);
        assert_eq!(severities(&[("AWS_CA_BUNDLE", "/no/such/file")]), [fault("AWS_CA_BUNDLE")]);
    }

    #[test]
    fn five_minutes_are_a_fault_and_less_than_one_is_nothing() {
        let severity = |ahead| skew(ahead).map(|finding| finding.is_fault());
        for (ahead, expected) in [
            (0, None),
            (59, None),
            (-59, None),
            (60, Some(false)),
            (-299, Some(false)),
            (300, Some(true)),
            (-7200, Some(true)),
        ] {
            assert_eq!(severity(ahead), expected, "{ahead}");
        }
        assert!(skew(-7200).unwrap().fact.contains("2 h behind AWS's"));
    }
}
