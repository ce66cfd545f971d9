//! What holds for every text.

use proptest::prelude::*;

use super::super::*;
use super::of;
use crate::aws_config::Profiles;
use crate::aws_config::document::Part;

const SECRET_KEYS: &str =
    "(aws_secret_access_key|AWS_SESSION_TOKEN|aws_security_token|aws_secret_key|secret_access_key)";

/// A line, and the secret in it.
fn line() -> impl Strategy<Value = (String, Option<String>)> {
    let plain = |line: &str| (line.to_owned(), None);
    let header = "[ \t]{0,2}\\[(default|profile default|DEFAULT|Default| default |profile a|a|profile 'x y'|x y|profile -q|\
                  profile a b|profiles default|sso-session s|services s|a#b|profile a#b|\\\\a)\\]( # c|;c|  | x)?";
    let key = "(region|s3|role_arn|source_profile|credential_source|credential_process|aws_access_key_id|sso_session|\
               sso_account_id|login_session|ROLE_ARN|mfa_serial|\u{a0}x|aws_acces\u{17f}_key_id)";
    let value = "(default|'default'|x|a|b # c||AKIAIOSFODNN7EXAMPLE|Environment|/bin/p \"x\")";
    let secret = ("[ \t]{0,3}(# ?|;)?", SECRET_KEYS, "( = |=|: |\t=\t)[\"']?", "[A-Za-z0-9/+]{40}", "[\"' ]?( # c)?");
    prop_oneof![
        4 => header.prop_map(move |line| plain(&line)),
        5 => ("[ \t]{0,3}", key, "( = |=|: )", value).prop_map(move |(i, k, e, v)| plain(&[i, k, e, v].concat())),
        3 => secret.prop_map(|(i, k, e, s, end)| (format!("{i}{k}{e}{s}{end}"), Some(s))),
        // The rest of a secret, or nothing at all.
        2 => "[ \t]{1,3}[A-Za-z0-9/+]{40}".prop_map(move |line| plain(&line)),
        1 => "[ \t]{0,3}(junk|= x|\\[|\\[\\]|# c|)".prop_map(move |line| plain(&line)),
        1 => any::<String>().prop_map(move |line| plain(&line)),
    ]
}

/// A text, and the secrets in it.
fn text() -> impl Strategy<Value = (String, Vec<String>)> {
    let ending = prop_oneof![6 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
    (prop_oneof![Just(""), Just("\u{feff}")], proptest::collection::vec((line(), ending), 0..24)).prop_map(
        |(bom, lines)| {
            let text = lines.iter().flat_map(|((line, _), ending)| [line, *ending]).collect::<String>();
            let rest = lines.windows(2).filter_map(|pair| rest_of_secret(&pair[0].0, &pair[1].0.0));
            let secrets = lines.iter().filter_map(|((_, secret), _)| secret.clone()).chain(rest).collect();
            (format!("{bom}{text}"), secrets)
        },
    )
}

/// The next line's text where it goes on with a secret, or comes in the place where it would.
fn rest_of_secret((line, secret): &(String, Option<String>), next: &str) -> Option<String> {
    let is_key = secret.is_some() && !line.trim_start().starts_with(['#', ';']);
    let rest = next.trim();
    let is_rest = next != rest && rest.len() == 40 && !rest.contains(['=', ':', '[']);
    (is_key && is_rest).then(|| rest.to_owned())
}

/// The names of the profiles, as multicred reads both files.
fn names(config: &str, credentials: &str) -> Vec<String> {
    let read = crate::aws_config::read::read_all(config, credentials, None);
    let profiles: Profiles = read.into_values().collect();
    profiles.iter().map(|profile| profile.name.clone()).collect()
}

/// The keys, in lower case, of the sections that botocore or others read as the default profile.
fn keys_of_default(text: &str) -> Vec<String> {
    let document = Document::parse(text);
    let is_default = |id: &SectionId| id.name.trim() == DEFAULT && id.kind <= SectionKind::Profile;
    let keys = document.text_lines().filter(|line| line.section.is_some_and(is_default)).filter_map(|line| {
        let key = match line.part {
            Part::Key { key, .. } => key,
            Part::Continuation => line.text.split(['=', ':']).next()?.trim(),
            _ => return None,
        };
        Some(key.to_lowercase())
    });
    keys.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_is_copied(config in text(), credentials in text()) {
        let made = of(&config.0, &credentials.0);
        for secret in config.1.iter().chain(&credentials.1) {
            prop_assert!(!made.config.contains(secret), "{secret} in {}", made.config);
            prop_assert!(!made.credentials.contains(secret), "{secret} in {}", made.credentials);
        }
    }

    #[test]
    fn nothing_in_the_default_profile_says_who_one_is(config in text(), credentials in text()) {
        let made = of(&config.0, &credentials.0);
        for key in keys_of_default(&made.config).into_iter().chain(keys_of_default(&made.credentials)) {
            prop_assert!(!gives_identity(&key), "{key} in {made:?}");
        }
    }

    #[test]
    fn every_profile_is_there_or_told_to_be_left_out(config in text(), credentials in text()) {
        let made = of(&config.0, &credentials.0);
        let there = names(&made.config, &made.credentials);
        for name in names(&config.0, &credentials.0) {
            let is_told = || {
                let lines = made.config.lines().chain(made.credentials.lines());
                lines.filter(|line| line.starts_with("# line ")).any(|line| line.contains(&*name.escape_debug().to_string()))
            };
            prop_assert!(there.contains(&name) || is_told(), "{name:?} of {made:?}");
        }
    }

    /// Only headers that some SDK reads, and multicred does not, stay with a fault.
    #[test]
    fn what_is_made_can_be_read(config in text(), credentials in text()) {
        let made = of(&config.0, &credentials.0);
        for text in [&made.config, &made.credentials] {
            let faults: Vec<_> = Document::parse(text).faults().map(|fault| text.lines().nth(fault.line as usize - 1)).collect();
            prop_assert!(faults.iter().all(|line| line.is_some_and(|line| line.starts_with("[profile"))), "{faults:?} in {text}");
        }
    }

    #[test]
    fn any_text_at_all_is_survived(config in any::<String>(), credentials in any::<String>()) {
        let made = of(&config, &credentials);
        prop_assert!(made.config.starts_with("# made by multicred"));
    }
}
