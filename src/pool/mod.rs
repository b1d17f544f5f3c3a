//! Pool: tasks out, replies home, across processes that may die.
//!
//! ```text
//! |===================== supervisor =====================|==== children ====|
//!
//! +--------+      +--------+   Run     +---------+  frame   +----------+
//! | caller | ===> | Ledger | ========> | Child   | =======> | process  |
//! |        |      |        |           | threads |          |  #1..n   |
//! | Future | <=== |        | <======== |         | <======= |          |
//! +--------+      +--------+  news     +---------+  Reply   +----------+
//!                     ▲                      PCM: ring of slots ▲
//!                     └── deaths, deadlines, shutdown: the same ledger
//! ```
//!
//! - The *ledger* decides and does no I/O; the *supervisor* does I/O and
//!   decides nothing; a *child* only reports.
//! - A child has one task at a time, or a batch of very small ones, and a private channel: a death
//!   costs the task that it was at a try, and nobody else anything. What it had answered before is
//!   kept.
//! - Both kinds of child, workers and decoders, are members of such pools.
//! - The [inline twin](Inline) honours the same contract on the calling thread.

mod builder;
mod cause;
mod child;
mod evidence;
mod executor;
#[cfg(test)]
mod explored;
pub(crate) mod fault;
mod future;
mod geometry;
mod inline;
mod ledger;
mod limits;
mod map;
mod patience;
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

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use audiopool_worker::analyze::Stretch;
use audiopool_worker::codec;
pub use audiopool_worker::confine::{Confinement, Level, Part, Sandbox};
use audiopool_worker::pcm::PcmFormat;
use audiopool_worker::protocol::{AudioRef, MAX_INLINE, Payload, TaskId, WorkerFault};
pub use audiopool_worker::slots::Transport;
use audiopool_worker::slots::{Ring, SlotError};
use audiopool_worker::task::{StreamTask, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::event::{Event, Observer, PoolEvent};
pub use builder::PoolBuilder;
pub use cause::{Cause, FailedAttempt, Silence};
pub use evidence::{End, Evidence, Sender};
pub use executor::Shutdown;
pub use fault::{NotYet, PoolError, TaskError};
pub use future::{AsCompleted, Future, ReturnWhen, Unfinished, Waited, as_completed, wait};
pub(crate) use geometry::transport as transport_in_use;
pub use inline::Inline;
pub use ledger::Balance;
pub(crate) use limits::SystemLimits;
pub use map::{Map, MapOptions};
pub use peak::PeakMemory;
pub use traces::{Leftover, Traces};

use future::{Promise, RawOutcome};
use ledger::Terms;
use patience::Patience;
use ring::{Claim, Lease, OwnRing};
use supervisor::{Body, Check, Ending, Shared};

/// How a task is to be run.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskTerms {
    /// For events: which of the caller's affairs this task belongs to.
    pub label: u64,
    /// Whose task it is, where several share a pool: nobody's in particular if 0. Parties take turns,
    /// whoever has submitted how much.
    pub party: u64,
    /// Longest silence that is borne; for ever if `None`. A task that streams is given the time
    /// anew with each item, and the clock stands while it waits for room.
    pub timeout: Option<Duration>,
}

/// Audio on its way to a task.
#[derive(Debug)]
pub struct Audio(AudioSource);

#[derive(Debug)]
enum AudioSource {
    /// In a slot that a child has filled.
    Leased(AudioRef, Lease),
    /// In the memory of this process.
    Owned { bytes: Arc<[u8]>, format: PcmFormat, first_frame: u64 },
}

impl Audio {
    /// Audio in the memory of this process.
    pub fn owned(bytes: Arc<[u8]>, format: PcmFormat, first_frame: u64) -> Self {
        Self(AudioSource::Owned { bytes, format, first_frame })
    }

    /// How many frames there are.
    pub fn frames(&self) -> u64 {
        let (len, format) = match &self.0 {
            AudioSource::Leased(audio, _) => (audio.at.len, audio.format),
            AudioSource::Owned { bytes, format, .. } => (bytes.len() as u64, *format),
        };
        len / format.frame_width() as u64
    }

    /// The samples themselves.
    pub(crate) fn bytes(&self) -> Result<Cow<'_, [u8]>, SlotError> {
        match &self.0 {
            AudioSource::Leased(_, lease) => lease.read().map(Cow::Owned),
            AudioSource::Owned { bytes, .. } => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// Which stretch of its file it is.
    pub fn stretch(&self) -> Stretch {
        let (format, first) = match &self.0 {
            AudioSource::Leased(audio, _) => (audio.format, audio.first_frame),
            AudioSource::Owned { format, first_frame, .. } => (*format, *first_frame),
        };
        Stretch { format, frames: first..first.saturating_add(self.frames()) }
    }
}

/// Something that tasks can be given to: a pool of processes, or the calling thread.
pub trait Execute: Sync {
    /// Has a task run, on the audio if it is about some.
    fn submit_with<T: Task + 'static>(
        &self,
        task: &T,
        audio: Option<Audio>,
        terms: TaskTerms,
    ) -> Result<Future<T::Output>, TaskError> {
        self.submit_checked(task, audio, terms, |_| Ok(()))
    }

    /// The same, but what `check` finds wrong is no answer: the process that gave it is taken to
    /// be sick, and the task is tried again in another.
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        audio: Option<Audio>,
        terms: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<Future<T::Output>, TaskError>;

    /// Has a streaming task run and hands its items to `each` in order, until the task ends or
    /// `each` breaks off; then the task is cancelled.
    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        terms: TaskTerms,
        each: &mut dyn FnMut(T::Item, Option<Audio>) -> ControlFlow<()>,
    ) -> Result<T::Output, TaskError>;
}

/// One item of a streaming task.
struct Item {
    item: Vec<u8>,
    audio: Option<(AudioRef, Lease)>,
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
/// | a task kills each worker that it meets | the same, at once | its last try is made alone; then it fails with [every try and its cause](TaskError::Poisonous) |
/// | [`cancel`](Future::cancel) while the task runs | refused | the worker is killed and replaced |
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

fn lend(claim: &Claim<'_>, audio: Audio, leases: &mut Vec<Lease>) -> Result<AudioRef, TaskError> {
    let (audio, lease) = match audio.0 {
        AudioSource::Leased(audio, lease) => (audio, lease),
        AudioSource::Owned { bytes, format, first_frame } => {
            let lease = claim.put(&bytes)?;
            (AudioRef { at: lease.at(), format, first_frame }, lease)
        }
    };
    leases.push(lease);
    Ok(audio)
}

impl Execute for ProcessPool {
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        audio: Option<Audio>,
        terms: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<Future<T::Output>, TaskError> {
        let mut leases = Vec::new();
        let bytes = encoded(task)?;
        let claim = self.own.claim(Patience::default())?;
        let arguments = place(&claim, bytes, &mut leases)?;
        let audio = audio.map(|audio| lend(&claim, audio, &mut leases)).transpose()?;
        drop(claim);
        let promise = Promise::of(&self.shared);
        let body = Body {
            party: terms.party,
            label: terms.label,
            name: T::NAME,
            arguments,
            audio,
            leases,
            on_item: None,
            check: Check::Thorough(Arc::new(move |output| check(&decoded(output)?))),
            end: Ending::Promise(Arc::clone(&promise)),
        };
        let terms =
            Terms { party: terms.party, timeout: terms.timeout, streams: false, light: None };
        self.shared.submit(terms, body).map_err(TaskError::NotRun)?;
        Ok(Future::new(promise))
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        terms: TaskTerms,
        each: &mut dyn FnMut(T::Item, Option<Audio>) -> ControlFlow<()>,
    ) -> Result<T::Output, TaskError> {
        enum News {
            Item(Item),
            End(RawOutcome),
        }
        let mut leases = Vec::new();
        let bytes = encoded(task)?;
        let arguments = place(&self.own.claim(Patience::default())?, bytes, &mut leases)?;
        let (sender, news) = mpsc::channel();
        let end = sender.clone();
        let body = Body {
            party: terms.party,
            label: terms.label,
            name: T::NAME,
            arguments,
            audio: None,
            leases,
            // A receiver that is gone has lost interest; the items free their slots.
            on_item: Some(Arc::new(move |item| drop(sender.send(News::Item(item))))),
            check: Check::Shape(is_of_type::<T::Output>),
            end: Ending::Call(Box::new(move |outcome| drop(end.send(News::End(outcome))))),
        };
        let terms =
            Terms { party: terms.party, timeout: terms.timeout, streams: true, light: None };
        let id: TaskId = self.shared.submit(terms, body).map_err(TaskError::NotRun)?;
        let invalid = |error: codec::CodecError| TaskError::InvalidOutput(error.to_string());
        loop {
            match news.recv() {
                Ok(News::Item(Item { item, audio })) => {
                    let item = codec::decode(&item).map_err(|error| {
                        self.shared.cancel(id);
                        invalid(error)
                    })?;
                    let audio =
                        audio.map(|(audio, lease)| Audio(AudioSource::Leased(audio, lease)));
                    if each(item, audio).is_break() {
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
