//! What to do about protected accounts.

use super::{Exit, Row};
use crate::identity::plan::NoPlan;
use crate::identity::request::Asker;
use crate::prompt::Unaskable;
use crate::resolve::{Unconfirmed, Why};

/// The exit code and the remedy where nobody has confirmed it.
pub(super) fn unconfirmed(error: &Unconfirmed) -> Row {
    let shown = &error.shown;
    let exit = if error.why == Why::OtherWord { Exit::Failure } else { Exit::Locked };
    let place = match error.why {
        Why::Unaskable(Unaskable::Background) => "in the foreground",
        _ => "on a terminal",
    };
    let remedy = match (&error.why, error.asker) {
        (Why::OtherWord, _) => "nothing was changed; run the command again".to_owned(),
        (Why::Unattended, _) | (_, Some(Asker::Agent)) => {
            "multicred renew, in the shell that it is of; a program of exec or serve has to be started again".to_owned()
        }
        (_, None) => format!("run it {place}"),
        (_, Some(Asker::Switch)) => format!("run it {place}; or say --read-only, which needs no confirmation"),
        (_, Some(Asker::Program)) => format!(
            "multicred as {shown} {place}, and run it in that shell, which is not asked again; or say --read-only, which \
             needs no confirmation"
        ),
    };
    (exit, Some(remedy))
}

/// The exit code and the remedy for what the lease does not allow.
pub(super) fn lease(error: &NoPlan) -> Row {
    let remedy = match error {
        NoPlan::EndlessKey { access_key_id, .. } => format!(
            "leave out --no-session, for a session; or name the key itself, {access_key_id}, which is confirmed each time"
        ),
        _ => "ask for less, or let protected.lease in config.toml be longer".to_owned(),
    };
    (Exit::Usage, Some(remedy))
}
