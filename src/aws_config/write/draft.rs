//! The draft: the new file under a name of its own, whole and on the disk before it takes the old one's place.

use std::fs::File;
use std::io::Write;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::place::Folder;
use super::seen::{self, Seen};
use super::{Keep, WriteError};

impl Folder<'_> {
    /// Writes a draft, for its owner alone until it is complete; then it looks like the file it shall replace. Where
    /// that fails nothing is left of it.
    pub(super) fn write_draft(&self, text: &str, like: Option<&Seen>) -> Result<(), WriteError> {
        // What stands there already is not this process's to remove.
        let file = self.new_draft().map_err(|error| self.failed(error))?;
        fill(&file, text, like).map_err(|error| {
            // What failed is told; that a part of it could not be removed either is mended by the next run.
            let _ = self.unlink_draft();
            self.failed(error)
        })
    }

    fn new_draft(&self) -> std::io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.handle, self.draft(), flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Removes what stands under the draft's name. What is neither one of `known` nor empty may be another program's
    /// work: it is handed to `keep` first.
    pub(super) fn sweep<E: From<WriteError>>(&self, known: &[&[u8]], keep: Keep<'_, E>) -> Result<(), E> {
        if !seen::is_foreign(&self.handle, self.draft()) {
            let found = self.look_at_draft()?;
            let is_news = |seen: &&Seen| !seen.bytes().is_empty() && !known.contains(&seen.bytes());
            if let Some(seen) = found.as_ref().filter(is_news) {
                keep(&self.draft_path(), seen.bytes())?;
            }
        }
        Ok(self.remove_draft()?)
    }

    /// Removes what stands under the draft's name, if anything does.
    pub(super) fn remove_draft(&self) -> Result<(), WriteError> {
        self.unlink_draft().map_err(|error| WriteError::of(&self.draft_path(), error))
    }

    fn unlink_draft(&self) -> Result<(), Errno> {
        match rustix::fs::unlinkat(&self.handle, self.draft(), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        }
    }
}

fn fill(mut file: &File, text: &str, like: Option<&Seen>) -> std::io::Result<()> {
    file.write_all(text.as_bytes())?;
    like.map_or(Ok(()), |seen| seen.dress(file))?;
    file.sync_all()
}
