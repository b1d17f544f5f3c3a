//! What the ledger does because time has passed.

use std::time::Duration;

use super::{Action, Busy, Ledger, Seat, Terms};
use crate::pool::fault::Cause;

impl Ledger {
    /// Looks at the clock: kills what is late.
    pub(crate) fn tick(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for (seat, place) in self.places.iter_mut().enumerate() {
            match &mut place.seat {
                Seat::Booting { since, killed: killed @ None }
                    if now >= *since + self.policy.start_timeout =>
                {
                    // Its death is booked as a failed start.
                    *killed = Some(Cause::TimedOut { limit: self.policy.start_timeout });
                    actions.push(Action::Kill { seat });
                }
                Seat::Quitting { since, killed: killed @ false }
                    if now >= *since + self.policy.quit_timeout =>
                {
                    *killed = true;
                    actions.push(Action::Kill { seat });
                }
                Seat::Busy(busy) if busy.killed.is_none() => {
                    let terms = self.tasks.get(&busy.task).map(|entry| entry.terms);
                    if let Some(at) = due(busy, terms)
                        && now >= at
                    {
                        let limit = terms.and_then(|terms| terms.timeout).unwrap_or_default();
                        busy.killed = Some(Cause::TimedOut { limit });
                        actions.push(Action::Kill { seat });
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
            Seat::Busy(busy) if busy.killed.is_none() => {
                due(busy, self.tasks.get(&busy.task).map(|entry| entry.terms))
            }
            // Zero once it is over: then there is nothing to wait for.
            Seat::Vacant { not_before } if !self.queue.is_empty() && !not_before.is_zero() => {
                Some(*not_before)
            }
            _ => None,
        });
        times.min()
    }
}

/// When the child's silence becomes too long; never while it waits for a slot.
fn due(busy: &Busy, terms: Option<Terms>) -> Option<Duration> {
    let Terms { timeout, streams } = terms?;
    (!streams || busy.slots > 0).then_some(())?;
    Some(busy.since.saturating_add(timeout?))
}
