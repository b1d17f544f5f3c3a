//! Hurry: how long inputs may still be looked for when a run is stopped.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use audiopool::interrupt::Interrupt;

/// Enough for some hundred thousand files on a disk of this machine.
const SEARCH: Duration = Duration::from_secs(1);

/// The time that is left for looking for inputs, from the first question after the stop.
pub(super) struct Hurry {
    stop: Interrupt,
    since: OnceLock<Instant>,
}

impl Hurry {
    pub(super) fn new(stop: &Interrupt) -> Self {
        Self { stop: stop.clone(), since: OnceLock::new() }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.stop.requested().is_some() && self.since.get_or_init(Instant::now).elapsed() >= SEARCH
    }
}
