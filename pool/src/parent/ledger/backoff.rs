//! Backoff: how long a task that has lost its child waits before it is tried again.

use std::time::Duration;

use crate::protocol::TaskId;

/// The pause before the first retry, doubled with each one more, and longer by up to a half that
/// depends on the task: tasks that died together do not come back together. Nothing is drawn by
/// lot, so a run can be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// Before the try that follows so many.
    pub(super) fn pause(self, tries: u32, task: TaskId) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        let pause = self.first.saturating_mul(1 << doublings).min(self.most);
        // The high bits of a product with an odd number look as good as drawn.
        let lot = task.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let lot = u32::try_from(lot).unwrap_or(u32::MAX) >> 16;
        pause + (pause / 2).saturating_mul(lot) / (1 << 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_millis(10), most: Duration::from_secs(1) };

    #[test]
    fn the_pause_doubles_up_to_the_most() {
        for task in (0..1000).map(TaskId) {
            for (tries, millis) in [(1, 10), (2, 20), (3, 40), (8, 1000), (u32::MAX, 1000)] {
                let pause = Duration::from_millis(millis);
                let paused = BACKOFF.pause(tries, task);
                assert!((pause..=pause * 3 / 2).contains(&paused), "{paused:?}");
            }
        }
        assert_eq!(Backoff::default().pause(3, TaskId(1)), Duration::ZERO);
    }

    #[test]
    fn tasks_that_died_together_do_not_come_back_together() {
        let mut pauses: Vec<_> = (0..100).map(|task| BACKOFF.pause(1, TaskId(task))).collect();
        pauses.sort();
        pauses.dedup();
        assert!(pauses.len() > 90, "{pauses:?}");
    }
}
