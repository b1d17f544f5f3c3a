//! Task handle: the caller's side of a submitted task.
//!
//! A future is a name for the outcome, not the outcome: clones name the same, it can be read as
//! often as one likes, and a future that is dropped stops nothing. No thread polls but for a moment (a
//! caller stays awake for some 50 µs, since small tasks end sooner than a sleeper wakes), and no
//! thread waits on behalf of a future.

mod gathering;
mod promise;
mod waiting;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::codec;
use crate::protocol::TaskId;
use serde::de::DeserializeOwned;

use super::sync::Instant;
use crate::parent::fault::{NotYet, TaskError};

pub(super) use promise::{Calls, Promise};
pub use waiting::{AsCompleted, ReturnWhen, Unfinished, Waited, as_completed, wait};

/// An encoded output, or why there is none.
pub(super) type RawOutcome = Result<Vec<u8>, TaskError>;

/// The output of a submitted task, which may not be there yet.
///
#[doc = include_str!("../doc_example.md")]
/// let future = pool.submit(&Squared(7))?;
/// future.add_done_callback(|future| assert_eq!(future.result().ok(), Some(49)));
/// assert_eq!(future.result()?, 49);
/// assert_eq!(future.result()?, 49); // it is still there
/// assert!(future.done() && !future.running() && !future.cancelled());
/// assert!(future.exception().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TaskHandle<T> {
    promise: Arc<Promise>,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for TaskHandle<T> {
    /// Another name for the same.
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.promise))
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.promise.outcome() {
            Some(Ok(_)) => "finished",
            Some(Err(TaskError::Cancelled)) => "cancelled",
            Some(Err(_)) => "failed",
            None if self.running() => "running",
            None => "pending",
        };
        write!(f, "TaskHandle({state})")
    }
}

impl<T> TaskHandle<T> {
    pub(super) fn new(promise: Arc<Promise>) -> Self {
        Self { promise, output: PhantomData }
    }

    /// Whether the task has ended, in whatever way.
    pub fn done(&self) -> bool {
        self.promise.outcome().is_some()
    }

    /// Whether a worker has the task at this moment.
    pub fn running(&self) -> bool {
        self.promise.is_running()
    }

    /// Whether the task was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(self.promise.outcome(), Some(Err(TaskError::Cancelled)))
    }

    /// Ends the task, also while it runs: then its worker is killed and replaced, which is no
    /// crash and costs no task an attempt. `false` if it has ended otherwise already.
    pub fn cancel(&self) -> bool {
        self.promise.cancel()
    }

    /// The number of the task in its pool.
    pub(super) fn task(&self) -> TaskId {
        self.promise.task()
    }

    /// Waits for the end of the task and says why there is no output; `None` if there is one.
    pub fn exception(&self) -> Option<TaskError> {
        self.promise.wait().as_ref().err().cloned()
    }

    /// The same, but does not wait for longer than that.
    pub fn exception_within(&self, timeout: Duration) -> Result<Option<TaskError>, NotYet> {
        match self.promise.wait_until(Instant::now(), timeout) {
            Some(outcome) => Ok(outcome.as_ref().err().cloned()),
            None => Err(NotYet(timeout)),
        }
    }

    /// Has `callback` called with this future once the task has ended, in whatever way: at once if
    /// it has already, or else on the one thread of the pool that makes such calls, after those
    /// that were due before. No worker waits for it, but the other callbacks do, and a thread that shuts
    /// the pool down or drops it; its panic is logged and is its own.
    pub fn add_done_callback(&self, callback: impl FnOnce(&Self) + Send + 'static) {
        self.promise.when_kept(Box::new(move |promise| callback(&Self::new(Arc::clone(promise)))));
    }
}

impl<T: DeserializeOwned> TaskHandle<T> {
    /// Waits for the output.
    pub fn result(&self) -> Result<T, TaskError> {
        read(self.promise.wait())
    }

    /// Waits for the output, but not longer than that: then the error is [`TaskError::NotYet`],
    /// the task goes on, and the future can be asked again.
    pub fn result_within(&self, timeout: Duration) -> Result<T, TaskError> {
        self.result_until(Instant::now(), timeout)
    }

    /// The same, counted from another time.
    pub(super) fn result_until(&self, begun: Instant, timeout: Duration) -> Result<T, TaskError> {
        let outcome = self.promise.wait_until(begun, timeout);
        read(outcome.ok_or(TaskError::NotYet(NotYet(timeout)))?)
    }
}

fn read<T: DeserializeOwned>(outcome: &RawOutcome) -> Result<T, TaskError> {
    match outcome {
        Ok(output) => {
            codec::decode(output).map_err(|error| TaskError::InvalidOutput(error.to_string()))
        }
        Err(error) => Err(error.clone()),
    }
}
