//! `lock`: the agent drops every key.

use serde_json::json;

use crate::agent::Agent;
use crate::cli::Global;
use crate::context::Context;
use crate::error::Failure;
use crate::resolve::{WayIn, store_path};
use crate::store::Store;

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let socket = context.agent_socket();
    let (dropped, ended) = match Agent::connect(&socket)? {
        Some(mut agent) => agent.lock()?,
        None => (0, 0),
    };
    if global.json {
        return Ok(context.answer_json(&json!({ "dropped": dropped, "ended": ended }))?);
    }
    context.note(&match dropped {
        0 if ended > 0 => "locked: the agent held no key".to_owned(),
        0 => "there is nothing to lock: no agent holds a key".to_owned(),
        1 => "locked: the agent dropped its key".to_owned(),
        count => format!("locked: the agent dropped its {count} keys"),
    });
    match ended {
        0 => {}
        1 => context.note("a live session was ended: credentials that were handed out work until they expire"),
        count => {
            context.note(&format!(
                "{count} live sessions were ended: credentials that were handed out work until they expire"
            ));
        }
    }
    if let Some(way) = still_opens(context, global) {
        context.note(&format!("key slot {} ({}) opens the store without asking still", way.number, way.kind));
    }
    Ok(())
}

/// A slot whose secret nobody types.
fn still_opens(context: &Context, global: &Global) -> Option<WayIn> {
    let path = store_path(context, global.store.as_deref()).ok()?;
    let store = Store::open_to_look(&path).ok()??;
    let (_, slots) = store.read().key_slots().ok()?;
    slots.iter().map(|slot| WayIn::described(&path, slot)).find(|way| !way.is_typed())
}
