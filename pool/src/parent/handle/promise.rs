//! Promise: where the outcome of one task is put, once, and everyone who waits for it.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use crate::protocol::TaskId;
use tracing::warn;

use super::super::supervisor::Shared;
use super::super::sync::{
    AtomicBool, AtomicU64, Condvar, Instant, Mutex, MutexGuard, OnceLock, Ordering, thread,
};
use super::RawOutcome;
use super::gathering::Gathering;

/// How long a caller stays awake for an outcome: to be woken takes longer than a small task.
const AWAKE: Duration = Duration::from_micros(50);

/// The pool's side of a [`TaskHandle`](super::TaskHandle).
#[derive(Default)]
pub(in crate::parent) struct Promise {
    /// The pool that runs the task; none if it ran where it was submitted.
    pool: Weak<Shared>,
    /// Its number there; 0 until it is known.
    task: AtomicU64,
    running: AtomicBool,
    /// It will be kept as cancelled, though perhaps it is not yet.
    cancelled: AtomicBool,
    /// Set once, with the state locked.
    outcome: OnceLock<RawOutcome>,
    state: Mutex<State>,
    kept: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether a thread waits here: waking none costs as much as waking one.
    awaited: bool,
    watchers: Vec<Watcher>,
}

/// A call with the promise that is kept.
type Callback = dyn FnOnce(&Arc<Promise>) + Send;

/// Who is told once it is kept.
enum Watcher {
    Call(Box<Callback>),
    Gather(Arc<Gathering>, usize),
}

/// Calls that are to be made once no lock is held.
#[must_use]
pub(in crate::parent) struct Calls {
    promise: Arc<Promise>,
    watchers: Vec<Watcher>,
}

impl Calls {
    /// Whether there is no callback.
    pub(in crate::parent) fn is_empty(&self) -> bool {
        self.watchers.iter().all(|watcher| matches!(watcher, Watcher::Gather(..)))
    }

    /// Makes them; their panics are their own.
    pub(in crate::parent) fn make(self) {
        for watcher in self.watchers {
            if let Watcher::Call(call) = watcher {
                self.promise.call(call);
            }
        }
    }
}

impl Promise {
    /// For a task of that pool.
    pub(in crate::parent) fn of(pool: &Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { pool: Arc::downgrade(pool), ..Self::default() })
    }

    /// The task has been taken on under that number.
    pub(in crate::parent) fn entered(&self, task: TaskId) {
        self.task.store(task.0, Ordering::Release);
    }

    /// Whether a process has the task at this moment.
    pub(in crate::parent) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    /// Only the thread that has decided that puts the outcome in.
    pub(in crate::parent) fn set_cancelled(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Puts the outcome in; what is returned is to be called without any lock.
    pub(in crate::parent) fn keep(self: &Arc<Self>, outcome: RawOutcome) -> Calls {
        let mut state = self.lock();
        let is_first = self.outcome.set(outcome).is_ok();
        debug_assert!(is_first, "a task ends once");
        let awaited = state.awaited;
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        if awaited {
            self.kept.notify_all();
        }
        for watcher in &watchers {
            if let Watcher::Gather(gathering, index) = watcher {
                gathering.arrived(*index);
            }
        }
        Calls { promise: Arc::clone(self), watchers }
    }

    pub(super) fn outcome(&self) -> Option<&RawOutcome> {
        self.outcome.get()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) && self.outcome().is_none()
    }

    /// Waits for the outcome.
    pub(super) fn wait(&self) -> &RawOutcome {
        if let Some(outcome) = self.outcome() {
            return outcome;
        }
        let begun = Instant::now();
        while begun.elapsed() < AWAKE {
            thread::yield_now();
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
        }
        let mut state = self.lock();
        loop {
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            state.awaited = true;
            state = self.kept.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the outcome until `timeout` after `begun`.
    pub(super) fn wait_until(&self, begun: Instant, timeout: Duration) -> Option<&RawOutcome> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = self.outcome() {
                return Some(outcome);
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            state.awaited = true;
            let waited = self.kept.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The number of the task in its pool.
    pub(super) fn task(&self) -> TaskId {
        TaskId(self.task.load(Ordering::Acquire))
    }

    /// Ends the task; `false` if it has ended otherwise already.
    pub(super) fn cancel(&self) -> bool {
        self.pool.upgrade().is_some_and(|pool| pool.cancel(self.task()))
            || self.cancelled.load(Ordering::Acquire)
    }

    /// Has `call` made once it is kept; at once if it is.
    pub(super) fn when_kept(self: &Arc<Self>, call: Box<Callback>) {
        let mut state = self.lock();
        if self.outcome().is_none() {
            state.watchers.push(Watcher::Call(call));
            return;
        }
        drop(state);
        self.call(call);
    }

    fn call(self: &Arc<Self>, call: Box<Callback>) {
        let called = panic::catch_unwind(AssertUnwindSafe(|| call(self)));
        if called.is_err() {
            warn!("a callback of a future has panicked");
        }
    }

    /// Has it told to the gathering that it is kept; at once if it is.
    pub(super) fn join(&self, gathering: &Arc<Gathering>, index: usize) {
        let mut state = self.lock();
        if self.outcome().is_none() {
            state.watchers.push(Watcher::Gather(Arc::clone(gathering), index));
            return;
        }
        drop(state);
        gathering.arrived(index);
    }

    /// Takes back what [`join`](Self::join) has asked for.
    pub(super) fn leave(&self, gathering: &Arc<Gathering>) {
        let is_other = |watcher: &Watcher| match watcher {
            Watcher::Gather(other, _) => !Arc::ptr_eq(other, gathering),
            Watcher::Call(_) => true,
        };
        self.lock().watchers.retain(is_other);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("task", &self.task).finish_non_exhaustive()
    }
}
