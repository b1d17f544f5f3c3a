//! Chores: what the pool's own thread does, which starts children and looks at the clock.
//!
//! It sleeps until the next deadline, and is woken for one that comes sooner or for a child that is
//! wanted, and for nothing else: most news are no business of its. While there is a deadline it
//! also wakes by itself now and then, to notice that this process was stopped.

use std::sync::{Arc, PoisonError};
use std::time::Duration;
use std::{io, mem};

use crate::expected_panic::catch_expected_panic;
use crate::status_page::StatusPageView;
use tracing::{debug, warn};

use super::super::child::Child;
use super::seated::Seated;
use super::{Core, Shared, number};
use crate::parent::fault::PoolError;
use crate::parent::ledger::SeatId;
use crate::parent::process::Sent;
use crate::parent::ring::share;

/// The longest sleep while anything is timed. What a stop of this process costs a task of its time
/// is at most this.
const STEP: Duration = Duration::from_millis(100);

impl Shared {
    /// The pool's own thread: starts children and looks at the clock.
    pub(super) fn supervise(self: Arc<Self>) {
        let mut core = self.lock();
        let mut allowed = Duration::ZERO;
        while !core.stop {
            let to_spawn = mem::take(&mut core.to_spawn);
            if !to_spawn.is_empty() {
                drop(core);
                for (seat, generation) in to_spawn {
                    self.start(seat, generation);
                }
                core = self.lock();
                allowed = STEP;
                continue;
            }
            core.clock.seen(allowed);
            let now = core.clock.elapsed();
            let next = core.ledger.next_tick();
            if next.is_some_and(|next| next <= now) {
                drop(core);
                self.with_core(|core, now, actions| core.ledger.tick(now, actions));
                core = self.lock();
                // A time that has come and changed nothing must not spin.
                if core.ledger.next_tick().is_none_or(|next| next > now) {
                    continue;
                }
            }
            // Short sleeps while anything is timed, so that a stop of this process is noticed.
            let pause = next.map_or(Duration::from_hours(1), |next| {
                next.saturating_sub(now).clamp(Duration::from_millis(1), STEP)
            });
            allowed = pause;
            core.wakes = next.map(|_| now + pause);
            core = self.chores.wait_timeout(core, pause).unwrap_or_else(PoisonError::into_inner).0;
            // News that arrives while this thread is awake need not wake it.
            core.wakes = Some(Duration::ZERO);
        }
    }

    fn start(self: &Arc<Self>, seat: SeatId, generation: u32) {
        let path = self.program().to_owned();
        let shared = Arc::clone(self);
        let outbox = &self.parts.outboxes[seat];
        let spawn = || {
            let status_page = Arc::new(StatusPageView::new(outbox.transport())?);
            let rings = share(outbox, &self.parts.inboxes, &status_page)?;
            let program = path.clone();
            let watcher = Arc::new(Seated { shared, seat, generation, program, status_page });
            let program = (self.role(), path.as_path());
            Child::spawn(program, self.lifeline.share()?, rings, watcher)
        };
        // Without this thread no child would ever be started again, and every child would die.
        let started = catch_expected_panic(spawn)
            .unwrap_or_else(|| Err(io::Error::other("the channel to it cannot be made")));
        match started {
            Ok(child) => {
                debug!(child = number(seat), role = self.role().name(), pid = child.pid(), "born");
                let mut core = self.lock();
                let is_paused = core.clock.is_paused();
                let state = &mut core.seats[seat];
                // It may have been condemned, or have died, before we got here.
                if state.sent == Sent::Kill || state.generation != generation {
                    child.kill();
                }
                if is_paused {
                    child.stop();
                }
                if state.generation == generation {
                    state.child = Some(child);
                }
            }
            Err(error) => {
                let hopeless = matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::InvalidFilename
                );
                warn!("{} {} cannot be started: {error}", self.role().name(), number(seat));
                let error = self.boot_error(&error.to_string());
                self.with_core(|core, now, actions| {
                    core.ledger.boot_failed(seat, generation, &error, hopeless, now, actions);
                });
            }
        }
    }

    pub(super) fn boot_error(&self, reason: &str) -> PoolError {
        let program = self.program().display().to_string();
        PoolError::Boot { role: self.role(), program, reason: reason.to_owned() }
    }

    /// Wakes the pool's own thread if there is something for it to do before it wakes by itself.
    pub(super) fn see_to_chores(&self, core: &Core) {
        let sooner = match (core.ledger.next_tick(), core.wakes) {
            (Some(next), Some(wakes)) => next < wakes,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        if sooner || !core.to_spawn.is_empty() {
            self.chores.notify_all();
        }
    }

    /// Stops every child, and the pool's clock with them, until [`resume`](Self::resume).
    pub(in crate::parent) fn pause(&self) {
        let mut core = self.lock();
        core.clock.pause();
        for child in core.seats.iter().filter_map(|seat| seat.child.as_ref()) {
            child.stop();
        }
    }

    /// Lets children and clock go on.
    pub(in crate::parent) fn resume(&self) {
        let mut core = self.lock();
        if !core.clock.is_paused() {
            return;
        }
        for child in core.seats.iter().filter_map(|seat| seat.child.as_ref()) {
            child.go_on();
        }
        core.clock.resume();
        drop(core);
        self.chores.notify_all();
    }
}
