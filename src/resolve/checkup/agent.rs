//! The agent: whether one runs, and whether it is of use to this program.

use std::path::Path;

use super::Finding;
use super::network::is_there;
use crate::agent::protocol::PROGRAM_VERSION;
use crate::agent::{Agent, AgentError, Status};

/// Who the agent is that listens at a socket, if one does, and what is to be said of that.
pub(super) fn look(socket: &Path) -> (Option<Status>, Vec<Finding>) {
    let about = socket.display();
    match Agent::connect(socket).and_then(|agent| agent.map(|mut agent| agent.status()).transpose()) {
        Ok(None) if is_there(socket) => {
            let fact = "nobody listens at this socket of an agent that is gone";
            (None, vec![Finding::note(about, fact, "multicred agent start makes it anew")])
        }
        Ok(None) => (None, Vec::new()),
        Ok(Some(status)) => {
            let found = of_status(socket, &status);
            (Some(status), found)
        }
        Err(error) => {
            let fact = error.to_string();
            (None, vec![Finding::fault(about, fact, remedy(&error))])
        }
    }
}

fn of_status(socket: &Path, status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    let about = socket.display();
    if status.version != PROGRAM_VERSION {
        let fact = format!(
            "agent {} is multicred {}, and this is multicred {PROGRAM_VERSION}",
            status.pid,
            status.version.escape_debug()
        );
        found.push(Finding::note(&about, fact, "multicred agent stop; the next one is of this version"));
    }
    if !status.memory_locked {
        let fact = format!("the memory of agent {} is not locked: a key may reach the swap", status.pid);
        found.push(Finding::note(&about, fact, "raise ulimit -l, then: multicred agent stop"));
    }
    found
}

fn remedy(error: &AgentError) -> &'static str {
    match error {
        AgentError::NotOurs { .. } | AgentError::Socket { .. } => "let MULTICRED_AGENT_SOCK name a socket of your own",
        AgentError::Silent { .. } => {
            "end that process (is it stopped?), or let MULTICRED_AGENT_SOCK name another socket"
        }
        _ => "end what listens there, or let MULTICRED_AGENT_SOCK name another socket",
    }
}
