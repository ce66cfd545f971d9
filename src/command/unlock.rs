//! `unlock`: the agent gets the store's key.

use serde_json::json;

use crate::asking;
use crate::cli::{Asking, Global};
use crate::context::Context;
use crate::error::{Exit, Failure};

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let (store, mut keys) = resolver.keys().ok_or_else(|| no_store("nothing is locked"))?;
    let slot = keys.unlock_for_agent(store)?;
    if global.json {
        let (number, kind) = (slot.as_ref().map(|slot| slot.id), slot.as_ref().map(|slot| slot.kind.as_str()));
        return Ok(context.answer_json(&json!({ "unlocked": true, "slot": number, "kind": kind }))?);
    }
    context.note(&match slot {
        None => "the agent holds the store's key already".to_owned(),
        Some(slot) => format!("unlocked by key slot {} ({}): the agent holds the store's key", slot.id, slot.kind),
    });
    Ok(())
}

/// Nothing here makes a store.
pub(super) fn no_store(so: &str) -> Failure {
    Failure::new(Exit::Failure, format!("there is no store yet: {so}"), "multicred import makes it")
}
