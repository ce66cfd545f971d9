//! The one way in which the person's AWS files are written.
//!
//! What a change leaves alone keeps every byte, and so do owner, mode and extended attributes. At every moment the file
//! is the old one or the new one, whole; a kill leaves at most a draft beside it, which the next run removes. Where
//! another program changes the file in the meantime the edit is made anew, on what that program wrote.
//!
//! A file with several names (hard links) is refused: replacing it would leave the other names with the old content, and
//! writing into it in place would not survive a kill, nor spare a backup that is made of hard links.

mod draft;
mod error;
mod place;
mod seen;
mod swap;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use error::WriteError;

use place::{Folder, Place};
use seen::Seen;
use swap::Outcome;

/// How often an edit is made anew before it gives up.
const ROUNDS: u32 = 16;

/// What a change makes of a file's text.
#[derive(Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The file stays as it is, or stays away: nothing is touched, not even a time stamp.
    Nothing,
    /// This is the whole new text. The same text as before counts as nothing.
    Text(Zeroizing<String>),
    /// The file goes; its folder and a link that leads to it stay.
    Remove,
}

/// Keeps what is about to be replaced: the file, and its content. It is called before each write, and so decides itself
/// whether it has that file already. A draft that a killed run left is handed over under its own name: it may be what
/// another program wrote at that very moment.
pub type Keep<'k, E> = &'k mut dyn FnMut(&Path, &[u8]) -> Result<(), E>;

/// Makes the change: from the text as it is now, empty where there is no file. A byte order mark is part of the text.
/// Called again for every text that another program puts there meanwhile.
pub type Change<'c, E> = &'c mut dyn FnMut(&str) -> Result<Rewrite, E>;

/// Changes a file, through a link where `path` is one; `false` where nothing was to be changed. A missing folder is made
/// with mode 0700, a missing file with 0600.
///
/// # Errors
/// A [`WriteError`], or what `keep` and `change` return; the file is then as it was, or as another program made it.
pub fn edit<E: From<WriteError>>(path: &Path, keep: Keep<'_, E>, change: Change<'_, E>) -> Result<bool, E> {
    let place = Place::of(path)?;
    // Decided without the lock: `keep` may ask a person, and others would wait for that.
    let mut before = place.look()?;
    let mut rewrite = decide(&place, before.as_ref(), keep, change)?;
    if rewrite == Rewrite::Nothing && !place.has_draft() {
        return Ok(false);
    }
    let folder = place.lock()?;
    folder.sweep(&folder.look()?.iter().map(Seen::bytes).collect::<Vec<_>>(), keep)?;
    for _ in 0..ROUNDS {
        let now = folder.look()?;
        if now != before {
            rewrite = decide(&place, now.as_ref(), keep, change)?;
            before = now;
        }
        if write(&folder, before.as_ref(), &rewrite, keep)? == Outcome::Done {
            return Ok(rewrite != Rewrite::Nothing);
        }
    }
    Err(WriteError::KeepsChanging(place.target().to_owned()).into())
}

/// Whether [`edit`] could change a file now: what it would refuse is refused here, and nothing is written.
///
/// # Errors
/// A [`WriteError`].
pub fn check(path: &Path) -> Result<(), WriteError> {
    let place = Place::of(path)?;
    if let Some(seen) = place.look()? {
        seen.text(place.target())?;
        seen.check_replaceable(place.target())?;
    }
    place.check_folder()
}

/// The file behind all links that [`edit`] would write.
///
/// # Errors
/// A [`WriteError`].
pub fn target(path: &Path) -> Result<PathBuf, WriteError> {
    Ok(Place::of(path)?.target().to_owned())
}

fn decide<E: From<WriteError>>(
    place: &Place,
    before: Option<&Seen>,
    keep: Keep<'_, E>,
    change: Change<'_, E>,
) -> Result<Rewrite, E> {
    let old = before.map_or(Ok(""), |seen| seen.text(place.target()))?;
    let rewrite = change(old)?;
    let is_nothing = match &rewrite {
        Rewrite::Nothing => true,
        Rewrite::Text(new) => **new == *old,
        Rewrite::Remove => before.is_none(),
    };
    if is_nothing {
        return Ok(Rewrite::Nothing);
    }
    if let Some(seen) = before {
        seen.check_replaceable(place.target())?;
        keep(place.target(), seen.bytes())?;
    }
    Ok(rewrite)
}

fn write<E: From<WriteError>>(
    folder: &Folder<'_>,
    before: Option<&Seen>,
    rewrite: &Rewrite,
    keep: Keep<'_, E>,
) -> Result<Outcome, E> {
    match (rewrite, before) {
        (Rewrite::Text(text), Some(before)) => folder.replace(text, before, keep),
        (Rewrite::Text(text), None) => Ok(folder.create(text)?),
        (Rewrite::Remove, Some(before)) => folder.remove(before, keep),
        (Rewrite::Nothing, _) | (Rewrite::Remove, None) => Ok(Outcome::Done),
    }
}

#[cfg(test)]
mod tests;
