//! The flags of `console`.

use clap::Args;

use super::{Asking, Whom};

/// `console`
#[derive(Debug, Default, Args)]
pub struct Console {
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
    /// The service whose console opens: s3, ec2, lambda, cfn, logs, …
    #[arg(long, value_name = "NAME", conflicts_with = "path")]
    pub service: Option<String>,
    /// The page that opens: what stands behind the console's host, or its whole address
    #[arg(long)]
    pub path: Option<String>,
    /// Print the link instead of opening it
    #[arg(long, conflicts_with_all = ["browser", "container"])]
    pub print: bool,
    /// The browser's command line; the link takes the place of %s or {}, else it stands at the end
    #[arg(long, value_name = "COMMAND")]
    pub browser: Option<String>,
    /// The Firefox container, or the profile of Chrome and its kin; {identity} stands for the name
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// Become the program that stdin names (what `console` itself calls)
    #[arg(long, hide = true)]
    pub detached: bool,
}
