//! Ways in which an answer can go wrong.

use std::time::Duration;

use super::failure::Failure;
use super::reply::Answer;
use super::which::Which;
use super::world::World;
use super::{clock, reply};

/// One way to go wrong. Delays add up; of all others the first that fits a call is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers late.
    Delay(Duration),
    /// Hangs up without doing the work.
    DropBefore,
    /// Does the work and hangs up: a lost reply.
    DropAfter,
    /// Does the work and hangs up in the middle of the answer's body.
    DropMidBody,
    /// Never answers; the connection stays open.
    Hang,
    /// Refuses in AWS's envelope without doing the work.
    Refuse { status: u16, code: String, message: String },
    /// Answers this in place of the work.
    Raw { status: u16, content_type: String, body: Vec<u8> },
    /// Does the work, answers half of the document with a right `Content-Length`.
    TruncatedXml,
    /// Does the work, sets the text of every field of this name.
    SetField { name: String, text: String },
    /// Does the work, leaves the field out.
    DropField(String),
    /// Does the work, answers an `Expiration` an hour ago.
    PastExpiry,
    /// Does the work, but hands out working credentials of this other role, and says so.
    OtherRole(String),
}

impl Fault {
    /// 400 `Throttling`, as STS says it.
    pub fn throttle() -> Self {
        Self::refuse(400, "Throttling", "Rate exceeded")
    }

    /// The same with status 429.
    pub fn throttle_429() -> Self {
        Self::refuse(429, "Throttling", "Rate exceeded")
    }

    /// 500 `InternalFailure`
    pub fn internal_failure() -> Self {
        Self::refuse(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        )
    }

    /// 503 `ServiceUnavailable`
    pub fn unavailable() -> Self {
        Self::refuse(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
    }

    /// Any refusal in AWS's envelope.
    pub fn refuse(status: u16, code: &str, message: &str) -> Self {
        Self::Refuse { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// 403 `AccessDenied` whose message would clear a terminal, set its title and forge a line.
    pub fn hostile_message() -> Self {
        Self::refuse(403, "AccessDenied", "no\u{1b}[2J\u{1b}]0;owned\u{7}\r\nmulticred: all is well\n\u{9b}31m")
    }

    /// Bytes that are no XML, with 200.
    pub fn garbage() -> Self {
        Self::raw(200, "text/xml", b"\x00\xff\xfe{]garbage<<<&\x1b[31m")
    }

    /// A page as captive portals and proxies give it, with 200.
    pub fn html() -> Self {
        Self::raw(
            200,
            "text/html",
            b"<!DOCTYPE html><html><head><title>Log in</title></head><body><p>Please log in<br></body></html>",
        )
    }

    /// 200 without a body.
    pub fn empty() -> Self {
        Self::raw(200, "text/xml", b"")
    }

    /// 403 in the envelope that moto sends, which is not AWS's.
    pub fn moto_denied() -> Self {
        let body = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><ErrorResponse><Errors><Error><Code>AccessDenied</Code>\
            <Message>not allowed</Message></Error></Errors><RequestID>00000000</RequestID></ErrorResponse>";
        Self::raw(403, "text/xml", body)
    }

    pub fn raw(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self::Raw { status, content_type: content_type.to_owned(), body: body.to_vec() }
    }

    pub fn set_field(name: &str, text: &str) -> Self {
        Self::SetField { name: name.to_owned(), text: text.to_owned() }
    }

    pub fn missing_secret() -> Self {
        Self::DropField("SecretAccessKey".to_owned())
    }

    /// A secret with an escape sequence, a newline and a shell's quote in it.
    pub fn hostile_secret() -> Self {
        Self::set_field("SecretAccessKey", "abc\u{1b}]0;owned\u{7}'\n$(touch /tmp/owned)\u{9b}31m")
    }

    /// Makes credentials point to another role than the one asked for.
    pub fn other_role(role_arn: &str) -> Self {
        Self::OtherRole(role_arn.to_owned())
    }

    /// What takes the place of the work, if this fault does.
    pub(super) fn instead_of_work(&self, request_id: &str) -> Option<Answer> {
        match self {
            Self::Refuse { status, code, message } => {
                Some(Answer::refused(Failure::new(*status, code, message), request_id))
            }
            Self::Raw { status, content_type, body } => Some(Answer::raw(*status, content_type, body)),
            _ => None,
        }
    }

    /// Changes the fields of a good answer. What another fault does is left to the sender of the bytes.
    pub(super) fn falsify(&self, answer: &mut Answer, world: &mut World) {
        match self {
            Self::SetField { name, text } => answer.set(name, text),
            Self::DropField(name) => answer.remove(name),
            Self::PastExpiry => answer.set("Expiration", &clock::iso(world.now() - 3_600)),
            Self::OtherRole(arn) => reply::swap_role(answer, world, arn),
            _ => {}
        }
    }
}

/// A fault, for which calls, and how many of them are left (`None`: for ever).
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) which: Which,
    pub(super) fault: Fault,
    pub(super) left: Option<usize>,
}
