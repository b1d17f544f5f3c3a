//! Solo: the last try of a task that has killed its children so far.
//!
//! By the time a task has one try left, it may be the task, or it may be its neighbours: a child that
//! takes all the memory makes others die of it. So the last try runs alone. No other task is handed
//! out until those in work have ended, and then none until the last try has, but the canary, which
//! does nothing; it has a process that has run nothing else, and half the time that others have.
//! What it cannot do then it can never do, and no other attempt is needed.
//!
//! Until then such a task takes up one child of *n* at a time, so the others get on with *n* − 1.

use crate::protocol::TaskId;

use super::{Busy, Ledger, Place, Seat};

impl Ledger {
    /// The tasks that may be handed out, with their positions in the queue: while the canary is
    /// out, it alone; else a last try, if there is one.
    pub(super) fn candidates(&self) -> impl Iterator<Item = (usize, TaskId)> {
        // What is tried again stands in front of all that is new.
        let retried = self.queue.iter().copied().take_while(|task| self.tries(*task) > 0);
        let solo = { retried }.find(|task| self.is_last_try(*task));
        let only = self.canary.or(solo);
        let none = self.canary.is_none() && self.is_solo_in_work();
        let queued = self.queue.iter().copied().enumerate();
        queued.filter(move |(_, task)| !none && only.is_none_or(|only| only == *task))
    }

    /// Whether a task runs in a process that has run nothing else.
    pub(super) fn wants_fresh(&self, task: TaskId) -> bool {
        self.canary == Some(task) || self.is_last_try(task)
    }

    /// Whether a task has lost children, and would be lost with the next one.
    pub(super) fn is_last_try(&self, task: TaskId) -> bool {
        let tries = self.tries(task);
        let last = usize::try_from(self.policy.max_attempts).unwrap_or(usize::MAX) - 1;
        tries > 0 && tries >= last
    }

    fn tries(&self, task: TaskId) -> usize {
        self.tasks.get(&task).map_or(0, |entry| entry.attempts.len())
    }

    pub(super) fn is_anyone_busy(&self) -> bool {
        self.places.iter().any(|place| matches!(place.seat, Seat::Busy(_)))
    }

    /// Whether a last try has the child that it needs, and only waits for the others to end.
    pub(super) fn solo_is_seated(&self) -> bool {
        let fresh = |place: &Place| matches!(place.seat, Seat::Idle { served: 0 });
        self.places.iter().any(fresh)
            && self.candidates().next().is_some_and(|(_, task)| self.is_last_try(task))
    }

    fn is_solo_in_work(&self) -> bool {
        self.places.iter().any(|place| matches!(place.seat, Seat::Busy(Busy { alone: true, .. })))
    }
}
