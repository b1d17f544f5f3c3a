//! Future: the output of a task, some time.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use audiopool_worker::codec;
use serde::de::DeserializeOwned;

use super::fault::TaskError;

/// An encoded output, or why there is none.
pub(super) type RawOutcome = Result<Vec<u8>, TaskError>;

/// Where the outcome of one task is put, once, and waited for.
#[derive(Default)]
pub(super) struct Promise {
    state: Mutex<State>,
    kept: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<RawOutcome>,
    /// Whether somebody waits: to wake nobody costs as much as to wake one.
    awaited: bool,
}

impl Promise {
    pub(super) fn keep(&self, outcome: RawOutcome) {
        let mut state = self.lock();
        debug_assert!(state.outcome.is_none(), "a task ends once");
        state.outcome = Some(outcome);
        let awaited = state.awaited;
        drop(state);
        if awaited {
            self.kept.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The output of a submitted task.
pub struct Future<T> {
    promise: Arc<Promise>,
    output: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future").field("done", &self.done()).finish_non_exhaustive()
    }
}

/// The time was up before the task had ended. It goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task has not ended within {0:?}")]
pub struct NotYet(pub Duration);

impl<T> Future<T> {
    pub(super) fn new(promise: Arc<Promise>) -> Self {
        Self { promise, output: PhantomData }
    }

    /// Whether the task has ended, in whatever way.
    pub fn done(&self) -> bool {
        self.promise.lock().outcome.is_some()
    }
}

impl<T: DeserializeOwned> Future<T> {
    /// Waits for the output.
    pub fn result(self) -> Result<T, TaskError> {
        let mut state = self.promise.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                drop(state);
                return read(outcome);
            }
            state.awaited = true;
            state = self.promise.kept.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the output, but not longer than that; the future can be asked again.
    pub fn result_within(self, timeout: Duration) -> Result<Result<T, TaskError>, (Self, NotYet)> {
        let begun = Instant::now();
        let mut state = self.promise.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return Ok(read(outcome));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(state);
                return Err((self, NotYet(timeout)));
            }
            state.awaited = true;
            let waited = self.promise.kept.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn read<T: DeserializeOwned>(outcome: RawOutcome) -> Result<T, TaskError> {
    codec::decode(&outcome?).map_err(|error| TaskError::InvalidOutput(error.to_string()))
}
