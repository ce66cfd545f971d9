//! What the server notes of each call.

use std::collections::BTreeMap;
use std::time::Instant;

use super::fault::Fault;
use super::http::Request;
use super::sigv4::Authorization;

/// One call. It is noted when it arrives, so a held or hanging one is seen too.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) id: u64,
    pub action: String,
    /// As claimed by the request, whether or not the signature was good.
    pub access_key_id: Option<String>,
    /// All parameters, `Action` and `Version` included.
    pub params: BTreeMap<String, String>,
    /// From the credential scope.
    pub region: Option<String>,
    /// As the client got it in `x-amzn-RequestId`.
    pub request_id: String,
    /// `pending`, `ok`, or AWS's error code; `fault` where a fault took the place of the work.
    pub outcome: String,
    /// The fault that was played, delays aside.
    pub fault: Option<Fault>,
    /// When the answer was ready to be sent, or the connection to be dropped.
    pub finished: Option<Instant>,
}

impl Call {
    pub(super) fn new(id: u64, request: &Request, params: BTreeMap<String, String>, request_id: String) -> Self {
        let authorization = request.header("authorization").and_then(|header| Authorization::parse(header).ok());
        Self {
            id,
            action: params.get("Action").cloned().unwrap_or_default(),
            access_key_id: authorization.as_ref().map(|parsed| parsed.access_key_id.clone()),
            params,
            region: authorization.map(|parsed| parsed.region),
            request_id,
            outcome: "pending".to_owned(),
            fault: None,
            finished: None,
        }
    }

    /// A parameter, or the empty string.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub fn is_ok(&self) -> bool {
        self.outcome == "ok"
    }
}
