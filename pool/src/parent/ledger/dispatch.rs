//! Which task goes to which child, and how many children there shall be.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::{Attempt, TaskId};

use super::{Action, Busy, Ledger, Place, Seat, SeatId};

impl Ledger {
    /// Gives tasks to children, starts children for tasks, ends children without tasks.
    pub(super) fn dispatch(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(&(until, task)) = self.resting.first().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, task));
            self.queue.push_front(task);
        }
        while let Some((position, seat)) = self.match_up() {
            let task = self.queue.remove(position).expect("a position in the queue");
            let others = self.companions(task, position, seat);
            self.hand_over((task, others), seat, now, actions);
        }
        // More than there are seats make no difference.
        let waiting = self.in_turn(self.places.len()).len();
        let waiting = if self.solo_is_seated() { 0 } else { waiting };
        let count = |state: fn(&Seat) -> bool| {
            self.places.iter().filter(|place| state(&place.seat)).count()
        };
        let booting = count(|seat| matches!(seat, Seat::Booting { .. }));
        let idle = |place: &Place| matches!(place.seat, Seat::Idle { .. });
        // A child for a task that rests is started meanwhile.
        let resting =
            self.resting.len().saturating_sub(count(|seat| matches!(seat, Seat::Idle { .. })));
        let mut missing = (waiting + resting).saturating_sub(booting);
        for (seat, place) in self.places.iter_mut().enumerate() {
            let Seat::Vacant { not_before } = &mut place.seat else { continue };
            if now < *not_before {
                continue;
            }
            *not_before = Duration::ZERO;
            if missing > 0 && self.broken.is_none() {
                place.generation += 1;
                place.seat = Seat::Booting { since: now, killed: None };
                actions.push(Action::Spawn { seat, generation: place.generation });
                missing -= 1;
            }
        }
        // A last try waits for a fresh child, and all seats are taken: free one.
        let quitting = |place: &Place| matches!(place.seat, Seat::Quitting { .. });
        if missing > resting
            && !self.places.iter().any(quitting)
            && let Some(seat) = self.places.iter().position(idle)
        {
            actions.push(Action::Quit { seat });
            self.places[seat].seat = Seat::Quitting { since: now, killed: false };
        }
        if self.closed && self.tasks.is_empty() {
            for (seat, place) in self.places.iter_mut().enumerate() {
                if idle(place) {
                    actions.push(Action::Quit { seat });
                    place.seat = Seat::Quitting { since: now, killed: false };
                }
            }
        }
    }

    /// Whether a task waits for a child.
    pub(super) fn wants_children(&self) -> bool {
        !self.queue.is_empty() || !self.resting.is_empty()
    }

    /// Whether a child that has served so many tasks is to end.
    pub(super) fn has_served_its_time(&self, served: u64) -> bool {
        self.policy.max_tasks_per_child.is_some_and(|most| served >= most)
    }

    /// The task whose turn it is, if an idle child may take it, and that child.
    fn match_up(&self) -> Option<(usize, SeatId)> {
        let idle = |fresh_only: bool| {
            self.places.iter().position(|place| match place.seat {
                Seat::Idle { served } => served == 0 || !fresh_only,
                _ => false,
            })
        };
        idle(false)?;
        self.in_turn(1).into_iter().find_map(|(position, task)| {
            let fresh_only = self.wants_fresh(task);
            if self.is_last_try(task) && self.is_anyone_busy() {
                return None;
            }
            Some((position, idle(fresh_only)?))
        })
    }

    fn hand_over(
        &mut self,
        (task, rest): (TaskId, VecDeque<TaskId>),
        seat: SeatId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let served = match self.places[seat].seat {
            Seat::Idle { served } => served,
            _ => 0,
        };
        if self.canary != Some(task)
            && let Some(tenant) = self.tenant(task)
        {
            self.turns.served(tenant);
        }
        let alone = self.is_last_try(task);
        let entry = self.tasks.get(&task).expect("what is queued is entered");
        let tries = u32::try_from(entry.attempts.len()).unwrap_or(u32::MAX);
        let (attempt, delivered) = (Attempt(tries.saturating_add(1)), entry.delivered);
        let busy = Busy { alone, ..Busy::new((task, rest), served, now) };
        actions.push(if busy.batch {
            Action::Batch { seat, tasks: busy.hand().collect() }
        } else {
            Action::Run { seat, task, attempt, delivered }
        });
        self.places[seat].seat = Seat::Busy(busy);
    }
}
