//! What all threads of the server share.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::Call;
use super::clock;
use super::fault::{Fault, Rule};
use super::gate::Barrier;
use super::which::Which;
use super::world::World;

/// One lock for all: the server is judged by its answers, not by its speed.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) calls: Vec<Call>,
    pub(super) rules: Vec<Rule>,
    pub(super) barriers: Vec<Barrier>,
    /// Open connections by number, to be cut when the server stops.
    pub(super) open: BTreeMap<u64, TcpStream>,
    /// TCP connections accepted so far.
    pub(super) connections: u64,
    pub(super) stopping: bool,
    last_id: u64,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        let state = State {
            world,
            calls: Vec::new(),
            rules: Vec::new(),
            barriers: Vec::new(),
            open: BTreeMap::new(),
            connections: 0,
            stopping: false,
            last_id: 0,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A test that panics inside `world` must not take the server down with it, so poison is ignored.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` under the lock and wakes whoever waits for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `met` or the end of `patience`; whether it was met.
    pub(super) fn wait_until(&self, patience: Duration, met: impl Fn(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| !met(state));
        met(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Waits until `met` or the server stops.
    pub(super) fn wait_for(&self, met: impl Fn(&mut State) -> bool) {
        let waited = self.changed.wait_while(self.lock(), |state| !state.stopping && !met(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Sleeps, but not past the server's end.
    pub(super) fn pause(&self, length: Duration) {
        self.wait_until(length, |state| state.stopping);
    }

    /// Cuts every connection and wakes every waiting thread.
    pub(super) fn stop(&self) {
        self.change(|state| {
            state.stopping = true;
            for stream in state.open.values() {
                // A connection that is closed already is as good.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }
}

impl State {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Takes the delay and the other fault that this call is to suffer out of the rules.
    pub(super) fn draw_faults(&mut self, call: &Call) -> (Duration, Option<Fault>) {
        let (mut delay, mut drawn) = (Duration::ZERO, None);
        for rule in &mut self.rules {
            if rule.left == Some(0) || !rule.which.matches(call) {
                continue;
            }
            match &rule.fault {
                Fault::Delay(length) => delay += *length,
                _ if drawn.is_some() => continue,
                fault => drawn = Some(fault.clone()),
            }
            rule.left = rule.left.map(|left| left - 1);
        }
        self.rules.retain(|rule| rule.left != Some(0));
        (delay, drawn)
    }

    /// Notes how a call ended. A call that `clear_calls` has removed stays removed.
    pub(super) fn finish(&mut self, id: u64, outcome: &str) {
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.id == id) {
            outcome.clone_into(&mut call.outcome);
            call.finished = Some(clock::instant());
        }
    }

    pub(super) fn count(&self, which: &Which) -> usize {
        self.calls.iter().filter(|call| which.matches(call)).count()
    }
}
