//! The first stage: the root's own credential, or how one is had from outside.

use super::call::{Call, Restriction, WebIdentity};
use super::stages::{Stage, restriction, within};
use super::{NoPlan, roles};
use crate::identity::hash::Hasher;
use crate::identity::request::{Request, limits};
use crate::identity::route::{Base, RoleHop, Route, TokenSource};
use crate::identity::session_tags::SessionTags;

/// The stage of the root's own credential.
///
/// # Errors
/// A duration outside AWS's limits.
pub(super) fn stage(route: &Route, request: &Request) -> Result<Stage, NoPlan> {
    let (call, hash, reason) = match &route.base {
        Base::Held => (None, Hasher::new("root"), "the root of the chain".to_owned()),
        Base::Process(script) => {
            let hash = Hasher::new("credential_process").field("command", Some(&script.command));
            (Some(Call::Process(script.clone())), hash, format!("{} prints a credential", script.place))
        }
        Base::Metadata { source, place } => {
            // The holder tells one service from another.
            let hash = Hasher::new("metadata").field("holder", Some(&route.nodes[0].holder.key()));
            (
                Some(Call::Metadata { source: *source, place: place.clone() }),
                hash,
                "the machine that this runs on has a role".to_owned(),
            )
        }
        Base::WebIdentity { role, token } => web_identity(route, request, role, token)?,
    };
    let hash = hash.finish();
    Ok(Stage { node: 0, call, mfa_serial: None, mfa_script: None, mfa_context: None, straight: false, hash, reason })
}

fn web_identity(
    route: &Route,
    request: &Request,
    role: &RoleHop,
    token: &TokenSource,
) -> Result<(Option<Call>, Hasher, String), NoPlan> {
    let node = &route.nodes[0];
    let is_target = route.nodes.len() == 1;
    let duration = request.duration.filter(|_| is_target).or(role.duration).unwrap_or(roles::DURATION);
    within("a role session", duration, limits::ROLE)?;
    let duration = if is_target { request.within_lease(duration) } else { duration };
    let call = WebIdentity {
        role_arn: role.role_arn.clone(),
        session_name: roles::session_name(route, request, role, is_target),
        duration,
        restriction: if is_target { restriction(node, request) } else { Restriction::default() },
        token: token.clone(),
    };
    let (kind, source, reason) = match token {
        TokenSource::File { path, .. } => ("token-file", path, format!("a token in {path} vouches for it")),
        TokenSource::Process(script) => ("token-process", &script.command, format!("{} vouches for it", script.place)),
    };
    let hash = Hasher::new("AssumeRoleWithWebIdentity")
        .field("role", Some(&call.role_arn))
        .field("session-name", Some(&call.session_name))
        .field("duration", Some(&duration.to_string()))
        .field(kind, Some(source))
        .session(&SessionTags::default(), &[], &call.restriction)
        .field("endpoint", node.endpoint.as_deref());
    Ok((Some(Call::AssumeRoleWithWebIdentity(call)), hash, reason))
}
