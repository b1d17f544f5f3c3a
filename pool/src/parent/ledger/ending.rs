//! How a pool ends: when its work is done, at once, or because it can do no work.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::protocol::TaskId;

use super::{Action, Ledger, Seat};
use crate::parent::fault::{PoolError, TaskError};

impl Ledger {
    /// Takes no more tasks; children end when they have nothing left to do.
    pub(crate) fn close(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.closed = true;
        self.dispatch(now, actions);
    }

    /// Cancels every task and kills every child.
    pub(crate) fn kill_all(&mut self, actions: &mut Vec<Action>) {
        self.closed = true;
        self.end_tasks(|| TaskError::Cancelled, actions);
        self.kill_children(actions);
    }

    /// Cancels tasks that no child has: those, or all.
    pub(crate) fn cancel_waiting(
        &mut self,
        those: Option<&BTreeSet<TaskId>>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let (tasks, balance, canary) = (&mut self.tasks, &mut self.balance, self.canary);
        let mut stays = |task: &TaskId| {
            if canary == Some(*task) || those.is_some_and(|those| !those.contains(task)) {
                return true;
            }
            if tasks.remove(task).is_some() {
                balance.cancelled += 1;
                actions.push(Action::Finish { task: *task, error: TaskError::Cancelled });
            }
            false
        };
        self.queue.retain(&mut stays);
        self.resting.retain(|(_, task)| stays(task));
        self.dispatch(now, actions);
    }

    /// Cancels every task and asks every child to end; one that does not in time is killed.
    pub(crate) fn terminate_all(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.closed = true;
        self.end_tasks(|| TaskError::Cancelled, actions);
        for (seat, place) in self.places.iter_mut().enumerate() {
            match place.seat {
                Seat::Idle { .. } | Seat::Busy(_) => {
                    place.seat = Seat::Quitting { since: now, killed: false };
                    actions.push(Action::Terminate { seat });
                }
                // Told already, and has its time.
                Seat::Quitting { .. } | Seat::Vacant { .. } | Seat::Dying => {}
                Seat::Booting { .. } => {
                    place.seat = Seat::Dying;
                    actions.push(Action::Kill { seat });
                }
            }
        }
    }

    /// Whether it takes no more tasks.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed || self.broken.is_some()
    }

    pub(super) fn give_up(&mut self, error: &PoolError, actions: &mut Vec<Action>) {
        self.broken = Some(error.clone());
        self.end_tasks(|| TaskError::NotRun(error.clone()), actions);
        self.kill_children(actions);
    }

    fn end_tasks(&mut self, error: impl Fn() -> TaskError, actions: &mut Vec<Action>) {
        self.queue.clear();
        self.resting.clear();
        for (task, _) in std::mem::take(&mut self.tasks) {
            if self.canary == Some(task) {
                continue;
            }
            let error = error();
            match error {
                TaskError::Cancelled => self.balance.cancelled += 1,
                _ => self.balance.failed += 1,
            }
            actions.push(Action::Finish { task, error });
        }
        self.canary = None;
    }

    fn kill_children(&mut self, actions: &mut Vec<Action>) {
        for (seat, place) in self.places.iter_mut().enumerate() {
            if !matches!(place.seat, Seat::Vacant { .. }) {
                place.seat = Seat::Dying;
                actions.push(Action::Kill { seat });
            }
        }
    }
}
