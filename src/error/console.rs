//! What to do where the console cannot be opened.

use super::{Exit, Failure, Row};
use crate::browser::BrowserError;
use crate::console::ConsoleError;
use crate::sts::StsError;

/// What AWS's sign-in answered, or did not; `None` for another call.
pub(super) fn sign_in(error: &StsError) -> Option<Row> {
    const ACTION: &str = "getSigninToken";
    let (exit, remedy) = match error {
        StsError::Refused { action: ACTION, .. } => {
            (Exit::Refused, "the credential may have been revoked, or be none for the console: try again with --fresh")
        }
        StsError::NoAnswer { action: ACTION, .. } => {
            (Exit::NoAnswer, "check the network, the proxy variables and MULTICRED_SIGNIN_ENDPOINT, then try again")
        }
        StsError::Unusable { action: ACTION, .. } => {
            (Exit::NoAnswer, "something between here and AWS answers in its place; check MULTICRED_SIGNIN_ENDPOINT")
        }
        _ => return None,
    };
    Some((exit, Some(remedy.to_owned())))
}

impl From<ConsoleError> for Failure {
    fn from(error: ConsoleError) -> Self {
        let (exit, remedy) = match &error {
            ConsoleError::UnknownPartition(_) => (
                Exit::Failure,
                "let MULTICRED_SIGNIN_ENDPOINT and MULTICRED_CONSOLE_ENDPOINT name its sign-in and its console",
            ),
            ConsoleError::UserSession(_) => {
                (Exit::Failure, "multicred import the user's long-term key, or open the console as a role")
            }
            ConsoleError::LongTermKey(_) => (Exit::Failure, "multicred import that key, and name the user"),
            ConsoleError::Region { .. } => (Exit::Usage, "correct --region"),
            ConsoleError::Service(_) => (Exit::Usage, "use its short name, such as s3 or ec2; or say --path"),
            ConsoleError::Path { .. } => {
                (Exit::Usage, "write what stands behind the console's host, as in --path /s3/buckets/NAME")
            }
        };
        Self::new(exit, error.to_string(), remedy)
    }
}

impl From<BrowserError> for Failure {
    fn from(error: BrowserError) -> Self {
        let remedy = match &error {
            BrowserError::NotPlain(_) => {
                "write a program and its arguments; quotes are understood, nothing is computed"
            }
            BrowserError::NotFound(_) => "is it installed, and in PATH? --print prints the link instead",
            BrowserError::NoContainers(_) => "leave out the container, or name another --browser",
            BrowserError::NoneWithContainers => "leave out the container, or name one of them with --browser",
            BrowserError::ContainerName(_) => "use letters, digits, spaces and _+=,.@:()-",
        };
        Self::new(Exit::Usage, error.to_string(), remedy)
    }
}
