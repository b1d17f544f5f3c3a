//! Judged: how many cells correlate in which manner.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::Products;
use crate::pcm::PcmFormat;

/// From here on, one channel is the other upside down.
const INVERTED: f64 = -0.95;
/// From here on, one channel is the other but for its level.
const MONO: f64 = 0.9995;

/// Of some whole cells, those that are loud enough to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Judged {
    pub(super) cells: u64,
    pub(super) negative: u64,
    pub(super) inverted: u64,
    pub(super) mono: u64,
    /// The least correlation; `None` of no cell.
    pub(super) least: Option<f64>,
}

impl Judged {
    /// One cell.
    pub(super) fn of(cell: &Products, format: PcmFormat) -> Self {
        let Some(correlation) = cell.correlation().filter(|_| cell.is_audible(format)) else {
            return Self::default();
        };
        Self {
            cells: 1,
            negative: u64::from(correlation < 0.0),
            inverted: u64::from(correlation <= INVERTED),
            mono: u64::from(correlation >= MONO),
            least: Some(correlation),
        }
    }

    /// So many of all.
    #[expect(clippy::cast_precision_loss, reason = "2⁵³ cells are longer than any file")]
    pub(super) fn share(&self, of: u64) -> Option<f64> {
        (self.cells > 0).then(|| of as f64 / self.cells as f64)
    }

    /// Whether so many cells, loud and quiet, can be judged that way.
    pub(super) fn is_possible(&self, cells: u64) -> bool {
        self.cells <= cells
            && self.inverted <= self.negative
            && self.negative.saturating_add(self.mono) <= self.cells
            && self.least.is_some() == (self.cells > 0)
            && self.least.is_none_or(|least| {
                (-1.0..=1.0).contains(&least)
                    && (least < 0.0) == (self.negative > 0)
                    && (least <= INVERTED) == (self.inverted > 0)
            })
    }
}

impl AddAssign for Judged {
    fn add_assign(&mut self, other: Self) {
        self.cells += other.cells;
        self.negative += other.negative;
        self.inverted += other.inverted;
        self.mono += other.mono;
        let both = [self.least, other.least];
        self.least = both.into_iter().flatten().min_by(f64::total_cmp);
    }
}
