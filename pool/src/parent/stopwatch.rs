//! Stopwatch: how long a pool has been at work. It stands while the pool is paused, and does not
//! count the time in which this process itself was stopped.
//!
//! Every deadline of a pool is read from here, and this from the system's monotonic clock alone: no
//! change of the date is ever seen.

use std::time::{Duration, Instant};

/// How late the pool's own thread may come without being taken to have been stopped.
const SLACK: Duration = Duration::from_millis(100);

/// How long a pool has been at work.
#[derive(Debug)]
pub(super) struct Stopwatch {
    begun: Instant,
    /// What is not counted.
    stood: Duration,
    /// Since when it stands, as counted from the beginning.
    paused: Option<Duration>,
    /// When it was last looked at.
    seen: Duration,
}

impl Stopwatch {
    /// Zero, and running.
    pub(super) fn start() -> Self {
        let (stood, seen) = (Duration::ZERO, Duration::ZERO);
        Self { begun: Instant::now(), stood, paused: None, seen }
    }

    /// The time that counts.
    pub(super) fn elapsed(&self) -> Duration {
        let now = self.paused.unwrap_or_else(|| self.begun.elapsed());
        now.saturating_sub(self.stood)
    }

    /// Lets it stand.
    pub(super) fn pause(&mut self) {
        self.paused.get_or_insert_with(|| self.begun.elapsed());
    }

    /// Lets it run again.
    pub(super) fn resume(&mut self) {
        if let Some(paused) = self.paused.take() {
            self.stood += self.begun.elapsed().saturating_sub(paused);
        }
    }

    /// Whether it stands.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// To be called again and again by a thread that knows how long it may have been away. If it was much
    /// longer, this process did not run, and the rest does not count.
    pub(super) fn seen(&mut self, allowed: Duration) {
        let away = self.elapsed().saturating_sub(self.seen);
        if away > allowed + SLACK {
            self.stood += away.saturating_sub(allowed);
        }
        self.seen = self.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stopwatch that was started so long ago.
    fn started(ago: Duration) -> Stopwatch {
        let begun = Instant::now().checked_sub(ago).expect("the machine has run for a minute");
        Stopwatch { begun, ..Stopwatch::start() }
    }

    #[test]
    fn it_stands_while_it_is_paused() {
        let mut watch = Stopwatch::start();
        watch.pause();
        let paused = watch.elapsed();
        watch.pause();
        std::thread::yield_now();
        assert_eq!(watch.elapsed(), paused);
        watch.begun = started(Duration::from_secs(20)).begun;
        watch.resume();
        assert!(watch.elapsed() < Duration::from_secs(10), "{watch:?}");
        assert!(!watch.is_paused());
        watch.resume();
    }

    #[test]
    fn a_long_absence_does_not_count() {
        let mut watch = started(Duration::from_secs(20));
        watch.seen(Duration::from_secs(1));
        let counted = watch.elapsed();
        assert!(counted >= Duration::from_secs(1), "{watch:?}");
        assert!(counted < Duration::from_secs(10), "{watch:?}");
    }

    #[test]
    fn an_absence_that_was_allowed_counts() {
        let mut watch = started(Duration::from_secs(20));
        watch.seen(Duration::from_mins(1));
        assert!(watch.elapsed() >= Duration::from_secs(20), "{watch:?}");
    }
}
