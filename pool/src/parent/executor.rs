//! Executor: a pool as Python's `concurrent.futures` knows it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::protocol::{MAX_INLINE, Payload};
use crate::task::Task;

use super::deadline::Deadline;
use super::fault::TaskError;
use super::handle::{Promise, TaskHandle};
use super::ledger::Terms;
use super::map::{Map, MapOptions};
use super::supervisor::{Body, Check, Ending};
use super::{ProcessPool, TaskAccounting, encoded, is_of_type, place};

/// How a pool is to be shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Whether to wait until every task has ended and every worker is gone.
    pub wait: bool,
    /// Whether to cancel the tasks that no worker has yet. The others end as they like.
    pub cancel_futures: bool,
}

impl Default for Shutdown {
    /// Waits, and cancels nothing.
    fn default() -> Self {
        Self { wait: true, cancel_futures: false }
    }
}

impl ProcessPool {
    /// Has a task run in a worker, under the pool's own terms. An error says that it will not be
    /// run: the pool is shut down or can do no work, or the task cannot be encoded.
    ///
    #[doc = include_str!("doc_example.md")]
    /// let future = pool.submit(&Squared(12))?;
    /// assert_eq!(future.result()?, 144);
    ///
    /// pool.shutdown();
    /// let refused = pool.submit(&Squared(12)).unwrap_err();
    /// assert_eq!(refused.to_string(), "not run: the pool is shut down");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit<T: Task>(&self, task: &T) -> Result<TaskHandle<T::Output>, TaskError> {
        let Prepared { body, future } = self.prepare(task, Deadline::default(), |_| ())?;
        self.shared.submit(self.terms(), body).map_err(TaskError::NotRun)?;
        Ok(future)
    }

    /// Has each of the tasks run and yields their outputs in the order of the tasks. All are
    /// submitted before this returns; with [`map_with`](Self::map_with), few can be.
    ///
    /// A task that fails is an error in its place, and those after it still come.
    ///
    #[doc = include_str!("doc_example.md")]
    /// let squares: Result<Vec<u64>, _> = pool.map((0..5).map(Squared)).collect();
    /// assert_eq!(squares?, [0, 1, 4, 9, 16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<I>(&self, tasks: I) -> Map<'_, I::IntoIter>
    where
        I: IntoIterator<Item: Task>,
    {
        self.map_with(tasks, MapOptions::default())
    }

    /// The same, with a say in how far ahead tasks are taken from `tasks` and submitted, in groups
    /// of how many, and how long it may take.
    ///
    #[doc = include_str!("doc_example.md")]
    /// use procpool::MapOptions;
    ///
    /// let options = MapOptions { buffersize: 8.try_into().ok(), ..MapOptions::default() };
    /// let endless = (0..).map(Squared);
    /// let found = pool.map_with(endless, options).find(|square| !matches!(square, Ok(..1000)));
    /// assert_eq!(found.expect("there is one")?, 32 * 32);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_with<I>(&self, tasks: I, options: MapOptions) -> Map<'_, I::IntoIter>
    where
        I: IntoIterator<Item: Task>,
    {
        Map::new(self, tasks.into_iter(), options)
    }

    /// Takes no more tasks, lets those that were submitted end, and waits until every worker is
    /// gone. The balance is even then.
    pub fn shutdown(&self) -> TaskAccounting {
        self.shutdown_with(Shutdown::default())
    }

    /// Takes no more tasks, and does as it is told with the others. May be called again, to wait
    /// after all. To drop the pool afterwards waits in any case, as a program of Python does at its
    /// end.
    ///
    #[doc = include_str!("doc_example.md")]
    /// use procpool::Shutdown;
    ///
    /// let future = pool.submit(&Squared(3))?;
    /// pool.shutdown_with(Shutdown { wait: false, cancel_futures: false });
    /// assert_eq!(future.result()?, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown_with(&self, Shutdown { wait, cancel_futures }: Shutdown) -> TaskAccounting {
        self.shared.close();
        if cancel_futures {
            self.shared.cancel_waiting(None);
        }
        if wait {
            self.shared.wait_at_rest();
        }
        self.balance()
    }

    /// The program that children are started from; another one after the first child, if it turned
    /// out to be of another build.
    pub fn program(&self) -> PathBuf {
        self.shared.program().to_owned()
    }

    /// What went in and what came out so far.
    pub fn balance(&self) -> TaskAccounting {
        self.shared.balance()
    }

    /// Cancels every task that has not ended, takes no more, and asks every worker to end
    /// (SIGTERM). A worker that does not within the [grace](super::PoolBuilder::grace) is killed. Does
    /// not wait.
    pub fn terminate_workers(&self) {
        self.shared.terminate_all();
    }

    /// Cancels every task that has not ended, takes no more, and kills every worker (SIGKILL). Does
    /// not wait.
    pub fn kill_workers(&self) {
        self.shared.kill_all();
    }

    /// The same from elsewhere, also while this pool is in use.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.kill_all();
            }
        }
    }

    /// Ends every task of a [tenant](super::TaskTerms::tenant), and takes no more of it; the tasks of
    /// others go on. From elsewhere, also while this pool is in use.
    pub fn dismisser(&self, tenant: u64) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.dismiss_tenant(tenant);
            }
        }
    }

    /// Nothing more comes of a tenant, and nothing of it is left.
    pub fn forget_tenant(&self, tenant: u64) {
        self.shared.forget_tenant(tenant);
    }

    /// Whether tasks that are submitted now may be run.
    pub fn takes_tasks(&self) -> bool {
        !self.shared.is_closed()
    }

    /// Stops every child and every deadline when told `true`, and lets them go on when told `false`.
    pub fn pauser(&self) -> impl Fn(bool) + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move |paused| match shared.upgrade() {
            Some(shared) if paused => shared.pause(),
            Some(shared) => shared.resume(),
            None => {}
        }
    }

    /// Those of a task for which nothing else was said.
    pub(super) fn terms(&self) -> Terms {
        Terms { tenant: 0, timeout: self.timeout, streams: false, light: None }
    }

    /// Makes a task ready to be submitted. What does not fit into a message waits for a slot, which
    /// may never come free if others that have one are not submitted: `before_waiting` does that.
    pub(super) fn prepare<T: Task>(
        &self,
        task: &T,
        deadline: Deadline,
        before_waiting: impl FnOnce(&Self),
    ) -> Result<Prepared<T::Output>, TaskError> {
        let bytes = encoded(task)?;
        let mut leases = Vec::new();
        let arguments = if bytes.len() <= MAX_INLINE {
            Payload::Inline(bytes)
        } else {
            before_waiting(self);
            place(&self.own.claim(deadline)?, bytes, &mut leases)?
        };
        let promise = Promise::of(&self.shared);
        let body = Body {
            tenant: 0,
            label: 0,
            name: T::NAME,
            arguments,
            attachment: None,
            leases,
            on_item: None,
            check: Check::Shape(is_of_type::<T::Output>),
            end: Ending::Promise(Arc::clone(&promise)),
        };
        Ok(Prepared { body, future: TaskHandle::new(promise) })
    }
}

/// A task before its submission, and its future after it.
pub(super) struct Prepared<T> {
    pub(super) body: Body,
    pub(super) future: TaskHandle<T>,
}

impl<T> fmt::Debug for Prepared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("future", &self.future).finish_non_exhaustive()
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        // The thread that shut it down has said what is to become of the tasks.
        if !self.shared.is_closed() {
            self.shared.kill_all();
        }
        self.shared.wait_at_rest();
    }
}
