//! What the commands take that read, and change nothing.

use clap::Args;

/// `why`
#[derive(Debug, Args)]
pub struct Why {
    /// Whom
    #[arg(allow_hyphen_values = true)]
    pub identity: String,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// Whom
    #[arg(allow_hyphen_values = true)]
    pub identity: String,
}

/// `tree`
#[derive(Debug, Args)]
pub struct Tree {
    /// Whom, with all that are assumed from it; without one, everybody
    #[arg(allow_hyphen_values = true)]
    pub identity: Option<String>,
    /// As a graph for graphviz: multicred tree --dot | dot -Tsvg
    #[arg(long)]
    pub dot: bool,
}
