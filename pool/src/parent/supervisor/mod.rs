//! Supervisor: carries out what the [ledger](super::ledger) decides. It does I/O and decides
//! nothing.
//!
//! A thread that brings news (a caller with a task, a child's thread with a message or a death) takes
//! the lock, lets the ledger decide, and carries the actions out itself; so a reply reaches its
//! caller without another thread in between. Only these have a thread of their own: starting children
//! (a child dies with the thread that started it) and the clock, and the callbacks of callers.
//!
//! Sending cannot block: a child is sent one task or one batch at a time, and the grants of its few
//! slots.

mod body;
mod callbacks;
mod chores;
mod replies;
mod seat;
mod seated;
mod sending;
mod tenants;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::chaos::Plan;
use crate::confine;
use crate::protocol::{Initializer, Role, TaskId, ToChild};
use crate::slots::Ring;
use tracing::warn;

pub(super) use body::{Body, Check, Ending};
use callbacks::Callbacks;
use seat::{Seat, number};

use super::handle::RawOutcome;
use super::stopwatch::Stopwatch;
use super::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, thread};
use crate::parent::fault::{PoolError, TaskError};
use crate::parent::ledger::{Action, Late, Ledger, Policy, SeatId, TaskAccounting, Terms};
use crate::parent::process::{Lifeline, Sent};
use crate::parent::ring::{Slot, SlotOwner};
use crate::parent::wear::Bounds;
use crate::parent::{Observer, PoolEvent, vitals};

/// What a pool is made of, beside its [`Policy`].
pub(super) struct Parts {
    pub(super) role: Role,
    /// What every child must be built from, if it is to be anything in particular.
    pub(super) build_id: Option<Cow<'static, str>>,
    pub(super) program: PathBuf,
    /// Another program of this build, should that one turn out not to be.
    pub(super) fallback: Option<PathBuf>,
    pub(super) log_filter: String,
    /// What a child may come to before another takes its place.
    pub(super) bounds: Bounds,
    /// What every child gives up before its first task.
    pub(super) confine: confine::Terms,
    pub(super) initializer: Option<Initializer>,
    /// What the children shall do wrong, in a rehearsal.
    pub(super) chaos: Option<Plan>,
    /// A ring for each seat, filled by the child in it.
    pub(super) outboxes: Vec<Arc<Ring>>,
    /// Rings that every child reads.
    pub(super) inboxes: Vec<Arc<Ring>>,
    pub(super) observer: Observer,
}

struct Core {
    ledger: Ledger,
    seats: Vec<Seat>,
    bodies: HashMap<TaskId, Body>,
    to_spawn: Vec<(SeatId, u32)>,
    /// What has happened and is to be told before what follows from it.
    news: Vec<PoolEvent>,
    /// Tasks that a child has answered, and whose callers are to be told.
    answered: Vec<(Body, RawOutcome)>,
    /// When the pool's own thread looks at the clock next; never by itself, if none.
    wakes: Option<Duration>,
    /// Threads that are telling it: the pool is not at rest until everyone has been told.
    telling: usize,
    stop: bool,
    clock: Stopwatch,
}

/// What is to be done once the lock is released.
#[derive(Default)]
struct After {
    ends: Vec<(Body, RawOutcome)>,
    events: Vec<PoolEvent>,
}

impl After {
    fn is_something(&self) -> bool {
        !self.events.is_empty() || !self.ends.is_empty()
    }
}

/// A pool, as its threads and its callers share it.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// For the thread that starts children and looks at the clock.
    chores: Condvar,
    /// For threads that wait for the pool to be at rest.
    at_rest: Condvar,
    parts: Parts,
    callbacks: Callbacks,
    lifeline: Lifeline,
    has_fallen_back: AtomicBool,
    /// Killed for lack of memory before the pool began.
    oom_kills: Option<u64>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("program", &self.parts.program).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: Policy, parts: Parts) -> Result<Arc<Self>, PoolError> {
        let core = Core {
            seats: parts.outboxes.iter().map(|ring| Seat::vacant(ring)).collect(),
            ledger: Ledger::new(policy),
            bodies: HashMap::new(),
            to_spawn: Vec::new(),
            news: Vec::new(),
            answered: Vec::new(),
            wakes: None,
            telling: 0,
            stop: false,
            clock: Stopwatch::start(),
        };
        let shared = Arc::new(Self {
            core: Mutex::new(core),
            chores: Condvar::new(),
            at_rest: Condvar::new(),
            parts,
            callbacks: Callbacks::default(),
            lifeline: Lifeline::new()?,
            has_fallen_back: AtomicBool::new(false),
            oom_kills: vitals::oom_kills(),
        });
        let name = format!("{} supervisor", shared.role().name());
        let run = Arc::clone(&shared);
        thread::Builder::new().name(name).spawn(move || run.supervise())?;
        Ok(shared)
    }

    /// What children are started from at present.
    pub(super) fn program(&self) -> &Path {
        match &self.parts.fallback {
            Some(fallback) if self.has_fallen_back.load(Ordering::Relaxed) => fallback,
            _ => &self.parts.program,
        }
    }

    /// Whether another program can be tried than the one that a child was started from.
    fn falls_back_from(&self, program: &Path) -> bool {
        let can = self.parts.fallback.as_deref().is_some_and(|fallback| fallback != program);
        if can && !self.has_fallen_back.swap(true, Ordering::Relaxed) {
            warn!(
                "`{}` is of another build than this program, which does its work itself; build \
                 both from the same sources",
                program.display()
            );
        }
        can
    }

    fn role(&self) -> Role {
        self.parts.role
    }

    pub(super) fn submit(self: &Arc<Self>, terms: Terms, body: Body) -> Result<TaskId, PoolError> {
        // Bodies hold leases, and leases are dropped without the lock.
        let mut body = Some(body);
        self.with_core(|core, now, actions| core.enter(terms, &mut body, now, actions))
    }

    /// Submits several at once: all of them or none.
    pub(super) fn submit_all(
        self: &Arc<Self>,
        terms: Terms,
        bodies: Vec<Body>,
    ) -> Result<(), PoolError> {
        let mut bodies: Vec<_> = bodies.into_iter().map(Some).collect();
        self.with_core(|core, now, actions| {
            let mut bodies = bodies.iter_mut();
            bodies.try_for_each(|body| core.enter(terms, body, now, actions).map(drop))
        })
    }

    pub(super) fn cancel(self: &Arc<Self>, task: TaskId) -> bool {
        self.with_core(|core, now, actions| core.ledger.cancel(task, now, actions))
    }

    pub(super) fn close(self: &Arc<Self>) {
        self.with_core(|core, now, actions| core.ledger.close(now, actions));
    }

    /// Cancels tasks that no child has: those, or all.
    pub(super) fn cancel_waiting(self: &Arc<Self>, those: Option<&BTreeSet<TaskId>>) {
        if those.is_none_or(|those| !those.is_empty()) {
            self.with_core(|core, now, actions| core.ledger.cancel_waiting(those, now, actions));
        }
    }

    pub(super) fn terminate_all(self: &Arc<Self>) {
        self.with_core(|core, now, actions| core.ledger.terminate_all(now, actions));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().ledger.is_closed()
    }

    pub(super) fn kill_all(self: &Arc<Self>) {
        self.with_core(|core, _, actions| core.ledger.kill_all(actions));
    }

    pub(super) fn balance(&self) -> TaskAccounting {
        self.lock().ledger.balance()
    }

    /// Tells the observer; a panic in it is caught.
    fn tell(&self, event: &PoolEvent) {
        let told = panic::catch_unwind(AssertUnwindSafe(|| (self.parts.observer)(event)));
        if told.is_err() {
            warn!("who watches the pool has panicked");
        }
    }

    /// Waits until no child is left and every callback has been made, and ends the pool's own
    /// thread. A callback that waits does not wait for itself.
    pub(super) fn wait_at_rest(&self) {
        let mut core = self.lock();
        while !core.is_at_rest() {
            core = self.at_rest.wait(core).unwrap_or_else(PoisonError::into_inner);
        }
        core.stop = true;
        self.chores.notify_all();
        drop(core);
        self.callbacks.wait_made();
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
            let now = core.clock.elapsed();
            let result = decide(&mut core, now, &mut actions);
            after.events.append(&mut core.news);
            after.ends.append(&mut core.answered);
            self.carry_out(&mut core, actions, &mut after);
            core.telling += usize::from(after.is_something());
            if core.is_at_rest() {
                self.at_rest.notify_all();
            }
            self.see_to_chores(&core);
            result
        };
        if after.is_something() {
            let telling = Telling(self);
            for event in after.events {
                self.tell(&event);
            }
            for calls in after.ends.into_iter().filter_map(|(body, outcome)| body.end(outcome)) {
                self.callbacks.make(calls);
            }
            drop(telling);
        }
        result
    }

    fn carry_out(self: &Arc<Self>, core: &mut Core, actions: Vec<Action>, after: &mut After) {
        for action in actions {
            match action {
                Action::Spawn { seat, generation } => {
                    core.seats[seat].generation = generation;
                    core.seats[seat].sent = Sent::Nothing;
                    core.to_spawn.push((seat, generation));
                }
                Action::Run { seat, task, attempt, delivered } => {
                    Self::send_task(core, seat, task, attempt, delivered);
                }
                Action::Batch { seat, tasks } => Self::send_batch(core, seat, &tasks),
                Action::AskBoard { seat } => {
                    let on_board = core.seats[seat]
                        .status_page
                        .as_ref()
                        .and_then(|status_page| status_page.task());
                    let mut more = Vec::new();
                    core.ledger.told(seat, on_board, core.clock.elapsed(), &mut more);
                    self.carry_out(core, more, after);
                }
                Action::Quit { seat } => {
                    core.seats[seat].idle();
                    core.seats[seat].send(&ToChild::Quit);
                }
                Action::Kill { seat } => {
                    let now = core.clock.elapsed();
                    core.seats[seat].kill(now);
                }
                Action::Look { seat, warn } => {
                    let now = core.clock.elapsed();
                    core.seats[seat].look(now);
                    let body = |task: TaskId| core.bodies.get(&task);
                    let late = |Late { task, limit }| PoolEvent::TaskLate {
                        tenant: body(task).map_or(0, |body| body.tenant),
                        label: body(task).map_or(0, |body| body.label),
                        role: self.role(),
                        number: number(seat),
                        silent: limit / 2,
                        limit,
                    };
                    after.events.extend(warn.map(late));
                }
                Action::Terminate { seat } => core.seats[seat].terminate(),
                Action::Finish { task, error } => {
                    if let Some(body) = core.bodies.remove(&task) {
                        if matches!(error, TaskError::Cancelled) {
                            body.end.set_cancelled();
                        }
                        after.ends.push((body, Err(error)));
                    }
                }
                Action::Retried { task, attempt, cause } => {
                    let body = core.bodies.get(&task);
                    let (tenant, label) = body.map_or((0, 0), |body| (body.tenant, body.label));
                    if let Some(body) = body {
                        body.end.set_running(false);
                    }
                    let attempt = attempt.0 + 1;
                    let cause = cause.to_string();
                    after.events.push(PoolEvent::TaskRetried { tenant, label, attempt, cause });
                }
            }
        }
    }
}

impl SlotOwner for Shared {
    fn slot_free(&self, seat: SeatId, slot: u16) {
        let mut core = self.lock();
        let now = core.clock.elapsed();
        let Core { ledger, seats, .. } = &mut *core;
        let Some(seat_state) = seats.get_mut(seat) else { return };
        let Some(state) = seat_state.slots.get_mut(usize::from(slot)) else { return };
        *state = Slot::Free;
        if let (true, Some(sender)) = (seat_state.streams, &seat_state.sender)
            && sender.send(&ToChild::Grant { slot }).is_ok()
        {
            *state = Slot::Granted;
            ledger.granted(seat, 1, now);
            self.see_to_chores(&core);
        }
    }
}

/// A thread that tells what has happened, counted from before the lock was released; no more when
/// this is dropped, even by a watcher that panics.
struct Telling<'a>(&'a Shared);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let mut core = self.0.lock();
        core.telling -= 1;
        if core.is_at_rest() {
            self.0.at_rest.notify_all();
        }
    }
}

impl Core {
    fn enter(
        &mut self,
        terms: Terms,
        body: &mut Option<Body>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<TaskId, PoolError> {
        let terms = body.as_ref().map_or(terms, |body| body.terms(terms));
        let task = self.ledger.submit(terms, now, actions)?;
        if let Some(body) = body.take() {
            body.entered(task);
            self.bodies.insert(task, body);
        }
        Ok(task)
    }

    fn is_at_rest(&self) -> bool {
        self.ledger.is_at_rest() && self.to_spawn.is_empty() && self.telling == 0
    }
}
