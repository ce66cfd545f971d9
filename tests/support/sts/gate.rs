//! Gates: calls held until the test lets them go on, for tests that stop or kill the client meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::state::{Shared, State};
use super::which::Which;

/// A gate as the server sees it.
#[derive(Debug)]
pub(super) struct Barrier {
    id: u64,
    which: Which,
    held: usize,
    /// Calls that may pass though the gate is closed.
    passes: usize,
}

/// A gate as the test holds it. Dropping it opens it.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
    id: u64,
}

impl Gate {
    pub(super) fn close(shared: &Arc<Shared>, which: Which) -> Self {
        let id = shared.change(|state| {
            let id = state.next_id();
            state.barriers.push(Barrier { id, which, held: 0, passes: 0 });
            id
        });
        Self { shared: Arc::clone(shared), id }
    }

    /// Lets everyone through from now on.
    pub fn open(&self) {
        self.shared.change(|state| state.barriers.retain(|barrier| barrier.id != self.id));
    }

    /// Lets this many calls through, waiting or yet to come.
    pub fn let_through(&self, calls: usize) {
        self.shared.change(|state| {
            state
                .barriers
                .iter_mut()
                .filter(|barrier| barrier.id == self.id)
                .for_each(|barrier| barrier.passes += calls);
        });
    }

    /// Waits until `calls` calls are held here; false when `patience` ends before that.
    #[must_use]
    pub fn wait_held(&self, calls: usize, patience: Duration) -> bool {
        self.shared.wait_until(patience, |state| held(state, self.id) >= calls)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

fn held(state: &State, id: u64) -> usize {
    state.barriers.iter().find(|barrier| barrier.id == id).map_or(0, |barrier| barrier.held)
}

/// Holds the call at every gate for it.
pub(super) fn pass(shared: &Shared, call: &Call) {
    let ids: Vec<u64> = shared.change(|state| {
        state
            .barriers
            .iter_mut()
            .filter(|barrier| barrier.which.matches(call))
            .map(|barrier| {
                barrier.held += 1;
                barrier.id
            })
            .collect()
    });
    for id in ids {
        shared.wait_for(|state| may_pass(state, id));
        shared.change(|state| {
            state.barriers.iter_mut().filter(|barrier| barrier.id == id).for_each(|barrier| barrier.held -= 1);
        });
    }
}

/// Takes a pass, where there is one. A gate that is gone is open.
fn may_pass(state: &mut State, id: u64) -> bool {
    let Some(barrier) = state.barriers.iter_mut().find(|barrier| barrier.id == id) else {
        return true;
    };
    let free = barrier.passes > 0;
    barrier.passes = barrier.passes.saturating_sub(1);
    free
}
