//! Rotations of long-term keys that have begun and not ended.

use super::Finding;
use crate::store::{IdentityRow, RotationRow, Store, StoreError};

/// Each of them: AWS may have a key more than it should, or the store one that is to be deleted.
pub(super) fn findings(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let unfinished = store.read().unfinished_rotations()?;
    let finding = |(row, rotation): &(IdentityRow, RotationRow)| {
        let shown = row.shown();
        let fact = format!("the rotation of the long-term key of {shown} was interrupted");
        Finding::fault(format!("credential {}", rotation.old_key), fact, format!("multicred rotate {shown}"))
    };
    Ok(unfinished.iter().map(finding).collect())
}
