//! What the ledger does when a child says something that is in order, or not.

use std::time::Duration;

use crate::protocol::{Attempt, TaskId};

use super::{Action, Ledger, Place, Seat, SeatId, Verdict, busy};

/// How a child has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Output,
    Fault,
    /// A fault after which the process is not to be trusted.
    FaultAndRetire,
}

impl Ledger {
    /// A streaming task has delivered its item number `index`; `uses_slot` if it filled one.
    pub(crate) fn delivered(
        &mut self,
        seat: SeatId,
        generation: u32,
        (task, attempt): (TaskId, Attempt),
        (index, uses_slot): (u64, bool),
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Verdict {
        let (Some(busy), Some(entry)) =
            (busy(&mut self.places, seat, generation), self.tasks.get_mut(&task))
        else {
            return self.stray(seat, generation, actions);
        };
        let tries = u32::try_from(entry.attempts.len()).unwrap_or(u32::MAX);
        let in_order = entry.delivered == index && attempt.0 == tries + 1;
        let has_slot = !uses_slot || busy.slots > 0;
        if busy.task != task || !entry.terms.streams || !in_order || !has_slot {
            return self.stray(seat, generation, actions);
        }
        entry.delivered += 1;
        busy.heard(now);
        busy.slots -= usize::from(uses_slot);
        Verdict::Accept
    }

    /// A child has given a sign of life.
    pub(crate) fn alive(&mut self, seat: SeatId, generation: u32, now: Duration) {
        if let Some(busy) = busy(&mut self.places, seat, generation) {
            busy.heard(now);
        }
    }

    /// A child that is about to answer has grown or aged too much: it ends after that.
    pub(crate) fn worn(&mut self, seat: SeatId, generation: u32) {
        if let Some(place) = self.places.get_mut(seat)
            && place.generation == generation
        {
            place.worn = true;
        }
    }

    /// The child may fill slots: at the start of its task, or one more later.
    pub(crate) fn granted(&mut self, seat: SeatId, slots: usize, now: Duration) {
        if let Some(Place { seat: Seat::Busy(busy), .. }) = self.places.get_mut(seat) {
            if busy.slots == 0 {
                busy.heard(now);
            }
            busy.slots += slots;
        }
    }

    /// A child has answered. `retire` if it shall not be used any more; `ok` if with an output.
    pub(crate) fn replied(
        &mut self,
        seat: SeatId,
        generation: u32,
        (task, attempt): (TaskId, Attempt),
        reply: Reply,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Verdict {
        let Some(busy) = busy(&mut self.places, seat, generation).filter(|busy| busy.task == task)
        else {
            return self.stray(seat, generation, actions);
        };
        let entry = self.tasks.remove(&task);
        let tries = entry.as_ref().map_or(0, |entry| entry.attempts.len());
        if attempt.0 != u32::try_from(tries).unwrap_or(u32::MAX).saturating_add(1) {
            self.tasks.extend(entry.map(|entry| (task, entry)));
            return self.stray(seat, generation, actions);
        }
        let retire = reply == Reply::FaultAndRetire;
        if retire || !busy.advance(now) {
            let served = busy.served + 1;
            let left = std::mem::take(&mut busy.rest);
            self.places[seat].seat = if busy.is_killed() {
                Seat::Dying
            } else if retire || self.places[seat].worn || self.has_served_its_time(served) {
                actions.push(Action::Quit { seat });
                Seat::Quitting { since: now, killed: false }
            } else {
                Seat::Idle { served }
            };
            self.give_back(left.into_iter());
        }
        self.deaths.clear();
        if entry.is_none() {
            // Cancelled before the child began it.
            self.dispatch(now, actions);
            return Verdict::Unwanted;
        }
        if self.canary == Some(task) {
            self.canary = None;
        } else if reply == Reply::Output {
            self.balance.succeeded += 1;
        } else {
            self.balance.failed += 1;
        }
        self.dispatch(now, actions);
        Verdict::Accept
    }
}
