//! `lock`: the agent drops every key.

use serde_json::json;

use crate::agent::Agent;
use crate::cli::Global;
use crate::context::Context;
use crate::error::Failure;

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let socket = context.agent_socket();
    let dropped = match Agent::connect(&socket)? {
        Some(mut agent) => agent.lock()?,
        None => 0,
    };
    if global.json {
        return Ok(context.answer_json(&json!({ "dropped": dropped }))?);
    }
    context.note(&match dropped {
        0 => "there is nothing to lock: no agent holds a key".to_owned(),
        1 => "locked: the agent dropped its key".to_owned(),
        count => format!("locked: the agent dropped its {count} keys"),
    });
    Ok(())
}
