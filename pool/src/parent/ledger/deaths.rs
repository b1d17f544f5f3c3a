//! What the ledger does when a child could not begin, or is gone.

use std::time::Duration;

use crate::protocol::{Attempt, TaskId};

use super::batch::Blame;
use super::{Action, Ledger, Seat, SeatId, Terms};
use crate::parent::evidence::Evidence;
use crate::parent::fault::{Cause, FailedAttempt, PoolError, TaskError};

impl Ledger {
    /// A child could not be started, or died before it was ready. `hopeless` if it would again.
    pub(crate) fn boot_failed(
        &mut self,
        seat: SeatId,
        generation: u32,
        error: &PoolError,
        hopeless: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let pause = self.policy.boot_pause * 2_u32.saturating_pow(self.boot_failures.min(10));
        let Some(place) = self.place(seat, generation) else { return };
        place.seat = Seat::Vacant { not_before: now + pause };
        self.boot_failures += 1;
        // One that is only starting is no reason to hope for what is hopeless.
        let alive = self.places.iter().any(|place| match place.seat {
            Seat::Vacant { .. } => false,
            Seat::Booting { .. } => !hopeless,
            _ => true,
        });
        if !alive && (hopeless || self.boot_failures >= self.policy.boot_attempts) {
            self.give_up(error, actions);
        }
        self.dispatch(now, actions);
    }

    /// A child is not what it must be, or cannot; its successor would be no better.
    pub(crate) fn refuse(
        &mut self,
        seat: SeatId,
        generation: u32,
        cause: Cause,
        actions: &mut Vec<Action>,
    ) {
        let Some(place) = self.place(seat, generation) else { return };
        if let Seat::Booting { killed: killed @ None, .. } = &mut place.seat {
            *killed = Some(cause);
            actions.push(Action::Kill { seat });
        }
    }

    /// Whether that process has not yet said that it is ready.
    pub(crate) fn is_booting(&mut self, seat: SeatId, generation: u32) -> bool {
        let place = self.place(seat, generation);
        place.is_some_and(|place| matches!(place.seat, Seat::Booting { killed: None, .. }))
    }

    /// A child that is not ready yet is to go; its end is charged to no task. `true`, for it goes.
    pub(crate) fn dismiss(&mut self, seat: SeatId, actions: &mut Vec<Action>) -> bool {
        self.places[seat].seat = Seat::Dying;
        actions.push(Action::Kill { seat });
        true
    }

    /// A child is gone, and everything that it had said before has been taken in. Says why, if it
    /// was not meant to go.
    pub(crate) fn died(
        &mut self,
        seat: SeatId,
        generation: u32,
        (cause, evidence): (Cause, Evidence),
        boot_error: impl FnOnce(&Cause) -> PoolError,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Option<Cause> {
        let place = self.place(seat, generation)?;
        let before =
            std::mem::replace(&mut place.seat, Seat::Vacant { not_before: Duration::ZERO });
        match before {
            Seat::Booting { killed, .. } => {
                let cause = killed.map_or(cause, |killed| killed.with(evidence.silence));
                if matches!(cause, Cause::Unfit { .. }) {
                    // Others may have been luckier, but what is set up for some is no foundation.
                    self.give_up(&boot_error(&cause), actions);
                    return Some(cause);
                }
                let (error, hopeless) = (boot_error(&cause), matches!(cause, Cause::Misfit { .. }));
                self.boot_failed(seat, generation, &error, hopeless, now, actions);
                return Some(cause);
            }
            Seat::Busy(mut busy) => {
                let killed = busy.killed.take();
                let cause = killed.map_or(cause, |killed| killed.with(evidence.silence));
                if let Some(culprit) = self.culprit(&busy, evidence.task) {
                    self.note_death(now);
                    self.charge(seat, culprit, (cause.clone(), evidence), now, actions);
                    self.dispatch(now, actions);
                    return Some(cause);
                }
                if busy.blame == Blame::NoneBegun {
                    self.note_death(now);
                    self.dispatch(now, actions);
                    return Some(cause);
                }
            }
            Seat::Idle { .. } => {
                self.note_death(now);
                self.dispatch(now, actions);
                return Some(cause);
            }
            // Its start has been booked as failed; the pause stays.
            Seat::Vacant { .. } => place.seat = before,
            Seat::Quitting { .. } | Seat::Dying => {}
        }
        self.dispatch(now, actions);
        None
    }

    fn note_death(&mut self, now: Duration) {
        self.balance.deaths += 1;
        self.deaths.push_back(now);
        let horizon = now.saturating_sub(self.policy.period);
        self.deaths.retain(|death| *death >= horizon);
        if self.deaths.len() <= self.policy.intensity || self.broken.is_some() {
            return;
        }
        if self.canary.is_none() {
            let timeout = Some(self.policy.start_timeout);
            let terms = Terms { tenant: 0, timeout, streams: false, light: None };
            let canary = self.enter(terms);
            self.canary = Some(canary);
            self.queue.push_front(canary);
        }
    }

    fn intensity_exceeded(&mut self, actions: &mut Vec<Action>) {
        let error = PoolError::RestartIntensity {
            role: self.policy.role,
            deaths: self.deaths.len(),
            period: self.policy.period,
        };
        self.give_up(&error, actions);
    }

    /// Books a lost try on its task.
    fn charge(
        &mut self,
        seat: SeatId,
        task: TaskId,
        (cause, evidence): (Cause, Evidence),
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(entry) = self.tasks.get_mut(&task) else { return };
        let attempt = u32::try_from(entry.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
        let child = u32::try_from(seat + 1).unwrap_or(u32::MAX);
        entry.attempts.push(FailedAttempt { attempt, child, cause: cause.clone(), evidence });
        if self.canary == Some(task) {
            self.tasks.remove(&task);
            self.canary = None;
            self.intensity_exceeded(actions);
        } else if attempt >= self.policy.max_attempts {
            let attempts = std::mem::take(&mut entry.attempts);
            self.tasks.remove(&task);
            self.balance.failed += 1;
            actions.push(Action::Finish { task, error: TaskError::AttemptsExhausted(attempts) });
        } else {
            self.balance.retries += 1;
            actions.push(Action::Retried { task, attempt: Attempt(attempt), cause });
            let pause = self.policy.backoff.pause(attempt, task);
            if pause.is_zero() {
                self.queue.push_front(task);
            } else {
                self.resting.insert((now.saturating_add(pause), task));
            }
        }
    }
}
