//! What to do about the store's keys.

use super::{Exit, Row};
use crate::resolve::ResolveError;
use crate::resolve::checkup::bring_back;
use crate::seal::SealError;

/// What to do about a seal or a key slot.
pub(super) fn seal(error: &SealError) -> Row {
    match error {
        SealError::DoesNotOpen(what) => (Exit::Failure, Some(bring_back(what))),
        SealError::OriginalDoesNotOpen(_) => (Exit::Failure, Some("multicred restore FILE, of a backup".to_owned())),
        SealError::Format { .. } => {
            (Exit::Failure, Some("use a newer multicred; where none has sealed it, import or restore it".to_owned()))
        }
        SealError::Slot { .. } => (Exit::Locked, Some("bring its key back".to_owned())),
        SealError::KeyFile { .. } => {
            (Exit::Failure, Some("make its folder writable, or name another store with --store".to_owned()))
        }
        SealError::TooLong => (Exit::Failure, Some("see which file of yours is that long".to_owned())),
        SealError::Agent(_) => (Exit::Locked, Some("run the command again".to_owned())),
        SealError::Random(_) => (Exit::Failure, Some("run the command again".to_owned())),
    }
}

/// What to do about the ways into the store.
pub(super) fn slots(error: &ResolveError) -> Row {
    let (exit, remedy) = match error {
        ResolveError::WrongPassphrase => {
            (Exit::Locked, "multicred key list shows what else opens it; a recovery code can be typed instead")
        }
        ResolveError::KeyKind { .. } => (
            Exit::Usage,
            "unset it, or let it be keyring, passphrase, ssh-agent, command (with MULTICRED_KEY_COMMAND) or file",
        ),
        ResolveError::NewSlot { .. } => {
            (Exit::Failure, "nothing was changed; mend that, or add a slot of another kind")
        }
        ResolveError::NoSlot(_) => (Exit::Failure, "multicred key list shows their numbers"),
        ResolveError::LastSlot { .. } => (Exit::Failure, "multicred key add another one first"),
        ResolveError::OnlyWayIn { .. } => (
            Exit::Locked,
            "let another one open it; or say --force, where you are sure that another one does, elsewhere",
        ),
        ResolveError::ForeignSlot { number, kind } => {
            let known = ["keyring", "passphrase", "ssh-agent", "command", "file", "recovery"].contains(&kind.as_str());
            let again =
                if known { format!("multicred key add {kind}") } else { "multicred key add another".to_owned() };
            let remedy = format!("nothing was changed; multicred key remove {number}, then {again} if it was yours");
            return (Exit::Failure, Some(remedy));
        }
        _ => (
            Exit::Locked,
            "bring back what opens it: unlock the keyring, add the SSH key, put the key file back, type the passphrase on \
             a terminal, or let MULTICRED_PASSPHRASE_FILE name a file that has it; multicred key list shows every way",
        ),
    };
    (exit, Some(remedy.to_owned()))
}
