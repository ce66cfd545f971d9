//! An answer, from its fields to its bytes.

use super::call::Call;
use super::clock;
use super::failure::Failure;
use super::response::Response;
use super::world::World;
use super::xml::{self, Element};

/// What a call comes to.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    content_type: String,
    body: Body,
    /// `ok`, AWS's error code, or `fault`.
    pub outcome: String,
}

#[derive(Debug, Clone)]
enum Body {
    Xml(Element, &'static str),
    Raw(Vec<u8>),
}

impl Answer {
    /// `<ActionResponse><ActionResult>…`; an action of IAM that has nothing to say has no result.
    pub fn done(call: &Call, result: Vec<Element>) -> Self {
        let action = &call.action;
        let metadata = Element::node("ResponseMetadata", vec![Element::text("RequestId", &call.request_id)]);
        let result = (!result.is_empty()).then(|| Element::node(&format!("{action}Result"), result));
        let tree = Element::node(&format!("{action}Response"), result.into_iter().chain([metadata]).collect());
        Self::xml(200, tree, "ok".to_owned()).for_call(call)
    }

    /// In the namespace of the service that was called.
    pub fn for_call(mut self, call: &Call) -> Self {
        if let Body::Xml(_, namespace) = &mut self.body {
            *namespace = if call.param("Version") == "2010-05-08" { xml::IAM } else { xml::STS };
        }
        self
    }

    /// `<ErrorResponse><Error>…`
    pub fn refused(failure: Failure, request_id: &str) -> Self {
        let fault_of = if failure.status < 500 { "Sender" } else { "Receiver" };
        let error = vec![
            Element::text("Type", fault_of),
            Element::text("Code", &failure.code),
            Element::text("Message", &failure.message),
        ];
        let tree =
            Element::node("ErrorResponse", vec![Element::node("Error", error), Element::text("RequestId", request_id)]);
        Self::xml(failure.status, tree, failure.code)
    }

    /// Any bytes at all.
    pub fn raw(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self {
            status,
            content_type: content_type.to_owned(),
            body: Body::Raw(body.to_vec()),
            outcome: "fault".to_owned(),
        }
    }

    fn xml(status: u16, tree: Element, outcome: String) -> Self {
        Self { status, content_type: "text/xml".to_owned(), body: Body::Xml(tree, xml::STS), outcome }
    }

    pub fn set(&mut self, name: &str, text: &str) {
        if let Body::Xml(tree, _) = &mut self.body {
            tree.set(name, text);
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Body::Xml(tree, _) = &mut self.body {
            tree.remove(name);
        }
    }

    /// The response with AWS's headers; `now` is the server's time.
    pub fn response(&self, request_id: &str, now: i64) -> Response {
        let body = match &self.body {
            Body::Xml(tree, namespace) => tree.document(namespace).into_bytes(),
            Body::Raw(bytes) => bytes.clone(),
        };
        let headers = vec![
            ("x-amzn-RequestId", request_id.to_owned()),
            ("Content-Type", self.content_type.clone()),
            ("Date", clock::http_date(now)),
        ];
        Response { status: self.status, headers, body }
    }
}

/// Puts credentials and names of another role into a good answer.
pub fn swap_role(answer: &mut Answer, world: &mut World, role_arn: &str) {
    let credentials = world.saml_session(role_arn, "someone-else", 3_600);
    answer.set("AccessKeyId", &credentials.access_key_id);
    answer.set("SecretAccessKey", &credentials.secret);
    answer.set("SessionToken", &credentials.session_token);
    let Some(other) = world.role_session(role_arn, "someone-else") else {
        return;
    };
    answer.set("Arn", &other.arn());
    answer.set("AssumedRoleId", &other.user_id());
    answer.set("UserId", &other.user_id());
    answer.set("Account", other.account());
}
