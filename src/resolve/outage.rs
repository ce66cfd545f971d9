//! Whether AWS answers anybody: where the whole first round had no answer, nobody waits for another.

use std::sync::{Condvar, Mutex, PoisonError};

use super::ResolveError;
use crate::sts::StsError;

/// What is known of AWS's answers to many who ask side by side.
pub(super) struct Outage {
    at_once: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    unanswered: usize,
    is_answered: bool,
}

/// One who asks. Where it ends in another way than by an answer or none, nobody shall wait for it.
struct Turn<'o> {
    outage: &'o Outage,
    is_unanswered: bool,
}

impl Outage {
    /// One for so many as ask at once.
    pub(super) fn of(at_once: usize) -> Self {
        Self { at_once, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Asks, unless nobody of the first round had an answer.
    pub(super) fn unless<T>(
        &self,
        index: usize,
        ask: impl FnOnce() -> Result<T, ResolveError>,
    ) -> Result<T, ResolveError> {
        if index >= self.at_once && !self.answers() {
            let asked = self.at_once;
            return Err(ResolveError::Worker(format!("AWS was not asked: the first {asked} had no answer from it")));
        }
        let mut turn = Turn { outage: self, is_unanswered: false };
        let result = ask();
        turn.is_unanswered = matches!(result, Err(ResolveError::Sts(StsError::NoAnswer { .. })));
        result
    }

    /// Waits until that is known.
    fn answers(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = |state: &mut State| !state.is_answered && state.unanswered < self.at_once;
        self.changed.wait_while(state, is_open).unwrap_or_else(PoisonError::into_inner).is_answered
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.outage.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_unanswered {
            state.unanswered += 1;
        } else {
            state.is_answered = true;
        }
        self.outage.changed.notify_all();
    }
}
