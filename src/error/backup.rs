//! What is told of backups.

use super::{Exit, Failure};
use crate::store::{BackupError, RestoreError, StoreError};

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let fact = error.to_string();
        let remedy = match error {
            BackupError::Exists(_) => "name another file, or say --force to replace a backup",
            BackupError::NotABackup(_) => "it was not touched; name another file",
            BackupError::Itself(_) => "name another file, best on another disk",
            BackupError::Store(StoreError::Damaged { .. }) => {
                "no backup was made; multicred doctor --check says what is wrong"
            }
            BackupError::Store(error) => return error.into(),
            BackupError::Target(StoreError::Full(_)) => "free some space, or name a file on another disk",
            BackupError::Target(StoreError::Busy(_)) => "another backup is being made there; wait for it",
            BackupError::Target(_) => "name a file in a folder that is there and can be written in",
        };
        Self::new(Exit::Failure, fact, remedy)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let fact = error.to_string();
        let remedy = match error {
            RestoreError::Missing(_) | RestoreError::Itself(_) => "name the backup",
            RestoreError::Unfit(StoreError::Newer { .. }) => "nothing was changed; use that newer multicred",
            RestoreError::Unfit(_) => "nothing was changed; name another backup",
            RestoreError::Changing(_) => {
                "nothing was changed; copy it with multicred --store FILE backup, and restore that"
            }
            RestoreError::Store(StoreError::Damaged { .. }) => {
                "move it aside with its -wal and -shm files, then run the command again"
            }
            RestoreError::Store(error) => return error.into(),
        };
        Self::new(Exit::Failure, fact, remedy)
    }
}
