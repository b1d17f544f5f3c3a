//! Batches: several small tasks that go to a child in one message.
//!
//! A task that does next to nothing costs less than the message that brings it. So tasks of a kind
//! that has been quick so far share one, as many as are a fair share of the queue. Blame stays with
//! one of them: the child answers in order, its status page names the task that it is at, and when it
//! dies, that one is charged; what it had not answered beside goes back to where it came from.
//!
//! ```text
//!   answered (kept)   the status page's (charged)   not begun (back to the front of the queue)
//!   ├───────────────┼───────────────────────┼──────────────────────────────────────────┤
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::protocol::TaskId;

use super::{Action, Busy, Ledger, Seat, SeatId};

/// Most tasks in a batch.
pub(super) const MOST: usize = 64;

/// Most bytes of a batch, far less than a message takes.
const MOST_BYTES: usize = 32 << 10;

/// What a task takes up beside its name and its arguments.
const OVERHEAD: usize = 64;

/// Longest time that a kind of task takes and is still called small.
const SMALL: Duration = Duration::from_micros(50);

/// Longest time that a whole batch is to take.
const SLICE: Duration = Duration::from_millis(2);

/// No task is kept waiting by others that has less time than this.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a task that is cancelled while it waits in a child is left alone before the child is
/// looked at again: it may have begun in the meantime.
const GRACE: Duration = Duration::from_millis(50);

/// A task that may share a message with others of its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// Its kind.
    pub(crate) name: &'static str,
    /// Of its arguments.
    pub(crate) bytes: usize,
}

impl Light {
    /// Of a task with arguments of so many bytes, if they are few.
    pub(crate) fn new(name: &'static str, bytes: usize) -> Option<Self> {
        (name.len() + bytes + OVERHEAD <= MOST_BYTES / 8).then_some(Self { name, bytes })
    }

    fn size(self) -> usize {
        self.name.len() + self.bytes + OVERHEAD
    }
}

/// How long each kind of light task has taken of late.
#[derive(Debug, Default)]
pub(super) struct Paces(BTreeMap<&'static str, Duration>);

impl Paces {
    fn note(&mut self, name: &'static str, took: Duration) {
        // What a child says of itself is a hint; this much says it all.
        let took = took.min(Duration::from_secs(1));
        let pace = self.0.entry(name).or_insert(took);
        *pace = (*pace * 3 + took) / 4;
    }
}

/// What the death of a busy child is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The task that its status page names, or else the first that it has not answered.
    OnBoard,
    /// That one, whatever stands on the status page.
    Task(TaskId),
    /// None: we have killed it because its task was cancelled.
    None,
    /// None: it was gone before it had begun any.
    NoneBegun,
}

impl Busy {
    /// With a task, and the rest of a batch.
    pub(super) fn new(
        (task, rest): (TaskId, VecDeque<TaskId>),
        served: u64,
        now: Duration,
    ) -> Self {
        Self {
            task,
            batch: !rest.is_empty(),
            rest,
            served,
            since: now,
            slots: 0,
            alone: false,
            looked: None,
            warned: false,
            killed: None,
            blame: Blame::OnBoard,
            ask_at: None,
        }
    }

    /// What the child has not answered yet, in order.
    pub(super) fn hand(&self) -> impl Iterator<Item = TaskId> {
        std::iter::once(self.task).chain(self.rest.iter().copied())
    }

    /// Whether we have killed it, for whatever reason.
    pub(super) fn is_killed(&self) -> bool {
        self.killed.is_some() || self.blame == Blame::None
    }

    /// Goes on to the next task of the batch; `false` if there is none.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        let Some(next) = self.rest.pop_front() else { return false };
        self.task = next;
        self.served += 1;
        self.warned = false;
        self.heard(now);
        true
    }
}

impl Ledger {
    /// A child says how long a task took it that it has answered.
    pub(crate) fn took(&mut self, task: TaskId, time: Duration) {
        let light = self.tasks.get(&task).and_then(|entry| entry.terms.light);
        if let Some(light) = light {
            self.paces.note(light.name, time);
        }
    }

    /// Takes out of the queue what goes along with `first`, which stood at `position`, to a child.
    pub(super) fn companions(
        &mut self,
        first: TaskId,
        position: usize,
        seat: SeatId,
    ) -> VecDeque<TaskId> {
        let mut others = VecDeque::new();
        let Some((light, timeout)) = self.light(first) else { return others };
        let Some(pace) = self.paces.0.get(light.name).filter(|pace| **pace <= SMALL) else {
            return others;
        };
        // Half of what is a fair share, so that the last ones are shared out as well.
        let share = self.queue.len() / (2 * self.places.len());
        let in_time = SLICE.as_nanos() / pace.as_nanos().max(1);
        let served = match self.places[seat].seat {
            Seat::Idle { served } => served + 1,
            _ => 1,
        };
        let in_life =
            self.policy.max_tasks_per_child.map_or(u64::MAX, |most| most.saturating_sub(served));
        let most = usize::try_from(in_life).unwrap_or(MOST).min(share).min(MOST - 1);
        let most = most.min(usize::try_from(in_time).unwrap_or(MOST));
        let mut bytes = light.size();
        while others.len() < most {
            let Some(next) = self.queue.get(position).copied() else { break };
            let Some((other, its_timeout)) = self.light(next) else { break };
            bytes += other.size();
            let is_kin = other.name == light.name && self.tenant(next) == self.tenant(first);
            if !is_kin || its_timeout != timeout || bytes > MOST_BYTES {
                break;
            }
            self.queue.remove(position);
            others.push_back(next);
        }
        others
    }

    /// Whether that task may share a message, and its timeout. A second try is always alone.
    fn light(&self, task: TaskId) -> Option<(Light, Option<Duration>)> {
        let entry = self.tasks.get(&task)?;
        let timeout = entry.terms.timeout;
        let patient = timeout.is_none_or(|timeout| timeout >= LEAST_TIMEOUT);
        let free = entry.attempts.is_empty() && self.canary.is_none() && patient;
        entry.terms.light.filter(|_| free).map(|light| (light, timeout))
    }

    /// Puts tasks back that a child was handed and has not answered: to the front of the queue, where
    /// nothing precedes them but what is tried again.
    pub(super) fn give_back(&mut self, tasks: impl DoubleEndedIterator<Item = TaskId>) {
        let is_retry =
            |task: &TaskId| self.tasks.get(task).is_some_and(|entry| !entry.attempts.is_empty());
        let front = self.queue.iter().take_while(|task| is_retry(task)).count();
        for task in tasks.rev() {
            if self.tasks.contains_key(&task) {
                self.queue.insert(front, task);
            }
        }
    }

    /// A child will not do what is left of its batch; `true` if it had one and is free now.
    pub(crate) fn gave_back(
        &mut self,
        seat: SeatId,
        generation: u32,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        // One that has panicked is told to quit, and the rest is taken from it, as it is.
        let Some(busy) = super::busy(&mut self.places, seat, generation) else { return false };
        if !busy.batch {
            self.stray(seat, generation, actions);
            return false;
        }
        let left: Vec<TaskId> = busy.hand().collect();
        // It has seen them, however few it has done.
        let served = busy.served.max(1);
        let done = busy.is_killed();
        self.places[seat].seat = if done { Seat::Dying } else { Seat::Idle { served } };
        self.give_back(left.into_iter());
        self.dispatch(now, actions);
        true
    }

    /// One of the tasks that a child holds is what its death shall be charged to.
    pub(crate) fn blame(&mut self, seat: SeatId, generation: u32, task: TaskId) {
        if let Some(busy) = super::busy(&mut self.places, seat, generation)
            && busy.killed.is_none()
        {
            busy.blame = Blame::Task(task);
        }
    }

    /// A child is gone that its status page shows to have begun none of what it held: it was as good as
    /// idle. That is no task's fault, unless it happens to one again and again.
    pub(crate) fn spare(&mut self, seat: SeatId, generation: u32, on_board: Option<TaskId>) {
        let Some(busy) = super::busy(&mut self.places, seat, generation) else { return };
        let has_begun = busy.hand().any(|held| on_board == Some(held));
        if has_begun || busy.blame != Blame::OnBoard || busy.is_killed() {
            return;
        }
        let Some(entry) = self.tasks.get_mut(&busy.task) else { return };
        if self.canary != Some(busy.task) && entry.spared < self.policy.max_attempts {
            entry.spared += 1;
            busy.blame = Blame::NoneBegun;
        }
    }

    /// A child is gone with its hand full: puts back what it had not begun, and says whom to charge.
    pub(super) fn culprit(&mut self, busy: &Busy, on_board: Option<TaskId>) -> Option<TaskId> {
        let named = match busy.blame {
            Blame::OnBoard => on_board,
            Blame::Task(task) => Some(task),
            Blame::None | Blame::NoneBegun => None,
        };
        let held = named.filter(|task| busy.hand().any(|held| held == *task));
        let is_charged = !matches!(busy.blame, Blame::None | Blame::NoneBegun);
        let culprit = is_charged.then(|| held.unwrap_or(busy.task));
        let innocent: Vec<TaskId> = busy.hand().filter(|task| Some(*task) != culprit).collect();
        self.give_back(innocent.into_iter());
        culprit
    }

    /// A cancelled task may be in the hand of a child that has others: asks which one it is at.
    pub(super) fn cancel_in_batch(&mut self, task: TaskId, actions: &mut Vec<Action>) {
        for (seat, place) in self.places.iter().enumerate() {
            if matches!(&place.seat, Seat::Busy(busy) if busy.hand().any(|held| held == task)) {
                actions.push(Action::AskBoard { seat });
            }
        }
    }

    /// The child's status page names that task. If it was cancelled, the child is killed, which
    /// is charged to no task; if the cancelled one has not begun, it is left alone for now.
    pub(crate) fn told(
        &mut self,
        seat: SeatId,
        on_board: Option<TaskId>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(Seat::Busy(busy)) = self.places.get_mut(seat).map(|place| &mut place.seat) else {
            return;
        };
        if busy.is_killed() {
            return;
        }
        let unwanted = |task: TaskId| !self.tasks.contains_key(&task);
        if on_board.is_some_and(|task| unwanted(task) && busy.hand().any(|held| held == task)) {
            busy.blame = Blame::None;
            busy.ask_at = None;
            actions.push(Action::Kill { seat });
        } else {
            let still = busy.hand().any(unwanted);
            busy.ask_at = still.then(|| now.saturating_add(GRACE));
        }
    }
}
