//! What the commands take that change the store or the person's AWS files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::identity::request::parse_duration;

/// `import`
#[derive(Debug, Args)]
pub struct Import {
    /// A file, or - for stdin; else the shared credentials file. With --from: where that tool keeps its own
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The section to import
    #[arg(long, short, value_name = "NAME", conflicts_with = "all")]
    pub profile: Option<String>,
    /// Import every section
    #[arg(long)]
    pub all: bool,
    /// The label to give
    #[arg(long, conflicts_with = "all")]
    pub label: Option<String>,
    /// Import what another tool keeps; nothing of that tool is changed
    #[arg(long, value_enum, value_name = "TOOL", conflicts_with_all = ["all", "label"])]
    pub from: Option<Tool>,
    /// With --from: only say what would be imported
    #[arg(long, requires = "from")]
    pub dry_run: bool,
    /// Import the files, every section of them, now and each time that they change, until Ctrl-C
    #[arg(long, requires = "files", conflicts_with_all = ["from", "all", "label"])]
    pub watch: bool,
}

/// The tools that one can come over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// Its database, ~/.aws/multicred.db
    MulticredPy,
    /// Its database, ~/.aws/mentaws.db, with the key from the keyring
    Mentaws,
    /// Its own program where it is there, else its encrypted files, ~/.awsvault/keys
    AwsVault,
}

impl Tool {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::MulticredPy => "multicred-py",
            Self::Mentaws => "mentaws",
            Self::AwsVault => "aws-vault",
        }
    }
}

/// `add`
#[derive(Debug, Args)]
pub struct Add {
    /// The label to give
    pub name: String,
    /// Take the credential of the environment
    #[arg(long, help = "Take the credential from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN")]
    pub env: bool,
    /// Write a profile of that name into ~/.aws/config, through which other programs ask multicred
    #[arg(long = "add-config")]
    pub config: bool,
    /// The user's MFA device
    #[arg(long, value_name = "SERIAL")]
    pub mfa_serial: Option<String>,
    /// The region to set
    #[arg(long)]
    pub region: Option<String>,
}

/// `account` (its `--color` is among the global options)
#[derive(Debug, Args)]
#[allow(clippy::struct_field_names, reason = "it is called so on the command line")]
pub struct Account {
    /// A twelve-digit account id, or an alias
    pub account: String,
    /// The short name to give it
    #[arg(long)]
    pub alias: Option<String>,
    /// Have its alias typed before anybody is somebody of it, and let credentials of it be short-lived
    #[arg(long)]
    pub protect: bool,
    /// Protect it no longer; its alias has to be typed for that
    #[arg(long, conflicts_with = "protect")]
    pub unprotect: bool,
}

impl Account {
    /// Whether it is to be protected, where that was said.
    pub fn protection(&self) -> Option<bool> {
        (self.protect || self.unprotect).then_some(self.protect)
    }
}

/// `link`
#[derive(Debug, Args)]
pub struct Link {
    /// The role
    pub identity: String,
    /// The user or role it is assumed from
    #[arg(long)]
    pub parent: String,
    /// The role's ARN, where its path cannot be guessed
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// The MFA device of the parent user
    #[arg(long, value_name = "SERIAL")]
    pub mfa_serial: Option<String>,
    /// How long its credentials shall last
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<u32>,
    /// The region to set
    #[arg(long)]
    pub region: Option<String>,
    /// The role session name
    #[arg(long, value_name = "NAME")]
    pub session_name: Option<String>,
    /// Assume it once, to prove that it works
    #[arg(long)]
    pub verify: bool,
}

/// `unlink`
#[derive(Debug, Args)]
pub struct Unlink {
    /// The role
    pub identity: String,
}

/// `label`
#[derive(Debug, Args)]
pub struct Label {
    /// Whom: any of its names
    pub identity: String,
    /// The label to give
    #[arg(required_unless_present = "remove")]
    pub name: Option<String>,
    /// Take the label away
    #[arg(long, conflicts_with = "name")]
    pub remove: bool,
}

/// `remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// The identity, with its credentials and its links
    #[arg(required_unless_present = "key")]
    pub identity: Option<String>,
    /// This one credential; the identity stays
    #[arg(long, value_name = "ACCESS_KEY_ID")]
    pub key: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Remove the only copy of a long-lived key, too
    #[arg(long)]
    pub force: bool,
}

/// `forget`
#[derive(Debug, Args)]
pub struct Forget {
    /// Whose; without one, everybody's
    pub identity: Option<String>,
    /// Imported temporary credentials, too
    #[arg(long)]
    pub imports: bool,
}

/// `sync`
#[derive(Debug, Args)]
pub struct Sync {
    /// The identities to write profiles for; without any, the profiles that are there are renewed
    #[arg(value_name = "IDENTITY")]
    pub identities: Vec<String>,
    /// Exactly those identities of the store that can be obtained again or have a long-term key
    #[arg(long, conflicts_with = "identities")]
    pub all: bool,
    /// Remove these profiles; without any named, all
    #[arg(long)]
    pub remove: bool,
}
