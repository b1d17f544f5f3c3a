//! Wear: a child that has grown or aged ends between two tasks, and another takes its place.
//!
//! Memory that leaks is not a fault yet. Compared with what the child had after its first task, so
//! that what every child needs does not count.

use std::time::Duration;

/// How often the memory of a child is looked at, at most: looking takes longer than a small task.
const INTERVAL: Duration = Duration::from_millis(20);

/// What a child may come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// Bytes that it may gain after its first task.
    pub(super) growth: Option<u64>,
    /// How old it may be.
    pub(super) age: Option<Duration>,
}

/// How far one child has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wear {
    born: Duration,
    /// Its bounds are lower by so many 64ths, so that children that began together do not end
    /// together.
    lot: u32,
    baseline: Option<u64>,
    looked: Duration,
}

impl Wear {
    /// Of a child that is ready for its first task.
    pub(super) fn begin(now: Duration, seat: usize, generation: u32) -> Self {
        // The high bits of a product with an odd number look as good as drawn.
        let name = (seat as u64) << 32 | u64::from(generation);
        let lot = name.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61;
        let lot = u32::try_from(lot).unwrap_or_default();
        Self { born: now, lot, baseline: None, looked: Duration::ZERO }
    }

    /// Whether the child, which has just answered, is to end. `rss` is what it has now.
    pub(super) fn is_out(
        &mut self,
        bounds: Bounds,
        now: Duration,
        rss: impl FnOnce() -> Option<u64>,
    ) -> bool {
        let aged = bounds.age.is_some_and(|age| now >= self.born + age / 64 * (64 - self.lot));
        aged || bounds.growth.is_some_and(|growth| self.has_grown(growth, now, rss))
    }

    fn has_grown(&mut self, growth: u64, now: Duration, rss: impl FnOnce() -> Option<u64>) -> bool {
        if self.baseline.is_some() && now < self.looked + INTERVAL {
            return false;
        }
        self.looked = now;
        let Some(rss) = rss() else { return false };
        let baseline = *self.baseline.get_or_insert(rss);
        let bound = growth / 64 * u64::from(64 - self.lot);
        rss.saturating_sub(baseline) > bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_child_that_grows_is_out_and_one_that_is_large_is_not() {
        let bounds = Bounds { growth: Some(64 * MIB), age: None };
        let mut wear = Wear::begin(at(0), 0, 1);
        assert!(!wear.is_out(bounds, at(1), || Some(500 * MIB)), "that is where it begins");
        assert!(!wear.is_out(bounds, at(2), || panic!("looked at too often")));
        assert!(!wear.is_out(bounds, at(30), || Some(540 * MIB)));
        assert!(wear.is_out(bounds, at(60), || Some(565 * MIB)));
        assert!(!wear.is_out(bounds, at(90), || None), "not known is not grown");
        assert!(!wear.is_out(Bounds::default(), at(120), || panic!("it was not asked for")));
    }

    #[test]
    fn a_child_that_is_old_is_out_and_not_all_at_once() {
        let bounds = Bounds { growth: None, age: Some(at(64_000)) };
        let ends: Vec<u64> = (0..16)
            .map(|seat| {
                let mut wear = Wear::begin(at(0), seat, 1);
                (0..100).find(|second| wear.is_out(bounds, at(second * 1000), || None)).unwrap()
            })
            .collect();
        assert!(ends.iter().all(|end| (56..=64).contains(end)), "{ends:?}");
        assert!(ends.iter().any(|end| end != &ends[0]), "{ends:?}");
    }
}
