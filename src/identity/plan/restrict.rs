//! Session policies, tags and source identities: what AWS has a call for, and whom it calls the result.

use super::NoPlan;
use crate::identity::Kind;
use crate::identity::request::{Request, limits};
use crate::identity::route::{Base, CredentialKind, Route};

/// Refuses what no call can do.
///
/// # Errors
/// Says what cannot be done, and to whom.
pub(super) fn check(route: &Route, request: &Request) -> Result<(), NoPlan> {
    if route.target().hop.is_some() {
        return Ok(());
    }
    let shown = &route.target().shown;
    let only_roles = |what| Err(NoPlan::OnlyRoles { shown: shown.clone(), what });
    let is_outside = matches!(route.base, Base::Process(_) | Base::Metadata { .. });
    // Nobody is asked for a session in the console of another length than the credential's.
    if is_outside && request.duration.is_some() && !request.for_console {
        return only_roles("a duration");
    }
    if is_outside && request.session_name.is_some() {
        return only_roles("a session name");
    }
    if matches!(route.base, Base::WebIdentity { .. }) {
        let only_token = |what| Err(NoPlan::OnlyToken { shown: shown.clone(), what });
        return match (request.source_identity.is_some(), request.tags.is_empty()) {
            (true, _) => only_token("the source identity"),
            (false, false) => only_token("the session tags"),
            (false, true) => Ok(()),
        };
    }
    if request.policy.is_empty() && !federates(route, request) {
        return match (request.source_identity.is_some(), request.tags.is_empty()) {
            (true, _) => only_roles("a source identity"),
            (false, false) => only_roles("session tags"),
            (false, true) => Ok(()),
        };
    }
    if request.source_identity.is_some() {
        return only_roles("a source identity");
    }
    let refused = |reason| Err(NoPlan::NotRestrictable { shown: shown.clone(), reason });
    let root = &route.nodes[0];
    let is_user = root.holder.identity().is_none_or(|identity| matches!(identity.kind, Kind::User | Kind::Root));
    if request.no_session && !request.for_console {
        return refused("it is to be the long-term key itself");
    }
    if !is_user || !root.held.iter().any(|held| held.kind == CredentialKind::LongTerm) {
        return refused("multicred neither assumes it as a role nor holds a long-term key of a user");
    }
    if let Some(name) = request.session_name.as_ref().filter(|name| name.len() > limits::FEDERATED_NAME) {
        return Err(NoPlan::FederatedName { name: name.clone() });
    }
    Ok(())
}

/// Refuses what asks for more than the lease of a protected account.
///
/// # Errors
/// Says what asks for more.
pub(super) fn check_lease(route: &Route, request: &Request) -> Result<(), NoPlan> {
    let Some(lease) = request.lease else { return Ok(()) };
    let (shown, target) = (route.target().shown.clone(), route.target());
    match request.duration.filter(|asked| *asked > lease) {
        Some(asked) => Err(NoPlan::OverLease { shown, asked: asked.into(), lease: lease.into() }),
        None if request.no_session && target.hop.is_none() && !request.as_it_is => {
            let key = target.held.iter().find(|held| held.kind == CredentialKind::LongTerm);
            key.map_or(Ok(()), |key| Err(NoPlan::EndlessKey { shown, access_key_id: key.access_key_id.clone() }))
        }
        None => Ok(()),
    }
}

/// Whether the root's own session is one of a federated user: to restrict it, or to sign in to the console, which AWS
/// lets no session of `GetSessionToken` do (IAM User Guide, "Compare AWS STS credentials").
pub(super) fn federates(route: &Route, request: &Request) -> bool {
    let root = &route.nodes[0];
    let is_user = root.holder.identity().is_none_or(|identity| matches!(identity.kind, Kind::User | Kind::Root));
    let has_key = root.held.iter().any(|held| held.kind == CredentialKind::LongTerm);
    let is_alone = route.nodes.len() == 1 && route.base == Base::Held;
    is_alone && (!request.policy.is_empty() || (request.for_console && is_user && has_key))
}

/// The federated user's name: what was asked for, else the user's own, cut to what AWS takes.
pub(super) fn federated_name(route: &Route, request: &Request) -> String {
    let name = request.session_name.as_ref().unwrap_or(&route.default_session_name);
    name.chars().take(limits::FEDERATED_NAME).collect()
}
