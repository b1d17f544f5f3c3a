//! Waiting: for some of many futures, or for each as it comes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::sync::Instant;
use super::TaskHandle;
use super::gathering::Gathering;
use crate::parent::fault::TaskError;

/// When [`wait`] is to return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnWhen {
    /// When one of the tasks has ended, in whatever way.
    FirstCompleted,
    /// When one of the tasks has failed, or all have ended. A cancelled one has not failed.
    FirstException,
    /// When all have ended.
    #[default]
    AllCompleted,
}

/// What [`wait`] has found, both in the order in which the futures were given.
#[derive(Clone, Debug)]
pub struct Waited<T> {
    /// Those whose tasks have ended.
    pub done: Vec<TaskHandle<T>>,
    /// The others.
    pub not_done: Vec<TaskHandle<T>>,
}

/// Waits for tasks to end, for ever if there is no `timeout`. A future that is given twice counts
/// once. That the time is up is no error: those that are not done say it.
///
#[doc = include_str!("../doc_example.md")]
/// use procpool::{ReturnWhen, wait};
///
/// let futures = [pool.submit(&Squared(2))?, pool.submit(&Squared(3))?];
/// let waited = wait(&futures, ReturnWhen::AllCompleted, None);
/// assert_eq!((waited.done.len(), waited.not_done.len()), (2, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait<'a, T: 'a>(
    futures: impl IntoIterator<Item = &'a TaskHandle<T>>,
    return_when: ReturnWhen,
    timeout: Option<Duration>,
) -> Waited<T> {
    let begun = Instant::now();
    let futures = distinct(futures);
    let gathering = gather(&futures);
    let mut missing = futures.len();
    while missing > 0 {
        let Some(index) = gathering.next(begun, timeout) else { break };
        missing -= 1;
        let enough = match return_when {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => has_failed(&futures[index]),
            ReturnWhen::AllCompleted => false,
        };
        if enough {
            break;
        }
    }
    for future in &futures {
        future.promise.leave(&gathering);
    }
    let (done, not_done) = futures.into_iter().partition(TaskHandle::done);
    Waited { done, not_done }
}

fn has_failed<T>(future: &TaskHandle<T>) -> bool {
    !matches!(future.promise.outcome(), None | Some(Ok(_) | Err(TaskError::Cancelled)))
}

/// The time was up before all of the tasks had ended. They go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unfinished} of {total} tasks have not ended within {timeout:?}")]
pub struct Unfinished {
    /// How many have not ended.
    pub unfinished: usize,
    /// Of how many.
    pub total: usize,
    /// In which time.
    pub timeout: Duration,
}

/// Yields futures as their tasks end; those first that have ended already. A future that is given
/// twice is yielded once. If there is a `timeout`, counted from this call, and it is over, the last
/// that is yielded is an error.
///
#[doc = include_str!("../doc_example.md")]
/// use procpool::as_completed;
///
/// let futures = [pool.submit(&Squared(2))?, pool.submit(&Squared(3))?];
/// let mut sum = 0;
/// for future in as_completed(&futures, None) {
///     sum += future?.result()?;
/// }
/// assert_eq!(sum, 13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed<'a, T: 'a>(
    futures: impl IntoIterator<Item = &'a TaskHandle<T>>,
    timeout: Option<Duration>,
) -> AsCompleted<T> {
    let begun = Instant::now();
    let futures = distinct(futures);
    let gathering = gather(&futures);
    let total = futures.len();
    let futures = futures.into_iter().map(Some).collect();
    AsCompleted { futures, gathering, begun, timeout, unfinished: total }
}

/// See [`as_completed`].
pub struct AsCompleted<T> {
    /// Those that have not been yielded.
    futures: Vec<Option<TaskHandle<T>>>,
    gathering: Arc<Gathering>,
    begun: Instant,
    timeout: Option<Duration>,
    /// 0 also once the time is up: there is nothing more to come.
    unfinished: usize,
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("unfinished", &self.unfinished).finish_non_exhaustive()
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<TaskHandle<T>, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.unfinished == 0 {
            return None;
        }
        let total = self.futures.len();
        if let Some(index) = self.gathering.next(self.begun, self.timeout) {
            self.unfinished -= 1;
            // No task arrives twice.
            return self.futures.get_mut(index)?.take().map(Ok);
        }
        let unfinished = std::mem::take(&mut self.unfinished);
        let timeout = self.timeout.unwrap_or_default();
        Some(Err(Unfinished { unfinished, total, timeout }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.unfinished > 0), Some(self.unfinished))
    }
}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        for future in self.futures.iter().flatten() {
            future.promise.leave(&self.gathering);
        }
    }
}

/// Where the futures tell, by their index, that they have ended.
fn gather<T>(futures: &[TaskHandle<T>]) -> Arc<Gathering> {
    let gathering = Arc::default();
    for (index, future) in futures.iter().enumerate() {
        future.promise.join(&gathering, index);
    }
    gathering
}

/// Each of them once, in order.
fn distinct<'a, T: 'a>(futures: impl IntoIterator<Item = &'a TaskHandle<T>>) -> Vec<TaskHandle<T>> {
    let mut seen = HashSet::new();
    let is_new = |future: &&TaskHandle<T>| seen.insert(Arc::as_ptr(&future.promise));
    futures.into_iter().filter(is_new).cloned().collect()
}
