//! Seat: what the supervisor has in hand of the child in it.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{TaskId, ToChild, Usage};
use crate::slots::Ring;
use crate::status_page::StatusPageView;
use tracing::debug;

use super::super::child::{Child, Sender};
use crate::parent::cause::Silence;
use crate::parent::ledger::SeatId;
use crate::parent::process::Sent;
use crate::parent::ring::Slot;
use crate::parent::vitals::Vitals;
use crate::parent::wear::{Bounds, Wear};

/// One process after another.
pub(super) struct Seat {
    pub(super) generation: u32,
    pub(super) child: Option<Child>,
    pub(super) sender: Option<Sender<ToChild>>,
    pub(super) running: Option<(TaskId, u64)>,
    /// How many tasks the child has not answered yet.
    pub(super) unanswered: usize,
    /// On which the child writes what it is doing.
    pub(super) status_page: Option<Arc<StatusPageView>>,
    pub(super) slots: Vec<Slot>,
    pub(super) streams: bool,
    pub(super) started: bool,
    /// To make the child end, perhaps before its process is known here.
    pub(super) sent: Sent,
    pub(super) usage: Usage,
    /// How the child was when it was last looked at, and when that was.
    pub(super) looked: Option<(Vitals, Duration)>,
    /// How far it has come, if it is ready for tasks.
    pub(super) wear: Option<Wear>,
    /// What it was doing when it was killed for giving no answer.
    pub(super) silence: Silence,
}

impl Seat {
    /// No child in it, and every slot free.
    pub(super) fn vacant(ring: &Ring) -> Self {
        Self {
            generation: 0,
            child: None,
            sender: None,
            running: None,
            unanswered: 0,
            status_page: None,
            slots: vec![Slot::Free; usize::from(ring.geometry().slots)],
            streams: false,
            started: false,
            sent: Sent::Nothing,
            usage: Usage::default(),
            looked: None,
            wear: None,
            silence: Silence::default(),
        }
    }

    pub(super) fn send(&self, message: &ToChild) {
        // A child that cannot be reached is dying; its waiter will say so.
        if let Some(sender) = &self.sender
            && let Err(error) = sender.send(message)
        {
            debug!(%error, "cannot reach a child");
        }
    }

    /// Looks how the child is, and says what it has been doing since the look before.
    pub(super) fn look(&mut self, now: Duration) -> Silence {
        let Some(child) = &self.child else { return Silence::Unknown };
        let vitals = child.vitals();
        let before = self.looked.replace((vitals, now));
        let (earlier, then) = before.unwrap_or((Vitals::default(), now));
        vitals.silence_since(earlier, now.saturating_sub(then))
    }

    /// Whether the child has come to its bounds.
    pub(super) fn is_worn(&mut self, bounds: Bounds, now: Duration) -> bool {
        let (Some(wear), Some(child)) = (&mut self.wear, &self.child) else { return false };
        wear.is_out(bounds, now, || child.vitals().rss_bytes)
    }

    pub(super) fn kill(&mut self, now: Duration) {
        self.silence = self.look(now);
        self.sent = Sent::Kill;
        if let Some(child) = &self.child {
            child.kill();
        }
    }

    /// Asks the process to end, whatever it is at.
    pub(super) fn terminate(&mut self) {
        self.idle();
        match &self.child {
            Some(child) => {
                self.sent = Sent::Terminate;
                child.terminate();
            }
            // Not known here yet; it has nothing to clean up.
            None => self.sent = Sent::Kill,
        }
    }

    /// The child's task is over: what it could have filled is free again.
    pub(super) fn idle(&mut self) {
        self.running = None;
        self.unanswered = 0;
        self.streams = false;
        for slot in &mut self.slots {
            if *slot == Slot::Granted {
                *slot = Slot::Free;
            }
        }
    }
}

/// As people count.
pub(super) fn number(seat: SeatId) -> u32 {
    u32::try_from(seat + 1).unwrap_or(u32::MAX)
}
