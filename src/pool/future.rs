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
    outcome: Mutex<Option<RawOutcome>>,
    kept: Condvar,
}

impl Promise {
    pub(super) fn keep(&self, outcome: RawOutcome) {
        let mut slot = self.lock();
        debug_assert!(slot.is_none(), "a task ends once");
        *slot = Some(outcome);
        self.kept.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<RawOutcome>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.promise.lock().is_some()
    }
}

impl<T: DeserializeOwned> Future<T> {
    /// Waits for the output.
    pub fn result(self) -> Result<T, TaskError> {
        let mut outcome = self.promise.lock();
        loop {
            match outcome.take() {
                Some(outcome) => return read(outcome),
                None => {
                    outcome =
                        self.promise.kept.wait(outcome).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Waits for the output, but not longer than that; the future can be asked again.
    pub fn result_within(self, timeout: Duration) -> Result<Result<T, TaskError>, (Self, NotYet)> {
        let begun = Instant::now();
        let mut outcome = self.promise.lock();
        loop {
            if let Some(outcome) = outcome.take() {
                return Ok(read(outcome));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(outcome);
                return Err((self, NotYet(timeout)));
            }
            let waited = self.promise.kept.wait_timeout(outcome, left);
            outcome = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn read<T: DeserializeOwned>(outcome: RawOutcome) -> Result<T, TaskError> {
    codec::decode(&outcome?).map_err(|error| TaskError::InvalidOutput(error.to_string()))
}
