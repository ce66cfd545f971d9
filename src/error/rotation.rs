//! What to do about a key that could not be rotated.

use super::{Exit, Failure, Row};
use crate::resolve::{Orphan, ResolveError, RotateError};
use crate::sts::StsError;

/// What a user must be allowed to do to itself.
const PERMISSIONS: &str = "let whoever administers the account allow iam:CreateAccessKey, iam:ListAccessKeys, \
     iam:UpdateAccessKey, iam:DeleteAccessKey and iam:GetAccessKeyLastUsed on the user's own ARN \
     (arn:aws:iam::*:user/${aws:username}); where that asks for MFA, the user's MFA device must be known: multicred show \
     tells it, and multicred link --mfa-serial sets it";

const ACTIONS: [&str; 5] =
    ["CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"];

/// What to do about IAM's refusals.
pub(super) fn refused(error: &StsError) -> Option<Row> {
    let StsError::Refused { code, action, .. } = error else { return None };
    let is_denied = ["AccessDenied", "AccessDeniedException"].contains(&code.as_str());
    (is_denied && ACTIONS.contains(action)).then(|| (Exit::Refused, Some(PERMISSIONS.to_owned())))
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        let fact = error.to_string();
        let failed = |exit: Exit, remedy: String| Self::new(exit, fact.clone(), remedy);
        match error {
            RotateError::Resolve(error) => error.into(),
            RotateError::HasNoKey { .. } => {
                failed(Exit::Usage, "name a user, or the root user, whose key multicred list shows".to_owned())
            }
            RotateError::NotStored(_) => {
                failed(Exit::Failure, "multicred import it first; multicred list shows every name".to_owned())
            }
            RotateError::ManyKeys { keys, .. } => {
                let oldest = keys.last().cloned().unwrap_or_default();
                failed(Exit::Usage, format!("name the one that is to go: multicred rotate {oldest}"))
            }
            RotateError::NotListed { .. } => {
                failed(Exit::Refused, "nothing was changed; import the key that the user has now".to_owned())
            }
            RotateError::NotAnother(_) => {
                failed(Exit::Usage, "leave --delete-other out: a rotation ends with that one anyway".to_owned())
            }
            RotateError::Copies { .. } => {
                failed(Exit::Locked, "nothing was changed; say --yes, or take it out of there first".to_owned())
            }
            RotateError::OtherPending { shown, .. } => {
                failed(Exit::Failure, format!("multicred rotate {shown} finishes it first"))
            }
            RotateError::Inactive { key, .. } => failed(
                Exit::Failure,
                format!(
                    "nothing was changed; rotate the other one, or make this one active first: aws iam update-access-key \
                     --access-key-id {key} --status Active"
                ),
            ),
            RotateError::NoRoom { key, other_key, .. } => failed(
                Exit::Locked,
                format!(
                    "nothing was changed; where nothing needs {other_key}, delete it: multicred rotate {key} \
                     --delete-other {other_key}"
                ),
            ),
            RotateError::NotSeenGone { shown, error, .. } => {
                let row = Self::from(ResolveError::from(*error));
                let remedy = row.remedy.map(|remedy| format!("{remedy}; then ")).unwrap_or_default();
                failed(row.exit, format!("{remedy}multicred rotate {shown} looks for it, and goes on"))
            }
            RotateError::NoRoomYet { .. } => failed(
                Exit::Refused,
                "nothing was changed; AWS may not know yet that a key was deleted: run the command again in a minute"
                    .to_owned(),
            ),
            RotateError::Cancelled => failed(Exit::Cancelled, "nothing was changed".to_owned()),
            RotateError::LostReply { shown, orphan, .. } => failed(Exit::NoAnswer, after_loss(&shown, &orphan)),
            RotateError::NotKept { shown, error, left } => {
                let row = Self::from(*error);
                let remedy = row.remedy.unwrap_or_default();
                let more = left.map(|key| format!("; then multicred rotate {shown} --delete-other {key}"));
                failed(row.exit, remedy + &more.unwrap_or_default())
            }
            RotateError::NotTaken { shown, error, .. } => {
                failed(exit_of(*error), format!("multicred rotate {shown} tries again, or begins anew"))
            }
            RotateError::Unfinished { shown, error, .. } => {
                let row = Self::from(*error);
                let remedy = row.remedy.map(|remedy| format!("{remedy}; then ")).unwrap_or_default();
                failed(row.exit, format!("{remedy}multicred rotate {shown} finishes it"))
            }
            RotateError::Interrupted { shown, .. } => {
                failed(Exit::Cancelled, format!("multicred rotate {shown} finishes it"))
            }
        }
    }
}

fn exit_of(error: ResolveError) -> Exit {
    Failure::from(error).exit
}

fn after_loss(shown: &str, orphan: &Orphan) -> String {
    match orphan {
        Orphan::Deleted(_) => format!("multicred rotate {shown} begins anew"),
        Orphan::Left(key) => {
            format!("multicred rotate {shown} --delete-other {key} deletes it, and begins anew")
        }
        Orphan::Unknown => format!("multicred rotate {shown} looks for it, and begins anew"),
    }
}
