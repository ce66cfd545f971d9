//! `forget`: what can be obtained again goes from the store.

use serde_json::json;

use crate::asking;
use crate::changing::{self, count};
use crate::cli::{Asking, Forget, Global};
use crate::context::Context;
use crate::error::Failure;
use crate::identity::route::CredentialKind;
use crate::resolve::{Resolver, Target};
use crate::store::{Durability, Owner, StoreError};

pub(super) fn run(context: &Context, global: &Global, arguments: &Forget) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let whose = arguments.identity.as_deref().map(|name| whose(&resolver, name)).transpose()?;
    let Forgotten { sessions, roles, imports } = forget(&mut resolver, whose.as_ref(), arguments.imports)?;
    let shown = whose.as_ref().map(|whose| whose.shown.as_str());
    let total = sessions + roles + imports;
    let parts = [
        (sessions, "user's session", "users' sessions"),
        (roles, "role's credential", "roles' credentials"),
        (imports, "imported temporary credential", "imported temporary credentials"),
    ];
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, one, many)| count(number, one, many)).collect();
    if total > 0 {
        let of = (shown.unwrap_or("everybody"), None);
        asking::record_change(context, resolver.store_path(), "forget", of, &parts.join(", "));
    }
    if global.json {
        let answer = json!({ "identity": shown, "sessions": sessions, "roles": roles, "imports": imports });
        return Ok(context.answer_json(&answer)?);
    }
    let of = shown.map(|shown| format!(" of {shown}")).unwrap_or_default();
    if total == 0 {
        context.note(&format!("there is nothing{of} to forget"));
        return Ok(());
    }
    context.note(&format!("forgotten{of}: {}", parts.join(", ")));
    context.note("what shells and programs hold works until it expires");
    changing::note_live_sessions(context, shown);
    Ok(())
}

/// Of whom something is forgotten.
struct Whose {
    shown: String,
    /// `None` for somebody of whom the store has nothing.
    owner: Option<Owner>,
}

/// Any name will do: what a profile led to is stored under whom it is.
fn whose(resolver: &Resolver<'_>, name: &str) -> Result<Whose, Failure> {
    let catalogue = resolver.catalogue();
    if let Some(row) = catalogue.stored_identity(name)? {
        return Ok(Whose { shown: row.shown(), owner: Some(Owner::Identity(row.id)) });
    }
    let target = catalogue.lookup(name)?;
    if let Target::Key(_, holder) = &target {
        let fact = format!("'{}' is one key: it is removed, or stays", name.escape_debug());
        return Err(Failure::usage(fact, format!("multicred remove --key {name}, or name {holder}")));
    }
    let destination = catalogue.destination(&target, name)?;
    let holder = &destination.route.target().holder;
    let owner = catalogue.store().map(|store| store.read().owner(holder)).transpose()?.flatten();
    Ok(Whose { shown: destination.shown, owner })
}

/// How many went.
#[derive(Default)]
struct Forgotten {
    sessions: usize,
    roles: usize,
    imports: usize,
}

fn forget(resolver: &mut Resolver<'_>, whose: Option<&Whose>, with_imports: bool) -> Result<Forgotten, StoreError> {
    let owner = whose.map(|whose| whose.owner.as_ref());
    let (Some((store, _)), false) = (resolver.keys(), owner == Some(None)) else { return Ok(Forgotten::default()) };
    store.erase_what_is_replaced();
    store.write(Durability::Synced, |writing| {
        let forget = |kind| writing.forget(owner.flatten(), kind);
        Ok(Forgotten {
            sessions: forget(CredentialKind::Session)?,
            roles: forget(CredentialKind::Role)?,
            imports: if with_imports { forget(CredentialKind::Imported)? } else { 0 },
        })
    })
}
