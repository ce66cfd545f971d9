//! What a program did to get a credential, seen from AWS's side.

use std::collections::BTreeMap;
use std::fmt;

use crate::support::sts::{Call, Principal, Session, StrictSts};

/// A way, or why there is none.
pub type Outcome = Result<Way, String>;

/// The calls of a program, and the credential it ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub hops: Vec<Hop>,
    pub end: Credential,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub action: String,
    /// What signed the call.
    pub by: Credential,
    /// All parameters; one-time codes and the time in boto3's session names are taken out.
    pub params: BTreeMap<String, String>,
}

/// A credential, known by where it came from: two runs get different ones in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A long-term key, by its id.
    Key(String),
    /// What the hop with this index gave.
    OfHop(usize),
    /// Nothing that signs: a web identity's token.
    Token,
}

/// Both refuse, or both go the same way.
pub fn is_same(one: &Outcome, other: &Outcome) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

impl Way {
    /// The calls that the server has noted, made to get the credential with this access key id.
    pub fn to(access_key_id: &str, sts: &StrictSts) -> Self {
        let calls = sts.calls();
        let hops = calls.iter().map(|call| hop(call, &calls, sts)).collect();
        Self { hops, end: credential(Some(access_key_id), &calls, sts) }
    }
}

fn hop(call: &Call, calls: &[Call], sts: &StrictSts) -> Hop {
    let by = credential(call.access_key_id.as_deref(), calls, sts);
    let mut params = call.params.clone();
    for known in ["Action", "Version"] {
        params.remove(known);
    }
    if let Some(code) = params.get_mut("TokenCode") {
        "a code".clone_into(code);
    }
    if let Some(name) = params.get_mut("RoleSessionName").filter(|name| name.starts_with(BOTOCORE_SESSION)) {
        BOTOCORE_SESSION.clone_into(name);
    }
    if !call.is_ok() {
        params.insert("refused".to_owned(), call.outcome.clone());
    }
    Hop { action: call.action.clone(), by, params: with_lists(params) }
}

/// The beginning of the names that boto3 gives to sessions; the time follows.
pub const BOTOCORE_SESSION: &str = "botocore-session-";

/// Tags in one parameter, since their order says nothing.
fn with_lists(params: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let (lists, mut params): (BTreeMap<_, _>, _) = params.into_iter().partition(|(name, _)| name.contains(".member."));
    let mut tags = Vec::new();
    let mut transitive = Vec::new();
    for (name, value) in &lists {
        if let Some(place) = name.strip_suffix(".Key") {
            tags.push(format!("{value}={}", lists[&format!("{place}.Value")]));
        } else if name.starts_with("TransitiveTagKeys") {
            transitive.push(value.clone());
        }
    }
    for (name, mut list) in [("Tags", tags), ("TransitiveTagKeys", transitive)] {
        list.sort();
        if !list.is_empty() {
            params.insert(name.to_owned(), list.join(", "));
        }
    }
    params
}

fn credential(access_key_id: Option<&str>, calls: &[Call], sts: &StrictSts) -> Credential {
    let Some(id) = access_key_id else { return Credential::Token };
    let session = sts.world(|world| world.session(id).cloned());
    let hop = session.and_then(|session| calls.iter().position(|call| gave(call, &session)));
    hop.map_or_else(|| Credential::Key(id.to_owned()), Credential::OfHop)
}

/// Whether a call is the one that a session came from; no way assumes a role twice.
fn gave(call: &Call, session: &Session) -> bool {
    let is_of = match &session.principal {
        Principal::RoleSession { role_arn, .. } => call.param("RoleArn") == role_arn,
        _ => call.action == "GetSessionToken",
    };
    is_of && call.is_ok() && call.access_key_id == session.issuer
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hop) in self.hops.iter().enumerate() {
            writeln!(out, "  {index}. {} by {}", hop.action, hop.by)?;
            for (name, value) in &hop.params {
                writeln!(out, "       {name} = {value}")?;
            }
        }
        writeln!(out, "  then {}", self.end)
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => out.write_str(id),
            Self::OfHop(index) => write!(out, "what {index} gave"),
            Self::Token => out.write_str("a web identity"),
        }
    }
}

/// An outcome for a failure message.
pub fn tell(outcome: &Outcome) -> String {
    match outcome {
        Ok(way) => way.to_string(),
        Err(why) => format!("  refused: {why}\n"),
    }
}
