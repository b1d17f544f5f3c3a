//! Task accounting: what went into a pool and what came out of it.

use std::fmt;

/// The accounts of a pool: what went in and what came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskAccounting {
    /// Tasks taken on.
    pub submitted: u64,
    /// Tasks that gave an output.
    pub succeeded: u64,
    /// Tasks that ended with an error.
    pub failed: u64,
    /// Tasks cancelled.
    pub cancelled: u64,
    /// Tries repeated after the death of a child.
    pub retries: u64,
    /// Children that died with or without a task.
    pub deaths: u64,
    /// Replies that came twice, or for a task that the child did not have.
    pub breaches: u64,
}

impl TaskAccounting {
    /// Whether every task has ended exactly once.
    pub fn is_even(&self) -> bool {
        self.submitted == self.succeeded + self.failed + self.cancelled
    }
}

impl fmt::Display for TaskAccounting {
    /// The equation that is to hold, with `≠` if it does not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submitted, succeeded, failed, cancelled, .. } = self;
        let law = if self.is_even() { "=" } else { "≠" };
        write!(
            f,
            "{submitted} submitted {law} {succeeded} ok + {failed} failed + {cancelled} cancelled"
        )
    }
}
