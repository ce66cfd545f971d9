//! What AWS SDKs ask over HTTP: the container credential provider's endpoint, and EC2's metadata service.
//!
//! Every answer comes from memory. Whatever is asked that no SDK asks is refused, and no refusal repeats it.

mod connection;
mod container;
mod metadata;

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::secret::{Credential, Secret};

pub use connection::{LONGEST_HEAD, converse};
pub use container::Container;
pub use metadata::{Machine, Metadata, TokenKey};

/// What is answered.
pub type Reply = Response<Full<Bytes>>;

/// A request without a body: no SDK sends one.
pub type Asked = http::Request<()>;

/// A credential to hand out.
pub struct HandOut {
    /// Whose it is, as shown.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// The account, where it is known.
    pub account: Option<String>,
    /// The credential.
    pub credential: Credential,
    /// When it was had, and until when it may be used without asking again, in RFC 3339.
    pub since: String,
    /// See `since`.
    pub until: String,
}

/// Why there is nothing to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whoever asks has shown no token that is good.
    NoToken,
    /// The token is not good for that identity.
    NotGiven,
    /// What was handed out has expired, and there is no new one: the reason.
    Unavailable(String),
}

/// Who has the credentials.
pub trait Desk {
    /// The credential that a token is good for: of the identity with an ARN, else of the session's own.
    fn of_token(&self, token: &[u8], arn: Option<&str>) -> impl Future<Output = Result<Rc<HandOut>, Refusal>>;
}

/// Whoever answers requests at a port.
pub trait Service {
    /// The answer to a request whose `Host` is this very endpoint.
    fn answer(&self, asked: &Asked) -> impl Future<Output = Reply>;
}

/// Whether a request was meant for this endpoint. A web page that has a name of its own point at the loopback address
/// (DNS rebinding) gives that name here.
fn is_meant_for(asked: &Asked, port: u16) -> bool {
    let Some(host) = only(asked, header::HOST.as_str()) else { return false };
    let names_us = |host: &str| {
        let (name, its_port) = host.rsplit_once(':').unwrap_or((host, "80"));
        let is_number = its_port.bytes().all(|byte| byte.is_ascii_digit());
        is_number && its_port.parse() == Ok(port) && (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost"))
    };
    // An absolute target would count in the place of the header.
    asked.uri().authority().is_none() && host.to_str().is_ok_and(names_us)
}

/// A header's value, where the header is there once.
fn only<'a>(asked: &'a Asked, name: &str) -> Option<&'a HeaderValue> {
    let mut values = asked.headers().get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// An answer in JSON. It may hold a secret: no cache keeps it, and its memory is wiped.
fn json_reply(status: StatusCode, value: &impl Serialize) -> Reply {
    json_reply_as("application/json", status, value)
}

fn json_reply_as(kind: &'static str, status: StatusCode, value: &impl Serialize) -> Reply {
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(&mut *text, value);
    reply(status, kind, Bytes::from_owner(text))
}

fn text_reply(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain", text.into())
}

fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A refusal in the form in which the SDKs read one from a container's endpoint.
fn refuse(status: StatusCode, code: &str, message: &str) -> Reply {
    json_reply(status, &json!({ "code": code, "message": message }))
}

fn refuse_method(allowed: &'static str) -> Reply {
    let mut reply = refuse(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "that is not done here");
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

fn not_found() -> Reply {
    refuse(StatusCode::NOT_FOUND, "NotFound", "there is nothing here")
}

fn is_get(asked: &Asked) -> bool {
    asked.method() == Method::GET
}

/// The secret parts as they are written: a user's long-term key has an empty token.
fn token_of(credential: &Credential) -> &str {
    credential.material.session_token.as_ref().map_or("", Secret::expose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_this_very_endpoint_is_meant_for_it() {
        let meant = |hosts: &[&str], uri: &str| {
            let mut asked = http::Request::builder().uri(uri);
            for host in hosts {
                asked = asked.header("host", *host);
            }
            is_meant_for(&asked.body(()).unwrap(), 4711)
        };
        for host in ["127.0.0.1:4711", "localhost:4711", "LocalHost:4711"] {
            assert!(meant(&[host], "/"), "{host}");
        }
        let others =
            ["evil.example:4711", "127.0.0.1", "127.0.0.1:4712", "127.0.0.1:4711.evil.example", "127.0.0.1:+4711"];
        for host in others.into_iter().chain(["", ":4711"]) {
            assert!(!meant(&[host], "/"), "{host}");
        }
        assert!(!meant(&[], "/") && !meant(&["127.0.0.1:4711", "127.0.0.1:4711"], "/"));
        assert!(!meant(&["127.0.0.1:4711"], "http://evil.example/"));
    }
}
