//! What to do about profiles and settings that cannot be followed.

use super::{Exit, Row};
use crate::aws_config::temporary::TemporaryError;
use crate::aws_config::{ChainError, Problem};
use crate::settings::SettingsError;
use crate::sts::StsError;

/// The exit code and the remedy for a profile.
pub(super) fn chain(error: &ChainError) -> Row {
    let remedy = match &*error.problem {
        Problem::NoSuchSource { .. } => "correct the name, or add the profile".to_owned(),
        Problem::Loop { .. } => "let one of these profiles have a key of its own".to_owned(),
        Problem::NoSource { .. } => "add source_profile = the profile it is assumed from".to_owned(),
        Problem::NoCredential { profile } => {
            format!("add a key, a role_arn or a credential_process, or multicred import --label {profile}")
        }
        Problem::NoRole { .. } => "add role_arn, or remove that line".to_owned(),
        Problem::BadValue { .. } | Problem::Fault { .. } => "correct that line".to_owned(),
        Problem::Contradiction { .. } => "remove one of the two lines".to_owned(),
        Problem::NeedsSignIn { profile, .. } => {
            let name = profile.escape_debug();
            format!(
                "aws sso login --profile '{name}', then: aws configure export-credentials --profile '{name}' \
                 | multicred import - --label NAME"
            )
        }
        Problem::Environment { remedy, .. } => (*remedy).to_owned(),
        Problem::AsksWith { flag, .. } => {
            format!("name the identity itself, with {flag}; or take {flag} out of that line")
        }
        Problem::AsksForNoOne { .. } => "give it one name: multicred credential-process NAME".to_owned(),
        Problem::AsksForNobody(name) => {
            let remedy = format!(
                "name an identity there; where multicred sync wrote it: multicred sync --remove {name}, and multicred sync \
                 with the name that it has now"
            );
            return (Exit::Identity, Some(remedy));
        }
        Problem::AsksInLoop(_) => {
            return (Exit::Identity, Some("let one of these profiles name an identity".to_owned()));
        }
    };
    (Exit::Failure, Some(remedy))
}

/// The same for the metadata service of the machine, given what would be done about AWS: neither the network nor AWS's
/// own address is to blame.
pub(super) fn machine(error: &StsError, (exit, of_aws): Row) -> Row {
    let remedy = match error {
        StsError::Refused { .. } => "let the instance or the task have a role, and this program the right to ask",
        StsError::NoAnswer { .. } | StsError::Unavailable { .. } => "is this an instance, or a task, with a role?",
        StsError::Unusable { .. } => "see what answers at that address",
        _ => return (exit, of_aws),
    };
    (exit, Some(remedy.to_owned()))
}

/// The exit code and the remedy for what was not put into a profile.
pub(super) fn temporary(error: &TemporaryError) -> Row {
    let row = |exit: Exit, remedy: &str| (exit, Some(remedy.to_owned()));
    match error {
        TemporaryError::BadName(_) => row(Exit::Usage, "leave out [ ] # ; quotes, control characters and outer spaces"),
        TemporaryError::LongTermCredential(_) => {
            row(Exit::Usage, "leave out --no-session, or name an identity that has a session")
        }
        TemporaryError::Kept { .. } => {
            row(Exit::Failure, "name another profile, or give that one back: multicred unsetup")
        }
        TemporaryError::Changed(_) => row(Exit::Failure, "run the command again"),
        TemporaryError::Fault { .. } => row(Exit::Failure, "correct that line, or name another profile"),
        TemporaryError::Wins { .. } => row(Exit::Failure, "name another profile, or remove that line"),
        TemporaryError::HoldsLongTermKey { .. } | TemporaryError::Edit { .. } | TemporaryError::NotReadBack(_) => {
            row(Exit::Failure, "nothing was written; name another profile")
        }
    }
}

/// The exit code and the remedy for the person's own settings.
pub(super) fn settings(error: &SettingsError) -> Row {
    let remedy = match error {
        SettingsError::Unreadable { .. } => "make it readable, or remove it".to_owned(),
        SettingsError::Unknown { nearest: Some(name), .. } => format!("did you mean {name}?"),
        SettingsError::Unknown { nearest: None, .. } => "multicred config lists every setting".to_owned(),
        SettingsError::Syntax { .. } | SettingsError::BadValue { .. } => "correct that line".to_owned(),
    };
    (Exit::Usage, Some(remedy))
}
