//! Model: what the ledger is to do, said so simply that it can be believed on reading.
//!
//! Lists that are searched and histories that are counted, where the ledger keeps accounts: who is
//! busy, which task is in its last try and what the balance is, is found out each time it is asked.
//! No batches and no streams; those have tests of their own.

mod calls;
mod news;
mod settling;

use super::*;

/// One task and all that has become of it.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) task: TaskId,
    pub(super) canary: bool,
    pub(super) tenant: Tenant,
    timeout: Option<Duration>,
    tries: Vec<FailedAttempt>,
    pub(super) end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Output,
    Fault,
    Poisonous,
    Cancelled,
    NotRun,
}

/// What a place for a child holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// No child, and until that time none will be started.
    None {
        pause: Option<Duration>,
    },
    Starting {
        since: Duration,
        killed: Option<Cause>,
    },
    Idle {
        served: u64,
    },
    Busy(Try),
    Leaving {
        since: Duration,
        killed: bool,
    },
    /// Killed, and what it still does is of no interest.
    Doomed,
}

/// A child at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) task: TaskId,
    pub(super) served: u64,
    /// When it was last heard of.
    pub(super) since: Duration,
    pub(super) alone: bool,
    pub(super) looked: Option<Duration>,
    pub(super) warned: bool,
    pub(super) killed: Option<Cause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) generation: u32,
    pub(super) worn: bool,
    pub(super) child: Child,
}

/// A pool on paper.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) policy: Policy,
    pub(super) now: Duration,
    pub(super) spots: Vec<Spot>,
    pub(super) queue: Vec<TaskId>,
    pub(super) resting: Vec<(Duration, TaskId)>,
    pub(super) histories: Vec<History>,
    /// Every death that counts, and how many of them were before the last answer.
    deaths: Vec<Duration>,
    forgiven: usize,
    breaches: u64,
    failed_starts: u32,
    closed: bool,
    dismissed: Vec<Tenant>,
    /// Who was given something, one after another.
    turns: Vec<Tenant>,
    broken: Option<PoolError>,
    /// What was handed out in each place last.
    given: Vec<(TaskId, Attempt)>,
    /// What is to be done after the last step, in any order.
    pub(super) deeds: Vec<Action>,
}

impl Model {
    pub(super) fn new(policy: Policy) -> Self {
        let spot = Spot { generation: 0, worn: false, child: Child::None { pause: None } };
        Self {
            now: Duration::ZERO,
            spots: vec![spot; policy.seats],
            given: vec![(TaskId(1), Attempt(1)); policy.seats],
            policy,
            queue: Vec::new(),
            resting: Vec::new(),
            histories: Vec::new(),
            deaths: Vec::new(),
            forgiven: 0,
            breaches: 0,
            failed_starts: 0,
            closed: false,
            dismissed: Vec::new(),
            turns: Vec::new(),
            broken: None,
            deeds: Vec::new(),
        }
    }

    fn history(&mut self, task: TaskId) -> &mut History {
        self.histories.iter_mut().find(|history| history.task == task).unwrap()
    }

    fn tries(&self, task: TaskId) -> usize {
        self.histories.iter().find(|history| history.task == task).unwrap().tries.len()
    }

    /// The attempt that a task is at, or will be at next.
    pub(super) fn attempt(&self, task: TaskId) -> Attempt {
        Attempt(u32::try_from(self.tries(task)).unwrap() + 1)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &History> {
        self.histories.iter().filter(|history| history.end.is_none())
    }

    /// What was submitted by a caller.
    pub(super) fn submitted(&self) -> impl Iterator<Item = &History> {
        self.histories.iter().filter(|history| !history.canary)
    }

    /// What a child is at, or was at when it last had something to do.
    pub(super) fn given(&self, seat: SeatId) -> (TaskId, Attempt) {
        self.given[seat]
    }

    fn canary(&self) -> Option<TaskId> {
        self.open().find(|history| history.canary).map(|history| history.task)
    }

    /// One more death and it is given up; it has killed before.
    fn is_last_try(&self, task: TaskId) -> bool {
        let attempt = self.attempt(task).0;
        attempt > 1 && attempt >= self.policy.max_attempts
    }

    fn running(&self) -> impl Iterator<Item = &Try> {
        self.spots.iter().filter_map(|spot| match &spot.child {
            Child::Busy(at) => Some(at),
            _ => None,
        })
    }

    /// The first idle child, or the first that has done nothing yet.
    fn idle(&self, fresh: bool) -> Option<SeatId> {
        self.spots.iter().position(|spot| match spot.child {
            Child::Idle { served } => served == 0 || !fresh,
            _ => false,
        })
    }

    fn number(&self, of: impl Fn(&Child) -> bool) -> usize {
        self.spots.iter().filter(|spot| of(&spot.child)).count()
    }

    /// What may be handed out: the canary alone if there is one; nothing beside a last try; a last
    /// try alone; or else everything.
    fn eligible(&self) -> Vec<TaskId> {
        let waits = |task: &TaskId| self.queue.contains(task);
        if let Some(canary) = self.canary() {
            return Some(canary).filter(waits).into_iter().collect();
        }
        if self.running().any(|at| at.alone) {
            return Vec::new();
        }
        match self.queue.iter().find(|task| self.is_last_try(**task)) {
            Some(last) => vec![*last],
            None => self.queue.clone(),
        }
    }

    /// What may be handed out, in order, if each of those that came before it is: the first in the
    /// queue of the tenant with the fewest children, and of those, of the one that has waited longest. Where
    /// all common seats are taken, only of a tenant that has none.
    pub(super) fn in_turn(&self) -> Vec<TaskId> {
        if self.canary().is_some() {
            return self.eligible();
        }
        let (mut waiting, mut chosen) = (self.eligible(), Vec::new());
        while chosen.len() < self.spots.len() {
            let at_work: Vec<TaskId> =
                self.running().map(|at| at.task).chain(chosen.iter().copied()).collect();
            let held = |tenant| at_work.iter().filter(|task| self.tenant(**task) == tenant).count();
            let is_full = at_work.len() >= self.spots.len() - self.policy.spare;
            let turns: Vec<Tenant> = self
                .turns
                .iter()
                .copied()
                .chain(chosen.iter().map(|task| self.tenant(*task)))
                .collect();
            let rank =
                |tenant| (held(tenant), turns.iter().rposition(|turn| *turn == tenant), tenant);
            let may = waiting.iter().filter(|task| !is_full || held(self.tenant(**task)) == 0);
            // The first of equals is the first in the queue.
            let Some(next) = may.min_by_key(|task| rank(self.tenant(**task))).copied() else {
                break;
            };
            waiting.retain(|task| *task != next);
            chosen.push(next);
        }
        chosen
    }

    fn tenant(&self, task: TaskId) -> Tenant {
        self.histories.iter().find(|history| history.task == task).unwrap().tenant
    }

    /// How long a child may be silent.
    fn limit(&self, at: &Try) -> Option<Duration> {
        let history = self.histories.iter().find(|history| history.task == at.task).unwrap();
        history.timeout.map(|timeout| if at.alone { timeout / 2 } else { timeout })
    }

    /// When a silent child is looked at, or killed if it has been.
    fn due(&self, at: &Try) -> Option<Duration> {
        let limit = self.limit(at)?;
        Some(match at.looked {
            None => at.since + limit / 2,
            Some(looked) => (at.since + limit).max(looked + limit / 8),
        })
    }

    pub(super) fn next_tick(&self) -> Option<Duration> {
        let Policy { start_timeout, quit_timeout, .. } = self.policy;
        let wanted = !self.queue.is_empty() || !self.resting.is_empty();
        let spots = self.spots.iter().filter_map(|spot| match &spot.child {
            Child::None { pause } => pause.filter(|_| wanted),
            Child::Starting { since, killed: None } => Some(*since + start_timeout),
            Child::Leaving { since, killed: false } => Some(*since + quit_timeout),
            Child::Busy(at) if at.killed.is_none() => self.due(at),
            _ => None,
        });
        spots.chain(self.resting.iter().map(|(until, _)| *until)).min()
    }

    pub(super) fn balance(&self) -> TaskAccounting {
        let ended = |ends: &[End]| {
            let is_so = |history: &&History| history.end.is_some_and(|end| ends.contains(&end));
            self.submitted().filter(is_so).count() as u64
        };
        // Every try that was lost was followed by another, but for the last of the poisonous.
        let lost: usize = self.submitted().map(|history| history.tries.len()).sum();
        TaskAccounting {
            submitted: self.submitted().count() as u64,
            succeeded: ended(&[End::Output]),
            failed: ended(&[End::Fault, End::Poisonous, End::NotRun]),
            cancelled: ended(&[End::Cancelled]),
            retries: lost as u64 - ended(&[End::Poisonous]),
            deaths: self.deaths.len() as u64,
            breaches: self.breaches,
        }
    }

    pub(super) fn takes_tasks(&self) -> bool {
        !self.closed && self.broken.is_none()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.open().next().is_none()
            && self.spots.iter().all(|spot| matches!(spot.child, Child::None { .. }))
    }

    fn child(&mut self, seat: SeatId, generation: u32) -> Option<&mut Child> {
        let spot = self.spots.get_mut(seat).filter(|spot| spot.generation == generation)?;
        Some(&mut spot.child)
    }
}
