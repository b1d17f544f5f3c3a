//! Builder: how a pool is to be, before it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audiopool_worker::chaos::Plan;
use audiopool_worker::protocol::Role;
use audiopool_worker::slots::{Geometry, Ring, Transport};

use super::fault::PoolError;
use super::geometry::{self, Sizes};
use super::ledger::Policy;
use super::limits;
use super::program::WorkerProgram;
use super::ring::{self, OwnRing};
use super::supervisor::{Parts, Shared};
use super::{ProcessPool, Watch};
use crate::threads::ThreadConfig;

/// How a [`ProcessPool`] is to be.
pub struct PoolBuilder {
    program: WorkerProgram,
    role: Role,
    max_workers: usize,
    max_attempts: u32,
    transport: Option<Transport>,
    max_payload: Option<u64>,
    room: u64,
    reads: Vec<Arc<Ring>>,
    log_filter: String,
    chaos: Option<Plan>,
    intensity: usize,
    watch: Watch,
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("role", &self.role)
            .field("max_workers", &self.max_workers)
            .finish_non_exhaustive()
    }
}

impl PoolBuilder {
    /// The program that the children run, instead of the one that is found by itself.
    #[must_use]
    pub fn worker_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = WorkerProgram::At(path.into());
        self
    }

    /// Most children at a time; one at least. They are started when there is work for them.
    #[must_use]
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = max_workers.max(1);
        self
    }

    /// How often a task that kills its child is tried in all; once at least. 3 by default.
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts.max(1);
        self
    }

    /// Where audio lies on its way to the children, and whatever is too large for a message. By
    /// default what the environment variable `AUDIOPOOL_TRANSPORT` says, `memfd` or `portable`, or
    /// else the best that this system has.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Largest audio, arguments and output of a task, in bytes. 64 MiB by default with
    /// [`Transport::Memfd`], where only what is used takes up memory, and 16 MiB with
    /// [`Transport::Portable`], where all of it does, for each child.
    #[must_use]
    pub fn max_payload(mut self, bytes: u64) -> Self {
        self.max_payload = Some(bytes);
        self
    }

    /// Room for audio of so many bytes, if there is less.
    #[must_use]
    pub(crate) fn room_for_payload(mut self, bytes: u64) -> Self {
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
    #[expect(dead_code, reason = "the rehearsal comes with the next step")]
    pub(crate) fn chaos(mut self, plan: Option<Plan>) -> Self {
        self.chaos = plan;
        if plan.is_some() {
            self.intensity = usize::MAX;
        }
        self
    }

    /// Who watches.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Audio comes from the children of `other`.
    #[must_use]
    pub(crate) fn reads_from(mut self, other: &ProcessPool) -> Self {
        self.reads.extend(other.outboxes.iter().cloned());
        self
    }

    /// Sets the pool up. Children are started when there is work for them.
    pub fn build(self) -> Result<ProcessPool, PoolError> {
        let (path, fallback) = self.program.find(self.role)?;
        let transport = self.transport.map_or_else(geometry::transport, Ok)?;
        let fed = self.role == Role::Decoder || !self.reads.is_empty();
        let sizes = Sizes::of(transport, self.role, fed);
        limits::make_room_for(self.max_workers + self.reads.len())?;
        // With fewer slots than children, tasks with audio of their own would wait for slots.
        let slots = u16::try_from(self.max_workers).unwrap_or(u16::MAX).max(sizes.own.slots);
        let slot_bytes = self.max_payload.unwrap_or(sizes.own.slot_bytes).max(self.room);
        let own = OwnRing::new(transport, Geometry { slots, slot_bytes })?;
        let outboxes = std::iter::repeat_with(|| ring::new_ring(transport, sizes.child))
            .take(self.max_workers)
            .collect::<Result<Vec<_>, _>>()?;
        let policy = Policy {
            role: self.role,
            seats: self.max_workers,
            max_attempts: self.max_attempts,
            start_timeout: Duration::from_secs(10),
            quit_timeout: Duration::from_secs(5),
            intensity: self.intensity,
            period: Duration::from_mins(1),
            boot_attempts: 3,
            boot_pause: Duration::from_millis(50),
        };
        let inboxes = std::iter::once(Arc::clone(own.ring())).chain(self.reads).collect();
        let parts = Parts {
            role: self.role,
            program: path,
            fallback,
            log_filter: self.log_filter,
            chaos: self.chaos,
            outboxes: outboxes.clone(),
            inboxes,
            watch: self.watch,
        };
        Ok(ProcessPool {
            shared: Shared::new(policy, parts)?,
            own,
            claiming: Mutex::default(),
            outboxes,
        })
    }
}

impl ProcessPool {
    /// A pool of workers; as many as the machine has processors unless told otherwise.
    pub fn builder() -> PoolBuilder {
        PoolBuilder {
            program: WorkerProgram::Found,
            role: Role::Worker,
            max_workers: ThreadConfig::max_threads(),
            max_attempts: 3,
            transport: None,
            max_payload: None,
            room: 0,
            reads: Vec::new(),
            log_filter: String::new(),
            chaos: None,
            intensity: 10,
            watch: Arc::new(|_| {}),
        }
    }

    /// A pool of decoders.
    pub(crate) fn decoders() -> PoolBuilder {
        let program = WorkerProgram::ThisProgram;
        PoolBuilder { program, role: Role::Decoder, ..Self::builder() }
    }
}
