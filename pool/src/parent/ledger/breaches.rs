//! What the ledger does when a child says what it should not: it is not believed in anything then.

use super::{Action, Busy, Ledger, Seat, SeatId, Verdict};
use crate::parent::cause::Cause;

impl Ledger {
    /// A child has sent what is not in order.
    pub(crate) fn breach(
        &mut self,
        seat: SeatId,
        generation: u32,
        reason: String,
        actions: &mut Vec<Action>,
    ) {
        self.condemn(seat, generation, Cause::Protocol { reason }, actions);
    }

    /// A child is not to be trusted any more, for that cause.
    pub(crate) fn condemn(
        &mut self,
        seat: SeatId,
        generation: u32,
        cause: Cause,
        actions: &mut Vec<Action>,
    ) {
        let Some(place) = self.place(seat, generation) else { return };
        match &mut place.seat {
            Seat::Busy(Busy { killed: killed @ None, .. })
            | Seat::Booting { killed: killed @ None, .. } => *killed = Some(cause),
            Seat::Idle { .. } => place.seat = Seat::Dying,
            Seat::Vacant { .. }
            | Seat::Booting { .. }
            | Seat::Busy(_)
            | Seat::Quitting { .. }
            | Seat::Dying => return,
        }
        self.balance.breaches += 1;
        actions.push(Action::Kill { seat });
    }

    pub(super) fn stray(
        &mut self,
        seat: SeatId,
        generation: u32,
        actions: &mut Vec<Action>,
    ) -> Verdict {
        if self.place(seat, generation).is_none() {
            return Verdict::Ignore;
        }
        let reason = "an answer to a task that it does not have".to_owned();
        self.breach(seat, generation, reason, actions);
        Verdict::Breach
    }
}
