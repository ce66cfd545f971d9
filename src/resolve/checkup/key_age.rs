//! Long-term keys that are old: whoever has copied one has had it for as long.

use super::Finding;
use crate::identity::key_age::{DAY, KEY_AGE_LIMIT};
use crate::store::{LongTermKey, Store, StoreError};

/// The long-term keys of the store that have been in it for long; how old they are at AWS it does not know.
pub(super) fn findings(store: &Store, now: i64) -> Result<Vec<Finding>, StoreError> {
    let old = store.read().long_term_keys_before(now - KEY_AGE_LIMIT)?;
    Ok(old.into_iter().map(|key| finding(&key, now)).collect())
}

fn finding(key: &LongTermKey, now: i64) -> Finding {
    let LongTermKey { access_key_id, owner, since } = key;
    let fact = format!("the long-term key of {owner} has been in the store for {} days", (now - since) / DAY);
    Finding::note(format!("credential {access_key_id}"), fact, format!("multicred rotate {owner}"))
}
