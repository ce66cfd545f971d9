//! What a `credential_process` prints, and what a metadata service answers: one JSON object, whose fields are texts.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::draft::{Draft, Field, Names};
use super::found::{AnswerFault, Found};
use super::json::{NAMES, SecretText, version_1};

/// A field that should be a text.
enum Text {
    Is(SecretText),
    IsNot,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Version")]
    version: Option<Value>,
    #[serde(rename = "Code")]
    code: Option<String>,
    #[serde(rename = "AccessKeyId")]
    id: Option<Text>,
    #[serde(rename = "SecretAccessKey")]
    secret: Option<Text>,
    #[serde(rename = "SessionToken", alias = "Token")]
    token: Option<Text>,
    #[serde(rename = "Expiration")]
    expiration: Option<Text>,
}

/// Reads what a program prints; `Version` is 1.
pub(super) fn of_process(text: &str) -> Result<Found, AnswerFault> {
    let answer = read(text)?;
    version_1(answer.version.as_ref()).map_err(AnswerFault::Field)?;
    finish(answer)
}

/// Reads what a metadata service answers; its `Code` says whether it is a credential.
pub(super) fn of_metadata(text: &str) -> Result<Found, AnswerFault> {
    let answer = read(text)?;
    match answer.code.filter(|code| code != "Success") {
        Some(code) => Err(AnswerFault::Code(code)),
        None => finish(Answer { code: None, ..answer }),
    }
}

fn read(text: &str) -> Result<Answer, AnswerFault> {
    if !text.trim_start().starts_with('{') {
        return Err(AnswerFault::NoObject);
    }
    // serde's own messages may quote a value.
    serde_json::from_str(text).map_err(|error| AnswerFault::NoJson { line: error.line(), column: error.column() })
}

fn finish(answer: Answer) -> Result<Found, AnswerFault> {
    const EXPIRATION: &str = "Expiration";
    let field = |name: &'static str, text: Option<Text>| match text {
        None => Ok(None),
        Some(Text::Is(text)) => Ok(Some(Field { name: name.to_owned(), line: None, text: text.0 })),
        Some(Text::IsNot) => Err(AnswerFault::NoText(name)),
    };
    let names: &Names = &NAMES;
    let draft = Draft {
        names,
        section: None,
        line: None,
        id: field(names.id, answer.id)?,
        secret: field(names.secret, answer.secret)?,
        token: field(names.token, answer.token)?,
        expiry: field(EXPIRATION, answer.expiration)?,
        region: None,
        mfa_serial: None,
    };
    draft.finish().ok_or(AnswerFault::Missing(names.id))?.map_err(AnswerFault::Field)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Takes a text without the copies that an untagged enum would leave in memory, and anything else for what it is.
struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Is(SecretText(Zeroizing::new(text.to_owned()))))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text::Is(SecretText(Zeroizing::new(text))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text::IsNot)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text::IsNot)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text::IsNot)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text::IsNot)
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::IsNot)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::IsNot)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::IsNot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_no_text_is_named_whatever_it_is_instead() {
        for wrong in ["5", "true", "1.5", "[1, {}]", "{\"a\": [null]}"] {
            let text =
                format!("{{\"Version\": 1, \"AccessKeyId\": \"ASIAIOSFODNN7EXAMPLE\", \"SecretAccessKey\": {wrong}}}");
            let told = of_process(&text).unwrap_err().to_string();
            assert!(told.contains("SecretAccessKey"), "{wrong}: {told}");
        }
        for none in ["", "[]", "\"x\"", "no json"] {
            assert_eq!(of_process(none), Err(AnswerFault::NoObject), "{none}");
        }
        assert!(matches!(of_process("{"), Err(AnswerFault::NoJson { .. })));
        let of_service = r#"{"Code": "Success", "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s",
                             "Token": "t", "Expiration": "2050-01-01T00:00:00Z", "Type": "AWS-HMAC"}"#;
        assert_eq!(of_metadata(of_service).unwrap().session_token.as_ref().map(|token| token.as_str()), Some("t"));
        assert_eq!(of_metadata(r#"{"Code": "No"}"#), Err(AnswerFault::Code("No".into())));
    }
}
