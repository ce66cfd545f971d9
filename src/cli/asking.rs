//! The flags of every command that obtains a credential: for whom, and what is asked of it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::identity::request::{Request, parse_duration};

/// What is asked of a credential.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Credential options")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Asking {
    /// The region to set
    #[arg(long)]
    pub region: Option<String>,
    /// How long the credential shall last: 3600, 90m, 2h, 1h30m
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<u32>,
    /// The least life left that a stored credential must have
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub min_ttl: Option<u32>,
    /// Obtain a new credential even where a stored one is good
    #[arg(long)]
    pub fresh: bool,
    /// Use a user's long-term key itself
    #[arg(long)]
    pub no_session: bool,
    /// The MFA code, instead of being asked for it
    #[arg(long, value_name = "CODE")]
    pub mfa_code: Option<String>,
    /// The role session name
    #[arg(long, value_name = "NAME")]
    pub session_name: Option<String>,
    /// Who is behind the session, for audit trails (sts:SourceIdentity)
    #[arg(long, value_name = "NAME")]
    pub source_identity: Option<String>,
    /// A tag of the session; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub tag: Vec<String>,
    /// A managed policy that the session is restricted to; may be given again
    #[arg(long, value_name = "ARN")]
    pub policy_arn: Vec<String>,
    /// A file with a policy that the session is restricted to, or the policy itself
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Restrict the session to what reads
    #[arg(long, help = "Restrict the session to AWS's ReadOnlyAccess", conflicts_with_all = ["policy", "policy_arn"])]
    pub read_only: bool,
}

impl Asking {
    /// The words that ask for the same again. What holds for one call only (a code, `--fresh`) is not among them; and
    /// of a policy's file the content is, as it was: it may be another one by then.
    pub fn words(&self, request: &Request) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |flag: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([flag.to_owned(), value]);
            }
        };
        add("--region", self.region.clone());
        add("--duration", self.duration.map(|seconds| seconds.to_string()));
        add("--min-ttl", self.min_ttl.map(|seconds| seconds.to_string()));
        add("--session-name", self.session_name.clone());
        add("--source-identity", self.source_identity.clone());
        for tag in &self.tag {
            add("--tag", Some(tag.clone()));
        }
        for arn in &self.policy_arn {
            add("--policy-arn", Some(arn.clone()));
        }
        add("--policy", request.policy.document().map(str::to_owned));
        words.extend(self.no_session.then(|| "--no-session".to_owned()));
        words.extend(self.read_only.then(|| "--read-only".to_owned()));
        words
    }
}

/// A path that means the same in another folder: the shell may be in one when it asks again.
pub fn wherever(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

impl Whom {
    /// Whether anybody is named at all.
    pub fn is_named(&self) -> bool {
        [&self.identity, &self.arn, &self.access_key, &self.account].into_iter().any(Option::is_some)
    }
}

/// Whether programs get a credential, or ask the agent for one each time.
#[derive(Clone, Debug, Default, Args)]
pub struct Live {
    /// Put no credential into the environment: programs ask the agent for it, which renews it
    #[arg(long)]
    pub live: bool,
    /// Hand out this identity's credentials, too, at /role-arn/ARN; may be given again
    #[arg(long, value_name = "IDENTITY", requires = "live")]
    pub also: Vec<String>,
}

/// For whom a program wants a credential.
#[derive(Clone, Debug, Default, Args)]
pub struct Whom {
    /// Whom: ALIAS/ROLE, ALIAS/user/NAME, a label, a profile, an ARN, or an access key id; else the shell's identity
    #[arg(conflicts_with_all = ["arn", "access_key", "account", "role"])]
    pub identity: Option<String>,
    /// Whom, by ARN
    #[arg(long, conflicts_with_all = ["access_key", "account", "role"])]
    pub arn: Option<String>,
    /// The stored credential with this access key id, as it is
    #[arg(long, value_name = "ID", conflicts_with_all = ["account", "role"])]
    pub access_key: Option<String>,
    /// The account of the role that --role names: an alias or twelve digits
    #[arg(long, requires = "role")]
    pub account: Option<String>,
    /// The role, in the account that --account names
    #[arg(long, requires = "account", value_name = "NAME")]
    pub role: Option<String>,
}
