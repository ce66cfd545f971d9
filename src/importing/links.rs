//! From whom roles are assumed, as another tool has it.

use crate::asking;
use crate::coming_over::multicred_py::Edge;
use crate::context::Context;
use crate::error::Failure;
use crate::identity::Kind;
use crate::identity::arn::{self, PrincipalArn};
use crate::identity::route::RoleHop;
use crate::resolve::Resolver;
use crate::store::Durability;

/// A link, and what became of it.
pub(super) struct Linked {
    /// The role's ARN.
    pub(super) role: String,
    /// Its parent's.
    pub(super) parent: String,
    pub(super) how: How,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is new here.
    New,
    /// It was here before.
    Known,
    /// The role is assumed from somebody else here, which stays.
    Otherwise,
}

/// Why a link is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLink {
    #[error("'{}' is not a role that could be assumed", .0.escape_debug())]
    NoRole(String),
    #[error("'{}' is not a user or a role, which alone assume roles", .0.escape_debug())]
    NoParent(String),
    #[error("its role ARN '{}' names another role", .0.escape_debug())]
    OtherRole(String),
    #[error("role and parent are in two partitions")]
    Partitions,
    #[error("{}", .0.fact)]
    Store(Failure),
}

impl<E: Into<Failure>> From<E> for NoLink {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Takes a link over, unless `dry_run`.
pub(super) fn take(
    context: &Context,
    resolver: &mut Resolver<'_>,
    edge: &Edge,
    dry_run: bool,
) -> Result<Linked, NoLink> {
    let (role, parent) = ends(edge)?;
    let linked = |how| Linked {
        role: role.identity.arn(role.path.as_deref()),
        parent: parent.identity.arn(parent.path.as_deref()),
        how,
    };
    if let Some(how) = known(resolver, &role, &parent)? {
        return Ok(linked(how));
    }
    if dry_run {
        return Ok(linked(How::New));
    }
    let hop = RoleHop { role_arn: role.identity.arn(role.path.as_deref()), ..RoleHop::default() };
    let now = context.now();
    let (store, _) = resolver.store_and_keys()?;
    store.write(Durability::Synced, |writing| {
        let target = writing.ensure_identity(&role.identity, role.path.as_deref())?;
        let parent = writing.ensure_identity(&parent.identity, parent.path.as_deref())?;
        writing.set_link(target, parent, &hop, now)
    })?;
    asking::record(context, resolver.store_path(), "link", &hop.role_arn, None, "ok");
    Ok(linked(How::New))
}

/// The role, with its path, and its parent. Either may be told as a session of it.
fn ends(edge: &Edge) -> Result<(PrincipalArn, PrincipalArn), NoLink> {
    let role = arn::parse(&edge.role_arn).ok().filter(|role| role.identity.kind == Kind::Role && role.path.is_some());
    let role = role.ok_or_else(|| NoLink::NoRole(edge.role_arn.clone()))?;
    let target = arn::parse(&edge.target).map_err(|_| NoLink::NoRole(edge.target.clone()))?;
    if target.identity != role.identity {
        return Err(NoLink::OtherRole(edge.role_arn.clone()));
    }
    let parent = arn::parse(&edge.parent).ok();
    let parent = parent.filter(|parent| matches!(parent.identity.kind, Kind::User | Kind::Role));
    let parent = parent.ok_or_else(|| NoLink::NoParent(edge.parent.clone()))?;
    if parent.identity.partition != role.identity.partition {
        return Err(NoLink::Partitions);
    }
    Ok((role, parent))
}

/// What the store says of the role's parent, if anything.
fn known(resolver: &Resolver<'_>, role: &PrincipalArn, parent: &PrincipalArn) -> Result<Option<How>, NoLink> {
    let Some(store) = resolver.catalogue().store() else { return Ok(None) };
    let reading = store.read();
    let Some(row) = reading.identity(&role.identity)? else { return Ok(None) };
    let Some((known, _)) = reading.links()?.remove(&row.id) else { return Ok(None) };
    let is_same = reading.identity_row(known)?.is_some_and(|row| row.identity == parent.identity);
    Ok(Some(if is_same { How::Known } else { How::Otherwise }))
}
