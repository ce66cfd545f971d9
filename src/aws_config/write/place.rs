//! Where a file really is, and the lock on its folder.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Access, CWD, FlockOperation, flock};
use rustix::io::Errno;

use super::WriteError;
use super::seen::Seen;

/// How long another multicred is waited for. A write takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
/// As Linux counts (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// A file's place behind all links; nothing need be there yet.
pub(super) struct Place {
    target: PathBuf,
    folder: PathBuf,
    name: OsString,
    /// The name of the draft: always the same, so that the next run finds what a killed one left.
    draft: OsString,
}

impl Place {
    pub(super) fn of(path: &Path) -> Result<Self, WriteError> {
        let mut target = path.to_owned();
        for _ in 0..MOST_LINKS {
            // No link, or nothing: whether it can be used shows when it is opened.
            let Ok(link) = std::fs::read_link(&target) else { return Self::at(&target) };
            target = folder_of(&target).join(link);
        }
        Err(WriteError::of(path, Errno::LOOP))
    }

    fn at(path: &Path) -> Result<Self, WriteError> {
        let name = path.file_name().ok_or_else(|| WriteError::NotAFile(path.to_owned()))?;
        let folder = folder_of(path);
        // One name for one file, however it was reached. A folder that is missing has only the name it was given.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut draft = OsString::from(".");
        draft.push(name);
        draft.push(".multicred-new");
        Ok(Self { target: folder.join(name), name: name.to_owned(), folder, draft })
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// What is there without the lock; `None` for nothing.
    pub(super) fn look(&self) -> Result<Option<Seen>, WriteError> {
        Seen::at(CWD, self.target.as_os_str(), &self.target)
    }

    /// Whether a draft is there: another multicred's, or what a killed one left.
    pub(super) fn has_draft(&self) -> bool {
        self.folder.join(&self.draft).symlink_metadata().is_ok()
    }

    /// Whether a draft could be put into the folder, or into one made where it is missing.
    pub(super) fn check_folder(&self) -> Result<(), WriteError> {
        let exists = |folder: &&Path| folder.symlink_metadata().is_ok();
        let Some(folder) = self.folder.ancestors().find(exists) else { return Ok(()) };
        let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(folder, access).map_err(|error| WriteError::of(folder, error))
    }

    /// Waits for other multicreds, and keeps them waiting until the folder is dropped. Makes the folder where it is
    /// missing. The lock is the folder's own: no lock file is left behind.
    pub(super) fn lock(&self) -> Result<Folder<'_>, WriteError> {
        let failed = |error| WriteError::of(&self.folder, error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        // The standard library opens every file close-on-exec: no child keeps the lock alive.
        let handle = File::open(&self.folder).map_err(failed)?;
        let start = Instant::now();
        loop {
            match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Folder { place: self, handle }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK | Errno::INTR) => return Err(WriteError::Busy(self.target.clone())),
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder of a file, locked.
pub(super) struct Folder<'p> {
    place: &'p Place,
    pub(super) handle: File,
}

impl Folder<'_> {
    pub(super) fn name(&self) -> &OsStr {
        &self.place.name
    }

    pub(super) fn target(&self) -> &Path {
        &self.place.target
    }

    pub(super) fn draft(&self) -> &OsStr {
        &self.place.draft
    }

    pub(super) fn draft_path(&self) -> PathBuf {
        self.place.folder.join(self.draft())
    }

    /// What is there now; `None` for nothing.
    pub(super) fn look(&self) -> Result<Option<Seen>, WriteError> {
        Seen::at(&self.handle, self.name(), self.target())
    }

    /// What stands under the draft's name.
    pub(super) fn look_at_draft(&self) -> Result<Option<Seen>, WriteError> {
        Seen::at(&self.handle, self.draft(), &self.draft_path())
    }

    pub(super) fn failed(&self, error: impl Into<std::io::Error>) -> WriteError {
        WriteError::of(self.target(), error)
    }
}
