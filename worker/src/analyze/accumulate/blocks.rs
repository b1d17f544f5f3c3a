//! Blocks: fixed-length blocks of one channel, of which only the first and the last can be
//! incomplete.
//!
//! ```text
//!   grid     │       │       │       │       │       a block with all its frames in the span is added
//!   span        [────┼───────┼───────┼──]            to the summary at once; incomplete ones stay
//!               head └── summary ────┘ tail          open until the neighbouring span completes them
//! ```
//!
//! Every block of the grid must have at least one frame. A partial has the size of two blocks and
//! one summary, however long the span is.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::FrameSpan;
use crate::analyze::accumulate::grid::Grid;

/// State of one block, or of the frames of it that are in a span.
pub(crate) trait Block: Sized {
    /// What complete blocks are added up to, in any order.
    type Summary: Default;

    /// Measures samples that start `offset` frames after the start of the block.
    fn of(samples: &[i32], offset: u64, span: &FrameSpan) -> Self;
    /// Merges with the rest of the same block.
    #[must_use]
    fn join(self, next: Self) -> Self;
    /// Adds a complete block to the summary.
    fn add_to(self, frames: u64, span: &FrameSpan, summary: &mut Self::Summary);
    /// Adds the summary of other blocks.
    fn add(summary: &mut Self::Summary, more: Self::Summary);
}

/// The blocks of one channel of a non-empty span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "C: Serialize, C::Summary: Serialize",
    deserialize = "C: Deserialize<'de>, C::Summary: Deserialize<'de>"
))]
pub(crate) struct BlockSeries<C: Block> {
    /// The first block, if it is incomplete.
    pub(crate) head: Option<C>,
    /// The last block, if it is incomplete and not the first.
    pub(crate) tail: Option<C>,
    /// Sum of the complete blocks.
    pub(crate) summary: C::Summary,
}

impl<C: Block> BlockSeries<C> {
    pub(crate) fn of(grid: Grid, samples: &[i32], span: &FrameSpan) -> Self {
        let mut series = Self { head: None, tail: None, summary: C::Summary::default() };
        let Range { start, end } = span.frames;
        for block in grid.blocks(span) {
            let all = grid.frames(block);
            let there = all.start.max(start)..all.end.min(end);
            let [from, to] = [there.start, there.end]
                .map(|frame| usize::try_from(frame - start).unwrap_or(usize::MAX));
            let of = C::of(&samples[from..to], there.start - all.start, span);
            if there == all {
                of.add_to(all.end - all.start, span, &mut series.summary);
            } else if from == 0 {
                series.head = Some(of);
            } else {
                series.tail = Some(of);
            }
        }
        series
    }

    /// Merges with the series of the next span.
    pub(crate) fn join(
        mut self,
        grid: Grid,
        span: &FrameSpan,
        next: Self,
        next_span: &FrameSpan,
    ) -> Self {
        C::add(&mut self.summary, next.summary);
        let boundary = next_span.frames.start;
        let block = grid.block(boundary);
        let all = grid.frames(block);
        if all.start == boundary {
            // The first block of the next span is no longer the first one.
            self.tail = next.tail.or(next.head);
            return self;
        }
        let is_first = all.start <= span.frames.start;
        let before = if is_first { self.head.take() } else { self.tail.take() };
        let both = match (before, next.head) {
            (Some(before), Some(next)) => Some(before.join(next)),
            (before, next) => before.or(next),
        };
        self.tail = next.tail;
        if all.start >= span.frames.start && all.end <= next_span.frames.end {
            if let Some(both) = both {
                both.add_to(all.end - all.start, span, &mut self.summary);
            }
        } else if is_first {
            self.head = both;
        } else {
            self.tail = both;
        }
        self
    }

    /// Whether exactly the incomplete blocks of the span are open.
    pub(crate) fn has_open_ends(&self, grid: Grid, span: &FrameSpan) -> bool {
        [self.head.is_some(), self.tail.is_some()] == open_ends(grid, span)
    }
}

/// Whether the first block of a span is incomplete, and whether the last one is incomplete and not
/// the first.
fn open_ends(grid: Grid, span: &FrameSpan) -> [bool; 2] {
    let Range { start, end } = grid.blocks(span);
    let is_open = |block| {
        let all = grid.frames(block);
        all.start < span.frames.start || all.end > span.frames.end
    };
    [is_open(start), end - start > 1 && is_open(end - 1)]
}

/// Number of complete blocks in a span.
pub(crate) fn complete(grid: Grid, span: &FrameSpan) -> u64 {
    let Range { start, end } = grid.blocks(span);
    open_ends(grid, span).into_iter().fold(end - start, |whole, is_open| whole - u64::from(is_open))
}
