//! Pool: tasks out, replies home, across processes that may die.
//!
//! ```text
//! |======================== supervisor =======================|==== children ====|
//!
//! +------------+      +--------+   Run     +---------+  frame   +----------+
//! | caller     | ===> | Ledger | ========> | Child   | =======> | process  |
//! |            |      |        |           | threads |          |  #1..n   |
//! | TaskHandle | <=== |        | <======== |         | <======= |          |
//! +------------+      +--------+  news     +---------+  Reply   +----------+
//!                         ▲                   attachments: slots ▲
//!                         └── deaths, deadlines, shutdown: the same ledger
//! ```
//!
//! - The *ledger* decides and does no I/O; the *supervisor* does I/O and
//!   decides nothing; a *child* only reports.
//! - A child has one task at a time, or a batch of very small ones, and a private channel: a death
//!   costs the task that it was at one attempt, and no other task anything. What it had answered before is
//!   kept.
//! - Both kinds of child, those that answer and those that stream, are members of such pools.
//! - The [inline twin](Inline) honours the same contract on the calling thread.

mod attached;
mod builder;
mod cause;
mod child;
mod deadline;
mod event;
mod evidence;
mod executor;
#[cfg(test)]
mod explored;
mod fault;
mod geometry;
mod handle;
mod inline;
mod ledger;
mod limits;
mod map;
mod peak;
mod process;
mod program;
mod ring;
mod stopwatch;
mod supervisor;
mod sync;
mod traces;
mod vitals;
mod wear;

use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::attachment::is_described;
use crate::codec;
pub use crate::confine::{Confinement, Level, Part, Sandbox};
use crate::protocol::{AttachmentRef, MAX_INLINE, Payload, TaskId, WorkerFault};
use crate::slots::Ring;
pub use crate::slots::Transport;
use crate::task::{StreamTask, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use attached::Attached;
pub use builder::PoolBuilder;
pub use cause::{Cause, FailedAttempt, Silence};
pub use event::{Observer, PoolEvent};
pub use evidence::{End, Evidence, Sender};
pub use executor::Shutdown;
pub use fault::panicked;
pub use fault::{NotYet, PoolError, TaskError};
pub use geometry::transport as transport_in_use;
pub use handle::{AsCompleted, ReturnWhen, TaskHandle, Unfinished, Waited, as_completed, wait};
pub use inline::Inline;
pub use ledger::TaskAccounting;
pub use limits::SystemLimits;
pub use map::{Map, MapOptions};
pub use peak::PeakMemory;
pub use traces::{Leftover, Traces};

use deadline::Deadline;
use handle::{Promise, RawOutcome};
use ledger::Terms;
use ring::{Claim, Lease, OwnRing};
use supervisor::{Body, Check, Ending, Shared};

/// How a task is to be run.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskTerms {
    /// For events: which of the caller's affairs this task belongs to.
    pub label: u64,
    /// The tenant of the task, where several share a pool; 0 for none. Tenants take turns,
    /// however much each has submitted.
    pub tenant: u64,
    /// Longest silence that is borne; for ever if `None`. A task that streams is given the time
    /// anew with each item, and the clock stands while it waits for room.
    pub timeout: Option<Duration>,
}

/// Takes the items of a streaming task with their attachments, and may break off.
pub type EachItem<'a, T> = dyn FnMut(
        <T as StreamTask>::Item,
        Option<Attached<<T as StreamTask>::Attachment>>,
    ) -> ControlFlow<()>
    + 'a;

/// Something that tasks can be given to: a pool of processes, or the calling thread.
pub trait Execute: Sync {
    /// Has a task run, on the attachment if it has one.
    fn submit_with<T: Task + 'static>(
        &self,
        task: &T,
        attachment: Option<Attached<T::Attachment>>,
        terms: TaskTerms,
    ) -> Result<TaskHandle<T::Output>, TaskError> {
        self.submit_checked(task, attachment, terms, |_| Ok(()))
    }

    /// The same, but what `check` finds wrong is no answer: the process that gave it is taken to
    /// be sick, and the task is tried again in another.
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        attachment: Option<Attached<T::Attachment>>,
        terms: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<TaskHandle<T::Output>, TaskError>;

    /// Has a streaming task run and hands its items to `each` in order, until the task ends or
    /// `each` breaks off; then the task is cancelled.
    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        terms: TaskTerms,
        each: &mut EachItem<'_, T>,
    ) -> Result<T::Output, TaskError>;
}

/// One item of a streaming task.
struct Item {
    item: Vec<u8>,
    attachment: Option<(AttachmentRef, Lease)>,
}

/// What becomes of the items of a streaming task.
#[derive(Clone)]
struct OnItem {
    /// Whether the encoded description of an attachment is of the task's type and admits so many
    /// bytes.
    is_described: fn(&[u8], u64) -> bool,
    /// Takes an item.
    take: Arc<dyn Fn(Item) + Send + Sync>,
}

/// A pool of child processes that run tasks. Dropping it cancels what has not ended and waits
/// until every child is gone.
///
/// It follows Python's [`concurrent.futures.ProcessPoolExecutor`][python], name by name, and
/// differs where that one hurts:
///
/// | what happens | in Python | here |
/// |---|---|---|
/// | a worker dies | every task of the pool fails, and the pool is of no use any more | its task is tried again, up to [`max_attempts`](PoolBuilder::max_attempts); the others never hear of it |
/// | a task kills each worker that it meets | the same, at once | its last try is made alone; then it fails with [every try and its cause](TaskError::AttemptsExhausted) |
/// | [`cancel`](TaskHandle::cancel) while the task runs | refused | the worker is killed and replaced |
/// | tasks beyond those that run | one more is in a pipe, counts as running and cannot be cancelled | none; only tasks that take microseconds share a message |
/// | a task hangs | for ever | it is killed after its [`timeout`](PoolBuilder::timeout), if there is one |
/// | `map` with a `timeout` | the tasks go on | those that no worker has yet are cancelled |
/// | `map` with a `chunksize` | a chunk fails as one | each task succeeds, fails and dies for itself |
/// | `max_tasks_per_child` | hung in many versions | a worker ends between two tasks, and its place is taken when there is work |
/// | an initializer fails | the pool is broken, without the reason | the pool is broken, and every task says why |
/// | a task uses the pool that it runs in | waits for ever | an error in its first call |
/// | a pool is dropped | its tasks are waited for | they are cancelled, unless it was [shut down](Self::shutdown_with) |
/// | what is sent | anything that can be pickled | types that implement [`Task`], registered by name in the worker program |
///
/// [python]: https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor
#[derive(Debug)]
pub struct ProcessPool {
    shared: Arc<Shared>,
    own: Arc<OwnRing>,
    /// Longest silence of a task for which nothing else was said.
    timeout: Option<Duration>,
    outboxes: Vec<Arc<Ring>>,
}

/// A value as it is sent.
fn encoded<T: Serialize>(value: &T) -> Result<Vec<u8>, TaskError> {
    let fault = |error: codec::CodecError| WorkerFault::Codec { message: error.to_string() };
    codec::encode(value).map_err(|error| TaskError::Fault(fault(error)))
}

/// Puts what is too large for a message into a slot, once there is one.
fn place(claim: &Claim<'_>, bytes: Vec<u8>, leases: &mut Vec<Lease>) -> Result<Payload, TaskError> {
    if bytes.len() <= MAX_INLINE {
        return Ok(Payload::Inline(bytes));
    }
    let lease = claim.put(&bytes)?;
    let at = lease.at();
    leases.push(lease);
    Ok(Payload::Slot(at))
}

impl Execute for ProcessPool {
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        attachment: Option<Attached<T::Attachment>>,
        terms: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<TaskHandle<T::Output>, TaskError> {
        let mut leases = Vec::new();
        let bytes = encoded(task)?;
        let claim = self.own.claim(Deadline::default())?;
        let arguments = place(&claim, bytes, &mut leases)?;
        let attachment =
            attachment.map(|attachment| attachment.lend(&claim, &mut leases)).transpose()?;
        drop(claim);
        let promise = Promise::of(&self.shared);
        let body = Body {
            tenant: terms.tenant,
            label: terms.label,
            name: T::NAME,
            arguments,
            attachment,
            leases,
            on_item: None,
            check: Check::Thorough(Arc::new(move |output| check(&decoded(output)?))),
            end: Ending::Promise(Arc::clone(&promise)),
        };
        let terms =
            Terms { tenant: terms.tenant, timeout: terms.timeout, streams: false, light: None };
        self.shared.submit(terms, body).map_err(TaskError::NotRun)?;
        Ok(TaskHandle::new(promise))
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        terms: TaskTerms,
        each: &mut EachItem<'_, T>,
    ) -> Result<T::Output, TaskError> {
        enum News {
            Item(Item),
            End(RawOutcome),
        }
        let mut leases = Vec::new();
        let bytes = encoded(task)?;
        let arguments = place(&self.own.claim(Deadline::default())?, bytes, &mut leases)?;
        let (sender, news) = mpsc::channel();
        let end = sender.clone();
        let body = Body {
            tenant: terms.tenant,
            label: terms.label,
            name: T::NAME,
            arguments,
            attachment: None,
            leases,
            // A receiver that is gone has lost interest; the items free their slots.
            on_item: Some(OnItem {
                is_described: is_described::<T::Attachment>,
                take: Arc::new(move |item| drop(sender.send(News::Item(item)))),
            }),
            check: Check::Shape(is_of_type::<T::Output>),
            end: Ending::Call(Box::new(move |outcome| drop(end.send(News::End(outcome))))),
        };
        let terms =
            Terms { tenant: terms.tenant, timeout: terms.timeout, streams: true, light: None };
        let id: TaskId = self.shared.submit(terms, body).map_err(TaskError::NotRun)?;
        let invalid = |error: codec::CodecError| TaskError::InvalidOutput(error.to_string());
        loop {
            match news.recv() {
                Ok(News::Item(Item { item, attachment })) => {
                    let item = codec::decode(&item).map_err(|error| {
                        self.shared.cancel(id);
                        invalid(error)
                    })?;
                    let attachment = attachment.map(Attached::leased).transpose();
                    let attachment = attachment.map_err(|error| {
                        self.shared.cancel(id);
                        invalid(error)
                    })?;
                    if each(item, attachment).is_break() {
                        self.shared.cancel(id);
                        return Err(TaskError::Cancelled);
                    }
                }
                Ok(News::End(outcome)) => return codec::decode(&outcome?).map_err(invalid),
                Err(mpsc::RecvError) => return Err(TaskError::Cancelled),
            }
        }
    }
}

fn is_of_type<T: DeserializeOwned>(output: &[u8]) -> Result<(), String> {
    decoded::<T>(output).map(drop)
}

fn decoded<T: DeserializeOwned>(output: &[u8]) -> Result<T, String> {
    codec::decode(output).map_err(|error| error.to_string())
}
