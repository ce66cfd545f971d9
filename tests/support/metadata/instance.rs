//! The metadata service of an instance, version 2: a token first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::loopback::{Asked, Loopback, Reply};
use super::super::sts::Credentials;
use super::super::sts::http::Request;
use super::{Offer, Trouble};

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
/// Seconds; six hours at most.
const TTL: std::ops::RangeInclusive<u32> = 1..=21_600;

/// A step of the conversation, to go wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Token,
    RoleName,
    Credentials,
}

#[derive(Debug)]
struct State {
    offer: Offer,
    tokens: BTreeSet<String>,
    trouble: Option<(At, Trouble)>,
}

/// Set `AWS_EC2_METADATA_SERVICE_ENDPOINT` to its address, and unset `AWS_EC2_METADATA_DISABLED`.
pub struct Instance {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

impl Instance {
    /// An instance whose role this is. The credentials are handed out until others are put in their place.
    pub fn start(role_arn: &str, credentials: &Credentials) -> Self {
        let offer = Offer::new(role_arn, credentials);
        let state = Arc::new(Mutex::new(State { offer, tokens: BTreeSet::new(), trouble: None }));
        let answering = Arc::clone(&state);
        let server = Loopback::start(move |request| lock(&answering).answer(request));
        Self { server, state }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// `PUT /latest/api/token 200`
    pub fn said(&self) -> Vec<String> {
        let said = |asked: &Asked| format!("{} {} {}", asked.request.method, asked.request.path, asked.status);
        self.asked().iter().map(said).collect()
    }

    pub fn forget(&self) {
        self.server.forget();
    }

    /// Goes wrong at this step from now on.
    pub fn trouble(&self, at: At, trouble: Trouble) {
        lock(&self.state).trouble = Some((at, trouble));
    }

    /// Lets every token end, as those of a short life do.
    pub fn end_tokens(&self) {
        lock(&self.state).tokens.clear();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        match (request.method.as_str(), request.path.as_str()) {
            ("PUT", TOKEN) => self.token(request),
            ("PUT", _) => Reply::text(405, "Method Not Allowed"),
            ("GET", path) => self.get(request, path),
            _ => Reply::text(403, "Forbidden"),
        }
    }

    fn token(&mut self, request: &Request) -> Reply {
        // A proxy that was left open to the world adds that header, so AWS refuses it.
        if request.header("x-forwarded-for").is_some() {
            return Reply::text(403, "Forbidden");
        }
        let ttl = request.header(TTL_HEADER).and_then(|ttl| ttl.parse::<u32>().ok());
        if !ttl.is_some_and(|ttl| TTL.contains(&ttl)) {
            return Reply::text(400, "Bad Request");
        }
        if let Some(trouble) = self.trouble_at(At::Token) {
            return trouble.instead();
        }
        let token = format!("AQAEAtoken-{}==", self.tokens.len());
        self.tokens.insert(token.clone());
        Reply::text(200, token)
    }

    fn get(&self, request: &Request, path: &str) -> Reply {
        if !request.header(TOKEN_HEADER).is_some_and(|token| self.tokens.contains(token)) {
            return Reply::text(401, "Unauthorized");
        }
        let asks_for_role = path.strip_prefix(ROLES) == Some("");
        match path.strip_prefix(ROLES) {
            _ if asks_for_role => {
                let name = || Reply::text(200, self.offer.role_name());
                self.trouble_at(At::RoleName).map_or_else(name, |trouble| trouble.instead())
            }
            Some(name) if name == self.offer.role_name() => self.credentials(),
            _ => Reply::text(404, "Not Found"),
        }
    }

    fn credentials(&self) -> Reply {
        let mut fields = self.offer.fields();
        for (name, value) in [("Code", "Success"), ("LastUpdated", "2026-01-02T03:04:05Z"), ("Type", "AWS-HMAC")] {
            fields.insert(name.to_owned(), value.into());
        }
        match self.trouble_at(At::Credentials) {
            Some(trouble) => trouble.falsify(fields),
            None => Reply::json(200, serde_json::Value::Object(fields).to_string()),
        }
    }

    fn trouble_at(&self, at: At) -> Option<Trouble> {
        self.trouble.clone().filter(|(place, _)| *place == at).map(|(_, trouble)| trouble)
    }
}
