//! The profiles that `multicred sync` writes into the config file, inside a marked block: text in, text out.

mod block;
mod command;
mod markers;

use std::collections::BTreeMap;

use super::document::{Document, EditError, SectionKind};
use super::write::Rewrite;
use super::{FileKind, asks_multicred};
use crate::credential_text::command_words;
use block::Block;

pub(super) use command::quoted;
pub use command::{Unwritable, command};

/// A profile to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The profile's name.
    pub name: String,
    /// The value of its `credential_process`, from [`command`].
    pub command: String,
    /// Its region, written above the command unless the person has put one below it.
    pub region: Option<String>,
}

/// What becomes of the block.
#[derive(Clone, Copy, Debug)]
pub enum Change<'c> {
    /// These are added, or renewed.
    Put(&'c [Entry]),
    /// It has these and no others. One that the person has already is skipped.
    Exactly(&'c [Entry]),
    /// These go.
    Remove(&'c [String]),
    /// The whole block goes.
    RemoveAll,
}

/// What was done, profile by profile.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Added or changed.
    pub written: Vec<String>,
    /// Removed.
    pub removed: Vec<String>,
    /// Left alone, and why.
    pub skipped: Vec<(String, SyncError)>,
}

/// Why the block cannot be changed as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// A begin marker without an end marker.
    #[error("the block of multicred sync that begins here has no end")]
    NoEnd {
        /// The begin marker's line, from 1.
        line: u32,
    },
    /// An end marker without a begin marker above it.
    #[error("a block of multicred sync ends here that begins nowhere above")]
    NoBegin {
        /// The end marker's line, from 1.
        line: u32,
    },
    /// A second begin marker.
    #[error("a second block of multicred sync begins here")]
    Twice {
        /// The second begin marker's line, from 1.
        line: u32,
    },
    /// The person has a profile of that name.
    #[error("profile {profile} is your own")]
    Persons {
        /// The profile.
        profile: String,
        /// The file it stands in.
        file: FileKind,
        /// The line of its header, from 1.
        line: u32,
    },
    /// `default` would change what every program gets that asks for nothing.
    #[error("the profile default is never written")]
    Default,
    /// The person has put a line into what is to be removed.
    #[error("this line inside the block of multicred sync is your own")]
    PersonsLine {
        /// The line, from 1.
        line: u32,
    },
    /// A profile to remove that the block does not have.
    #[error("multicred sync has written no profile {profile}")]
    NotThere {
        /// Its name, safe to print.
        profile: String,
    },
    /// A value that the file cannot hold, or a header that cannot be told from the lines above it.
    #[error("profile {profile} cannot be written: {error}")]
    Refused {
        /// The profile.
        profile: String,
        /// The document's reason.
        error: EditError,
    },
}

impl SyncError {
    /// The place it is about.
    pub fn place(&self) -> Option<(FileKind, u32)> {
        match self {
            Self::NoEnd { line } | Self::NoBegin { line } | Self::Twice { line } | Self::PersonsLine { line } => {
                Some((FileKind::Config, *line))
            }
            Self::Persons { file, line, .. } => Some((*file, *line)),
            Self::Default | Self::NotThere { .. } | Self::Refused { .. } => None,
        }
    }
}

/// A profile that the block has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The profile's name.
    pub name: String,
    /// Whom it asks multicred for: an ARN, or a name as earlier versions wrote it; the profile's own name where its
    /// command says nothing of the kind.
    pub asks_for: String,
}

/// The profiles that the block has, in its order.
///
/// # Errors
/// Its markers are damaged.
pub fn profiles(config: &str) -> Result<Vec<Synced>, SyncError> {
    let synced = |(name, command): (String, String)| {
        let asks_for = asks_for(&command).unwrap_or_else(|| name.clone());
        Synced { name, asks_for }
    };
    Ok(Block::parse(Some(config))?.commands().into_iter().map(synced).collect())
}

/// Whom a command asks multicred for.
pub fn asks_for(command: &str) -> Option<String> {
    asks_multicred::read(&command_words(command)?)?.ok().map(|asked| asked.name)
}

/// Changes the config file's text; `None` where there is no file yet. `credentials` is the text of the other file,
/// whose sections are the person's profiles too.
///
/// # Errors
/// See [`SyncError`]; then nothing is to be written.
pub fn change(config: Option<&str>, credentials: &str, change: Change<'_>) -> Result<(Rewrite, Report), SyncError> {
    let mut edit = Edit { block: Block::parse(config)?, theirs: sections(credentials), report: Report::default() };
    match change {
        Change::Put(entries) => entries.iter().try_for_each(|entry| edit.put(entry))?,
        Change::Exactly(entries) => edit.exactly(entries)?,
        Change::Remove(names) => names.iter().try_for_each(|name| edit.remove(name))?,
        Change::RemoveAll => edit.report.removed = edit.block.empty()?,
    }
    let rewrite = if edit.block.is_changed() { edit.block.into_rewrite() } else { Rewrite::Nothing };
    Ok((rewrite, edit.report))
}

/// Every profile of a credentials file with the line of its header.
fn sections(credentials: &str) -> BTreeMap<String, u32> {
    let document = Document::parse(credentials);
    let plain = document.sections().filter(|section| section.kind() == SectionKind::Plain);
    plain.map(|section| (section.name().to_owned(), section.line())).collect()
}

struct Edit {
    block: Block,
    /// The profiles of the credentials file.
    theirs: BTreeMap<String, u32>,
    report: Report,
}

impl Edit {
    fn put(&mut self, entry: &Entry) -> Result<(), SyncError> {
        self.refuse_persons(&entry.name)?;
        let put = self.block.put(entry);
        if put.map_err(|error| SyncError::Refused { profile: entry.name.clone(), error })? {
            self.report.written.push(entry.name.clone());
        }
        Ok(())
    }

    fn exactly(&mut self, entries: &[Entry]) -> Result<(), SyncError> {
        for entry in entries {
            match self.put(entry) {
                Err(error @ (SyncError::Persons { .. } | SyncError::Default)) => {
                    self.report.skipped.push((entry.name.clone(), error));
                }
                put => put?,
            }
        }
        let others = self.block.names().into_iter().filter(|name| entries.iter().all(|entry| entry.name != *name));
        others.collect::<Vec<_>>().iter().try_for_each(|name| self.remove(name))
    }

    fn remove(&mut self, name: &str) -> Result<(), SyncError> {
        if !self.block.remove(name)? {
            return Err(SyncError::NotThere { profile: name.escape_debug().to_string() });
        }
        self.report.removed.push(name.to_owned());
        Ok(())
    }

    fn refuse_persons(&self, name: &str) -> Result<(), SyncError> {
        if name == "default" {
            return Err(SyncError::Default);
        }
        let in_config = self.block.line_outside(name).map(|line| (FileKind::Config, line));
        let in_credentials = || self.theirs.get(name).map(|line| (FileKind::Credentials, *line));
        match in_config.or_else(in_credentials) {
            Some((file, line)) => Err(SyncError::Persons { profile: name.to_owned(), file, line }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
