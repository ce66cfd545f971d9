//! The stages of a route: which calls lead from the root's credential to the target, by settings alone.

use super::NoPlan;
use super::call::{AssumeRole, Call, GetFederationToken, Restriction};
use super::restrict;
use crate::identity::Kind;
use crate::identity::hash::{Hasher, RequestHash};
use crate::identity::request::{Request, limits, say_duration};
use crate::identity::route::{CredentialKind, Node, RoleHop, Route, SessionRule};

/// `GetSessionToken`'s duration where the session itself is what is wanted, in seconds.
const SESSION_DURATION: u32 = 3_600;
/// The same where the session serves roles, in seconds: a working day on one MFA code.
const SERVING_SESSION_DURATION: u32 = 28_800;
/// `AssumeRole`'s duration where nothing says otherwise, in seconds.
const ROLE_DURATION: u32 = 3_600;

/// One credential on the way: how it is obtained, and what it is then called in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Index of the route's node whose credential this is.
    pub node: usize,
    /// How it is obtained; `None` for the root's own key or import.
    pub call: Option<Call>,
    /// The MFA device whose code goes with the call.
    pub mfa_serial: Option<String>,
    /// The MFA device that the credential vouches for, once obtained.
    pub mfa_context: Option<String>,
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
    let mut stages = vec![root_stage()];
    let mut warnings = Vec::new();
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
    for node in 1..route.nodes.len() {
        let mfa_serial = direct_mfa.clone().filter(|_| node == 1);
        let (stage, warning) = role_stage(route, request, node, &stages, mfa_serial)?;
        warnings.extend(warning.map(|text| (stages.len(), text)));
        stages.push(stage);
    }
    Ok((stages, warnings))
}

fn root_stage() -> Stage {
    Stage {
        node: 0,
        call: None,
        mfa_serial: None,
        mfa_context: None,
        hash: Hasher::new("root").finish(),
        reason: "the root of the chain".to_owned(),
    }
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
        return only_the_root(root, request, has_key);
    };
    let serial = hop.mfa_serial.clone().or_else(|| match route.session_rule {
        SessionRule::WheneverSerialKnown => root.mfa_serial.clone(),
        SessionRule::OnlySameSerial => None,
    });
    let same_device = serial.is_some() && serial == root.mfa_serial;
    if !has_key && root.held.iter().any(|held| held.kind == CredentialKind::Imported) {
        // Imported temporary credentials cannot call GetSessionToken and cannot send a code.
        return FirstStep::Direct { mfa_serial: None };
    }
    if !same_device || request.no_session || wants_long_direct(route, request) {
        return FirstStep::Direct { mfa_serial: serial };
    }
    let reason = "one MFA code then serves every role assumed from this user".to_owned();
    FirstStep::Session { mfa_serial: serial, reason }
}

fn only_the_root(root: &Node, request: &Request, has_key: bool) -> FirstStep {
    if !request.policy.is_empty() {
        return FirstStep::Federation;
    }
    let may_have_session = root.holder.identity().is_none_or(|id| matches!(id.kind, Kind::User | Kind::Root));
    if !has_key || request.no_session || !may_have_session {
        return FirstStep::KeyItself;
    }
    let reason = "a session keeps the long-term key out of the shell".to_owned();
    FirstStep::Session { mfa_serial: root.mfa_serial.clone(), reason }
}

/// One role, wanted for longer than chaining allows: assume it straight from the key, for the full duration.
fn wants_long_direct(route: &Route, request: &Request) -> bool {
    route.nodes.len() == 2
        && wanted_duration(&route.nodes[1], request, true).is_some_and(|seconds| seconds > limits::CHAINED)
}

fn wanted_duration(node: &Node, request: &Request, is_target: bool) -> Option<u32> {
    let configured = node.hop.as_ref().and_then(|hop| hop.duration);
    request.duration.filter(|_| is_target).or(configured)
}

fn session_stage(
    route: &Route,
    request: &Request,
    mfa_serial: Option<String>,
    reason: String,
) -> Result<Stage, NoPlan> {
    let root = &route.nodes[0];
    let is_target = route.nodes.len() == 1;
    let is_root_user = root.holder.identity().is_some_and(|id| id.kind == Kind::Root);
    let most = if is_root_user { limits::ROOT_SESSION } else { limits::USER_SESSION };
    let asked = request.duration.filter(|_| is_target);
    if let Some(asked) = asked {
        within("a user's session", asked, most)?;
    }
    let serves = !is_target || root.serves_roles;
    let default = if serves { SERVING_SESSION_DURATION } else { SESSION_DURATION };
    // The default duration is no part of the hash: a session made for a role serves the user too, and the
    // other way round, so that one code is enough for both.
    let hash = Hasher::new("GetSessionToken")
        .field("parent", Some(&root.holder.key()))
        .field("mfa", mfa_serial.as_deref())
        .field("duration", asked.map(|seconds| seconds.to_string()).as_deref())
        .field("endpoint", request.endpoint.as_deref())
        .finish();
    Ok(Stage {
        node: 0,
        call: Some(Call::GetSessionToken { duration: asked.unwrap_or(default.min(most)) }),
        mfa_context: mfa_serial.clone(),
        mfa_serial,
        hash,
        reason,
    })
}

fn federation_stage(route: &Route, request: &Request) -> Result<Stage, NoPlan> {
    let root = &route.nodes[0];
    let is_root_user = root.holder.identity().is_some_and(|id| id.kind == Kind::Root);
    let most = if is_root_user { limits::ROOT_SESSION } else { limits::USER_SESSION };
    if let Some(asked) = request.duration {
        within("a federated user's session", asked, most)?;
    }
    let duration = request.duration.unwrap_or(SESSION_DURATION);
    let name = restrict::federated_name(route, request);
    let restriction = restriction(root, request);
    let hash = Hasher::new("GetFederationToken")
        .field("parent", Some(&root.holder.key()))
        .field("name", Some(&name))
        .field("duration", Some(&duration.to_string()))
        .session(&request.tags, &restriction)
        .field("endpoint", request.endpoint.as_deref())
        .finish();
    let call = GetFederationToken { name, duration, tags: request.tags.clone(), restriction };
    Ok(Stage {
        node: 0,
        call: Some(Call::GetFederationToken(call)),
        mfa_serial: None,
        mfa_context: None,
        hash,
        reason: "AWS restricts a user's session through federation".to_owned(),
    })
}

/// The session policies for a node, in its partition.
fn restriction(node: &Node, request: &Request) -> Restriction {
    let partition = node.holder.identity().map_or("aws", |identity| identity.partition.as_str());
    let policy = request.policy.document().map(str::to_owned);
    Restriction { policy_arns: request.policy.arns(partition), policy }
}

fn role_stage(
    route: &Route,
    request: &Request,
    index: usize,
    before: &[Stage],
    mfa_serial: Option<String>,
) -> Result<(Stage, Option<String>), NoPlan> {
    let node = &route.nodes[index];
    let hop = node.hop.clone().unwrap_or_default();
    let is_target = index == route.nodes.len() - 1;
    let wanted = wanted_duration(node, request, is_target);
    if let Some(asked) = wanted {
        within("a role session", asked, limits::ROLE)?;
    }
    let chained = index > 1 || before.last().is_some_and(|stage| stage.call.is_some()) || starts_from_import(route);
    let (duration, warning) = capped(node, wanted.unwrap_or(ROLE_DURATION), chained);
    let parent = &route.nodes[index - 1];
    let context = before.last().and_then(|stage| stage.mfa_context.as_deref());
    let (tags, restriction) =
        if is_target { (request.tags.clone(), restriction(node, request)) } else { Default::default() };
    let call = AssumeRole {
        session_name: session_name(route, request, &hop, is_target),
        source_identity: request.source_identity.clone().filter(|_| index == 1),
        role_arn: hop.role_arn,
        external_id: hop.external_id,
        duration,
        tags,
        restriction,
    };
    let hash = Hasher::new("AssumeRole")
        .field("parent", Some(&parent.holder.key()))
        .field("role", Some(&call.role_arn))
        .field("mfa", mfa_serial.as_deref().or(context))
        .field("duration", Some(&duration.to_string()))
        .field("session-name", Some(&call.session_name))
        .field("external-id", call.external_id.as_deref())
        // Every session of the chain carries it, though only the first is asked for it.
        .field("source-identity", request.source_identity.as_deref())
        .session(&call.tags, &call.restriction)
        .field("endpoint", request.endpoint.as_deref())
        .finish();
    let reason = role_reason(parent, mfa_serial.is_some(), context.is_some());
    let stage = Stage { node: index, call: Some(Call::AssumeRole(call)), mfa_serial, mfa_context: None, hash, reason };
    Ok((stage, warning))
}

/// A role reached from an imported temporary credential is reached by chaining, or from a session: capped as well.
fn starts_from_import(route: &Route) -> bool {
    let held = &route.nodes[0].held;
    !held.is_empty() && held.iter().all(|held| held.kind == CredentialKind::Imported)
}

fn capped(node: &Node, wanted: u32, chained: bool) -> (u32, Option<String>) {
    if !chained || wanted <= limits::CHAINED {
        return (wanted, None);
    }
    let warning = format!(
        "{} lasts 1h, not {}: AWS caps roles that are assumed from a session or from another role",
        node.shown,
        say_duration(i64::from(wanted)),
    );
    (limits::CHAINED, Some(warning))
}

fn session_name(route: &Route, request: &Request, hop: &RoleHop, is_target: bool) -> String {
    let asked = request.session_name.clone().filter(|_| is_target);
    asked.or_else(|| hop.session_name.clone()).unwrap_or_else(|| route.default_session_name.clone())
}

fn role_reason(parent: &Node, sends_code: bool, has_context: bool) -> String {
    let from = &parent.shown;
    match (sends_code, has_context) {
        (true, _) => format!("assumed straight from {from}, with an MFA code"),
        (false, true) => format!("assumed from the MFA session of {from}"),
        (false, false) => format!("assumed from {from}"),
    }
}

fn within(what: &'static str, asked: u32, most: u32) -> Result<(), NoPlan> {
    let least = limits::SHORTEST;
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    Err(NoPlan::Duration { what, least, most, asked })
}
