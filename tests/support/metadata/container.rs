//! The credentials endpoint of a container: one path, and a token where one is demanded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::loopback::{Asked, Loopback, Reply};
use super::super::sts::Credentials;
use super::super::sts::http::Request;
use super::{Offer, Trouble};

const PATH: &str = "/v2/credentials/5f1a";

#[derive(Debug)]
struct State {
    offer: Offer,
    token: Option<String>,
    trouble: Option<Trouble>,
}

/// Set `AWS_CONTAINER_CREDENTIALS_FULL_URI` to its address, and `AWS_CONTAINER_AUTHORIZATION_TOKEN` to its token.
pub struct Container {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

impl Container {
    /// A container whose role this is; `token` is what `Authorization` has to be, letter by letter.
    pub fn start(role_arn: &str, credentials: &Credentials, token: Option<&str>) -> Self {
        let (offer, token) = (Offer::new(role_arn, credentials), token.map(str::to_owned));
        let state = Arc::new(Mutex::new(State { offer, token, trouble: None }));
        let answering = Arc::clone(&state);
        let server = Loopback::start(move |request| lock(&answering).answer(request));
        Self { server, state }
    }

    /// The whole address, path included.
    pub fn url(&self) -> String {
        self.server.url() + PATH
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// Goes wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        lock(&self.state).trouble = Some(trouble);
    }

    pub fn hand_out(&self, credentials: &Credentials) {
        lock(&self.state).offer.credentials = credentials.clone();
    }

    /// Demands another token from now on, as Kubernetes' rotated ones.
    pub fn demand(&self, token: &str) {
        lock(&self.state).token = Some(token.to_owned());
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        if request.path != PATH {
            return Reply::json(404, r#"{"code":"InvalidPath","message":"nothing here"}"#);
        }
        if request.method != "GET" {
            return Reply::json(405, r#"{"code":"InvalidMethod","message":"only GET"}"#);
        }
        if self.token.as_deref() != request.header("authorization") {
            return Reply::json(401, r#"{"code":"Unauthorized","message":"not this token"}"#);
        }
        let mut fields = self.offer.fields();
        fields.insert("RoleArn".to_owned(), self.offer.role_arn.as_str().into());
        match &self.trouble {
            Some(trouble) => trouble.falsify(fields),
            None => Reply::json(200, serde_json::Value::Object(fields).to_string()),
        }
    }
}
