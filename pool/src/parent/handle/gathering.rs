//! Gathering: where one thread waits for the first of many futures, without a thread for each.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use super::super::sync::{Condvar, Instant, Mutex};

/// The futures that have ended and have not been taken yet, by their index.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    arrived: Mutex<VecDeque<usize>>,
    changed: Condvar,
}

impl Gathering {
    pub(super) fn arrived(&self, index: usize) {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).push_back(index);
        self.changed.notify_one();
    }

    /// The next that has ended, if any does until `timeout` after `begun`; for ever if `None`.
    pub(super) fn next(&self, begun: Instant, timeout: Option<Duration>) -> Option<usize> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(index) = arrived.pop_front() {
                return Some(index);
            }
            let Some(timeout) = timeout else {
                arrived = self.changed.wait(arrived).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(arrived, left);
            arrived = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
