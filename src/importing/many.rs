//! Many credentials: AWS is asked whose they are side by side, before they are taken one by one.

use super::Importer;
use crate::credential_text::Found;
use crate::error::Failure;

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
        self.asked.extend(new.iter().map(|found| found.access_key_id.clone()).zip(answers));
        Ok(())
    }
}
