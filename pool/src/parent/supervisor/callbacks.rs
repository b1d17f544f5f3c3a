//! Callbacks: a thread that makes the calls that callers have asked for, one after another.
//!
//! A callback may take its time, wait for other tasks, or submit some that have to wait for room.
//! So none is made by a thread that a child waits for. The thread begins with the first call and
//! ends with the pool.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use tracing::warn;

use super::super::handle::Calls;
use super::super::sync::{Condvar, Mutex, MutexGuard, thread};

/// The pool's end of the line.
#[derive(Default)]
pub(super) struct Callbacks(Arc<Line>);

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Calls>,
    /// Whether there are calls that have been begun.
    in_work: bool,
    /// The thread that makes them; none before the first.
    thread: Option<thread::ThreadId>,
    /// No more will come.
    is_over: bool,
}

impl Callbacks {
    /// Has them made soon, after those before.
    pub(super) fn make(&self, calls: Calls) {
        if calls.is_empty() {
            return;
        }
        let mut state = self.0.lock();
        if state.thread.is_none() {
            let line = Arc::clone(&self.0);
            let thread =
                thread::Builder::new().name("callbacks".to_owned()).spawn(move || line.make_all());
            match thread {
                Ok(thread) => state.thread = Some(thread.thread().id()),
                Err(error) => {
                    drop(state);
                    warn!("a callback is made where its task ends: {error}");
                    return calls.make();
                }
            }
        }
        state.waiting.push_back(calls);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until those so far have been made, unless one of them asks.
    pub(super) fn wait_made(&self) {
        let mut state = self.0.lock();
        if state.thread == Some(thread::current().id()) {
            return;
        }
        while state.in_work || !state.waiting.is_empty() {
            state = self.0.wait(state);
        }
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Line {
    fn make_all(&self) {
        let mut state = self.lock();
        loop {
            if let Some(calls) = state.waiting.pop_front() {
                state.in_work = true;
                drop(state);
                calls.make();
                state = self.lock();
                state.in_work = false;
                self.changed.notify_all();
            } else if state.is_over {
                return;
            } else {
                state = self.wait(state);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}
