//! Ways in which an endpoint can answer wrongly.

use serde_json::{Map, Value};

use super::super::loopback::Reply;

/// One way to go wrong, until it is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// This status, and a body that is none of ours.
    Status(u16),
    /// Never answers; the connection stays open.
    Hang,
    /// 200 and bytes that are no JSON, with a secret in them.
    Junk,
    /// 200 and credentials whose end is an hour ago.
    Expired,
    /// 200 and credentials without this field.
    Missing(&'static str),
    /// 200 and a `Code` that is not `Success`, as an instance has it whose role may not be assumed.
    Code(&'static str),
}

/// What junk says in the place of a secret: it must reach nobody.
pub const JUNK_SECRET: &str = "jUnK/sEcReT+0123456789abcdefghijklmnopqr";

impl Trouble {
    /// The reply to a request for credentials that would have got these fields.
    pub(super) fn falsify(&self, mut fields: Map<String, Value>) -> Reply {
        match self {
            Self::Status(status) => return Reply::text(*status, "<html>\u{1b}[31mno</html>"),
            Self::Hang => return Reply::Hang,
            Self::Junk => return Reply::json(200, format!("{{\"SecretAccessKey\": \"{JUNK_SECRET}\",")),
            Self::Expired => drop(fields.insert("Expiration".to_owned(), "2020-01-01T00:00:00Z".into())),
            Self::Missing(field) => drop(fields.remove(*field)),
            Self::Code(code) => {
                fields.clear();
                fields.insert("Code".to_owned(), (*code).into());
                fields.insert("Message".to_owned(), "EC2 cannot assume the role".into());
            }
        }
        Reply::json(200, Value::Object(fields).to_string())
    }

    /// The reply to a request for anything else.
    pub(super) fn instead(&self) -> Reply {
        match self {
            Self::Expired | Self::Missing(_) | Self::Code(_) => Reply::text(200, ""),
            other => other.falsify(Map::new()),
        }
    }
}
