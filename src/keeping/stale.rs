//! The commands of kept sections that would be written otherwise now: multicred was moved, or its store is called by
//! another name.

use super::{Keeper, Survey};
use crate::aws_config::kept::NewCommand;
use crate::error::Failure;
use crate::synced_profile::Writer;

impl Keeper<'_> {
    /// The commands that would be written otherwise. One of another store is that one's; one whose section has a new key
    /// goes with that.
    ///
    /// # Errors
    /// The path of the program or of the store cannot be written.
    pub fn stale(&mut self, survey: &Survey) -> Result<Vec<NewCommand>, Failure> {
        let context = self.context;
        let catalogue = self.importer.resolver().catalogue();
        let has_key = |name: &str| survey.keys.iter().any(|found| found.section.as_deref() == Some(name));
        let ours =
            survey.kept.iter().filter(|(name, kept)| catalogue.is_named(kept.store.as_deref()) && !has_key(name));
        let commands: Vec<(&String, &String)> =
            ours.filter_map(|(name, kept)| Some((name, kept.command.as_ref()?))).collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let writer = Writer::new(context, catalogue)?;
        let anew = |(profile, old): (&String, &String)| {
            let new = writer.anew(old).transpose()?;
            Some(new.map(|new| NewCommand { profile: profile.clone(), old: old.clone(), new }))
        };
        commands.into_iter().filter_map(anew).collect()
    }
}
