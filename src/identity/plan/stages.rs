//! The stages of a route: which calls lead from the root's credential to the target, by settings alone.

use super::NoPlan;
use super::base;
use super::call::{Call, GetFederationToken, Restriction};
use super::restrict;
use super::roles::{self, Chain};
use crate::identity::Kind;
use crate::identity::hash::{Hasher, RequestHash};
use crate::identity::request::{Request, limits};
use crate::identity::route::{Base, CredentialKind, Node, Route, Script, SessionRule};

/// `GetSessionToken`'s duration where the session itself is what is wanted, in seconds.
const SESSION_DURATION: u32 = 3_600;
/// The same where the session serves roles, in seconds: a working day on one MFA code.
const SERVING_SESSION_DURATION: u32 = 28_800;

/// What leaves a federated user all that the user may do: without a policy it may do nothing (API reference,
/// `GetFederationToken`, `Policy`).
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// One credential on the way: how it is obtained, and what it is then called in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Index of the route's node whose credential this is.
    pub node: usize,
    /// How it is obtained; `None` for the root's own key or import.
    pub call: Option<Call>,
    /// The MFA device whose code goes with the call.
    pub mfa_serial: Option<String>,
    /// The program that prints that code, where the person has named one.
    pub mfa_script: Option<Script>,
    /// The MFA device that the credential vouches for, once obtained.
    pub mfa_context: Option<String>,
    /// A long-term key signs it, and no session does: what AWS's sign-in asks for where a session in the console is to
    /// last for more than an hour.
    pub straight: bool,
    /// The cache key.
    pub hash: RequestHash,
    /// Why the step is there.
    pub reason: String,
}

/// Warnings, each with the index of the stage it is about.
pub(super) type Warnings = Vec<(usize, String)>;

/// Decides the stages of a route.
///
/// # Errors
/// A duration outside AWS's limits, or a restriction that AWS has no call for.
pub(super) fn decide(route: &Route, request: &Request) -> Result<(Vec<Stage>, Warnings), NoPlan> {
    restrict::check(route, request)?;
    restrict::check_lease(route, request)?;
    let mut stages = vec![base::stage(route, request)?];
    let direct_mfa = match first_step(route, request) {
        FirstStep::Federation => {
            stages.push(federation_stage(route, request)?);
            None
        }
        FirstStep::Session { mfa_serial, reason } => {
            stages.push(session_stage(route, request, mfa_serial, reason)?);
            None
        }
        FirstStep::Direct { mfa_serial } => mfa_serial,
        FirstStep::KeyItself => None,
    };
    let mut chain = Chain::new(route, request, stages);
    chain.warn_of_unsent();
    for node in 1..route.nodes.len() {
        chain.add_role(node, direct_mfa.clone().filter(|_| node == 1))?;
    }
    Ok(chain.finish())
}

/// What follows the root's own credential.
enum FirstStep {
    /// A restricted session of the user.
    Federation,
    /// A session of the user.
    Session { mfa_serial: Option<String>, reason: String },
    /// The first role, straight from the key, with a code where a serial is given.
    Direct { mfa_serial: Option<String> },
    /// Nothing: the key or import itself is the answer.
    KeyItself,
}

fn first_step(route: &Route, request: &Request) -> FirstStep {
    let root = &route.nodes[0];
    let has_key = root.held.iter().any(|held| held.kind == CredentialKind::LongTerm);
    let Some(hop) = route.nodes.get(1).and_then(|node| node.hop.as_ref()) else {
        return only_the_root(route, request, has_key);
    };
    let serial = hop.mfa_serial.clone().or_else(|| match route.session_rule {
        SessionRule::WheneverSerialKnown => root.mfa_serial.clone(),
        SessionRule::OnlySameSerial => None,
    });
    match route.base {
        Base::Held => {}
        // What a program prints may be a user's key.
        Base::Process(_) => return FirstStep::Direct { mfa_serial: serial },
        // A role has no device.
        Base::Metadata { .. } | Base::WebIdentity { .. } => return FirstStep::Direct { mfa_serial: None },
    }
    let same_device = serial.is_some() && serial == root.mfa_serial;
    if !has_key && root.held.iter().any(|held| held.kind == CredentialKind::Imported) {
        // Imported temporary credentials cannot call GetSessionToken and cannot send a code.
        return FirstStep::Direct { mfa_serial: None };
    }
    if !same_device || request.no_session || roles::wants_long_direct(route, request) {
        return FirstStep::Direct { mfa_serial: serial };
    }
    let reason = "one MFA code then serves every role assumed from this user".to_owned();
    FirstStep::Session { mfa_serial: serial, reason }
}

fn only_the_root(route: &Route, request: &Request, has_key: bool) -> FirstStep {
    let root = &route.nodes[0];
    if route.base != Base::Held {
        return FirstStep::KeyItself;
    }
    if restrict::federates(route, request) {
        return FirstStep::Federation;
    }
    let may_have_session = root.holder.identity().is_none_or(|id| matches!(id.kind, Kind::User | Kind::Root));
    if !has_key || request.no_session || !may_have_session {
        return FirstStep::KeyItself;
    }
    let reason = "a session keeps the long-term key out of the shell".to_owned();
    FirstStep::Session { mfa_serial: root.mfa_serial.clone(), reason }
}

fn session_stage(
    route: &Route,
    request: &Request,
    mfa_serial: Option<String>,
    reason: String,
) -> Result<Stage, NoPlan> {
    let root = &route.nodes[0];
    let is_target = route.nodes.len() == 1;
    let most = longest_session(root);
    let asked = request.duration.filter(|_| is_target).or(root.session_duration);
    if let Some(asked) = asked {
        within("a user's session", asked, most)?;
    }
    let serves = !is_target || root.serves_roles;
    let default = if serves { SERVING_SESSION_DURATION } else { SESSION_DURATION }.min(most);
    let wanted = asked.unwrap_or(default);
    let leased = if is_target { request.within_lease(wanted) } else { wanted };
    let asked = asked.is_some().then_some(leased).or((leased < wanted).then_some(leased));
    // The default duration is no part of the hash: a session made for a role serves the user too, and the
    // other way round, so that one code is enough for both.
    let hash = Hasher::new("GetSessionToken")
        .field("parent", Some(&root.holder.key()))
        .field("mfa", mfa_serial.as_deref())
        .field("duration", asked.map(|seconds| seconds.to_string()).as_deref())
        .field("endpoint", root.endpoint.as_deref())
        .finish();
    Ok(Stage {
        node: 0,
        call: Some(Call::GetSessionToken { duration: leased }),
        mfa_context: mfa_serial.clone(),
        straight: false,
        mfa_script: route.mfa_script(0).filter(|_| mfa_serial.is_some()).cloned(),
        mfa_serial,
        hash,
        reason,
    })
}

fn federation_stage(route: &Route, request: &Request) -> Result<Stage, NoPlan> {
    let root = &route.nodes[0];
    if let Some(asked) = request.duration {
        within("a federated user's session", asked, longest_session(root))?;
    }
    let duration = request.within_lease(request.duration.unwrap_or(SESSION_DURATION));
    let name = restrict::federated_name(route, request);
    let mut restriction = restriction(root, request);
    if request.policy.is_empty() {
        restriction.policy = Some(EVERYTHING.to_owned());
    }
    let hash = Hasher::new("GetFederationToken")
        .field("parent", Some(&root.holder.key()))
        .field("name", Some(&name))
        .field("duration", Some(&duration.to_string()))
        .session(&request.tags, &[], &restriction)
        .field("endpoint", root.endpoint.as_deref())
        .finish();
    let reason = if request.policy.is_empty() {
        "AWS lets a user sign in to the console through federation"
    } else {
        "AWS restricts a user's session through federation"
    };
    let call = GetFederationToken { name, duration, tags: request.tags.clone(), restriction };
    Ok(Stage {
        node: 0,
        call: Some(Call::GetFederationToken(call)),
        mfa_serial: None,
        mfa_script: None,
        mfa_context: None,
        straight: false,
        hash,
        reason: reason.to_owned(),
    })
}

/// The most that AWS gives a session of the root's, in seconds.
fn longest_session(root: &Node) -> u32 {
    let is_root_user = root.holder.identity().is_some_and(|id| id.kind == Kind::Root);
    if is_root_user { limits::ROOT_SESSION } else { limits::USER_SESSION }
}

/// The session policies for a node, in its partition.
pub(super) fn restriction(node: &Node, request: &Request) -> Restriction {
    let partition = node.holder.identity().map_or("aws", |identity| identity.partition.as_str());
    let policy = request.policy.document().map(str::to_owned);
    Restriction { policy_arns: request.policy.arns(partition), policy }
}

/// Refuses a duration outside AWS's limits; `most` is in seconds, as `asked` is.
pub(super) fn within(what: &'static str, asked: u32, most: u32) -> Result<(), NoPlan> {
    let least = limits::SHORTEST;
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    Err(NoPlan::Duration { what, least, most, asked })
}
