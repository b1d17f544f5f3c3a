//! Builder: how a pool is to be, before it is.

use super::wear::Bounds;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::chaos::Plan;
use crate::codec;
use crate::confine::{Sandbox, Terms};
use crate::protocol::{Initializer, MAX_INLINE, Role};
use crate::slots::{Geometry, Ring, Transport};
use crate::task::Task;

use super::fault::PoolError;
use super::geometry::{self, Sizes};
use super::ledger::{Backoff, Policy};
use super::limits;
use super::program::WorkerProgram;
use super::ring::{self, OwnRing};
use super::supervisor::{Parts, Shared};
use super::{Observer, ProcessPool};

/// How a [`ProcessPool`] is to be.
pub struct PoolBuilder {
    program: WorkerProgram,
    build_id: Option<Cow<'static, str>>,
    policy: Policy,
    timeout: Option<Duration>,
    transport: Option<Transport>,
    max_payload: Option<u64>,
    room: u64,
    reads: Vec<Arc<Ring>>,
    log_filter: String,
    bounds: Bounds,
    sandbox: Sandbox,
    memory_limit: Option<u64>,
    /// Encoded, or why it cannot be.
    initializer: Option<Result<Initializer, String>>,
    chaos: Option<Plan>,
    observer: Observer,
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl PoolBuilder {
    /// The program that the children run, instead of the running one.
    #[must_use]
    pub fn worker_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = WorkerProgram::At(path.into());
        self
    }

    /// The program that the children run; but if it turns out to be of another
    /// [build](Self::build_id), they run the running program.
    #[must_use]
    pub fn preferred_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = WorkerProgram::Preferred(path.into());
        self
    }

    /// What the children must be built from; nothing in particular by default. A child of another
    /// build ([`run_child_role_of`](crate::run_child_role_of)), or of another version of this
    /// package, is refused at its start, and the error says so.
    #[must_use]
    pub fn build_id(mut self, build: impl Into<Cow<'static, str>>) -> Self {
        self.build_id = Some(build.into());
        self
    }

    /// Most workers at a time; one at least. They are started when there is work for them and
    /// none is idle. As many as the machine has processors by default.
    #[must_use]
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.policy.seats = max_workers.max(1);
        self
    }

    /// So many workers more, for [tenants](super::TaskTerms::tenant) that have none at work: however
    /// long the tasks of the others take, they need not wait for one to end.
    #[must_use]
    pub fn spare_workers(mut self, spare: usize) -> Self {
        self.policy.spare = spare;
        self
    }

    /// A worker ends after so many tasks, and another takes its place when there is work for it.
    /// Never, by default.
    #[must_use]
    pub fn max_tasks_per_child(mut self, tasks: NonZeroU64) -> Self {
        self.policy.max_tasks_per_child = Some(tasks.get());
        self
    }

    /// A worker that has gained so many bytes of memory since its first task ends after the task
    /// that it has, and another takes its place when there is work for it. 300 MiB by default; where
    /// the system does not say how much memory a process has, never. The bound is lower by up to a
    /// ninth that differs from worker to worker, so that they do not end all at once.
    #[must_use]
    pub fn max_growth(mut self, bytes: u64) -> Self {
        self.bounds.growth = Some(bytes);
        self
    }

    /// A worker that is so old ends likewise. Never, by default. Again, each a little sooner.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.bounds.age = Some(age);
        self
    }

    /// What each worker runs before its first task: a task that the worker program has registered,
    /// without an attachment, whose output is dropped. If it fails, the pool cannot do its work: every
    /// task ends with a [`PoolError::Boot`] that says why.
    ///
    #[doc = include_str!("doc_example.md")]
    /// let fussy = ProcessPool::builder().initializer(&Squared(u64::MAX)).build()?;
    /// let error = fussy.submit(&Squared(2))?.result().unwrap_err().to_string();
    /// assert!(error.ends_with("its initializer failed: too large"), "{error}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn initializer<T: Task>(mut self, task: &T) -> Self {
        let encoded = codec::encode(task).map_err(|error| error.to_string());
        self.initializer = Some(encoded.and_then(|arguments| match arguments.len() {
            ..=MAX_INLINE => Ok(Initializer { name: T::NAME.to_owned(), arguments }),
            len => Err(format!("it has {len} bytes of arguments, and may have {MAX_INLINE}")),
        }));
        self
    }

    /// How often a task that kills its worker is tried in all; once at least. 3 by default.
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.policy.max_attempts = max_attempts.max(1);
        self
    }

    /// How long a task that has lost its worker waits before it is tried again: `first` the first
    /// time, twice as long each time more, at most `most`, and always a little longer that differs
    /// from task to task. 10 ms and 1 s by default.
    #[must_use]
    pub fn retry_backoff(mut self, first: Duration, most: Duration) -> Self {
        self.policy.backoff = Backoff { first, most };
        self
    }

    /// How long a worker may be silent over a task for which nothing else was said; then it is
    /// killed, and the task has lost it. For ever by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long a worker may take to be ready, its initializer included. 10 s by default.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.policy.start_timeout = timeout;
        self
    }

    /// How long a worker that was asked to end may take before it is killed. 5 s by default.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.quit_timeout = grace;
        self
    }

    /// How many workers may die within a `period` while no task succeeds. If it is one more, and
    /// another one dies with nothing to do, the pool gives up. 10 within a minute by default.
    #[must_use]
    pub fn restart_intensity(mut self, deaths: usize, period: Duration) -> Self {
        self.policy.intensity = deaths;
        self.policy.period = period;
        self
    }

    /// Where attachments lie on their way to the children, and whatever is too large for a message. By
    /// default what the environment variable `AUDIOPOOL_TRANSPORT` says, `memfd` or `portable`, or
    /// else the best that this system has.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Largest attachment, arguments and output of a task, in bytes. 64 MiB by default with
    /// [`Transport::Memfd`], where only what is used takes up memory, and 16 MiB with
    /// [`Transport::Portable`], where all of it does, for each child.
    #[must_use]
    pub fn max_payload(mut self, bytes: u64) -> Self {
        self.max_payload = Some(bytes);
        self
    }

    /// Room for attachments of so many bytes, if there is less.
    #[must_use]
    pub fn room_for_payload(mut self, bytes: u64) -> Self {
        self.room = self.room.max(bytes);
        self
    }

    /// What the children shall log, as a `tracing` filter.
    #[must_use]
    pub fn log_filter(mut self, filter: impl Into<String>) -> Self {
        self.log_filter = filter.into();
        self
    }

    /// What the children shall do wrong, in a rehearsal; and however many die of it, the pool does
    /// not give up.
    #[must_use]
    pub fn chaos(mut self, plan: Option<Plan>) -> Self {
        self.chaos = plan;
        if plan.is_some() {
            self.policy.intensity = usize::MAX;
        }
        self
    }

    /// How far the children are confined before their first task; not at all by default, since
    /// only the author of a task knows what it needs. A confined task can compute, allocate and
    /// start threads; it can open no file and no connection, and start no program.
    #[must_use]
    pub fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.sandbox = sandbox;
        self
    }

    /// How many bytes of memory a child may ask for, beside what it begins with: the program, and
    /// the slots through which attachments travel. A child that asks for more dies of it, and its task
    /// is tried again. No limit by default, and none on systems that cannot set one.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Who is told what happens, as a [`PoolEvent`](super::PoolEvent): on the pool's
    /// own threads, which wait for it. A pool without an observer is the same pool.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Attachments can come from the children of `other`.
    #[must_use]
    pub fn reads_from(mut self, other: &ProcessPool) -> Self {
        self.reads.extend(other.outboxes.iter().cloned());
        self
    }

    /// Sets the pool up. Children are started when there is work for them.
    pub fn build(mut self) -> Result<ProcessPool, PoolError> {
        self.policy.seats = self.policy.seats.saturating_add(self.policy.spare);
        let (path, fallback) = self.program.find(self.policy.role)?;
        let transport = self.transport.map_or_else(geometry::transport, Ok)?;
        let fed = self.policy.role.streams() || !self.reads.is_empty();
        let sizes = Sizes::of(transport, self.policy.role.streams(), fed);
        let initializer = self.initializer.transpose().map_err(|reason| {
            let reason = format!("the initializer cannot be sent: {reason}");
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })?;
        limits::make_room_for(self.policy.seats.saturating_add(self.reads.len()))?;
        // With fewer slots than children, tasks with attachments of their own would wait for slots.
        let slots = u16::try_from(self.policy.seats).unwrap_or(u16::MAX).max(sizes.own.slots);
        let slot_bytes = self.max_payload.unwrap_or(sizes.own.slot_bytes).max(self.room);
        let own = OwnRing::new(transport, Geometry { slots, slot_bytes })?;
        let outboxes = std::iter::repeat_with(|| ring::new_ring(transport, sizes.child))
            .take(self.policy.seats)
            .collect::<Result<Vec<_>, _>>()?;
        let inboxes = std::iter::once(Arc::clone(own.ring())).chain(self.reads).collect();
        let parts = Parts {
            role: self.policy.role,
            build_id: self.build_id,
            program: path,
            fallback,
            log_filter: self.log_filter,
            bounds: self.bounds,
            confine: Terms { sandbox: self.sandbox, memory_bytes: self.memory_limit },
            initializer,
            chaos: self.chaos,
            outboxes: outboxes.clone(),
            inboxes,
            observer: self.observer,
        };
        Ok(ProcessPool {
            shared: Shared::new(self.policy, parts)?,
            own,
            timeout: self.timeout,
            outboxes,
        })
    }
}

impl ProcessPool {
    /// A pool of workers; as many as the machine has processors unless told otherwise.
    pub fn builder() -> PoolBuilder {
        PoolBuilder {
            program: WorkerProgram::ThisProgram,
            build_id: None,
            policy: policy(Role::WORKER),
            timeout: None,
            transport: None,
            max_payload: None,
            room: 0,
            reads: Vec::new(),
            log_filter: String::new(),
            bounds: Bounds { growth: Some(300 << 20), age: None },
            sandbox: Sandbox::Off,
            memory_limit: None,
            initializer: None,
            chaos: None,
            observer: Arc::new(|_| {}),
        }
    }

    /// A pool of children that run [streaming tasks](crate::StreamTask), under the name that events
    /// and messages give them: [`Role::streaming`].
    pub fn streaming(role: Role) -> PoolBuilder {
        PoolBuilder { policy: policy(role), ..Self::builder() }
    }
}

/// What holds unless told otherwise.
fn policy(role: Role) -> Policy {
    Policy {
        role,
        seats: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        spare: 0,
        max_attempts: 3,
        max_tasks_per_child: None,
        backoff: Backoff { first: Duration::from_millis(10), most: Duration::from_secs(1) },
        start_timeout: Duration::from_secs(10),
        quit_timeout: Duration::from_secs(5),
        intensity: 10,
        period: Duration::from_mins(1),
        boot_attempts: 3,
        boot_pause: Duration::from_millis(50),
    }
}
