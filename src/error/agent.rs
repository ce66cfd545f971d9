//! What to do about an agent that does not do what it was asked.

use super::{Exit, Failure};
use crate::agent::AgentError;

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        let (exit, remedy) = match &error {
            AgentError::NotHeld => (Exit::Locked, "unlock the store again"),
            AgentError::DoesNotOpen => (Exit::Failure, "restore the store from a backup, or import again"),
            AgentError::Conflict => (Exit::Failure, "multicred lock, then unlock the store again"),
            AgentError::Full => {
                (Exit::Failure, "see what it holds with multicred agent status, and end what you do not need")
            }
            AgentError::NoSession => (Exit::Failure, "multicred renew, or be somebody again: multicred as NAME --live"),
            AgentError::NoEndpoint(_) => {
                (Exit::Failure, "see multicred agent status; multicred as NAME does without it")
            }
            AgentError::Busy | AgentError::Gone | AgentError::NoRandom => (Exit::Failure, "run the command again"),
            AgentError::TooLong => (Exit::Failure, "see which file of yours is that long"),
            AgentError::OtherVersion { .. } => (Exit::Failure, "multicred agent stop, then run the command again"),
            AgentError::NotOurs { .. } => {
                (Exit::Failure, "let MULTICRED_AGENT_SOCK name a file in a folder that is yours alone, or unset it")
            }
            AgentError::Silent { .. } => {
                (Exit::Failure, "see whether it is stopped (multicred agent status, ps), or end it")
            }
            AgentError::Protocol => {
                (Exit::Failure, "let MULTICRED_AGENT_SOCK name a path where no other program listens, or unset it")
            }
            AgentError::Socket { .. } => (
                Exit::Failure,
                "let MULTICRED_AGENT_SOCK name a file in a folder that is yours alone (chmod 700), or unset it",
            ),
            AgentError::NotStarted(_) => (Exit::Failure, "see what multicred agent start --foreground says"),
        };
        Self::new(exit, error.to_string(), remedy)
    }
}
