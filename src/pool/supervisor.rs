//! Supervisor: carries out what the [ledger](super::ledger) decides. It does I/O and decides
//! nothing.
//!
//! Whoever brings news (a caller with a task, a child's thread with a message or a death) takes
//! the lock, lets the ledger decide, and carries the actions out itself; so a reply reaches its
//! caller without another thread in between. Only two things have a thread of their own: starting
//! children, since a child dies with the thread that started it, and the clock.
//!
//! Sending cannot block: a child is sent one task at a time, and the grants of its few slots.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{mem, thread};

use audiopool_worker::BUILD_ID;
use audiopool_worker::channel::Sender;
use audiopool_worker::protocol::{
    Attempt, AudioRef, FromChild, Hello, LogLevel, LogLine, PROTOCOL_VERSION, Payload, Role,
    Run, TaskId, ToChild, Usage, Welcome, WorkerFault,
};
use audiopool_worker::serve::EXIT_PANIC;
use audiopool_worker::slots::Ring;
use audiopool_worker::task::CANARY;
use tracing::{debug, error, info, trace, warn};

use super::child::{self, Child, Lifeline, Program, Watcher};
use super::fault::{Cause, PoolError, TaskError};
use super::future::RawOutcome;
use super::ledger::{Action, Balance, Ledger, Policy, Reply, SeatId, Terms, Verdict};
use super::ring::{Lease, Slot, SlotOwner, grants, share};
use super::{Item, PoolEvent, Watch};

/// What a pool is made of, beside its [`Policy`].
pub(super) struct Parts {
    pub(super) program: Program,
    pub(super) log_filter: String,
    /// A ring for each seat, filled by the child in it.
    pub(super) outboxes: Vec<Arc<Ring>>,
    /// Rings that every child reads.
    pub(super) inboxes: Vec<Arc<Ring>>,
    pub(super) watch: Watch,
}

/// A task as the pool keeps it until it has ended.
pub(super) struct Body {
    pub(super) label: u64,
    pub(super) name: &'static str,
    pub(super) arguments: Payload,
    pub(super) audio: Option<AudioRef>,
    /// Keeps the audio, and arguments that lie in a slot.
    pub(super) leases: Vec<Lease>,
    pub(super) on_item: Option<Arc<dyn Fn(Item) + Send + Sync>>,
    pub(super) on_end: Box<dyn FnOnce(RawOutcome) + Send>,
}

struct Seat {
    generation: u32,
    child: Option<Child>,
    sender: Option<Sender<ToChild>>,
    running: Option<(TaskId, u64)>,
    slots: Vec<Slot>,
    streams: bool,
    started: bool,
    /// To be killed, perhaps before its process is known here.
    condemned: bool,
    usage: Usage,
}

struct Core {
    ledger: Ledger,
    seats: Vec<Seat>,
    bodies: HashMap<TaskId, Body>,
    to_spawn: Vec<(SeatId, u32)>,
    stop: bool,
}

/// What is to be done once the lock is released.
#[derive(Default)]
struct After {
    ends: Vec<(Body, RawOutcome)>,
    events: Vec<PoolEvent>,
}

/// A pool, as its threads and its callers share it.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// For the thread that starts children and looks at the clock.
    chores: Condvar,
    /// For whoever waits for the pool to be at rest.
    at_rest: Condvar,
    parts: Parts,
    lifeline: Lifeline,
    begun: Instant,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("program", &self.parts.program).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: Policy, parts: Parts) -> Result<Arc<Self>, PoolError> {
        let seat = |ring: &Arc<Ring>| Seat {
            generation: 0,
            child: None,
            sender: None,
            running: None,
            slots: vec![Slot::Free; usize::from(ring.geometry().slots)],
            streams: false,
            started: false,
            condemned: false,
            usage: Usage::default(),
        };
        let core = Core {
            seats: parts.outboxes.iter().map(seat).collect(),
            ledger: Ledger::new(policy),
            bodies: HashMap::new(),
            to_spawn: Vec::new(),
            stop: false,
        };
        let shared = Arc::new(Self {
            core: Mutex::new(core),
            chores: Condvar::new(),
            at_rest: Condvar::new(),
            parts,
            lifeline: Lifeline::new()?,
            begun: Instant::now(),
        });
        let name = format!("{} supervisor", shared.role().name());
        let run = Arc::clone(&shared);
        thread::Builder::new().name(name).spawn(move || run.supervise())?;
        Ok(shared)
    }

    fn role(&self) -> Role {
        self.parts.program.role
    }

    pub(super) fn submit(self: &Arc<Self>, terms: Terms, body: Body) -> Result<TaskId, PoolError> {
        // Bodies hold leases, and leases are dropped without the lock.
        let mut body = Some(body);
        self.with_core(|core, now, actions| {
            let task = core.ledger.submit(terms, now, actions)?;
            core.bodies.extend(body.take().map(|body| (task, body)));
            Ok(task)
        })
    }

    pub(super) fn cancel(self: &Arc<Self>, task: TaskId) -> bool {
        self.with_core(|core, now, actions| core.ledger.cancel(task, now, actions))
    }

    pub(super) fn close(self: &Arc<Self>) {
        self.with_core(|core, now, actions| core.ledger.close(now, actions));
    }

    pub(super) fn kill_all(self: &Arc<Self>) {
        self.with_core(|core, _, actions| core.ledger.kill_all(actions));
    }

    pub(super) fn balance(&self) -> Balance {
        self.lock().ledger.balance()
    }

    /// Waits until no child is left, and ends the pool's own thread.
    pub(super) fn wait_at_rest(&self) {
        let mut core = self.lock();
        while !core.is_at_rest() {
            core = self.at_rest.wait(core).unwrap_or_else(PoisonError::into_inner);
        }
        core.stop = true;
        self.chores.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the ledger decide something and carries it out.
    fn with_core<R>(
        self: &Arc<Self>,
        decide: impl FnOnce(&mut Core, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let mut after = After::default();
        let result = {
            let mut core = self.lock();
            let mut actions = Vec::new();
            let result = decide(&mut core, self.begun.elapsed(), &mut actions);
            self.carry_out(&mut core, actions, &mut after);
            if core.is_at_rest() {
                self.at_rest.notify_all();
            }
            // Deadlines may have changed, and children may be wanted.
            self.chores.notify_all();
            result
        };
        for event in &after.events {
            (self.parts.watch)(event);
        }
        for (body, outcome) in after.ends {
            let Body { on_end, leases, on_item, .. } = body;
            drop(on_item); // the end of the stream comes before its outcome
            drop(leases);
            on_end(outcome);
        }
        result
    }

    fn carry_out(self: &Arc<Self>, core: &mut Core, actions: Vec<Action>, after: &mut After) {
        for action in actions {
            match action {
                Action::Spawn { seat, generation } => {
                    core.seats[seat].generation = generation;
                    core.seats[seat].condemned = false;
                    core.to_spawn.push((seat, generation));
                }
                Action::Run { seat, task, attempt, delivered } => {
                    self.send_task(core, seat, task, attempt, delivered);
                }
                Action::Quit { seat } => {
                    core.seats[seat].idle();
                    core.seats[seat].send(&ToChild::Quit);
                }
                Action::Kill { seat } => core.seats[seat].kill(),
                Action::Finish { task, error } => {
                    if let Some(body) = core.bodies.remove(&task) {
                        after.ends.push((body, Err(error)));
                    }
                }
                Action::Retried { task, attempt, cause } => {
                    let label = core.bodies.get(&task).map_or(0, |body| body.label);
                    let attempt = attempt.0 + 1;
                    after.events.push(PoolEvent::TaskRetried { label, attempt, cause });
                }
            }
        }
    }

    fn send_task(
        &self,
        core: &mut Core,
        seat: SeatId,
        task: TaskId,
        attempt: Attempt,
        delivered: u64,
    ) {
        let now = self.begun.elapsed();
        let Core { ledger, seats, bodies, .. } = core;
        let state = &mut seats[seat];
        let body = bodies.get(&task);
        state.streams = body.is_some_and(|body| body.on_item.is_some());
        let mut slots = Vec::new();
        if state.streams {
            for (slot, state) in (0..).zip(&mut state.slots) {
                if *state == Slot::Free {
                    *state = Slot::Granted;
                    slots.push(slot);
                }
            }
            ledger.granted(seat, slots.len(), now);
        }
        let run = match body {
            Some(body) => Run {
                task,
                attempt,
                name: body.name.to_owned(),
                arguments: body.arguments.clone(),
                audio: body.audio,
                delivered,
                slots,
            },
            // Not a caller's task: the ledger's own.
            None => Run {
                task,
                attempt,
                name: CANARY.to_owned(),
                arguments: Payload::Inline(Vec::new()),
                audio: None,
                delivered,
                slots,
            },
        };
        trace!(child = number(seat), task = task.0, attempt = attempt.0, "run");
        state.running = Some((task, body.map_or(0, |body| body.label)));
        state.send(&ToChild::Run(run));
    }

    /// The pool's own thread: starts children and looks at the clock.
    fn supervise(self: Arc<Self>) {
        let mut core = self.lock();
        while !core.stop {
            let to_spawn = mem::take(&mut core.to_spawn);
            if !to_spawn.is_empty() {
                drop(core);
                for (seat, generation) in to_spawn {
                    self.start(seat, generation);
                }
                core = self.lock();
                continue;
            }
            let now = self.begun.elapsed();
            let next = core.ledger.next_tick();
            if next.is_some_and(|next| next <= now) {
                drop(core);
                self.with_core(|core, now, actions| core.ledger.tick(now, actions));
                core = self.lock();
                // A time that has come and changed nothing must not spin.
                if core.ledger.next_tick().is_none_or(|next| next > now) {
                    continue;
                }
            }
            let pause = next.map_or(Duration::from_secs(3600), |next| next.saturating_sub(now));
            let pause = pause.max(Duration::from_millis(1));
            core = self.chores.wait_timeout(core, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start(self: &Arc<Self>, seat: SeatId, generation: u32) {
        let watcher = Arc::new(Seated { shared: Arc::clone(self), seat, generation });
        let outbox = &self.parts.outboxes[seat];
        let started = share(outbox, &self.parts.inboxes).and_then(|descriptors| {
            Child::spawn(&self.parts.program, self.lifeline.share()?, descriptors, watcher)
        });
        match started {
            Ok(child) => {
                debug!(child = number(seat), role = self.role().name(), pid = child.pid(), "born");
                let mut core = self.lock();
                let state = &mut core.seats[seat];
                // It may have been condemned, or have died, before we got here.
                if state.condemned || state.generation != generation {
                    child.kill();
                }
                if state.generation == generation {
                    state.child = Some(child);
                }
            }
            Err(error) => {
                let hopeless = matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound
                        | std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::InvalidFilename
                );
                let error = self.boot_error(&error.to_string());
                self.with_core(|core, now, actions| {
                    core.ledger.boot_failed(seat, generation, error, hopeless, now, actions);
                });
            }
        }
    }

    fn boot_error(&self, reason: &str) -> PoolError {
        let program = self.parts.program.path.display().to_string();
        PoolError::Boot { role: self.role(), program, reason: reason.to_owned() }
    }
}

impl SlotOwner for Shared {
    fn slot_free(&self, seat: SeatId, slot: u16) {
        let mut core = self.lock();
        let now = self.begun.elapsed();
        let Core { ledger, seats, .. } = &mut *core;
        let Some(seat_state) = seats.get_mut(seat) else { return };
        let Some(state) = seat_state.slots.get_mut(usize::from(slot)) else { return };
        *state = Slot::Free;
        if let (true, Some(sender)) = (seat_state.streams, &seat_state.sender)
            && sender.send(&ToChild::Grant { slot }).is_ok()
        {
            *state = Slot::Granted;
            ledger.granted(seat, 1, now);
            self.chores.notify_all();
        }
    }
}

impl Core {
    fn is_at_rest(&self) -> bool {
        self.ledger.is_at_rest() && self.to_spawn.is_empty()
    }
}

impl Seat {
    fn send(&self, message: &ToChild) {
        // A child that cannot be reached is dying; its waiter will say so.
        if let Some(sender) = &self.sender
            && let Err(error) = sender.send(message)
        {
            debug!(%error, "cannot reach a child");
        }
    }

    fn kill(&mut self) {
        self.condemned = true;
        if let Some(child) = &self.child {
            child.kill();
        }
    }

    /// The child's task is over: what it could have filled is free again.
    fn idle(&mut self) {
        self.running = None;
        self.streams = false;
        for slot in &mut self.slots {
            if *slot == Slot::Granted {
                *slot = Slot::Free;
            }
        }
    }
}

fn number(seat: SeatId) -> u32 {
    u32::try_from(seat + 1).unwrap_or(u32::MAX)
}

/// Takes in what one process in one seat has to say.
struct Seated {
    shared: Arc<Shared>,
    seat: SeatId,
    generation: u32,
}

impl Watcher for Seated {
    fn connected(&self, sender: Sender<ToChild>) {
        let mut core = self.shared.lock();
        let seat = &mut core.seats[self.seat];
        if seat.generation == self.generation {
            seat.sender = Some(sender.with_generation(self.generation));
        }
    }

    fn message(&self, generation: u32, message: FromChild) {
        // A process learns its generation from the answer to its first message.
        let greeting = matches!(message, FromChild::Hello(_));
        if generation != if greeting { 0 } else { self.generation } {
            return self.breach(format!("a frame of generation {generation}"));
        }
        match message {
            FromChild::Hello(hello) => self.greet(&hello),
            FromChild::Ready => self.ready(),
            FromChild::Item { task, attempt, index, item, audio } => {
                self.item((task, attempt), index, item, audio);
            }
            FromChild::Alive { .. } => self.shared.with_core(|core, now, _| {
                core.ledger.alive(self.seat, self.generation, now);
            }),
            FromChild::Reply { task, attempt, outcome, .. } => {
                self.reply((task, attempt), outcome);
            }
            FromChild::Log(line) => self.log(&line),
            FromChild::Goodbye(usage) => {
                self.shared.lock().seats[self.seat].usage = usage;
            }
        }
    }

    fn breach(&self, reason: String) {
        self.shared.with_core(|core, _, actions| {
            core.ledger.breach(self.seat, self.generation, reason, actions);
        });
    }

    fn ended(&self, status: ExitStatus, stderr: String) {
        let cause = cause_of(status, &stderr);
        let role = self.shared.role();
        let number = number(self.seat);
        let (label, usage, ready) = {
            let mut core = self.shared.lock();
            let seat = &mut core.seats[self.seat];
            if seat.generation != self.generation {
                return;
            }
            let label = seat.running.map(|(_, label)| label);
            seat.idle();
            seat.child = None;
            seat.sender = None;
            let ready = mem::take(&mut seat.started);
            (label, mem::take(&mut seat.usage), ready)
        };
        let watch = &self.shared.parts.watch;
        debug!(child = number, role = role.name(), %status, stderr, "ended");
        if ready {
            watch(&PoolEvent::ChildRetired { role, number, usage });
        }
        let unmeant = self.shared.with_core(|core, now, actions| {
            let boot_error = |cause: &Cause| {
                let mut reason = format!("it {cause} before it was ready");
                if !stderr.is_empty() {
                    reason = format!("{reason}, and said: {stderr}");
                }
                self.shared.boot_error(&reason)
            };
            let death = (cause, stderr.clone());
            core.ledger.died(self.seat, self.generation, death, boot_error, now, actions)
        });
        if let Some(cause) = unmeant {
            let cause = cause.to_string();
            watch(&PoolEvent::ChildDied { role, number, cause, label });
        }
    }
}

impl Seated {
    fn greet(&self, hello: &Hello) {
        let mismatch = if hello.protocol != PROTOCOL_VERSION {
            Some(format!("it speaks protocol {}, this program {PROTOCOL_VERSION}", hello.protocol))
        } else if hello.build_id != BUILD_ID {
            Some(format!("it is of build {}, this program of build {BUILD_ID}", hello.build_id))
        } else if hello.role != self.shared.role() {
            Some(format!("it is a {}", hello.role.name()))
        } else {
            None
        };
        if let Some(mismatch) = mismatch {
            let reason = format!("{mismatch}; build both programs from the same sources");
            let error = self.shared.boot_error(&reason);
            return self.shared.with_core(|core, now, actions| {
                core.seats[self.seat].kill();
                let (seat, generation) = (self.seat, self.generation);
                core.ledger.boot_failed(seat, generation, error, true, now, actions);
            });
        }
        let parts = &self.shared.parts;
        let rings = grants(&parts.outboxes[self.seat], &parts.inboxes);
        let welcome = Welcome {
            number: number(self.seat),
            generation: self.generation,
            rings,
            log_filter: parts.log_filter.clone(),
        };
        let core = self.shared.lock();
        core.seats[self.seat].send(&ToChild::Welcome(welcome));
        drop(core);
        let (role, number) = (self.shared.role(), number(self.seat));
        (parts.watch)(&PoolEvent::ChildStarted { role, number, pid: hello.pid });
    }

    fn ready(&self) {
        self.shared.with_core(|core, now, actions| {
            core.seats[self.seat].started = true;
            core.ledger.booted(self.seat, self.generation, now, actions);
        });
    }

    fn item(
        &self,
        (task, attempt): (TaskId, Attempt),
        index: u64,
        item: Vec<u8>,
        audio: Option<AudioRef>,
    ) {
        let ring = &self.shared.parts.outboxes[self.seat];
        let mut taker = None;
        self.shared.with_core(|core, now, actions| {
            let (seat, generation) = (self.seat, self.generation);
            let slots = &core.seats[seat].slots;
            let slot = audio.map(|audio| usize::from(audio.at.slot));
            let granted = slot.is_none_or(|slot| slots.get(slot) == Some(&Slot::Granted));
            let ours = audio.is_none_or(|audio| audio.at.ring == ring.id());
            if !granted || !ours {
                let reason = "an item in a slot that was not granted".to_owned();
                return core.ledger.breach(seat, generation, reason, actions);
            }
            let (id, delivery) = ((task, attempt), (index, slot.is_some()));
            let verdict = core.ledger.delivered(seat, generation, id, delivery, now, actions);
            if verdict == Verdict::Accept {
                if let Some(slot) = slot {
                    core.seats[seat].slots[slot] = Slot::Leased;
                }
                taker = core.bodies.get(&task).and_then(|body| body.on_item.clone());
            }
        });
        // Without the lock: who drops the item frees its slot.
        if let Some(taker) = taker {
            let owner: Weak<Shared> = Arc::downgrade(&self.shared);
            let lease =
                |audio: AudioRef| Lease::new(audio.at, Arc::clone(ring), owner, self.seat);
            taker(Item { item, audio: audio.map(|audio| (audio, lease(audio))) });
        }
    }

    fn reply(&self, id: (TaskId, Attempt), outcome: Result<Payload, WorkerFault>) {
        let outcome = match outcome {
            Ok(Payload::Inline(output)) => Ok(output),
            Ok(Payload::Slot(at)) => match self.shared.parts.outboxes[self.seat].read(&at) {
                Ok(output) => Ok(output),
                Err(error) => return self.breach(format!("an output that cannot be read: {error}")),
            },
            Err(fault) => Err(fault),
        };
        let kind = match &outcome {
            Ok(_) => Reply::Output,
            Err(WorkerFault::Panic { .. }) => Reply::FaultAndRetire,
            Err(_) => Reply::Fault,
        };
        let mut ended = None;
        self.shared.with_core(|core, now, actions| {
            let (seat, generation) = (self.seat, self.generation);
            let verdict = core.ledger.replied(seat, generation, id, kind, now, actions);
            if verdict == Verdict::Accept {
                core.seats[self.seat].idle();
                ended = core.bodies.remove(&id.0);
            }
        });
        if let Some(Body { on_end, leases, on_item, .. }) = ended {
            drop(on_item);
            drop(leases);
            on_end(outcome.map_err(TaskError::Fault));
        }
    }

    fn log(&self, line: &LogLine) {
        let LogLine { level, target, message } = line;
        let (role, child) = (self.shared.role().name(), number(self.seat));
        match level {
            LogLevel::Error => error!(role, child, target, "{message}"),
            LogLevel::Warn => warn!(role, child, target, "{message}"),
            LogLevel::Info => info!(role, child, target, "{message}"),
            LogLevel::Debug => debug!(role, child, target, "{message}"),
            LogLevel::Trace => trace!(role, child, target, "{message}"),
        }
    }
}

/// Reads a death: the status, and what the runtime prints before it aborts.
fn cause_of(status: ExitStatus, stderr: &str) -> Cause {
    if let Some((signal, name)) = child::signal(status) {
        if stderr.contains("has overflowed its stack") {
            return Cause::StackOverflow;
        }
        if stderr.contains("memory allocation of") {
            return Cause::OutOfMemory;
        }
        return Cause::Signal { signal, name };
    }
    match status.code() {
        Some(EXIT_PANIC) => Cause::ThreadPanic,
        code => Cause::Exited { code: code.unwrap_or_default() },
    }
}
