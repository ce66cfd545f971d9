//! Many credentials: AWS is asked whose they are side by side, before they are taken one by one.

use super::Importer;
use crate::credential_text::Found;
use crate::error::Failure;
use crate::resolve::ResolveError;
use crate::sts::Caller;

impl Importer<'_> {
    /// Asks AWS whose the credentials are that the store does not have yet; what it answers is told when each is taken.
    ///
    /// # Errors
    /// The store cannot be read, or AWS cannot be reached by these settings.
    pub fn ask_all<'f>(&mut self, all: impl Iterator<Item = &'f Found>) -> Result<(), Failure> {
        let mut new = Vec::new();
        for found in all {
            if self.resolver.owner_of_key(&found.access_key_id)?.is_none() {
                new.push(found);
            }
        }
        let answers = self.resolver.callers(&new)?;
        for (found, answer) in new.into_iter().zip(answers) {
            self.asked.entry(found.fingerprint()).or_default().push(answer);
        }
        Ok(())
    }

    /// What AWS has answered about this very credential; about the same key with another secret it has said nothing.
    pub(super) fn answer_about(&mut self, found: &Found) -> Option<Result<Caller, ResolveError>> {
        self.asked.get_mut(&found.fingerprint())?.pop()
    }
}
