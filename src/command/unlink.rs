//! `unlink`: a role is assumed from nobody any more.

use serde_json::json;

use crate::asking;
use crate::changing;
use crate::cli::{Asking, Global, Unlink};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::route::CredentialKind;
use crate::resolve::Resolver;
use crate::store::{Durability, IdentityRow, Owner, StoreError, Writing};

pub(super) fn run(context: &Context, global: &Global, arguments: &Unlink) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let row = changing::stored(resolver.catalogue(), &arguments.identity)?;
    let (shown, arn) = (row.shown(), row.arn());
    let parent = parent_of(&resolver, &row)?.ok_or_else(|| {
        let fact = format!("{shown} has no link");
        Failure::new(Exit::Failure, fact, format!("multicred show {shown} says from whom it is assumed, if at all"))
    })?;
    let (store, _) = resolver.store_and_keys()?;
    store.erase_what_is_replaced();
    let forgotten = store.write::<_, StoreError>(Durability::Synced, |writing| {
        writing.remove_link(row.id)?;
        forget_below(writing, row)
    })?;
    let detail = format!("no longer from {parent}");
    asking::record_change(context, resolver.store_path(), "unlink", (&shown, Some(&arn)), &detail);
    if global.json {
        let answer = json!({ "identity": shown, "arn": arn, "parent": parent, "forgotten": forgotten });
        return Ok(context.answer_json(&answer)?);
    }
    context.note(&format!("{shown} is no longer assumed from {parent}"));
    if forgotten > 0 {
        let what = changing::count(forgotten, "credential that was", "credentials that were");
        context.note(&format!("{what} obtained through that link, for it or for roles below it, is forgotten here"));
    }
    Ok(())
}

fn parent_of(resolver: &Resolver<'_>, row: &IdentityRow) -> Result<Option<String>, StoreError> {
    let Some(store) = resolver.catalogue().store() else { return Ok(None) };
    let Some((parent, _)) = store.read().link_of(row.id)? else { return Ok(None) };
    Ok(store.read().identity_row(parent)?.map(|row| row.shown()))
}

/// What only the link could renew: the role's own credentials, and those of every role that is assumed from it. What
/// there is another way to is obtained again at its next use.
fn forget_below(writing: &Writing<'_>, row: IdentityRow) -> Result<usize, StoreError> {
    let (mut below, mut forgotten) = (vec![row], 0);
    while let Some(row) = below.pop() {
        forgotten += writing.forget(Some(&Owner::Identity(row.id)), CredentialKind::Role)?;
        // Links form a forest: nobody comes up twice.
        below.extend(writing.read().children(row.id)?);
    }
    Ok(forgotten)
}
