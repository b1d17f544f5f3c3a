//! Grid: cells of equal length that begin with the file and not with the chunk.
//!
//! A cut may fall within a cell; then both sides have it, each with its own frames. Where so many
//! cells a second are no whole number of frames, some have a frame more.

use std::ops::Range;

use crate::analyze::Stretch;

/// So many cells a second (or another span of time) of so many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    rate: u64,
    per_second: u64,
}

impl Grid {
    /// Cells of a file of that rate.
    pub(crate) fn new(sample_rate: u32, per_second: u64) -> Self {
        Self { rate: u64::from(sample_rate).max(1), per_second }
    }

    /// Cells of so many seconds each.
    pub(crate) fn of_seconds(sample_rate: u32, seconds: u32) -> Self {
        Self { rate: (u64::from(sample_rate) * u64::from(seconds)).max(1), per_second: 1 }
    }

    /// Cells of so many frames each.
    pub(crate) fn of_frames(frames: u64) -> Self {
        Self { rate: frames.max(1), per_second: 1 }
    }

    /// The first frame of a cell.
    pub(crate) fn start(self, cell: u64) -> u64 {
        scaled(cell, self.rate, self.per_second)
    }

    /// The frames of a cell.
    pub(crate) fn frames(self, cell: u64) -> Range<u64> {
        self.start(cell)..self.start(cell + 1)
    }

    /// The cell that a frame lies in.
    pub(crate) fn cell(self, frame: u64) -> u64 {
        let behind = u128::from(frame) + 1;
        let cells = (behind * u128::from(self.per_second)).div_ceil(u128::from(self.rate));
        u64::try_from(cells).unwrap_or(u64::MAX).saturating_sub(1)
    }

    /// Every cell that a stretch has a frame of, in one row; none if it has no frame.
    pub(crate) fn cells(self, stretch: &Stretch) -> Range<u64> {
        let Range { start, end } = stretch.frames;
        if start >= end {
            return 0..0;
        }
        self.cell(start)..self.cell(end - 1) + 1
    }

    /// How many those are.
    pub(crate) fn count(self, stretch: &Stretch) -> usize {
        let Range { start, end } = self.cells(stretch);
        usize::try_from(end - start).unwrap_or(usize::MAX)
    }
}

/// ⌊value · by / of⌋
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(by) / u128::from(of);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Two neighbours' rows of cells as one, the seam's cell merged if both have it; the default for
/// cells without a frame between them, as there are at very low rates.
pub(crate) fn merged<T: Clone + Default>(
    grid: Grid,
    [mut first, next]: [Vec<T>; 2],
    seam: u64,
    merge: impl FnOnce(T, T) -> T,
) -> Vec<T> {
    let (before, behind) = (grid.cell(seam.saturating_sub(1)), grid.cell(seam));
    let mut next = next.into_iter();
    if before == behind {
        match (first.pop(), next.next()) {
            (Some(one), Some(other)) => first.push(merge(one, other)),
            (one, other) => first.extend(one.or(other)),
        }
    }
    let gap = usize::try_from((behind - before).saturating_sub(1)).unwrap_or(usize::MAX);
    first.extend(std::iter::repeat_n(T::default(), gap));
    first.extend(next);
    first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_frame_is_in_the_cell_that_says_so(
            rate in 1_u32..400_000,
            per_second in prop::sample::select(vec![10_u64, 20, 100]),
            frame in 0_u64..1 << 40,
        ) {
            let grid = Grid::new(rate, per_second);
            let cell = grid.cell(frame);
            prop_assert!(grid.frames(cell).contains(&frame), "{:?}", grid.frames(cell));
            prop_assert_eq!(grid.frames(cell).end, grid.frames(cell + 1).start);
        }

        #[test]
        fn rows_of_neighbours_are_the_row_of_both(
            rate in 1_u32..3000,
            start in 0_u64..500,
            lengths in [1_u64..500, 1_u64..500],
        ) {
            let grid = Grid::new(rate, 20);
            let row = |frames: Range<u64>| -> Vec<u64> {
                (grid.cell(frames.start)..=grid.cell(frames.end - 1))
                    .map(|cell| {
                        let of = grid.frames(cell);
                        of.end.min(frames.end).saturating_sub(of.start.max(frames.start))
                    })
                    .collect()
            };
            let (seam, end) = (start + lengths[0], start + lengths[0] + lengths[1]);
            let both = [row(start..seam), row(seam..end)];
            let found = merged(grid, both, seam, |one, other| one + other);
            prop_assert_eq!(found, row(start..end));
        }
    }
}
