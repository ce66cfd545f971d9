//! A pretend sign-in of AWS with a console behind it, on the loopback: it exchanges what the strict STS has issued for a
//! token that works once, and refuses what AWS refuses.
//!
//! Source: IAM User Guide, "Enable custom identity broker access to the AWS console" and "Compare AWS STS credentials".

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::loopback::{Asked, Loopback, Reply};
use super::sts::http::Request;
use super::sts::{Session, SessionKind, StrictSts, Witness, query};

/// How long a token is good, in seconds.
const TOKEN_LIFE: i64 = 900;
/// What anybody might take from a page of refusal and tell: it repeats what was sent.
pub const ECHO: &str = "you sent";

/// A running sign-in with its console.
pub struct SignIn {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    witness: Option<Witness>,
    /// By the token.
    tokens: BTreeMap<String, Token>,
    /// Whom a cookie of the console belongs to.
    cookies: BTreeMap<String, String>,
    /// Given in place of the next answers to `getSigninToken`.
    troubles: VecDeque<Reply>,
    exchanges: Vec<Exchange>,
    clock: i64,
}

struct Token {
    arn: String,
    issued_at: i64,
    is_used: bool,
}

/// One exchange that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub access_key_id: String,
    /// The parameter, as it was sent.
    pub session_duration: Option<String>,
    pub token: String,
}

/// What a browser sees behind a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub arn: String,
    /// Path and query of the page.
    pub page: String,
}

impl SignIn {
    /// One that believes what this STS has issued.
    pub fn start(sts: &StrictSts) -> Self {
        let state = Arc::new(Mutex::new(State { witness: Some(sts.witness()), ..State::default() }));
        let theirs = Arc::clone(&state);
        let server = Loopback::start(move |request| lock(&theirs).answer(request));
        Self { server, state }
    }

    /// For `MULTICRED_SIGNIN_ENDPOINT` and `MULTICRED_CONSOLE_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// The exchanges that went well.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.state).exchanges.clone()
    }

    /// Plays these in place of the next answers to `getSigninToken`.
    pub fn trouble(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.state).troubles.extend(replies);
    }

    /// Moves the clock on.
    pub fn pass(&self, seconds: i64) {
        lock(&self.state).clock += seconds;
    }

    /// Follows a link as a browser does; `None` where it is refused.
    pub fn follow(&self, link: &str) -> Option<Shown> {
        let get = |target: &str, cookie: &str| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let headers = vec![("cookie".to_owned(), cookie.to_owned())];
            let (method, path, query) = ("GET".to_owned(), path.to_owned(), query.to_owned());
            let request = Request { method, path, query, headers, body: Vec::new(), keep_alive: false };
            lock(&self.state).answer(&request)
        };
        let own = |url: &str| url.strip_prefix(&self.url()).map(str::to_owned);
        let Reply::Redirect { to, cookie } = get(&own(link)?, "") else { return None };
        let page = own(&to)?;
        let page = page.split('#').next().unwrap_or_default();
        match get(page, &cookie) {
            Reply::Answer { status: 200, body, .. } => {
                let arn = body.split("<h1>").nth(1)?.split("</h1>").next()?.to_owned();
                Some(Shown { arn, page: page.to_owned() })
            }
            _ => None,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// AWS says why not on a page for people.
fn refused(why: &str, what: &str) -> Reply {
    let body = format!("<html><h1>400: {why}</h1>{ECHO} {what}</html>");
    Reply::Answer { status: 400, content_type: "text/html", body }
}

impl State {
    fn now(&self) -> i64 {
        self.clock + self.witness.as_ref().map_or(0, Witness::now)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path != "/federation" {
            return self.console(request);
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let sent = if request.method == "POST" { &body } else { &request.query };
        let Some(params) = query::params(sent) else { return refused("Malformed parameters", sent) };
        match params.get("Action").map(String::as_str) {
            Some("getSigninToken") => match self.troubles.pop_front() {
                Some(trouble) => trouble,
                None => self.exchange(&params).unwrap_or_else(|why| refused(why, sent)),
            },
            Some("login") if request.method == "GET" => self.login(&params),
            _ => refused("Invalid action", sent),
        }
    }

    /// A credential for a token.
    fn exchange(&mut self, params: &BTreeMap<String, String>) -> Result<Reply, &'static str> {
        const INVALID: &str = "Invalid credentials parameter";
        let json: BTreeMap<String, String> =
            params.get("Session").and_then(|text| serde_json::from_str(text).ok()).ok_or(INVALID)?;
        let field = |name: &str| json.get(name).map(String::as_str).ok_or(INVALID);
        let (id, key, token) = (field("sessionId")?, field("sessionKey")?, field("sessionToken")?);
        let session = self.witness.as_ref().and_then(|witness| witness.session(id)).ok_or(INVALID)?;
        let credentials = &session.credentials;
        if credentials.secret != key || credentials.session_token != token || credentials.expires_at <= self.now() {
            return Err(INVALID);
        }
        let duration = params.get("SessionDuration");
        check_duration(&session, duration.map(String::as_str))?;
        let token = format!("VCQgs5qZZt3Q6fn8Tr5-{}_{}=", self.tokens.len(), credentials.access_key_id);
        let arn = session.principal.arn();
        self.tokens.insert(token.clone(), Token { arn, issued_at: self.now(), is_used: false });
        let (access_key_id, session_duration) = (id.to_owned(), duration.cloned());
        self.exchanges.push(Exchange { access_key_id, session_duration, token: token.clone() });
        Ok(Reply::json(200, serde_json::json!({ "SigninToken": token }).to_string()))
    }

    /// A token for a cookie, once.
    fn login(&mut self, params: &BTreeMap<String, String>) -> Reply {
        let now = self.now();
        let (Some(token), Some(to)) = (params.get("SigninToken"), params.get("Destination")) else {
            return refused("Missing parameter", "");
        };
        match self.tokens.get_mut(token) {
            Some(known) if !known.is_used && now < known.issued_at + TOKEN_LIFE => {
                known.is_used = true;
                let cookie = format!("console={}", self.cookies.len());
                self.cookies.insert(cookie.clone(), known.arn.clone());
                Reply::Redirect { to: to.clone(), cookie }
            }
            _ => refused("The credentials in your login link were invalid", ""),
        }
    }

    fn console(&self, request: &Request) -> Reply {
        let arn = request.header("cookie").and_then(|cookie| self.cookies.get(cookie));
        let safe = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let (status, body) = match arn {
            Some(arn) => {
                let page = format!("{}?{}", request.path, request.query);
                (200, format!("<html><h1>{arn}</h1><p id=page>{}</p></html>", safe(&page)))
            }
            None => (403, "<html>Sign in</html>".to_owned()),
        };
        Reply::Answer { status, content_type: "text/html", body }
    }
}

/// Whether AWS lets this session say how long its session in the console lasts.
fn check_duration(session: &Session, duration: Option<&str>) -> Result<(), &'static str> {
    const INVALID: &str = "Invalid session duration";
    match (session.kind, duration) {
        // "Single sign-on to the console is not allowed."
        (SessionKind::User, _) => Err("Invalid credentials parameter"),
        (_, None) => Ok(()),
        (SessionKind::Federated, Some(_)) => Err(INVALID),
        (SessionKind::Role, Some(text)) => {
            let seconds = text.parse::<i64>().map_err(|_| INVALID)?;
            let is_straight = session.issuer.as_ref().is_some_and(|key| key.starts_with("AKIA"));
            if is_straight && (900..=43_200).contains(&seconds) { Ok(()) } else { Err(INVALID) }
        }
    }
}
