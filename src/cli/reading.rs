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
