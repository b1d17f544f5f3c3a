//! Sync: the same names as the product's, where the explorer decides what happens.

use std::sync::{LockResult, OnceLock as StdOnceLock};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::WaitTimeoutResult;

pub(super) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(super) use shuttle::sync::{Mutex, MutexGuard};
pub(super) use shuttle::thread;

/// A thread that sleeps for less wakes up by itself. Here it does not, since no code may rely on it.
const NAP: Duration = Duration::from_secs(1);

/// No test waits for as long, but any wait for less than this may be over at any time.
pub(super) const FOREVER: Duration = Duration::from_hours(1);

/// A time since which nothing has passed, or all the time that anybody waits for: it is drawn by
/// lot, each time that a thread looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant(Duration);

impl Instant {
    pub(super) fn now() -> Self {
        Self(FOREVER)
    }

    pub(super) fn elapsed(self) -> Duration {
        if thread_rng().gen_bool(0.5) { Duration::ZERO } else { self.0 }
    }
}

/// The explorer has none: before a thread looks whether it is set, others may go on.
#[derive(Debug)]
pub(super) struct OnceLock<T> {
    value: StdOnceLock<T>,
    is_set: AtomicBool,
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self { value: StdOnceLock::new(), is_set: AtomicBool::new(false) }
    }
}

impl<T> OnceLock<T> {
    pub(super) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::SeqCst) { self.value.get() } else { None }
    }

    pub(super) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.is_set.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// The explorer's does not know that time is up. Here the sleepers are woken at any time, which
/// they must bear anyway.
#[derive(Debug, Default)]
pub(super) struct Condvar(std::sync::Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub(super) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        if (NAP..FOREVER).contains(&timeout) {
            let sleepers = std::sync::Arc::clone(&self.0);
            drop(thread::spawn(move || sleepers.notify_all()));
        }
        self.0.wait_timeout(guard, timeout)
    }

    pub(super) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(super) fn notify_all(&self) {
        self.0.notify_all();
    }
}
