//! Deadline: how long a caller waits, counted from the start of the wait.

use std::time::{Duration, Instant};

use super::fault::{NotYet, TaskError};

/// For how long a caller waits; for ever by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// Until `timeout` after `begun`, if there is one.
    pub(super) fn of(begun: Instant, timeout: Option<Duration>) -> Self {
        Self(timeout.map(|timeout| (begun, timeout)))
    }

    /// How much of it is left; the longest time of all if it has no end.
    pub(super) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |(begun, timeout)| timeout.saturating_sub(begun.elapsed()))
    }

    /// What the caller is told when it is over.
    pub(super) fn over(self) -> TaskError {
        TaskError::NotYet(NotYet(self.0.map_or(Duration::MAX, |(_, timeout)| timeout)))
    }
}
