//! The flags of the commands that give credentials to programs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{Asking, Format, Live, Whom};

/// `exec`
#[derive(Debug, Args)]
pub struct Exec {
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
    /// Whether it is handed out by the agent.
    #[command(flatten)]
    pub live: Live,
    /// Run it also inside another exec
    #[arg(long)]
    pub nested: bool,
    /// The program and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `env`
#[derive(Debug, Args)]
pub struct Env {
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
    /// sh, fish, tcsh, powershell, nu, elvish, xonsh, json, dotenv, ini or docker [default: sh]
    #[arg(long, short)]
    pub format: Option<Format>,
    /// Print secrets to a terminal
    #[arg(long)]
    pub force: bool,
    /// Write it to this profile of the credentials file instead
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with = "format",
        help = "Write it to this profile of the credentials file instead [default: the profile's destination_profile]"
    )]
    pub to_profile: Option<String>,
}

/// `credential-process`
#[derive(Debug, Default, Args)]
pub struct CredentialProcess {
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
}

/// `serve`
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Serve {
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
    /// Be asked as a container's endpoint is, with a token (this is the default)
    #[arg(long, conflicts_with = "imds")]
    pub ecs: bool,
    /// Be asked as EC2's instance metadata service is: every program of this machine can
    #[arg(long)]
    pub imds: bool,
    /// Answer also those who show no token of the metadata service's (version 1)
    #[arg(long, requires = "imds")]
    pub imds_v1: bool,
    /// Hand out this identity's credentials, too, at /role-arn/ARN; may be given again
    #[arg(long, value_name = "IDENTITY", conflicts_with = "imds")]
    pub also: Vec<String>,
    /// How to print what programs need: as env does, but for ini [default: sh]
    #[arg(long, short)]
    pub format: Option<Format>,
    /// Write the token to this file, and print where it is
    #[arg(long, value_name = "FILE", conflicts_with = "imds")]
    pub token_file: Option<PathBuf>,
    /// Print the token to a terminal
    #[arg(long)]
    pub force: bool,
}
