//! Planning: from facts to steps with reasons. Pure, so that it is tested as a table and printed by `why`.
//!
//! A plan is made in two moves. First the *stages*: which calls lead from the root's credential to the target,
//! decided by settings alone, so that a stage's cache key never depends on what happens to be cached. Then the
//! *overlay*: the stage nearest to the target for which a usable credential exists is where the work begins.

mod base;
mod call;
mod restrict;
mod roles;
mod stages;
#[cfg(test)]
mod tests;

use super::Holder;
use super::request::{MinTtl, Request, limits, say_duration};
use super::route::{CredentialKind, Held, Node, Place, Route};

pub use call::{AssumeRole, Call, GetFederationToken, Restriction, WebIdentity};
pub use stages::Stage;

/// The steps from the nearest usable credential to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The credential it starts from; `None` where the first call needs none.
    pub start: Option<Start>,
    /// The calls to make, in order; none where the start is the answer.
    pub calls: Vec<Stage>,
    /// The start has less life than the threshold, and nothing can renew it.
    pub dwindling: bool,
    /// Where a role's credential answers, a long-term key itself has assumed it; see [`Stage::straight`].
    pub straight: bool,
    /// What the person should know about the result.
    pub warnings: Vec<String>,
}

/// Where a plan starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The credential.
    pub held: Held,
    /// Index of the route's node whose credential it is.
    pub node: usize,
    /// Whose it is.
    pub holder: Holder,
    /// How the holder is called in messages.
    pub shown: String,
    /// Why it starts there.
    pub reason: String,
    /// Ask `GetCallerIdentity` whether it still works: its expiry was a guess that has passed.
    pub probe: bool,
}

impl Plan {
    /// The calls that an MFA code goes with, each with its device.
    pub fn coded(&self) -> impl Iterator<Item = (&Stage, &str)> {
        self.calls.iter().filter_map(|stage| Some((stage, stage.mfa_serial.as_deref()?)))
    }

    /// The start, where it is to be tried before it is used.
    pub fn probe(&self) -> Option<&Start> {
        self.start.as_ref().filter(|start| start.probe)
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// Neither a credential nor a way to get one.
    #[error("there is no credential for {shown} and no way to get one{expired}")]
    NoCredential {
        /// The identity at the root of the chain, as a person types it.
        shown: String,
        /// What is held but no longer works, as an addition to the sentence; may be empty.
        expired: String,
        /// Whether the root is a role (which a link would help).
        is_role: bool,
        /// Whether what has expired stands in the person's AWS files.
        in_file: bool,
    },
    /// The only credential left has less life than was asked for.
    #[error("the credential of {shown} has {left} left, less than the {wanted} asked for, and cannot be renewed")]
    TooShort {
        /// The identity, as a person types it.
        shown: String,
        /// The life left, as a person says it.
        left: String,
        /// The life wanted, as a person says it.
        wanted: String,
    },
    /// A duration outside AWS's limits.
    #[error("{what} lasts from {least} to {most} seconds, not {asked}")]
    Duration {
        /// What kind of session.
        what: &'static str,
        /// The least AWS gives, in seconds.
        least: u32,
        /// The most AWS gives, in seconds.
        most: u32,
        /// What was asked for, in seconds.
        asked: u32,
    },
    /// A session policy for somebody whose session no call of multicred's makes.
    #[error("the session of {shown} cannot be restricted by a policy: {reason}")]
    NotRestrictable {
        /// The identity, as a person types it.
        shown: String,
        /// Why.
        reason: &'static str,
    },
    /// Something that only goes with a role.
    #[error("{what} can be given to a role session only, and {shown} is no role that multicred assumes")]
    OnlyRoles {
        /// The identity, as a person types it.
        shown: String,
        /// What was given.
        what: &'static str,
    },
    /// Something that a web identity's token says, and nobody else.
    #[error("{what} of {shown} can only come with its web identity's token")]
    OnlyToken {
        /// The role, as a person types it.
        shown: String,
        /// What was given.
        what: &'static str,
    },
    /// A tag that an earlier role of the chain passes on with another value.
    #[error("the tag {key} of {shown} cannot be '{other}': a role before it in the chain passes it on as '{value}'")]
    InheritedTag {
        /// The role, as a person types it.
        shown: String,
        /// The tag's key.
        key: String,
        /// The value that is passed on.
        value: String,
        /// The value that is wanted.
        other: String,
    },
    /// A session name that a federated user cannot have.
    #[error("'{name}' is too long for the name of a federated user: AWS takes 2 to 32 characters")]
    FederatedName {
        /// What was asked for.
        name: String,
    },
    /// More than the lease of a protected account.
    #[error("{shown} is protected: its credentials last at most {}, not {}", say_duration(*lease), say_duration(*asked))]
    OverLease {
        /// The identity, as a person types it.
        shown: String,
        /// What was asked for, in seconds.
        asked: i64,
        /// The lease, in seconds.
        lease: i64,
    },
    /// A key that has no end, of somebody protected.
    #[error("{shown} is protected, and its long-term key {access_key_id} has no end")]
    EndlessKey {
        /// The identity, as a person types it.
        shown: String,
        /// The key.
        access_key_id: String,
    },
    /// `--fresh` for something that only the person can renew.
    #[error("the credential of {shown} was imported: multicred cannot obtain a new one")]
    NotRenewable {
        /// The identity, as a person types it.
        shown: String,
    },
}

/// Plans the way to a route's target at `now` (epoch seconds UTC).
///
/// # Errors
/// Says why there is no way.
pub fn plan(route: &Route, request: &Request, now: i64) -> Result<Plan, NoPlan> {
    plan_with(route, request, now, least_left)
}

/// What is left of a credential is of no use below this, in seconds.
const USEFUL: i64 = 60;

/// As [`plan`], but content with any useful life that is left: for when the plan proper cannot be carried out.
///
/// # Errors
/// Says why there is no way.
pub fn frugal_plan(route: &Route, request: &Request, now: i64) -> Result<Plan, NoPlan> {
    plan_with(route, request, now, |_, _| USEFUL)
}

fn plan_with(
    route: &Route,
    request: &Request,
    now: i64,
    least_left: impl Fn(&Held, MinTtl) -> i64,
) -> Result<Plan, NoPlan> {
    let (stages, mut warnings) = stages::decide(route, request)?;
    let find = |request: &Request| find_start(route, &stages, request, now, &least_left);
    // Where nothing that keeps to a lease can be had, what cannot be shortened will do.
    let without_lease = || find(&Request { lease: None, ..request.clone() });
    let found = find(request).or_else(|error| request.lease.map_or(Err(error), |_| without_lease()))?;
    let first_call = found.as_ref().map_or(0, |found| found.stage + 1);
    let calls: Vec<Stage> = stages[first_call..].to_vec();
    let straight = stages.last().is_some_and(|stage| stage.straight);
    // The cap matters only where the capped call is really made.
    warnings.retain(|(stage, _)| *stage >= first_call);
    let mut warnings: Vec<String> = warnings.into_iter().map(|(_, text)| text).collect();
    let dwindling = found.as_ref().is_some_and(|found| found.dwindling);
    let start = found.map(|Found { stage, held, reason, probe, .. }| {
        let index = stages[stage].node;
        let node = &route.nodes[index];
        Start { held, node: index, holder: node.holder.clone(), shown: node.shown.clone(), reason, probe }
    });
    warnings.extend(start.as_ref().and_then(|start| soon_gone(&start.held, &start.shown, now)));
    Ok(Plan { start, calls, dwindling, straight, warnings })
}

/// A credential that will do, and the stage it answers.
struct Found {
    stage: usize,
    held: Held,
    reason: String,
    probe: bool,
    dwindling: bool,
}

/// An import with less life than this is worth a word, in seconds.
const SOON: i64 = 600;

/// What only the person can renew should not end as a surprise.
fn soon_gone(held: &Held, shown: &str, now: i64) -> Option<String> {
    let left = held.seconds_left(now);
    let ends_soon = held.kind == CredentialKind::Imported && (1..SOON).contains(&left);
    ends_soon.then(|| format!("the credential of {shown} expires in {} and cannot be renewed", say_duration(left)))
}

/// Walks from the target to the root and takes the first credential that will do; `None` where none is needed, because
/// the root's comes from outside.
fn find_start(
    route: &Route,
    stages: &[Stage],
    request: &Request,
    now: i64,
    least_left: impl Fn(&Held, MinTtl) -> i64,
) -> Result<Option<Found>, NoPlan> {
    let last = stages.len() - 1;
    for (index, stage) in stages.iter().enumerate().rev() {
        let wants_fresh = request.fresh && index == last && stage.call.is_some();
        // What is only to sign the next call need not live as long as the answer.
        let min_ttl = if index == last { request.min_ttl } else { MinTtl::Shell };
        for held in &route.nodes[stage.node].held {
            if wants_fresh || !answers(held, route, stages, index, request) {
                continue;
            }
            if let Some(found) = usable(held, index, least_left(held, min_ttl), now) {
                return Ok(Some(found));
            }
        }
    }
    if stages[0].call.is_some() {
        return Ok(None);
    }
    last_resort(route, stages, request, now).map(Some)
}

/// Whether a credential is of the sort that a stage needs, its age aside.
fn answers(held: &Held, route: &Route, stages: &[Stage], index: usize, request: &Request) -> bool {
    let stage = &stages[index];
    match held.kind {
        CredentialKind::LongTerm => stage.call.is_none(),
        // An import stands for its identity however it was obtained, unless the request asks for more than that.
        // It cannot stand for a session that carries MFA: nobody knows whether it does.
        CredentialKind::Imported => {
            let is_target = index == stages.len() - 1;
            let asks_for_more = is_target && asks_for_more(&route.nodes[stage.node], request);
            // What lasts longer than the lease is used only where nothing shorter can be obtained.
            let outlasts = is_target && request.lease.is_some() && stage.call.is_some();
            !asks_for_more
                && !outlasts
                && !carries_more(route, stage.node, request)
                && stage.mfa_context.is_none()
                && !next_needs_key(stages, index)
        }
        CredentialKind::Session | CredentialKind::Role => stage.call.is_some() && held.request_hash == Some(stage.hash),
    }
}

/// Whether the request says anything that an import cannot be known to be. What nothing can obtain anew signs in to the
/// console for as long as it lasts, whatever is asked.
fn asks_for_more(node: &Node, request: &Request) -> bool {
    match request.duration {
        Some(_) if request.for_console && node.hop.is_none() => {
            Request { duration: None, ..request.clone() }.shapes_the_call()
        }
        _ => request.shapes_the_call(),
    }
}

/// Whether a role session of this node carries what nobody knows of an import: who is behind the chain, tags that roles
/// hand on, or what the environment asks for.
fn carries_more(route: &Route, node: usize, request: &Request) -> bool {
    let has_source_identity = request.source_identity.is_some() || route.source_identity().is_some();
    let last = route.nodes.len() - 1;
    let more = |(index, node): (usize, &Node)| {
        node.hop.as_ref().is_some_and(|hop| hop.by_variable || (index < last && !hop.transitive_tags.is_empty()))
    };
    node > 0 && (has_source_identity || route.nodes[..=node].iter().enumerate().any(more))
}

/// `GetSessionToken`, `GetFederationToken`, and a call with an MFA code, can only be signed with a long-term key.
fn next_needs_key(stages: &[Stage], index: usize) -> bool {
    stages.get(index + 1).is_some_and(|next| {
        next.mfa_serial.is_some()
            || next.straight
            || matches!(next.call, Some(Call::GetSessionToken { .. } | Call::GetFederationToken(_)))
    })
}

fn usable(held: &Held, stage: usize, min_ttl: i64, now: i64) -> Option<Found> {
    let left = held.seconds_left(now);
    let start = |reason: String, probe| Found { stage, held: held.clone(), reason, probe, dwindling: false };
    if held.expires_at.is_none() {
        let what = if held.kind == CredentialKind::LongTerm { "long-term key" } else { "credential" };
        let place = if held.place == Place::Environment { "in the environment" } else { "here" };
        return Some(start(format!("its {what} {} is {place}", held.access_key_id), false));
    }
    if held.expiry_is_guess && left <= 0 {
        let reason =
            format!("the guessed expiry of {} has passed: AWS is asked whether it still works", held.access_key_id);
        return Some(start(reason, true));
    }
    if (left > min_ttl && now < asked_again_at(held)) || (held.expiry_is_guess && left > 0) {
        let guess = if held.expiry_is_guess { " (a guess)" } else { "" };
        return Some(start(
            format!("its {} credential is good for {}{guess}", held.kind.word(), say_duration(left)),
            false,
        ));
    }
    None
}

/// When what can be obtained again is asked for again, whatever its expiry, in epoch seconds: a program that says "until
/// 2050" is believed for as long as the longest session of AWS lasts.
pub fn asked_again_at(held: &Held) -> i64 {
    if held.kind.is_obtainable() { held.created_at + i64::from(limits::USER_SESSION) } else { i64::MAX }
}

/// The life that a credential must have more of to be used without a call, in seconds.
pub fn least_left(held: &Held, min_ttl: MinTtl) -> i64 {
    min_ttl.seconds(held.expires_at.map_or(i64::MAX, |end| end.saturating_sub(held.created_at)))
}

/// Nothing has enough life left. What cannot be renewed is used to its end, with a warning.
fn last_resort(route: &Route, stages: &[Stage], request: &Request, now: i64) -> Result<Found, NoPlan> {
    let last = stages.len() - 1;
    for (index, stage) in stages.iter().enumerate().rev() {
        let node = &route.nodes[stage.node];
        for held in node.held.iter().filter(|held| answers(held, route, stages, index, request)) {
            let left = held.seconds_left(now);
            if left <= 0 || (request.fresh && index == last) {
                continue;
            }
            if let MinTtl::Asked(wanted) = request.min_ttl {
                let (left, wanted) = (say_duration(left), say_duration(i64::from(wanted)));
                return Err(NoPlan::TooShort { shown: node.shown.clone(), left, wanted });
            }
            let left = say_duration(left);
            return Ok(Found {
                stage: index,
                held: held.clone(),
                reason: format!("its {} credential has {left} left and nothing can renew it", held.kind.word()),
                probe: false,
                dwindling: true,
            });
        }
    }
    Err(no_credential(route, request, now))
}

fn no_credential(route: &Route, request: &Request, now: i64) -> NoPlan {
    let target = route.target();
    let alive = |held: &&Held| held.seconds_left(now) > 0;
    if request.fresh && target.hop.is_none() && target.held.iter().find(alive).is_some() {
        return NoPlan::NotRenewable { shown: target.shown.clone() };
    }
    let root = &route.nodes[0];
    let latest = root.held.iter().filter_map(|held| held.expires_at).filter(|end| *end <= now).max();
    let expired = latest
        .map_or(String::new(), |end| format!(" (the last one expired {} ago)", say_duration(now.saturating_sub(end))));
    let is_role = root.holder.identity().is_none_or(|identity| identity.kind == super::Kind::Role);
    let in_file = root.held.iter().any(|held| matches!(held.place, Place::Profile(_)));
    NoPlan::NoCredential { shown: root.shown.clone(), expired, is_role, in_file }
}

/// The plan of a renewal at the moment `at`, given what will be held then; `None` where there is no way, or one that
/// leads to no new credential.
pub fn renewal(route: &Route, request: &Request, at: i64) -> Option<Plan> {
    let renewal = Request { fresh: true, ..request.clone() };
    let plan = plan(route, &renewal, at).ok()?;
    (plan.probe().is_none() && !plan.dwindling && !plan.calls.is_empty()).then_some(plan)
}
