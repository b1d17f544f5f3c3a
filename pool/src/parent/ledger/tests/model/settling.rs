//! What follows from whatever has happened: tasks go to children, children come and go.

use super::*;

impl Model {
    /// What follows from whatever has happened: tasks go to children, children come and go.
    pub(super) fn settle(&mut self) {
        self.resting.sort();
        while let Some((_, task)) = self.resting.first().copied().filter(|(t, _)| *t <= self.now) {
            self.resting.remove(0);
            self.queue.insert(0, task);
        }
        while let Some(task) = self.in_turn().first().copied() {
            let last = self.is_last_try(task);
            let fresh = last || self.canary() == Some(task);
            let (Some(seat), false) = (self.idle(fresh), last && self.running().next().is_some())
            else {
                break;
            };
            self.hand_out(task, seat, last);
        }
        self.start_children();
        if self.closed && self.open().next().is_none() {
            while let Some(seat) = self.idle(false) {
                self.quit(seat);
            }
        }
    }

    pub(super) fn hand_out(&mut self, task: TaskId, seat: SeatId, alone: bool) {
        let Child::Idle { served } = self.spots[seat].child else { unreachable!() };
        let attempt = self.attempt(task);
        if self.canary() != Some(task) {
            self.turns.push(self.tenant(task));
        }
        self.queue.retain(|other| *other != task);
        self.deeds.push(Action::Run { seat, task, attempt, delivered: 0 });
        self.given[seat] = (task, attempt);
        let (since, looked, warned, killed) = (self.now, None, false, None);
        let at = Try { task, served, since, alone, looked, warned, killed };
        self.spots[seat].child = Child::Busy(at);
    }

    pub(super) fn quit(&mut self, seat: SeatId) {
        self.spots[seat].child = Child::Leaving { since: self.now, killed: false };
        self.deeds.push(Action::Quit { seat });
    }

    /// A child for every task that waits for one or will soon, as far as there are places; those
    /// that are starting count.
    pub(super) fn start_children(&mut self) {
        let eligible = self.in_turn();
        // A last try that has its fresh child only waits for the others to end.
        let is_seated = self.idle(true).is_some()
            && self.eligible().first().is_some_and(|task| self.is_last_try(*task));
        let waiting = if is_seated { 0 } else { eligible.len() };
        let idle = self.number(|child| matches!(child, Child::Idle { .. }));
        let starting = self.number(|child| matches!(child, Child::Starting { .. }));
        let soon = self.resting.len().saturating_sub(idle);
        let mut missing = (waiting + soon).saturating_sub(starting);
        for seat in 0..self.spots.len() {
            let spot = &mut self.spots[seat];
            if let Child::None { pause } = &mut spot.child {
                *pause = pause.filter(|until| self.now < *until);
                if pause.is_none() && missing > 0 && self.broken.is_none() {
                    spot.generation += 1;
                    spot.child = Child::Starting { since: self.now, killed: None };
                    self.deeds.push(Action::Spawn { seat, generation: spot.generation });
                    missing -= 1;
                }
            }
        }
        // No place for a fresh child: one that is idle makes room.
        let leaving = self.number(|child| matches!(child, Child::Leaving { .. }));
        if missing > soon
            && leaving == 0
            && let Some(seat) = self.idle(false)
        {
            self.quit(seat);
        }
    }
}
