//! One example of each rule. What holds for every text is in `tests/aws_temporary.rs`.

use super::*;
use crate::secret::KeyMaterial;

const END: i64 = 1_893_456_000;
const END_TEXT: &str = "2030-01-01T00:00:00Z";
/// A section as another tool left it.
const STALE: &str = "[a]\naws_access_key_id = ASIAOLDOLDOLDOLDOLD1\naws_secret_access_key = old\n\
                     aws_session_token = old-token\n";
const FRESH: &str = "aws_access_key_id = ASIANEWNEWNEWNEWNEW1\naws_secret_access_key = s3cr3t\n\
                     aws_session_token = t0ken\nexpiration = 2030-01-01T00:00:00Z\n";

fn credential() -> Credential {
    Credential {
        access_key_id: "ASIANEWNEWNEWNEWNEW1".to_owned(),
        material: KeyMaterial { secret_access_key: Secret::new("s3cr3t"), session_token: Some(Secret::new("t0ken")) },
        expires_at: Some(END),
    }
}

fn new(credential: &Credential) -> Temporary<'_> {
    Temporary { credential, account_id: None, region: None, overwrite_region: false, keep: None }
}

fn put_beside(config: &str, text: &str, profile: &str, new: &Temporary<'_>) -> Result<String, TemporaryError> {
    let credentials = FileText { path: Path::new("/h/credentials"), text };
    let config = FileText { path: Path::new("/h/config"), text: config };
    put(profile, new, credentials, config).map(|text| text.to_string())
}

fn put_in(text: &str) -> Result<String, TemporaryError> {
    put_beside("", text, "a", &new(&credential()))
}

#[test]
fn a_missing_section_is_added_at_the_end() {
    assert_eq!(put_in("").unwrap(), format!("[a]\n{FRESH}"));
    assert_eq!(put_in("[b]\nx = 1").unwrap(), format!("[b]\nx = 1\n\n[a]\n{FRESH}"));
    assert_eq!(put_in("[b]\r\n").unwrap(), format!("[b]\r\n\r\n[a]\r\n{}", FRESH.replace('\n', "\r\n")));
}

#[test]
fn a_temporary_key_is_replaced_where_it_stands() {
    let text = format!("# mine\n{STALE}region = eu-west-1 # home\ns3 =\n  max = 1\n[b]\nx = 1\n");
    let expected = "# mine\n[a]\naws_access_key_id = ASIANEWNEWNEWNEWNEW1\naws_secret_access_key = s3cr3t\n\
                    aws_session_token = t0ken\nregion = eu-west-1 # home\ns3 =\n  max = 1\n\
                    expiration = 2030-01-01T00:00:00Z\n[b]\nx = 1\n";
    assert_eq!(put_in(&text).unwrap(), expected);
}

#[test]
fn an_empty_key_that_aws_configure_left_is_filled() {
    let text = "[a]\naws_access_key_id =\naws_secret_access_key =\n";
    let filled = put_in(text).unwrap();
    assert!(filled.starts_with("[a]\naws_access_key_id = ASIANEWNEWNEWNEWNEW1\n"), "{filled}");
}

/// Vector of the forerunner that wrote a session over the key it came from.
#[test]
fn a_long_term_key_is_never_replaced() {
    for token in ["", "aws_session_token =\n"] {
        let text = format!("[a]\n\naws_access_key_id = AKIAMINEMINEMINEMIN1\naws_secret_access_key = x\n{token}");
        let refused = put_in(&text).unwrap_err();
        let place = "/h/credentials:3".to_owned();
        assert_eq!(refused, TemporaryError::HoldsLongTermKey { profile: "a".to_owned(), place });
    }
}

#[test]
fn a_section_that_cannot_be_read_is_refused_with_its_line() {
    for (text, line) in [
        ("[a]\nregion = x\naws_access_key_id = AKIAMINEMINEMINEMIN1\n", 3),
        ("[a]\naws_secret_access_key = half\n", 2),
        ("[a]\naws_session_token = t\n", 2),
        ("[a]\naws_access_key_id = ASIAOLDOLDOLDOLDOLD1\naws_secret_access_key = x\n", 2),
        ("[a]\nregion = x\nwhat is this\n", 3),
        ("[a]\nregion = x\nexpires = x\n  [b]\n", 3),
        ("[a]\naws_access_key_id = ASIA\naws_secret_access_key = x\naws_session_token = t\n", 2),
    ] {
        match put_in(text) {
            Err(TemporaryError::Fault { place, .. }) => assert_eq!(place, format!("/h/credentials:{line}"), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn faults_elsewhere_do_not_matter_and_stay() {
    let text = "junk\n[b]\nwhat is this\n[a]\n";
    assert_eq!(put_in(text).unwrap(), format!("{text}{FRESH}"));
}

#[test]
fn a_setting_that_programs_would_use_instead_is_refused_with_its_place() {
    for key in [
        "role_arn",
        "Role_ARN",
        "credential_source",
        "credential_process",
        "web_identity_token_file",
        "login_session",
        "sso_session",
        "sso_start_url",
    ] {
        let config = format!("[profile b]\nrole_arn = x\n[profile a]\nregion = x\n{key} = y\n");
        let beside = put_beside(&config, "", "a", &new(&credential()));
        let within = put_in(&format!("[a]\n{key} = y\n"));
        for (refused, wanted) in [(beside, "/h/config:5"), (within, "/h/credentials:2")] {
            match refused {
                Err(TemporaryError::Wins { key: named, place, .. }) => {
                    assert_eq!((named.as_str(), place.as_str()), (key, wanted));
                }
                other => panic!("{key}: {other:?}"),
            }
        }
    }
    let default = "[default]\nrole_arn = x\n";
    assert!(put_beside(default, "", "default", &new(&credential())).is_err());
    assert!(put_beside(default, "", "a", &new(&credential())).is_ok());
    let shadowed = "[default]\nrole_arn = x\n[profile default]\nregion = x\n";
    assert!(put_beside(shadowed, "", "default", &new(&credential())).is_ok(), "no SDK reads that [default]");
}

#[test]
fn the_old_name_of_the_token_gets_the_new_token_too() {
    let text = format!("{STALE}aws_security_token = old-token\n");
    assert!(put_in(&text).unwrap().contains("aws_security_token = t0ken\n"));
    assert!(!put_in(STALE).unwrap().contains("aws_security_token"));
}

#[test]
fn every_expiry_in_the_section_tells_of_the_new_credential() {
    let old = EXPIRY_KEYS.map(|key| format!("{key} = 2020-01-01T00:00:00Z\n")).concat();
    let text = put_in(&format!("{STALE}{old}")).unwrap();
    assert_eq!(text.matches(END_TEXT).count(), EXPIRY_KEYS.len());
    assert!(!text.contains("2020"));
    let numbers = put_in(&format!("{STALE}expires_at = 1577836800\nexpires = 1577836800000\n")).unwrap();
    assert!(numbers.contains("expires_at = 1893456000\nexpires = 1893456000000\n"), "{numbers}");
    let without = Credential { expires_at: None, ..credential() };
    let text = put_beside("", &format!("{STALE}{old}"), "a", &new(&without)).unwrap();
    assert!(!text.contains("expir"), "{text}");
}

#[test]
fn an_account_id_in_the_section_is_that_of_the_credential_or_none() {
    let text = format!("{STALE}aws_account_id = 111122223333\n");
    assert!(!put_in(&text).unwrap().contains("aws_account_id"));
    let credential = credential();
    let known = Temporary { account_id: Some("222233334444"), ..new(&credential) };
    assert!(put_beside("", &text, "a", &known).unwrap().contains("aws_account_id = 222233334444\n"));
    assert!(!put_beside("", STALE, "a", &known).unwrap().contains("aws_account_id"));
}

#[test]
fn a_region_is_written_only_where_the_profile_has_none_unless_asked() {
    let credential = credential();
    let given = Temporary { region: Some("eu-north-1"), ..new(&credential) };
    let forced = Temporary { overwrite_region: true, ..given };
    let regions = |config: &str, section: &str, new: &Temporary<'_>| {
        let text = put_beside(config, &format!("{STALE}{section}"), "a", new).unwrap();
        text.lines().filter(|line| line.starts_with("region")).collect::<Vec<_>>().join(",")
    };
    let config = "[profile a]\nregion = us-east-2\n";
    assert_eq!(regions("", "", &given), "region = eu-north-1");
    assert_eq!(regions("", "region =\n", &given), "region = eu-north-1");
    assert_eq!(regions("", "region = us-west-1\n", &given), "region = us-west-1");
    assert_eq!(regions("", "region = us-west-1\n", &forced), "region = eu-north-1");
    assert_eq!(regions(config, "", &given), "");
    assert_eq!(regions(config, "", &forced), "region = eu-north-1");
    assert_eq!(regions("", "", &new(&credential)), "");
}

#[test]
fn names_that_no_header_gives_back_are_refused() {
    for good in ["default", "a b", "a.b/c@d", "ü", "bob's", "profile"] {
        let text = put_beside("", "", good, &new(&credential())).unwrap();
        assert!(text.starts_with(&format!("[{good}]\n")), "{text}");
    }
    for bad in ["", " a", "a ", "a]", "[a", "a\nb", "a\tb", "\u{1b}[31m", "'a'", "\"a\"", "profile b", "a #b", "a;b"] {
        let refused = put_beside("", "", bad, &new(&credential()));
        assert!(matches!(refused, Err(TemporaryError::BadName(_))), "{bad:?}: {refused:?}");
    }
}

#[test]
fn a_long_term_key_is_not_written() {
    let material = KeyMaterial { session_token: None, ..credential().material };
    let key = Credential { material, expires_at: None, ..credential() };
    let refused = put_beside("", "", "a", &new(&key));
    assert!(matches!(refused, Err(TemporaryError::LongTermCredential(_))), "{refused:?}");
}

#[test]
fn a_value_that_would_not_be_read_back_is_refused_and_never_quoted() {
    for secret in ["two\nlines", " outer", "nul\0", "tab\tinside"] {
        let material = KeyMaterial { secret_access_key: Secret::new(secret), ..credential().material };
        let refused = put_beside("", "", "a", &new(&Credential { material, ..credential() })).unwrap_err();
        assert!(matches!(refused, TemporaryError::Edit { .. } | TemporaryError::NotReadBack(_)), "{refused:?}");
        assert!(!refused.to_string().contains(secret));
    }
    let credential = Credential { expires_at: Some(i64::MAX), ..credential() };
    assert_eq!(put_beside("", "", "a", &new(&credential)), Err(TemporaryError::NotReadBack("a".to_owned())));
}

#[test]
fn no_error_shows_a_secret() {
    let text = "[a]\naws_access_key_id = AKIAMINEMINEMINEMIN1\naws_secret_access_key = hush\n";
    for text in [text, "[a]\naws_secret_access_key = hush\n", "[a]\nhush\n", "[a]\nrole_arn = hush\n"] {
        let refused = put_in(text).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hush"));
    }
}
