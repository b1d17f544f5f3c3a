//! What children do, and the clock.

use super::*;

impl Model {
    pub(in super::super) fn ready(&mut self, seat: SeatId, generation: u32) {
        if let Some(child @ Child::Starting { killed: None, .. }) = self.child(seat, generation) {
            *child = Child::Idle { served: 0 };
            self.spots[seat].worn = false;
            self.failed_starts = 0;
            self.settle();
        }
    }

    pub(in super::super) fn refuse(&mut self, seat: SeatId, generation: u32, cause: Cause) {
        if let Some(Child::Starting { killed: killed @ None, .. }) = self.child(seat, generation) {
            *killed = Some(cause);
            self.deeds.push(Action::Kill { seat });
        }
    }

    /// Whether there was a child to dismiss.
    pub(in super::super) fn dismiss(&mut self, seat: SeatId, generation: u32) -> bool {
        let Some(child @ Child::Starting { killed: None, .. }) = self.child(seat, generation)
        else {
            return false;
        };
        *child = Child::Doomed;
        self.deeds.push(Action::Kill { seat });
        true
    }

    pub(in super::super) fn not_started(&mut self, seat: SeatId, generation: u32, hopeless: bool) {
        let pause = self.policy.boot_pause * 2_u32.pow(self.failed_starts.min(10));
        let until = self.now + pause;
        let Some(child) = self.child(seat, generation) else { return };
        *child = Child::None { pause: Some(until) };
        self.failed_starts += 1;
        // Another child may still be of use; if it is hopeless, only one that has started already.
        let hope = self.number(|child| match child {
            Child::None { .. } => false,
            Child::Starting { .. } => !hopeless,
            _ => true,
        });
        if hope == 0 && (hopeless || self.failed_starts >= self.policy.boot_attempts) {
            self.give_up(boot_error());
        }
        self.settle();
    }

    pub(in super::super) fn condemn(&mut self, seat: SeatId, generation: u32, cause: Cause) {
        match self.child(seat, generation) {
            Some(
                Child::Starting { killed: killed @ None, .. }
                | Child::Busy(Try { killed: killed @ None, .. }),
            ) => *killed = Some(cause),
            Some(child @ Child::Idle { .. }) => *child = Child::Doomed,
            _ => return,
        }
        self.breaches += 1;
        self.deeds.push(Action::Kill { seat });
    }

    pub(in super::super) fn alive(&mut self, seat: SeatId, generation: u32) {
        let now = self.now;
        if let Some(Child::Busy(at)) = self.child(seat, generation) {
            (at.since, at.looked) = (now, None);
        }
    }

    pub(in super::super) fn worn(&mut self, seat: SeatId, generation: u32) {
        if self.child(seat, generation).is_some() {
            self.spots[seat].worn = true;
        }
    }

    pub(in super::super) fn answer(
        &mut self,
        (seat, generation): (SeatId, u32),
        (task, attempt): (TaskId, Attempt),
        reply: Reply,
    ) -> Verdict {
        let at = match self.child(seat, generation) {
            None => return Verdict::Ignore,
            Some(Child::Busy(at)) if at.task == task => at.clone(),
            Some(_) => return self.stray(seat, generation),
        };
        if attempt != self.attempt(task) {
            return self.stray(seat, generation);
        }
        let served = at.served + 1;
        let has_done_enough = self.policy.max_tasks_per_child.is_some_and(|most| served >= most);
        let retires = reply == Reply::FaultAndRetire || self.spots[seat].worn || has_done_enough;
        self.spots[seat].child = if at.killed.is_some() {
            Child::Doomed
        } else if retires {
            self.deeds.push(Action::Quit { seat });
            Child::Leaving { since: self.now, killed: false }
        } else {
            Child::Idle { served }
        };
        self.forgiven = self.deaths.len();
        let end = if reply == Reply::Output { End::Output } else { End::Fault };
        self.history(task).end = Some(end);
        self.settle();
        Verdict::Accept
    }

    pub(super) fn stray(&mut self, seat: SeatId, generation: u32) -> Verdict {
        let reason = "an answer to a task that it does not have".to_owned();
        self.condemn(seat, generation, Cause::Protocol { reason });
        Verdict::Breach
    }

    /// Says the cause, if it was not meant to go.
    pub(in super::super) fn died(
        &mut self,
        seat: SeatId,
        generation: u32,
        (cause, evidence): (Cause, Evidence),
    ) -> Option<Cause> {
        let child = self.child(seat, generation)?.clone();
        let seen = evidence.silence;
        let why = |killed: Option<Cause>| match killed {
            Some(Cause::TimedOut { limit, .. }) => Cause::TimedOut { limit, silence: seen },
            Some(other) => other,
            None => cause,
        };
        if !matches!(child, Child::None { .. }) {
            self.spots[seat].child = Child::None { pause: None };
        }
        let cause = match child {
            Child::None { .. } | Child::Leaving { .. } | Child::Doomed => None,
            Child::Starting { killed, .. } => {
                let cause = why(killed);
                match cause {
                    Cause::Unfit { .. } => self.give_up(boot_error()),
                    Cause::Misfit { .. } => self.not_started(seat, generation, true),
                    _ => self.not_started(seat, generation, false),
                }
                return Some(cause);
            }
            Child::Idle { .. } => {
                self.count_death();
                Some(why(None))
            }
            Child::Busy(at) => {
                let cause = why(at.killed);
                self.count_death();
                self.charge(at.task, seat, cause.clone(), evidence);
                Some(cause)
            }
        };
        self.settle();
        cause
    }

    /// Deaths since the last answer, as long as they are not too long ago.
    pub(super) fn recent_deaths(&self) -> usize {
        let horizon = self.now.saturating_sub(self.policy.period);
        self.deaths[self.forgiven..].iter().filter(|death| **death >= horizon).count()
    }

    /// Too many deaths send the canary out, in front of all.
    pub(super) fn count_death(&mut self) {
        self.deaths.push(self.now);
        let too_many = self.recent_deaths() > self.policy.intensity;
        if too_many && self.broken.is_none() && self.canary().is_none() {
            let canary = self.enter(0, Some(self.policy.start_timeout), true);
            self.queue.insert(0, canary);
        }
    }

    pub(super) fn charge(&mut self, task: TaskId, seat: SeatId, cause: Cause, evidence: Evidence) {
        let attempt = self.attempt(task);
        let child = u32::try_from(seat).unwrap() + 1;
        let lost = FailedAttempt { attempt: attempt.0, child, cause: cause.clone(), evidence };
        self.history(task).tries.push(lost);
        if self.canary() == Some(task) {
            let (role, period) = (self.policy.role, self.policy.period);
            let deaths = self.recent_deaths();
            self.give_up(PoolError::RestartIntensity { role, deaths, period });
        } else if attempt.0 >= self.policy.max_attempts {
            self.abandon(task, End::Poisonous);
        } else {
            self.deeds.push(Action::Retried { task, attempt, cause });
            match self.policy.backoff.pause(attempt.0, task) {
                Duration::ZERO => self.queue.insert(0, task),
                pause => self.resting.push((self.now + pause, task)),
            }
        }
    }

    pub(in super::super) fn tick(&mut self) {
        for seat in 0..self.spots.len() {
            let mut child = self.spots[seat].child.clone();
            let Policy { start_timeout, quit_timeout, .. } = self.policy;
            match &mut child {
                Child::Starting { since, killed: killed @ None }
                    if self.now >= *since + start_timeout =>
                {
                    *killed = Some(late(start_timeout));
                    self.deeds.push(Action::Kill { seat });
                }
                Child::Leaving { since, killed: killed @ false }
                    if self.now >= *since + quit_timeout =>
                {
                    *killed = true;
                    self.deeds.push(Action::Kill { seat });
                }
                Child::Busy(at)
                    if at.killed.is_none() && self.due(at).is_some_and(|due| self.now >= due) =>
                {
                    let limit = self.limit(at).unwrap();
                    if at.looked.is_some() {
                        at.killed = Some(late(limit));
                        self.deeds.push(Action::Kill { seat });
                    } else {
                        let warn = (!at.warned).then_some(Late { task: at.task, limit });
                        (at.looked, at.warned) = (Some(self.now), true);
                        self.deeds.push(Action::Look { seat, warn });
                    }
                }
                _ => {}
            }
            self.spots[seat].child = child;
        }
        self.settle();
    }
}
