//! What each argument of the command line takes, where its type does not say so.

use crate::cli::{ColourArgument, ColourChange, Format};
use crate::console;

/// Names that only the store and the person's files know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// An identity, by every name it has.
    Identity,
    /// The same, or nobody.
    IdentityOrNobody,
    /// An account.
    Account,
    /// The ARN of an identity.
    Arn,
    /// The access key id of a stored credential.
    AccessKey,
    /// A profile of the AWS files.
    Profile,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A name that is looked up.
    Names(Names),
    /// One of these.
    Words(&'static [&'static str]),
    /// A command of multicred's.
    Verb,
    /// Whatever the person wants: nothing is offered.
    Free,
}

const SHELLS: &[&str] = &["bash", "zsh", "fish"];
/// AWS General Reference, "AWS Regions" (2025): those that anybody can enable, then those of other partitions.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];

/// What an argument takes, by its command as it is typed (`key add`) and its name in [`crate::completion`]'s tree; `None`
/// for one that is not in the table.
pub fn of(command: &str, argument: &str) -> Option<Value> {
    use Value::{Free, Verb, Words};
    let names = Value::Names;
    Some(match (command, argument) {
        ("as", "identity") => names(Names::IdentityOrNobody),
        ("import", "profile") | ("env", "to_profile") => names(Names::Profile),
        ("account", "color") => Words(ColourChange::WORDS),
        ("man", "command") => Verb,
        (_, "identity" | "identities" | "also" | "parent" | "profiles") => names(Names::Identity),
        (_, "account") => names(Names::Account),
        (_, "arn") => names(Names::Arn),
        (_, "access_key") | ("remove", "key") | ("rotate", "delete_other") => names(Names::AccessKey),
        (_, "region") => Words(REGIONS),
        (_, "format") => Words(Format::NAMES),
        ("init" | "completions" | "complete", "shell") => Words(SHELLS),
        (_, "color") => Words(ColourArgument::WHEN),
        (_, "service") => Words(console::SERVICES),
        // A duration, a time, a number, what the person makes up, or a name of somebody else's.
        (
            _,
            "alias" | "browser" | "container" | "duration" | "expect" | "external_id" | "idle" | "label" | "mfa_code"
            | "mfa_serial" | "min_ttl" | "name" | "number" | "older_than" | "path" | "policy_arn" | "role" | "role_arn"
            | "session_name" | "shell" | "shell_pid" | "since" | "source_identity" | "tag" | "what",
        ) => Free,
        _ => return None,
    })
}
