//! A file in the making: it has a name that nobody looks for until it is complete.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::create::{remove_draft, sync_folder};
use super::{BUSY_TIMEOUT, StoreError, file};

const PAUSE: Duration = Duration::from_millis(5);

/// A draft that is this process's own: locked, so that it is known for left behind once its maker is gone. Removed when
/// dropped.
pub(super) struct Draft {
    path: PathBuf,
    file: File,
    has_its_name: bool,
}

impl Draft {
    /// Makes an empty draft, mode 0600, called `.NAME` in a folder. What a killed run left there is removed; one that
    /// is still at work is waited for.
    pub(super) fn claim(folder: &Path, name: &str) -> Result<Self, StoreError> {
        let path = folder.join(format!(".{name}"));
        let start = Instant::now();
        while start.elapsed() < BUSY_TIMEOUT {
            match file::create_private(&path) {
                Ok(file) if is_ours(&file, &path) => return Ok(Self { path, file, has_its_name: false }),
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(StoreError::from_io(folder, &error));
                }
                Ok(_) | Err(_) => sweep(&path),
            }
        }
        Err(StoreError::Busy(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    fn complete(&self) -> std::io::Result<()> {
        remove_side_files(&self.path)?;
        self.file.sync_all()
    }

    /// Gives it its name, whatever has that name now.
    pub(super) fn name_over(mut self, target: &Path) -> std::io::Result<()> {
        self.complete()?;
        std::fs::rename(&self.path, target)?;
        self.has_its_name = true;
        sync_folder(target).map_err(std::io::Error::other)
    }

    /// Gives it its name, which must be free.
    pub(super) fn name(self, target: &Path) -> std::io::Result<()> {
        self.complete()?;
        match rename_new(&self.path, target) {
            // A file system that does not know how.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                if std::fs::symlink_metadata(target).is_ok() {
                    return Err(std::io::ErrorKind::AlreadyExists.into());
                }
                self.name_over(target)
            }
            Err(error) => Err(error.into()),
            Ok(()) => {
                let mut named = self;
                named.has_its_name = true;
                sync_folder(target).map_err(std::io::Error::other)
            }
        }
    }
}

/// What SQLite may leave beside a database that it could not close: of no use once the database has another name.
fn remove_side_files(draft: &Path) -> std::io::Result<()> {
    for side in file::with_side_files(draft).skip(1) {
        // A journal with something in it is part of the database.
        if std::fs::metadata(&side).is_ok_and(|found| found.len() > 0) && side != file::beside(draft, "-shm") {
            return Err(std::io::Error::other("SQLite did not finish it"));
        }
        let _ = std::fs::remove_file(side);
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn rename_new(_from: &Path, _to: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.has_its_name {
            remove_draft(&self.path);
        }
    }
}

/// Locks a draft that was just made or found; `false` where somebody else has it, or has removed it meanwhile.
fn is_ours(file: &File, path: &Path) -> bool {
    // A file system without locks has nobody wait.
    let is_locked = !matches!(flock(file, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
    is_locked && file::is_open_at(file, path)
}

fn sweep(path: &Path) {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) if is_ours(&file, path) => remove_draft(path),
        Ok(_) => std::thread::sleep(PAUSE),
        // A link, a folder: nothing that a draft can be.
        Err(_) => {
            let _ = std::fs::remove_file(path);
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_draft_is_private_and_gone_with_its_maker_unless_it_got_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::claim(folder.path(), "d").unwrap();
        assert_eq!(fs::metadata(draft.path()).unwrap().permissions().mode() & 0o777, 0o600);
        drop(draft);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Draft::claim(folder.path(), "d").unwrap().name(&folder.path().join("named")).unwrap();
        let taken = Draft::claim(folder.path(), "d").unwrap().name(&folder.path().join("named")).unwrap_err();
        assert_eq!(taken.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_maker_left_is_removed_and_one_at_work_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal", "-shm"] {
            fs::write(folder.path().join(format!(".d{suffix}")), "left").unwrap();
        }
        let first = Draft::claim(folder.path(), "d").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Draft::claim(folder.path(), "d").map(drop));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
