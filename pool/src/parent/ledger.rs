//! Ledger: which task is where, and what happens next. It decides and does no I/O.
//!
//! ```text
//!              submit                 booted, replied
//!   caller ──────────────▶ queue ─────────────────────▶ seat (one child process after another)
//!                            ▲                              │
//!                            └──── died: tried again ───────┤
//!                                                           ▼
//!                                          finished: exactly once for each task
//! ```
//!
//! A *seat* is a place for a child; each process that takes it has a generation of its own, and
//! whatever an earlier generation still says is ignored. Time is an argument. Every method appends
//! the [actions](Action) to be carried out, in order.
//!
//! In OTP's words: `one_for_one`, `transient`, with an intensity and a period. Unlike Python's
//! `ProcessPoolExecutor`, a death costs only the task that the child had.
//!
//! Before the ledger gives up for the number of deaths, it sends a *canary*, a task that does
//! nothing, to a fresh child. Only if that dies too, the children are to blame and not the tasks.

mod accounting;
mod answers;
mod backoff;
mod batch;
mod breaches;
mod clock;
mod deaths;
mod dispatch;
mod ending;
mod solo;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::protocol::{Attempt, Role, TaskId};

pub use accounting::TaskAccounting;
pub(crate) use answers::Reply;
pub(crate) use backoff::Backoff;
pub(crate) use batch::Light;
pub(crate) use turns::Tenant;

use super::fault::{Cause, FailedAttempt, PoolError, TaskError};

/// What the ledger goes by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) role: Role,
    pub(crate) seats: usize,
    /// How many of the seats are kept for tenants that have no child at work.
    pub(crate) spare: usize,
    pub(crate) max_attempts: u32,
    /// After so many tasks a child ends, and another takes its place.
    pub(crate) max_tasks_per_child: Option<u64>,
    pub(crate) backoff: Backoff,
    /// From the start of a process to its `Ready`.
    pub(crate) start_timeout: Duration,
    /// From `Quit` to the end of the process.
    pub(crate) quit_timeout: Duration,
    /// Deaths without a success in between that are borne within `period`.
    pub(crate) intensity: usize,
    pub(crate) period: Duration,
    /// Failed starts in a row that are borne; the pause between them doubles.
    pub(crate) boot_attempts: u32,
    pub(crate) boot_pause: Duration,
}

/// Index of a seat.
pub(crate) type SeatId = usize;

/// What the supervisor has to do.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Spawn {
        seat: SeatId,
        generation: u32,
    },
    Run {
        seat: SeatId,
        task: TaskId,
        attempt: Attempt,
        delivered: u64,
    },
    /// Have the child run these one after another, each for the first time.
    Batch {
        seat: SeatId,
        tasks: Vec<TaskId>,
    },
    /// Read which task the child is at, and [tell](Ledger::told).
    AskBoard {
        seat: SeatId,
    },
    /// Tell the child to end.
    Quit {
        seat: SeatId,
    },
    Kill {
        seat: SeatId,
    },
    /// The child has been silent for half of what is borne: see how it is, so that it can be told
    /// later what it has been doing.
    Look {
        seat: SeatId,
        /// Whether to tell that the task is late; once for each try.
        warn: Option<Late>,
    },
    /// Ask the process to end, whatever it is at.
    Terminate {
        seat: SeatId,
    },
    /// Hand the task's end to its caller. A success is handed over by the thread that reported it.
    Finish {
        task: TaskId,
        error: TaskError,
    },
    Retried {
        task: TaskId,
        attempt: Attempt,
        cause: Cause,
    },
}

/// A task that has used up half its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) task: TaskId,
    /// When its child will be killed, counted from when it was last heard of.
    pub(crate) limit: Duration,
}

/// How a reply counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the answer.
    Accept,
    /// It is in order, but its task was cancelled.
    Unwanted,
    /// It belongs to a process that is no longer there.
    Ignore,
    /// It is not in order; the child is being killed.
    Breach,
}

/// What a task needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Whose it is, where several share a pool.
    pub(crate) tenant: Tenant,
    /// Longest silence; none for ever.
    pub(crate) timeout: Option<Duration>,
    /// Whether the child needs slots to get on; without one, the clock stands.
    pub(crate) streams: bool,
    /// Whether it may share a message with others of its kind.
    pub(crate) light: Option<Light>,
}

#[derive(Debug)]
struct Entry {
    terms: Terms,
    attempts: Vec<FailedAttempt>,
    /// How often a child was gone before it had begun it.
    spared: u32,
    delivered: u64,
}

#[derive(Debug)]
enum Seat {
    Vacant {
        not_before: Duration,
    },
    Booting {
        since: Duration,
        /// Why we have killed it, if we have.
        killed: Option<Cause>,
    },
    Idle {
        served: u64,
    },
    Busy(Busy),
    /// Told to end.
    Quitting {
        since: Duration,
        killed: bool,
    },
    /// Killed, with no task to charge.
    Dying,
}

#[derive(Debug)]
struct Busy {
    /// The first that has no answer yet.
    task: TaskId,
    /// What the child does after it, in order.
    rest: VecDeque<TaskId>,
    /// Whether there were several to begin with.
    batch: bool,
    served: u64,
    /// When the child was last heard of, or began.
    since: Duration,
    /// Slots that the child may still fill.
    slots: usize,
    /// Whether no other child has a task meanwhile.
    alone: bool,
    /// When it was looked at because half of its time was over.
    looked: Option<Duration>,
    /// Whether that has been told.
    warned: bool,
    /// Why we have killed it, if we have.
    killed: Option<Cause>,
    /// What its death is charged to.
    blame: batch::Blame,
    /// When its status page is to be read again: it holds a task that was cancelled.
    ask_at: Option<Duration>,
}

impl Busy {
    fn heard(&mut self, now: Duration) {
        self.since = now;
        self.looked = None;
    }
}

#[derive(Debug)]
struct Place {
    seat: Seat,
    generation: u32,
    /// Whether the process is to end when it has answered.
    worn: bool,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    policy: Policy,
    places: Vec<Place>,
    queue: VecDeque<TaskId>,
    /// Tasks that are tried again, but not before that time.
    resting: BTreeSet<(Duration, TaskId)>,
    tasks: BTreeMap<TaskId, Entry>,
    paces: batch::Paces,
    turns: turns::Turns,
    next_task: u64,
    deaths: VecDeque<Duration>,
    boot_failures: u32,
    canary: Option<TaskId>,
    closed: bool,
    broken: Option<PoolError>,
    balance: TaskAccounting,
}

impl Ledger {
    pub(crate) fn new(policy: Policy) -> Self {
        let vacant = || Place {
            seat: Seat::Vacant { not_before: Duration::ZERO },
            generation: 0,
            worn: false,
        };
        let places = std::iter::repeat_with(vacant).take(policy.seats).collect();
        Self {
            policy,
            places,
            queue: VecDeque::new(),
            resting: BTreeSet::new(),
            tasks: BTreeMap::new(),
            paces: batch::Paces::default(),
            turns: turns::Turns::default(),
            next_task: 1,
            deaths: VecDeque::new(),
            boot_failures: 0,
            canary: None,
            closed: false,
            broken: None,
            balance: TaskAccounting::default(),
        }
    }

    pub(crate) fn balance(&self) -> TaskAccounting {
        self.balance
    }

    /// Whether no child is there, none is wanted, and no task is left.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.tasks.is_empty()
            && self.places.iter().all(|place| matches!(place.seat, Seat::Vacant { .. }))
    }

    /// Takes a task on.
    pub(crate) fn submit(
        &mut self,
        terms: Terms,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<TaskId, PoolError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.closed || !self.turns.admits(terms.tenant) {
            return Err(PoolError::ShutDown);
        }
        let task = self.enter(terms);
        self.balance.submitted += 1;
        self.queue.push_back(task);
        self.dispatch(now, actions);
        Ok(task)
    }

    fn enter(&mut self, terms: Terms) -> TaskId {
        let task = TaskId(self.next_task);
        self.next_task += 1;
        self.tasks.insert(task, Entry { terms, attempts: Vec::new(), spared: 0, delivered: 0 });
        task
    }

    /// Ends a task that is not wanted any more; `false` if it has ended already. A child that has
    /// it is killed, which is no death.
    pub(crate) fn cancel(
        &mut self,
        task: TaskId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        let was_open = self.cancel_one(task, actions);
        if was_open {
            self.dispatch(now, actions);
        }
        was_open
    }

    /// The same, but what follows from it is left for later.
    fn cancel_one(&mut self, task: TaskId, actions: &mut Vec<Action>) -> bool {
        if self.tasks.remove(&task).is_none() {
            return false;
        }
        self.queue.retain(|queued| *queued != task);
        self.resting.retain(|(_, resting)| *resting != task);
        for (seat, place) in self.places.iter_mut().enumerate() {
            if matches!(&place.seat, Seat::Busy(busy) if busy.task == task && !busy.batch) {
                place.seat = Seat::Dying;
                actions.push(Action::Kill { seat });
            }
        }
        self.balance.cancelled += 1;
        actions.push(Action::Finish { task, error: TaskError::Cancelled });
        self.cancel_in_batch(task, actions);
        true
    }

    /// A child is ready for tasks.
    pub(crate) fn booted(
        &mut self,
        seat: SeatId,
        generation: u32,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(place) = self.place(seat, generation) else { return };
        if matches!(place.seat, Seat::Booting { killed: None, .. }) {
            place.seat = Seat::Idle { served: 0 };
            place.worn = false;
            self.boot_failures = 0;
            self.dispatch(now, actions);
        }
    }

    fn place(&mut self, seat: SeatId, generation: u32) -> Option<&mut Place> {
        self.places.get_mut(seat).filter(|place| place.generation == generation)
    }
}

fn busy(places: &mut [Place], seat: SeatId, generation: u32) -> Option<&mut Busy> {
    match places.get_mut(seat) {
        Some(Place { seat: Seat::Busy(busy), generation: current, .. })
            if *current == generation =>
        {
            Some(busy)
        }
        _ => None,
    }
}
