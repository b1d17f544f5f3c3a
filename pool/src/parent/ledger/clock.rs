//! What the ledger does because time has passed.
//!
//! A child has a *limit* for its silence. After half of it the child is looked at, and the task is
//! called late; after all of it the child is killed, and what it has used since the look tells
//! whether it was spinning, idle or stopped.

use std::time::Duration;

use super::{Action, Busy, Late, Ledger, Seat, Terms};
use crate::parent::cause::{Cause, Silence};

impl Ledger {
    /// Looks at the clock: kills what is late.
    pub(crate) fn tick(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for (seat, place) in self.places.iter_mut().enumerate() {
            match &mut place.seat {
                Seat::Booting { since, killed: killed @ None }
                    if now >= *since + self.policy.start_timeout =>
                {
                    // Its death is booked as a failed start.
                    *killed = Some(late(self.policy.start_timeout));
                    actions.push(Action::Kill { seat });
                }
                Seat::Quitting { since, killed: killed @ false }
                    if now >= *since + self.policy.quit_timeout =>
                {
                    *killed = true;
                    actions.push(Action::Kill { seat });
                }
                Seat::Busy(busy) if !busy.is_killed() => {
                    if busy.ask_at.take_if(|at| now >= *at).is_some() {
                        actions.push(Action::AskBoard { seat });
                    }
                    let terms = self.tasks.get(&busy.task).map(|entry| entry.terms);
                    let Some(limit) = limit(busy, terms).filter(|limit| now >= due(busy, *limit))
                    else {
                        continue;
                    };
                    if busy.looked.is_some() {
                        busy.killed = Some(late(limit));
                        actions.push(Action::Kill { seat });
                    } else {
                        busy.looked = Some(now);
                        let warn = !std::mem::replace(&mut busy.warned, true);
                        let warn = warn.then_some(Late { task: busy.task, limit });
                        actions.push(Action::Look { seat, warn });
                    }
                }
                _ => {}
            }
        }
        self.dispatch(now, actions);
    }

    /// When [`tick`](Self::tick) is wanted next.
    pub(crate) fn next_tick(&self) -> Option<Duration> {
        let times = self.places.iter().filter_map(|place| match &place.seat {
            Seat::Booting { since, killed: None } => Some(*since + self.policy.start_timeout),
            Seat::Quitting { since, killed: false } => Some(*since + self.policy.quit_timeout),
            Seat::Busy(busy) if !busy.is_killed() => {
                let limit = limit(busy, self.tasks.get(&busy.task).map(|entry| entry.terms));
                limit.map(|limit| due(busy, limit)).into_iter().chain(busy.ask_at).min()
            }
            // Zero once it is over: then there is nothing to wait for.
            Seat::Vacant { not_before } if self.wants_children() && !not_before.is_zero() => {
                Some(*not_before)
            }
            _ => None,
        });
        times.chain(self.resting.first().map(|(until, _)| *until)).min()
    }
}

/// What it was doing becomes known when it is killed.
fn late(limit: Duration) -> Cause {
    Cause::TimedOut { limit, silence: Silence::Unknown }
}

/// When a busy child is looked at, and then killed. The two are some time apart even if we have come
/// late to the first.
fn due(busy: &Busy, limit: Duration) -> Duration {
    match busy.looked {
        None => busy.since.saturating_add(limit / 2),
        Some(looked) => busy.since.saturating_add(limit).max(looked.saturating_add(limit / 8)),
    }
}

/// How long the child may be silent; without end while it waits for a slot.
fn limit(busy: &Busy, terms: Option<Terms>) -> Option<Duration> {
    let Terms { timeout, streams, .. } = terms?;
    let limit = timeout.filter(|_| !streams || busy.slots > 0)?;
    Some(if busy.alone { limit / 2 } else { limit })
}
