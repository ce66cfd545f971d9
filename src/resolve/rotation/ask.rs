//! What the person is told and asked before anything happens.

use super::{RotateError, Rotation};
use crate::aws_config::Origin;
use crate::context::printable;
use crate::identity::Kind;
use crate::prompt::Unaskable;

impl Rotation<'_, '_> {
    /// The profiles that have this key, and where each has it.
    pub(super) fn copies(&self, key: &str) -> Result<Vec<(String, String)>, RotateError> {
        let catalogue = &self.resolver.catalogue;
        let mut copies = Vec::new();
        for profile in catalogue.profiles()? {
            if let Some(copy) = profile.key.as_ref().filter(|copy| copy.access_key_id == key) {
                let place = catalogue.place(&Origin::Line { file: copy.file, line: copy.line });
                copies.push((profile.name.clone(), place));
            }
        }
        Ok(copies)
    }

    /// Where the key stands in AWS files it will be dead: that is agreed to first.
    pub(super) fn agree_on_copies(&self, key: &str) -> Result<(), RotateError> {
        let copies = self.copies(key)?;
        if copies.is_empty() {
            return Ok(());
        }
        let say = |(profile, place): &(String, String)| format!("profile {} ({place})", printable(profile));
        let copies = copies.iter().map(say).collect::<Vec<_>>().join(", ");
        if self.consent.yes {
            return Ok(());
        }
        let fact = format!("{key} also stands in {copies}, where it will not work any longer");
        let answer = self.ask(&fact, "Rotate it all the same?");
        or_cancelled(answer.map_err(|why| RotateError::Copies { key: key.to_owned(), copies, why })?)
    }

    /// Tells a fact, and asks about it, where somebody can be asked.
    pub(super) fn ask(&self, fact: &str, question: &str) -> Result<bool, Unaskable> {
        (self.consent.can_ask)()?;
        self.resolver.context.note(fact);
        (self.consent.ask)(question)
    }

    pub(super) fn warn_of_root(&self) {
        if self.row.identity.kind == Kind::Root {
            self.resolver.context.note(&format!(
                "{} is a root user, whom nothing restricts: AWS's advice is to delete its key, and to have none",
                self.shown()
            ));
        }
    }
}

/// A no ends everything.
pub(super) fn or_cancelled(is_agreed: bool) -> Result<(), RotateError> {
    if is_agreed { Ok(()) } else { Err(RotateError::Cancelled) }
}
