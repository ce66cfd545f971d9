//! The store copied into one file, while others write.

use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::{Store, StoreError, copy, file};

/// One name for a folder, so that the next backup there removes what a killed one left.
const DRAFT: &str = "multicred-backup.draft";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The name is taken.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// The name is taken by something that is no store's copy.
    #[error("{} is there already, and is no backup", .0.display())]
    NotABackup(PathBuf),
    /// The name leads to the store, or to a file that belongs to it.
    #[error("{} belongs to the store itself", .0.display())]
    Itself(PathBuf),
    /// The store cannot be read.
    #[error(transparent)]
    Store(StoreError),
    /// The backup cannot be written.
    #[error("the backup cannot be made: {0}")]
    Target(StoreError),
}

impl Store {
    /// Copies the store, as it is at one moment, into a new file that only its owner can read; gives its length in
    /// bytes. The file has its name only once it is whole and on the disk. With `overwrite` another backup of that
    /// name is replaced.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn back_up(&self, to: &Path, overwrite: bool) -> Result<u64, BackupError> {
        check_name(&self.path, to, overwrite)?;
        let unwritable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => BackupError::Target(StoreError::from_io(to, &error)),
        };
        let draft = Draft::claim(file::folder_of(to), DRAFT).map_err(BackupError::Target)?;
        self.copy_into(&draft, to)?;
        let length = draft.file().metadata().map_err(unwritable)?.len();
        let named = if overwrite { draft.name_over(to) } else { draft.name(to) };
        named.map_err(unwritable)?;
        Ok(length)
    }

    fn copy_into(&self, draft: &Draft, to: &Path) -> Result<(), BackupError> {
        let failed = |error| match StoreError::from_sqlite(to, error) {
            // What is damaged is never the draft.
            StoreError::Damaged { reason, .. } => self.damaged(reason),
            error => BackupError::Target(error),
        };
        let copied = copy::into_draft(&self.connection, draft.path()).map_err(failed)?;
        copy::leave_wal(&copied).map_err(failed)?;
        if let Some(fault) = copy::faults(&copied, 1).map_err(failed)?.pop() {
            return Err(self.damaged(fault));
        }
        copied.close().map_err(|(_, error)| failed(error))
    }

    fn damaged(&self, reason: String) -> BackupError {
        BackupError::Store(StoreError::Damaged { path: self.path.clone(), reason })
    }
}

fn check_name(store: &Path, to: &Path, overwrite: bool) -> Result<(), BackupError> {
    if file::is_same(store, to) || is_side_file(store, to) {
        return Err(BackupError::Itself(to.to_owned()));
    }
    if std::fs::symlink_metadata(to).is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // A key file, say, would be lost.
    match file::look(to) {
        Ok(Some(_)) => Ok(()),
        _ => Err(BackupError::NotABackup(to.to_owned())),
    }
}

/// A file of that name would be played into the store, whether it is there now or not.
fn is_side_file(store: &Path, to: &Path) -> bool {
    let real = store.canonicalize().unwrap_or_else(|_| store.to_owned());
    let is_in_its_folder = file::is_same(file::folder_of(&real), file::folder_of(to));
    is_in_its_folder && file::with_side_files(&real).any(|side| side.file_name() == to.file_name())
}
