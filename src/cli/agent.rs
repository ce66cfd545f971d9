//! The flags of `agent`.

use clap::{Args, Subcommand};

use super::asking::{Asking, Whom};

/// `agent`
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct Agent {
    /// What to do.
    #[command(subcommand)]
    pub verb: AgentVerb,
}

/// `agent fetch`
#[derive(Debug, Args)]
pub struct Fetch {
    /// Ask as a switch does, and not as a program
    #[arg(long)]
    pub in_shell: bool,
    /// Whose it must be
    #[arg(long, value_name = "ARN")]
    pub expect: Option<String>,
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
}

/// What can be done with an agent.
#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// Start it, unless it runs
    Start {
        /// Be the agent, here, until a signal comes
        #[arg(long)]
        foreground: bool,
    },
    /// End it; its keys are gone
    Stop,
    /// Who it is, and what it holds; exit code 1 where none runs
    Status,
    /// Print a credential for a live session (what the agent calls)
    #[command(hide = true)]
    Fetch(Box<Fetch>),
    /// Be the agent (what `start` calls)
    #[command(hide = true)]
    Serve {
        /// After how many seconds without use a key is dropped
        #[arg(long, value_name = "SECONDS")]
        idle: u64,
        /// Leave the caller's session
        #[arg(long)]
        detach: bool,
    },
}
