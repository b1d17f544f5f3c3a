//! Allowance: an end to the processor time of one task.
//!
//! The kernel counts that of a process from its birth and not from its task, and a child may live
//! for days: so the limit moves on with the tasks. Only the soft one: a process that reaches it dies of
//! SIGXCPU, which says why, and not of SIGKILL, which does not. It is there for the task that runs
//! away unseen; one that gives no answer comes to its deadline long before.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_gettime};

use crate::confine::PROCESSOR_TIME;

/// How much of it may be used up before the limit moves on.
const SLACK: Duration = Duration::from_mins(1);

/// Sets the limit for the first task. A lower one that is there already stays.
pub(super) fn grant() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_CPU)?;
    setrlimit(Resource::RLIMIT_CPU, soft.min(PROCESSOR_TIME.as_secs()), hard)
}

/// What this process may use, if it is this program that says so.
#[derive(Debug)]
pub(crate) struct Allowance {
    granted: Option<Duration>,
}

impl Allowance {
    /// That of this process, which is confined by now or never will be.
    pub(crate) fn of_this_process() -> Self {
        let limit = getrlimit(Resource::RLIMIT_CPU);
        let is_ours = limit.is_ok_and(|(soft, _)| soft == PROCESSOR_TIME.as_secs());
        Self { granted: is_ours.then_some(PROCESSOR_TIME) }
    }

    /// Moves the limit on, for the next task.
    pub(crate) fn renew(&mut self) {
        let Ok(used) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) else { return };
        self.renew_at(used.into());
    }

    fn renew_at(&mut self, used: Duration) {
        let Some(granted) = self.granted.as_mut() else { return };
        let next = used + PROCESSOR_TIME;
        if next < *granted + SLACK {
            return;
        }
        // It stays where it is if the hard limit, which is not ours, is lower.
        let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CPU) else { return };
        if setrlimit(Resource::RLIMIT_CPU, next.as_secs().min(hard), hard).is_ok() {
            *granted = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_moves_on_with_the_tasks_and_stays_below_the_one_that_kills_without_a_word() {
        let soft = || getrlimit(Resource::RLIMIT_CPU).unwrap().0;
        let (_, hard) = getrlimit(Resource::RLIMIT_CPU).unwrap();
        grant().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CPU), Ok((6 * 3600, hard)));
        let mut allowance = Allowance::of_this_process();
        allowance.renew();
        allowance.renew_at(Duration::from_secs(59));
        assert_eq!(soft(), 6 * 3600, "hardly anything is used");
        allowance.renew_at(Duration::from_hours(2));
        assert_eq!(soft(), 8 * 3600);
        allowance.renew_at(Duration::from_secs(2 * 3600 + 59));
        assert_eq!(soft(), 8 * 3600);
        setrlimit(Resource::RLIMIT_CPU, 5 * 3600, hard).unwrap();
        Allowance::of_this_process().renew_at(Duration::from_hours(1));
        assert_eq!(soft(), 5 * 3600, "it was set elsewhere");
    }
}
