//! The keys that an agent holds: in one page of memory that is never swapped out, wiped as soon as they are not wanted.

use std::time::Duration;

use zeroize::Zeroize;

use crate::agent::protocol::{Code, Held, KEY_LENGTH, KeyName};

/// As many as fit beside each other; nobody has that many stores.
const MOST: usize = 64;
/// A store's id is sixteen bytes; who calls may bind it to more.
const LONGEST_ID: usize = 256;
const NANOSECONDS: i128 = 1_000_000_000;

/// Aligned like the system's pages, so that nothing else of this process lies in it. Where those are larger, something
/// else is locked, too.
#[repr(align(4096))]
struct Page([[u8; KEY_LENGTH]; MOST]);

/// The keys that an agent holds.
pub(super) struct Keys {
    held: Vec<Key>,
    idle: Duration,
    /// `None` where the system locks no memory for this process (`ulimit -l`).
    lock: Option<region::LockGuard>,
    /// Behind the lock, which must not outlive it.
    page: Box<Page>,
}

struct Key {
    store_id: Vec<u8>,
    epoch: i64,
    /// Where in the page.
    place: usize,
    /// When it was last used, on the clock of the boot, in nanoseconds.
    used: i128,
}

impl Keys {
    /// None yet; each is dropped after `idle` without use.
    pub(super) fn new(idle: Duration) -> Self {
        let page = Box::new(Page([[0; KEY_LENGTH]; MOST]));
        let lock = region::lock(std::ptr::from_ref::<Page>(&page), size_of::<Page>()).ok();
        Self { held: Vec::new(), idle, lock, page }
    }

    /// Whether the page is never swapped out.
    pub(super) fn are_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// The time without use after which a key is dropped.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// Takes a key. One of another epoch of the same store makes room for it.
    pub(super) fn hold(&mut self, name: KeyName<'_>, key: &[u8; KEY_LENGTH], now: i128) -> Code {
        if name.store_id.is_empty() || name.store_id.len() > LONGEST_ID {
            return Code::Malformed;
        }
        self.drop_unused(now);
        if let Some(held) = self.get(name, now) {
            return if held == key { Code::Done } else { Code::Conflict };
        }
        self.drop_where(|held| held.store_id == name.store_id);
        let is_free = |place: &usize| self.held.iter().all(|held| held.place != *place);
        let Some(place) = (0..MOST).find(is_free) else { return Code::Full };
        self.page.0[place] = *key;
        self.held.push(Key { store_id: name.store_id.to_vec(), epoch: name.epoch, place, used: now });
        Code::Done
    }

    /// Whether it is held. This is no use of it.
    pub(super) fn holds(&mut self, name: KeyName<'_>, now: i128) -> bool {
        self.drop_unused(now);
        self.held.iter().any(|held| held.is(name))
    }

    /// A key, to be used.
    pub(super) fn get(&mut self, name: KeyName<'_>, now: i128) -> Option<&[u8; KEY_LENGTH]> {
        self.drop_unused(now);
        let held = self.held.iter_mut().find(|held| held.is(name))?;
        held.used = now;
        Some(&self.page.0[held.place])
    }

    /// Drops every key that was not used for too long; how long it is until the next one will be.
    pub(super) fn drop_unused(&mut self, now: i128) -> Option<Duration> {
        let idle = self.idle;
        self.drop_where(|held| held.left(idle, now) == Duration::ZERO);
        self.held.iter().map(|held| held.left(idle, now)).min()
    }

    /// Drops every key; how many there were.
    pub(super) fn drop_all(&mut self) -> usize {
        let count = self.held.len();
        self.drop_where(|_| true);
        count
    }

    fn drop_where(&mut self, is_unwanted: impl Fn(&Key) -> bool) {
        let page = &mut self.page.0;
        self.held.retain(|held| {
            let goes = is_unwanted(held);
            if goes {
                page[held.place].zeroize();
            }
            !goes
        });
    }

    /// What is held, without the keys.
    pub(super) fn list(&mut self, now: i128) -> Vec<Held> {
        self.drop_unused(now);
        let shown = |held: &Key| Held {
            store_id: held.store_id.clone(),
            key_epoch: held.epoch,
            // A key of half a second is still there.
            seconds_left: held.left(self.idle, now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        };
        self.held.iter().map(shown).collect()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.page.0.zeroize();
    }
}

impl Key {
    fn is(&self, name: KeyName<'_>) -> bool {
        self.epoch == name.epoch && self.store_id == name.store_id
    }

    fn left(&self, idle: Duration, now: i128) -> Duration {
        let end = self.used + i128::from(idle.as_secs()) * NANOSECONDS;
        Duration::from_nanos(u64::try_from((end - now).max(0)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = NANOSECONDS;
    const A: KeyName<'static> = KeyName { store_id: b"a", epoch: 1 };
    const B: KeyName<'static> = KeyName { store_id: b"b", epoch: 1 };

    fn keys() -> Keys {
        Keys::new(Duration::from_secs(10))
    }

    #[test]
    fn each_key_is_dropped_and_wiped_when_it_was_not_used_for_too_long() {
        let mut keys = keys();
        assert_eq!(keys.hold(A, &[1; 32], 0), Code::Done);
        assert_eq!(keys.hold(B, &[2; 32], 0), Code::Done);
        assert_eq!(keys.get(A, 9 * SECOND), Some(&[1; 32]));
        assert_eq!(keys.drop_unused(9 * SECOND + 1), Some(Duration::from_nanos(999_999_999)));
        assert_eq!(keys.list(9 * SECOND + 1).iter().map(|held| held.seconds_left).collect::<Vec<_>>(), [10, 1]);
        assert!(!keys.holds(B, 10 * SECOND) && keys.holds(A, 10 * SECOND));
        assert_eq!(keys.page.0[1], [0; 32], "b is wiped");
        assert_eq!(keys.get(A, 19 * SECOND), None, "to ask whether it is held is no use of it");
        assert!(keys.page.0.iter().flatten().all(|byte| *byte == 0));
        assert_eq!(keys.drop_unused(19 * SECOND), None);
    }

    #[test]
    fn another_epoch_replaces_and_another_key_of_the_same_epoch_is_refused() {
        let mut keys = keys();
        assert_eq!(keys.hold(A, &[1; 32], 0), Code::Done);
        assert_eq!(keys.hold(A, &[1; 32], 0), Code::Done);
        assert_eq!(keys.hold(A, &[2; 32], 0), Code::Conflict);
        assert_eq!(keys.get(A, 0), Some(&[1; 32]));
        let next = KeyName { epoch: 2, ..A };
        assert_eq!(keys.hold(next, &[2; 32], 0), Code::Done);
        assert_eq!(keys.get(A, 0), None);
        assert_eq!(keys.held.len(), 1);
        assert_eq!(keys.get(next, 0), Some(&[2; 32]));
    }

    #[test]
    fn there_is_an_end_to_what_is_held_and_room_again_after_a_drop() {
        let mut keys = keys();
        let ids: Vec<[u8; 1]> = (0..=64).map(|id| [id]).collect();
        let name = |index: usize| KeyName { store_id: &ids[index], epoch: 1 };
        for index in 0..MOST {
            assert_eq!(keys.hold(name(index), &[7; 32], 0), Code::Done);
        }
        assert_eq!(keys.hold(name(MOST), &[7; 32], 0), Code::Full);
        assert_eq!(keys.drop_all(), MOST);
        assert_eq!(keys.hold(name(MOST), &[7; 32], 0), Code::Done);
        for id in [&[][..], &[1; LONGEST_ID + 1]] {
            assert_eq!(keys.hold(KeyName { store_id: id, epoch: 1 }, &[7; 32], 0), Code::Malformed);
        }
    }

    #[test]
    fn the_keys_have_a_page_of_their_own() {
        let keys = keys();
        assert_eq!(std::ptr::from_ref::<Page>(&keys.page).addr() % 4096, 0);
        assert_eq!(size_of::<Page>(), 4096);
    }
}
