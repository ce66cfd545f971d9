//! Whether this shell still has the whole credential that a switch set: its access key id alone says little.

use super::Finding;
use crate::context::Context;
use crate::identity::Holder;
use crate::identity::route::Place;
use crate::resolve::{Keys, ResolveError};
use crate::secret::Secret;
use crate::store::{Owner, Store};

/// What of it is not as it is stored.
pub(super) fn finding(context: &Context, store: &Store, keys: &mut Keys<'_>) -> Result<Option<Finding>, ResolveError> {
    let Some(key) = context.variable("AWS_ACCESS_KEY_ID").filter(|_| context.holds_switched_key()) else {
        return Ok(None);
    };
    let Some(row) = store.read().credential_with_key(key)? else { return Ok(None) };
    let holder = match &row.owner {
        Owner::KeyOwner(source) => Some(Holder::of_source_key(source)),
        Owner::Identity(_) => store.read().owner_of_key(key)?.map(|row| Holder::Identity(row.identity)),
    };
    let (Some(holder), Place::Store(id)) = (holder, &row.held.place) else { return Ok(None) };
    // One that does not open is told of already.
    let Ok(stored) = keys.open(store, *id, &holder, key) else { return Ok(None) };
    let is = |name: &str, wanted: Option<&Secret>| {
        context.setting(name).as_deref() == wanted.map(Secret::expose).map(AsRef::as_ref)
    };
    let changed = [
        ("AWS_SECRET_ACCESS_KEY", is("AWS_SECRET_ACCESS_KEY", Some(&stored.secret_access_key))),
        ("AWS_SESSION_TOKEN", is("AWS_SESSION_TOKEN", stored.session_token.as_ref())),
    ];
    Ok(changed.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| {
        let fact = format!("it is not what belongs to {key}, which the switch set: AWS refuses what programs here ask");
        Finding::fault(name, fact, "multicred renew")
    }))
}
