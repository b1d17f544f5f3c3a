//! Counts: a sparse histogram, with the bin of a given rank.
//!
//! Only bins with a count take memory. Counts can be added in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Count of each bin; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts(BTreeMap<u16, u64>);

impl Counts {
    /// Counts one occurrence.
    pub(crate) fn add(&mut self, bin: u16) {
        *self.0.entry(bin).or_default() += 1;
    }

    /// Adds other counts.
    pub(crate) fn append(&mut self, more: Self) {
        for (bin, count) in more.0 {
            *self.0.entry(bin).or_default() += count;
        }
    }

    /// Sum of all counts; `None` if it overflows.
    pub(crate) fn total(&self) -> Option<u64> {
        self.0.values().try_fold(0_u64, |sum, &count| sum.checked_add(count))
    }

    /// Whether every bin is at most `last` and no stored count is zero.
    pub(crate) fn is_possible(&self, last: u16) -> bool {
        self.0.iter().all(|(&bin, &count)| bin <= last && count > 0)
    }

    /// Bin of the element at this rank (from 1), in ascending order of bins.
    pub(crate) fn ranked_from_below(&self, rank: u64) -> Option<u16> {
        ranked(self.0.iter(), rank)
    }

    /// Bin of the element at this rank (from 1), in descending order of bins.
    pub(crate) fn ranked_from_above(&self, rank: u64) -> Option<u16> {
        ranked(self.0.iter().rev(), rank)
    }
}

fn ranked<'a>(counts: impl Iterator<Item = (&'a u16, &'a u64)>, rank: u64) -> Option<u16> {
    let mut left = rank;
    for (&bin, &count) in counts {
        if left <= count {
            return Some(bin);
        }
        left -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_equal_those_of_a_sorted_list() {
        let all = [7, 3, 3, 9, 7, 7, 0, 9, 500, 3];
        let mut counts = Counts::default();
        for bin in all {
            counts.add(bin);
        }
        let mut sorted = all;
        sorted.sort_unstable();
        for rank in 1..=10_u8 {
            let [below, above] = [rank - 1, 10 - rank].map(|at| sorted[usize::from(at)]);
            assert_eq!(counts.ranked_from_below(rank.into()), Some(below));
            assert_eq!(counts.ranked_from_above(rank.into()), Some(above));
        }
        assert_eq!(
            [counts.ranked_from_below(11), Counts::default().ranked_from_above(1)],
            [None, None]
        );
        assert_eq!(counts.total(), Some(10));
        assert!(counts.is_possible(500) && !counts.is_possible(499));
    }
}
