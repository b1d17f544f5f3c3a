//! Grid: blocks of equal length, aligned with the start of the file and not with the chunk.
//!
//! A chunk boundary may fall within a block; then both chunks have a part of it. If the block
//! length is not a whole number of frames, some blocks are one frame longer than others.

use std::ops::Range;

use crate::analyze::FrameSpan;

/// Blocks per second (or per another duration), in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    rate: u64,
    per_second: u64,
}

impl Grid {
    /// A grid of `per_second` blocks per second.
    pub(crate) fn new(sample_rate: u32, per_second: u64) -> Self {
        Self { rate: u64::from(sample_rate).max(1), per_second }
    }

    /// A grid with blocks of `seconds` seconds.
    pub(crate) fn of_seconds(sample_rate: u32, seconds: u32) -> Self {
        Self { rate: (u64::from(sample_rate) * u64::from(seconds)).max(1), per_second: 1 }
    }

    /// A grid with blocks of `frames` frames.
    pub(crate) fn of_frames(frames: u64) -> Self {
        Self { rate: frames.max(1), per_second: 1 }
    }

    /// First frame of a block.
    pub(crate) fn start(self, block: u64) -> u64 {
        scaled(block, self.rate, self.per_second)
    }

    /// Frames of a block.
    pub(crate) fn frames(self, block: u64) -> Range<u64> {
        self.start(block)..self.start(block + 1)
    }

    /// Block that contains a frame.
    pub(crate) fn block(self, frame: u64) -> u64 {
        let behind = u128::from(frame) + 1;
        let blocks = (behind * u128::from(self.per_second)).div_ceil(u128::from(self.rate));
        u64::try_from(blocks).unwrap_or(u64::MAX).saturating_sub(1)
    }

    /// Blocks that a span has frames of; none for an empty span.
    pub(crate) fn blocks(self, span: &FrameSpan) -> Range<u64> {
        let Range { start, end } = span.frames;
        if start >= end {
            return 0..0;
        }
        self.block(start)..self.block(end - 1) + 1
    }

    /// Number of these blocks.
    pub(crate) fn count(self, span: &FrameSpan) -> usize {
        let Range { start, end } = self.blocks(span);
        usize::try_from(end - start).unwrap_or(usize::MAX)
    }
}

/// ⌊value · by / of⌋
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(by) / u128::from(of);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Merges the blocks of two neighbouring spans. A block that both have a part of is merged with
/// `merge`; blocks between them without a frame, which exist at very low sample rates, get the
/// default.
pub(crate) fn merge_blocks<T: Clone + Default>(
    grid: Grid,
    [mut first, next]: [Vec<T>; 2],
    boundary: u64,
    merge: impl FnOnce(T, T) -> T,
) -> Vec<T> {
    let (before, behind) = (grid.block(boundary.saturating_sub(1)), grid.block(boundary));
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
        fn every_frame_is_in_its_block(
            rate in 1_u32..400_000,
            per_second in prop::sample::select(vec![10_u64, 20, 100]),
            frame in 0_u64..1 << 40,
        ) {
            let grid = Grid::new(rate, per_second);
            let block = grid.block(frame);
            prop_assert!(grid.frames(block).contains(&frame), "{:?}", grid.frames(block));
            prop_assert_eq!(grid.frames(block).end, grid.frames(block + 1).start);
        }

        #[test]
        fn merged_blocks_equal_those_of_the_whole(
            rate in 1_u32..3000,
            start in 0_u64..500,
            lengths in [1_u64..500, 1_u64..500],
        ) {
            let grid = Grid::new(rate, 20);
            let row = |frames: Range<u64>| -> Vec<u64> {
                (grid.block(frames.start)..=grid.block(frames.end - 1))
                    .map(|block| {
                        let of = grid.frames(block);
                        of.end.min(frames.end).saturating_sub(of.start.max(frames.start))
                    })
                    .collect()
            };
            let (boundary, end) = (start + lengths[0], start + lengths[0] + lengths[1]);
            let both = [row(start..boundary), row(boundary..end)];
            let found = merge_blocks(grid, both, boundary, |one, other| one + other);
            prop_assert_eq!(found, row(start..end));
        }
    }
}
