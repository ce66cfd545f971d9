//! Texts for the tests of INI documents: any at all, nearly INI, and INI as people write it.

use multicred::aws_config::document::{Document, SectionId, SectionKind};
use proptest::prelude::*;

/// Text that is often nearly INI.
pub fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("=".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{feff}".to_owned()),
        "[ \t]{1,3}",
        "[\"'#;:\\\\]",
        "(profile|services|s3|aws_secret_access_key|a|ü|\u{a0}|\0)",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn ini_line() -> impl Strategy<Value = String> {
    let name = "(a|B|b|region|s3|aws_secret_access_key)";
    let equals = "( = |=|: |\t=\t| =)";
    let value = "([a-z#;=%\"' ]{0,8}|x # c|x ;c|# c)";
    prop_oneof![
        2 => "[ \t]{0,2}\\[(a|b|c| a |profile a|profile 'x y'|services s|sso-session o|DEFAULT)\\]( # c|;c|  )?",
        4 => (name, equals, value).prop_map(|(name, equals, value)| format!("{name}{equals}{value}")),
        2 => ("[ \t]{1,4}", name, equals, value).prop_map(|(i, name, equals, value)| format!("{i}{name}{equals}{value}")),
        1 => "[ \t]{0,3}(#|;)[ a-z=\\[\\]]{0,6}",
        1 => "[ \t]{0,3}",
        1 => "[ \t]{0,2}(junk|= x|\\[|\\[a|\\[profile a b\\]|\\[a\\] x)",
    ]
}

/// Lines with one kind of line ending, or LF and CRLF mixed. (A lone CR is left to the other texts: where an edit
/// brings a CR and an LF together, they become one line ending.)
pub fn ini_text() -> impl Strategy<Value = String> {
    let endings = prop_oneof![Just(["\n", "\n"]), Just(["\r\n", "\r\n"]), Just(["\n", "\r\n"])];
    let lines = proptest::collection::vec((ini_line(), any::<bool>()), 0..14);
    (endings, lines, any::<bool>(), any::<bool>()).prop_map(|(endings, lines, is_open, has_bom)| {
        let mut text = String::from(if has_bom { "\u{feff}" } else { "" });
        let last = lines.len().saturating_sub(1);
        for (index, (line, which)) in lines.into_iter().enumerate() {
            text.push_str(&line);
            text.push_str(if is_open && index == last { "" } else { endings[usize::from(which)] });
        }
        text
    })
}

pub fn hostile_value() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", "[a-zA-Z0-9/+=]{40}", "[%#;=\"\\\\ a]{1,12}", any::<String>()]
}

pub fn readable_sections(document: &Document) -> Vec<SectionId> {
    let ids = document.sections().map(|section| section.id().clone());
    ids.filter(|id| id.kind != SectionKind::Unreadable).collect()
}
