//! What holds wherever a temporary credential is put into a credentials file: it is read back, and every line that is
//! not its own stays, byte for byte.

use std::path::Path;

use multicred::aws_config::document::{Document, Section, SectionId};
use multicred::aws_config::temporary::{FileText, Temporary, TemporaryError, put};
use multicred::aws_config::write::{Rewrite, WriteError, edit};
use multicred::aws_config::{AwsFiles, Profiles, read_key};
use multicred::credential_text::EXPIRY_KEYS;
use multicred::seal::{Binding, Sealer, StoreKey};
use multicred::secret::{Credential, KeyMaterial, Secret};
use proptest::prelude::*;
use zeroize::Zeroizing;

const END: i64 = 1_893_456_000;

fn credential(secret: &str, token: &str, expires_at: Option<i64>) -> Credential {
    let material = KeyMaterial { secret_access_key: Secret::new(secret), session_token: Some(Secret::new(token)) };
    Credential { access_key_id: "ASIANEWNEWNEWNEWNEW1".to_owned(), material, expires_at }
}

fn put_into(text: &str, profile: &str, credential: &Credential) -> Result<String, TemporaryError> {
    let new =
        Temporary { credential, account_id: None, region: Some("eu-north-1"), overwrite_region: false, keep: None };
    let credentials = FileText { path: Path::new("credentials"), text };
    put(profile, &new, credentials, FileText { path: Path::new("config"), text: "" }).map(|text| text.to_string())
}

/// Lines of a credentials file: sections with and without keys, some of them odd, some unreadable.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let old_key = "aws_access_key_id = ASIAOLDOLDOLDOLDOLD1\naws_secret_access_key=old # x\naws_session_token\t=\told";
    let line = prop_oneof![
        4 => "[ \t]{0,1}\\[(a|b|a| b |default|profile a)\\]( # c|;c|  )?",
        2 => Just(old_key.to_owned()),
        1 => Just("aws_access_key_id = AKIAMINEMINEMINEMIN1\naws_secret_access_key = mine".to_owned()),
        2 => "(expiration|aws_expiration|X_Security_Token_Expires|expires) ?= ?(2020-01-01T00:00:00Z|1577836800)",
        1 => "(aws_security_token|aws_account_id|AWS_Session_Token) = old",
        3 => "(output|region|cli_pager)( = |=|: )([a-z#;=%\"']{1,8}|x # c|json)",
        2 => Just("s3 =\n  max = 1\n\n  # c\n  addressing = path".to_owned()),
        2 => "[ \t]{0,3}(#|;)[ a-z=\\[\\]]{0,6}",
        2 => "[ \t]{0,3}",
        1 => "(junk|= x|\\[a)",
    ];
    proptest::collection::vec(line, 0..12)
}

/// With a byte order mark or without, ended by LF or CRLF or both mixed, the last line perhaps open.
fn text() -> impl Strategy<Value = String> {
    let endings = prop_oneof![Just(["\n", "\n"]), Just(["\r\n", "\r\n"]), Just(["\n", "\r\n"])];
    (endings, lines(), any::<bool>(), any::<bool>()).prop_map(|(endings, lines, is_open, has_bom)| {
        let all = lines.join("\n");
        let lines: Vec<&str> = if all.is_empty() { Vec::new() } else { all.split('\n').collect() };
        let last = lines.len().saturating_sub(1);
        let ended = lines.iter().enumerate().map(|(index, line)| {
            let ending = if index == last && is_open { "" } else { endings[index % 2] };
            format!("{line}{ending}")
        });
        format!("{}{}", if has_bom { "\u{feff}" } else { "" }, ended.collect::<String>())
    })
}

/// The keys whose lines are the credential's own.
fn is_own(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let own =
        ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token", "aws_account_id"];
    own.contains(&key.as_str()) || EXPIRY_KEYS.contains(&key.as_str())
}

fn has_region(text: &str, id: &SectionId) -> bool {
    let document = Document::parse(text);
    let region = document.section(id).and_then(|section| section.get("region"));
    region.is_some_and(|region| !region.value().is_empty())
}

/// Every line but the credential's own (and the region, where one was missing), each with its ending.
fn other_lines(text: &str, id: &SectionId, is_region_own: bool) -> Vec<String> {
    let document = Document::parse(text);
    let section = document.section(id);
    let is_own_key = |key: &str| is_own(key) || (is_region_own && key.eq_ignore_ascii_case("region"));
    let is_own_line = |line: u32| {
        let mut properties = section.iter().flat_map(Section::properties);
        properties.any(|property| property.line() == line && is_own_key(property.key()))
    };
    let numbered = text.split_inclusive('\n').zip(1..).filter(|(_, number)| !is_own_line(*number));
    numbered.map(|(line, _)| line.to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_put_into_any_text_is_read_back_and_every_other_line_stays(
        text in text(), profile in "(a|b|default|new)", has_end in any::<bool>(),
        secret in "[!-~]([ -~]{0,38}[!-~])?", token in "[a-zA-Z0-9/+=]{1,60}",
    ) {
        let id = SectionId::plain(&profile);
        let credential = credential(&secret, &token, has_end.then_some(END));
        let Ok(after) = put_into(&text, &profile, &credential) else { return Ok(()) };
        let document = Document::parse(&after);
        let section = document.section(&id).unwrap();
        let found = multicred::credential_text::of_section(&section).unwrap().unwrap();
        prop_assert_eq!(&*found.secret_access_key, &secret);
        prop_assert_eq!(found.session_token.as_deref(), Some(&token));
        prop_assert_eq!(found.expires_at, credential.expires_at);
        if Document::parse(&text).section(&id).is_some() {
            let is_region_own = !has_region(&text, &id);
            let mut lines = [&text, &after].map(|text| other_lines(text, &id, is_region_own));
            // An open last line gets an ending where a line is put below it.
            let last = lines.each_mut().map(|lines| lines.pop().unwrap_or_default());
            prop_assert_eq!(&lines[0], &lines[1]);
            let [before, after] = last.each_ref().map(|line| line.trim_end_matches(['\r', '\n']));
            prop_assert_eq!(before, after);
        } else {
            prop_assert!(after.starts_with(&text));
        }
    }

    #[test]
    fn a_text_with_a_long_term_key_in_the_section_is_never_changed(text in text()) {
        let document = Document::parse(&text);
        let section = document.section(&SectionId::plain("a"));
        let held = section.and_then(|section| multicred::credential_text::of_section(&section));
        if held.is_some_and(|held| held.is_ok_and(|found| found.session_token.is_none())) {
            prop_assert!(put_into(&text, "a", &credential("s", "t", Some(END))).is_err());
        }
    }

    #[test]
    fn a_second_time_changes_nothing(text in text()) {
        let credential = credential("s", "t", Some(END));
        if let Ok(once) = put_into(&text, "a", &credential) {
            prop_assert_eq!(put_into(&once, "a", &credential), Ok(once));
        }
    }
}

/// Vector 30.
#[test]
fn a_secret_of_odd_characters_survives_store_file_and_store() {
    let odd = r#"a%b #c ;d=e "f" \g\ %(h)s 'i' $j `k` [l] m="#;
    let mut key = StoreKey::generate().unwrap();
    let binding = Binding { store_id: b"store", key_epoch: 1, identity: "i", access_key_id: "ASIANEWNEWNEWNEWNEW1" };
    let before = credential(odd, &format!("{odd}{odd}"), Some(END));
    let sealed = key.seal(&before.material, &binding).unwrap();
    let from_store = key.open(&sealed, &binding).unwrap();
    let opened = Credential { material: from_store, ..before.clone() };

    let home = tempfile::tempdir().unwrap();
    let files = AwsFiles::new(home.path().join("config"), home.path().join("credentials"));
    let path = home.path().join("credentials");
    let mut change = |text: &str| -> Result<Rewrite, WriteError> {
        Ok(Rewrite::Text(Zeroizing::new(put_into(text, "a", &opened).unwrap())))
    };
    assert_eq!(edit(&path, &mut |_, _| Ok(()), &mut change), Ok(true));

    let profiles = Profiles::read(&files).unwrap();
    let file_key = profiles.get("a").unwrap().key.clone().unwrap();
    let from_file = read_key(&files, "a", &file_key).unwrap();
    assert_eq!(from_file, before);
    let sealed = key.seal(&from_file.material, &binding).unwrap();
    let again = key.open(&sealed, &binding).unwrap();
    assert_eq!(again.secret_access_key.expose(), odd);
}
