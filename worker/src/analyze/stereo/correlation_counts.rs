//! Correlation counts: number of blocks by their correlation.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::ProductSums;
use crate::pcm::PcmFormat;

/// Up to this correlation, one channel is the other with inverted polarity.
const INVERTED: f64 = -0.95;
/// From this correlation on, both channels are the same except for their level.
const MONO: f64 = 0.9995;

/// Counts over complete blocks that are loud enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CorrelationCounts {
    pub(super) blocks: u64,
    pub(super) negative: u64,
    pub(super) inverted: u64,
    pub(super) mono: u64,
    /// Lowest correlation; `None` without blocks.
    pub(super) least: Option<f64>,
}

impl CorrelationCounts {
    /// Counts of one block.
    pub(super) fn of(block: &ProductSums, format: PcmFormat) -> Self {
        let Some(correlation) = block.correlation().filter(|_| block.is_audible(format)) else {
            return Self::default();
        };
        Self {
            blocks: 1,
            negative: u64::from(correlation < 0.0),
            inverted: u64::from(correlation <= INVERTED),
            mono: u64::from(correlation >= MONO),
            least: Some(correlation),
        }
    }

    /// `of` as a share of all blocks.
    #[expect(clippy::cast_precision_loss, reason = "2⁵³ cells are longer than any file")]
    pub(super) fn share(&self, of: u64) -> Option<f64> {
        (self.blocks > 0).then(|| of as f64 / self.blocks as f64)
    }

    /// Whether these can be the counts of so many blocks.
    pub(super) fn is_possible(&self, blocks: u64) -> bool {
        self.blocks <= blocks
            && self.inverted <= self.negative
            && self.negative.saturating_add(self.mono) <= self.blocks
            && self.least.is_some() == (self.blocks > 0)
            && self.least.is_none_or(|least| {
                (-1.0..=1.0).contains(&least)
                    && (least < 0.0) == (self.negative > 0)
                    && (least <= INVERTED) == (self.inverted > 0)
            })
    }
}

impl AddAssign for CorrelationCounts {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.negative += other.negative;
        self.inverted += other.inverted;
        self.mono += other.mono;
        let both = [self.least, other.least];
        self.least = both.into_iter().flatten().min_by(f64::total_cmp);
    }
}
