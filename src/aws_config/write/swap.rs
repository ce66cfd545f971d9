//! Taking the old file's place, and looking at what came out.

use std::ffi::OsStr;

use rustix::fs::{RenameFlags, renameat, renameat_with};
use rustix::io::Errno;

use super::place::Folder;
use super::seen::Seen;
use super::{Keep, WriteError};

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The change is on the disk.
    Done,
    /// Another program changed the file; its content is in place.
    Changed,
}

/// What a file system or an old sandbox says to a flag it does not know.
const UNKNOWN_FLAG: [Errno; 5] = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::PERM];

impl Folder<'_> {
    /// Puts a new text in the place of `before`.
    pub(super) fn replace<E: From<WriteError>>(
        &self,
        text: &str,
        before: &Seen,
        keep: Keep<'_, E>,
    ) -> Result<Outcome, E> {
        self.write_draft(text, Some(before))?;
        match self.exchange() {
            Ok(()) => self.finish(before, keep, |folder, keep| folder.take_back(text, keep)),
            // Removed meanwhile.
            Err(Errno::NOENT) => self.give_up_draft(),
            Err(error) if UNKNOWN_FLAG.contains(&error) => Ok(self.compare_and_rename(Some(before))?),
            Err(error) => Err(self.abandoned(error).into()),
        }
    }

    /// Puts a text where nothing is.
    pub(super) fn create(&self, text: &str) -> Result<Outcome, WriteError> {
        self.write_draft(text, None)?;
        match self.rename_new(self.draft(), self.name()) {
            Ok(()) => self.sync().map(|()| Outcome::Done),
            Err(Errno::EXIST) => self.give_up_draft(),
            Err(error) if UNKNOWN_FLAG.contains(&error) => self.compare_and_rename(None),
            Err(error) => Err(self.abandoned(error)),
        }
    }

    /// Takes the file away, under the draft's name first: only there is it certain what it is.
    pub(super) fn remove<E: From<WriteError>>(&self, before: &Seen, keep: Keep<'_, E>) -> Result<Outcome, E> {
        let moved = match self.rename_new(self.name(), self.draft()) {
            // The draft's name is free: it was swept under this lock.
            Err(error) if UNKNOWN_FLAG.contains(&error) => self.rename(self.name(), self.draft()),
            moved => moved,
        };
        match moved {
            Ok(()) => self.finish(before, keep, |folder, keep| folder.put_back(keep)),
            Err(Errno::NOENT) => Ok(Outcome::Changed),
            Err(error) => Err(self.failed(error).into()),
        }
    }

    /// The old file has its place no more and stands under the draft's name. It goes where it is what the edit was based
    /// on, and else goes back. It is looked at again once the folder is on the disk: a program that writes in place
    /// may be in the middle of that.
    fn finish<E: From<WriteError>>(
        &self,
        before: &Seen,
        keep: Keep<'_, E>,
        undo: impl FnOnce(&Self, Keep<'_, E>) -> Result<(), E>,
    ) -> Result<Outcome, E> {
        // What cannot even be read, a link for example, is something else.
        let is_as_before = || self.look_at_draft().is_ok_and(|seen| seen.as_ref() == Some(before));
        let synced = if is_as_before() { self.sync() } else { Ok(()) };
        if !is_as_before() {
            undo(self, keep)?;
            return Ok(Outcome::Changed);
        }
        self.remove_draft()?;
        synced?;
        Ok(Outcome::Done)
    }

    /// Undoes an exchange. Where yet another content comes out it is kept before it goes.
    fn take_back<E: From<WriteError>>(&self, ours: &str, keep: Keep<'_, E>) -> Result<(), E> {
        match self.exchange() {
            Ok(()) => self.sweep(&[ours.as_bytes()], keep),
            // Removed meanwhile.
            Err(Errno::NOENT) => self.put_back(keep),
            Err(error) => Err(self.failed(error).into()),
        }
    }

    /// Undoes a removal.
    fn put_back<E: From<WriteError>>(&self, keep: Keep<'_, E>) -> Result<(), E> {
        match self.rename_new(self.draft(), self.name()) {
            Ok(()) => Ok(()),
            // Somebody has made a new file meanwhile.
            Err(Errno::EXIST) => self.sweep(&[], keep),
            Err(error) if UNKNOWN_FLAG.contains(&error) && self.look()?.is_none() => {
                self.rename(self.draft(), self.name()).map_err(|error| self.failed(error).into())
            }
            Err(error) => Err(self.failed(error).into()),
        }
    }

    /// The second best: between the look and the rename another program has some microseconds.
    pub(super) fn compare_and_rename(&self, before: Option<&Seen>) -> Result<Outcome, WriteError> {
        if self.look()?.as_ref() != before {
            return self.give_up_draft();
        }
        self.rename(self.draft(), self.name()).map_err(|error| self.abandoned(error))?;
        self.sync().map(|()| Outcome::Done)
    }

    fn give_up_draft<E: From<WriteError>>(&self) -> Result<Outcome, E> {
        self.remove_draft()?;
        Ok(Outcome::Changed)
    }

    /// The error, once the draft is gone.
    fn abandoned(&self, error: Errno) -> WriteError {
        // The next run removes what cannot be removed now.
        let _ = self.remove_draft();
        self.failed(error)
    }

    fn exchange(&self) -> Result<(), Errno> {
        renameat_with(&self.handle, self.draft(), &self.handle, self.name(), RenameFlags::EXCHANGE)
    }

    fn rename_new(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        renameat_with(&self.handle, from, &self.handle, to, RenameFlags::NOREPLACE)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        renameat(&self.handle, from, &self.handle, to)
    }

    /// A folder that knows no fsync is left to its file system.
    fn sync(&self) -> Result<(), WriteError> {
        match rustix::fs::fsync(&self.handle) {
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }
}
