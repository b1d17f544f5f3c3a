//! Supervisor: who decides whether a task is done or cancelled, and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use audiopool_worker::protocol::TaskId;

use super::future::{Calls, Promise, RawOutcome};
use super::sync::Mutex;
use crate::pool::fault::TaskError;

/// Tasks that have not ended.
#[derive(Default)]
pub(super) struct Shared {
    tasks: Mutex<BTreeMap<TaskId, Arc<Promise>>>,
}

impl Shared {
    pub(super) fn submit(self: &Arc<Self>, task: TaskId) -> Arc<Promise> {
        let promise = Promise::of(self);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        promise.entered(task);
        promise.set_running(true);
        tasks.insert(task, Arc::clone(&promise));
        promise
    }

    pub(super) fn cancel(&self, task: TaskId) -> bool {
        self.end(task, Err(TaskError::Cancelled))
    }

    /// Whether it had not ended yet.
    pub(super) fn end(&self, task: TaskId, outcome: RawOutcome) -> bool {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(promise) = tasks.remove(&task) else { return false };
        if matches!(outcome, Err(TaskError::Cancelled)) {
            promise.set_cancelled();
        }
        drop(tasks);
        Calls::make(promise.keep(outcome));
        true
    }
}
