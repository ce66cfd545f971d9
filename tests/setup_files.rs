//! The way back as a property of any credentials file: text in, text out.

use std::collections::BTreeMap;
use std::path::Path;

use multicred::aws_config::FileText;
use multicred::aws_config::document::{Document, SectionId, SectionKind};
use multicred::aws_config::kept::{WayBack, credential, kept, key_of, restore};
use multicred::aws_config::temporary::{Keep, Temporary, put_all, put_commands};
use multicred::credential_text::Found;
use multicred::secret::{Credential, KeyMaterial, Secret};
use proptest::prelude::*;

use crate::ini::ini_text;

const ARN: &str = "arn:aws:iam::111122223333:user/alice";
const COMMAND: &str = "/usr/bin/multicred credential-process --no-session arn:aws:iam::111122223333:user/alice";

fn of(text: &str) -> FileText<'_> {
    FileText { path: Path::new("/home/alice/.aws/credentials"), text }
}

fn temporary(number: usize) -> Credential {
    let material =
        KeyMaterial { secret_access_key: Secret::new(format!("s%{number}")), session_token: Some(Secret::new("t=#;")) };
    Credential { access_key_id: format!("ASIA{number:016}"), material, expires_at: Some(1_893_456_000) }
}

/// The long-term keys that stand in a file.
pub fn keys(text: &str) -> Vec<(String, Found)> {
    let document = Document::parse(text);
    let plain = document.sections().filter(|section| section.kind() == SectionKind::Plain && kept(section).is_none());
    plain.filter_map(|section| Some((section.name().to_owned(), key_of(&document, section.name())?))).collect()
}

/// The file with its keys kept, and the way back.
pub fn keep(text: &str, keys: &[(String, Found)], with_commands: bool, number: usize, back: &mut WayBack) -> String {
    let mut written = Vec::new();
    let new = if with_commands {
        let all: Vec<_> = keys.iter().map(|(name, found)| (name.as_str(), COMMAND, found)).collect();
        let done = put_commands(&all, of(text), of(""));
        written.extend(done.sections.iter().map(Result::is_ok));
        done.text
    } else {
        let credential = temporary(number);
        let keep = |stored| Some(Keep { who: ARN, store: None, stored });
        let new = |found| Temporary {
            credential: &credential,
            account_id: Some("111122223333"),
            region: None,
            overwrite_region: false,
            keep: keep(found),
        };
        let all: Vec<_> = keys.iter().map(|(name, found)| (name.as_str(), new(Some(found)))).collect();
        let done = put_all(&all, of(text), of(""));
        written.extend(done.sections.iter().map(Result::is_ok));
        done.text
    };
    let document = Document::parse(text);
    for ((name, found), _) in keys.iter().zip(written).filter(|(_, is_written)| *is_written) {
        back.note(&document, name, &found.access_key_id, ARN);
    }
    new.as_str().to_owned()
}

/// A key between the lines of any INI text.
fn with_keys() -> impl Strategy<Value = String> {
    let indent = "[ ]{0,2}";
    let key = (
        indent,
        "(=| = |:)",
        any::<bool>(),
        "(|\nregion = x ; y|\n# c|\ns3 =\n    a = b|\nexpiration = 1|\naws_account_id = 1)",
    )
        .prop_map(|(indent, equals, is_turned, more)| {
            let id = format!("{indent}aws_access_key_id{equals}AKIAIOSFODNN7EXAMPLE");
            let secret = format!("{indent}AWS_SECRET_ACCESS_KEY{equals}a%b;c\"d");
            let (first, second) = if is_turned { (secret, id) } else { (id, secret) };
            format!("{first}{more}\n{second}")
        });
    (ini_text(), "(one|two|default|a b)", key, "(|\n|\r\n)", ini_text())
        .prop_map(|(above, name, key, end, below)| format!("{above}\n[{name}]\n{key}{end}{below}"))
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![with_keys(), (with_keys(), with_keys()).prop_map(|(one, two)| format!("{one}\n{two}"))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_kept_is_given_back_to_the_byte(text in texts(), with_commands in any::<bool>(), times in 1_usize..3) {
        let own = keys(&text);
        let mut back = WayBack::default();
        let mut now = keep(&text, &own, with_commands, 1, &mut back);
        for number in 2..=times {
            if !with_commands {
                let again: Vec<(String, Found)> = own.iter().filter(|(name, _)| back.key_id(name).is_some()).cloned().collect();
                now = keep(&now, &again, false, number, &mut WayBack::default());
            }
        }
        let known: BTreeMap<_, _> = own.into_iter().map(|(name, key)| (name, Ok(key))).collect();
        let (given_back, _) = restore(&now, &back, &known);
        prop_assert_eq!(given_back.as_str(), text.as_str());
    }

    #[test]
    fn a_kept_file_has_no_key_that_the_store_has_and_every_other_line(text in texts(), with_commands in any::<bool>()) {
        let own = keys(&text);
        let mut back = WayBack::default();
        let now = keep(&text, &own, with_commands, 1, &mut back);
        let (before, after) = (Document::parse(&text), Document::parse(&now));
        for section in before.sections() {
            let new = after.section(section.id());
            prop_assert!(new.is_some(), "{} is gone", section.name());
            let new = new.unwrap();
            if section.kind() != SectionKind::Plain || back.key_id(section.name()).is_none() {
                let lines = |texts: Vec<zeroize::Zeroizing<String>>| texts.iter().map(|text| text.trim_end().to_owned()).collect::<Vec<_>>();
                prop_assert_eq!(lines(new.texts()), lines(section.texts()));
                continue;
            }
            let found = credential(&new).map(|found| found.unwrap());
            prop_assert_eq!(found.is_none(), with_commands);
            prop_assert!(kept(&new).is_some());
            prop_assert!(found.is_none_or(|found| found.session_token.is_some()));
        }
    }

    #[test]
    fn a_key_that_is_another_one_by_now_is_given_back_in_the_old_ones_place(text in texts(), with_commands in any::<bool>()) {
        let own = keys(&text);
        let mut back = WayBack::default();
        let now = keep(&text, &own, with_commands, 1, &mut back);
        let rotated = |(name, found): (String, Found)| {
            let secret_access_key = "n%w#;".to_owned().into();
            (name, Found { access_key_id: "AKIANEWNEWNEWNEWNEW1".to_owned(), secret_access_key, ..found })
        };
        let known: BTreeMap<_, _> = own.clone().into_iter().map(rotated).map(|(name, key)| (name, Ok(key))).collect();
        let (given_back, _) = restore(&now, &back, &known);
        let mut expected = Document::parse(&text);
        for (name, _) in own.iter().filter(|(name, _)| back.key_id(name).is_some()) {
            let id = SectionId::plain(name);
            expected.set(&id, "aws_access_key_id", "AKIANEWNEWNEWNEWNEW1").unwrap();
            expected.set(&id, "aws_secret_access_key", "n%w#;").unwrap();
        }
        let expected = expected.to_text();
        prop_assert_eq!(given_back.as_str(), expected.as_str());
    }
}
