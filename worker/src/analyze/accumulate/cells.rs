//! Cells: a row of equal cells of one channel, of which only those at the ends are open.
//!
//! ```text
//!   grid     │       │       │       │       │       a cell that a stretch has all of is settled
//!   stretch     [────┼───────┼───────┼──]            at once; those at its ends stay open until
//!               head └─── settled ───┘ tail          the neighbour brings the rest of them
//! ```
//!
//! The grid must have no cell without a frame. So a partial is as small as two cells and what they settle into, however long the stretch.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::Stretch;
use crate::analyze::accumulate::grid::Grid;

/// What is known of the part of a cell that is there.
pub(crate) trait Cell: Sized {
    /// What whole cells become together, in any order.
    type Settled: Default;

    /// Measures samples, the first of them so many frames behind the start of the cell.
    fn of(samples: &[i32], offset: u64, stretch: &Stretch) -> Self;
    /// With the part of the same cell behind.
    #[must_use]
    fn join(self, next: Self) -> Self;
    /// Counts a whole cell in.
    fn settle(self, frames: u64, stretch: &Stretch, settled: &mut Self::Settled);
    /// Adds what other cells became.
    fn add(settled: &mut Self::Settled, more: Self::Settled);
}

/// The cells of one channel of a stretch that has a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "C: Serialize, C::Settled: Serialize",
    deserialize = "C: Deserialize<'de>, C::Settled: Deserialize<'de>"
))]
pub(crate) struct Row<C: Cell> {
    /// The first cell, if it is not all there.
    pub(crate) head: Option<C>,
    /// The last cell, if it is another and not all there.
    pub(crate) tail: Option<C>,
    /// What the others became.
    pub(crate) settled: C::Settled,
}

impl<C: Cell> Row<C> {
    pub(crate) fn of(grid: Grid, samples: &[i32], stretch: &Stretch) -> Self {
        let mut row = Self { head: None, tail: None, settled: C::Settled::default() };
        let Range { start, end } = stretch.frames;
        for cell in grid.cells(stretch) {
            let all = grid.frames(cell);
            let there = all.start.max(start)..all.end.min(end);
            let [from, to] = [there.start, there.end]
                .map(|frame| usize::try_from(frame - start).unwrap_or(usize::MAX));
            let of = C::of(&samples[from..to], there.start - all.start, stretch);
            if there == all {
                of.settle(all.end - all.start, stretch, &mut row.settled);
            } else if from == 0 {
                row.head = Some(of);
            } else {
                row.tail = Some(of);
            }
        }
        row
    }

    /// With the row of the stretch behind.
    pub(crate) fn join(
        mut self,
        grid: Grid,
        stretch: &Stretch,
        next: Self,
        behind: &Stretch,
    ) -> Self {
        C::add(&mut self.settled, next.settled);
        let seam = behind.frames.start;
        let cell = grid.cell(seam);
        let all = grid.frames(cell);
        if all.start == seam {
            // The first cell of the next is the first of both no longer.
            self.tail = next.tail.or(next.head);
            return self;
        }
        let is_first = all.start <= stretch.frames.start;
        let before = if is_first { self.head.take() } else { self.tail.take() };
        let both = match (before, next.head) {
            (Some(before), Some(next)) => Some(before.join(next)),
            (before, next) => before.or(next),
        };
        self.tail = next.tail;
        if all.start >= stretch.frames.start && all.end <= behind.frames.end {
            if let Some(both) = both {
                both.settle(all.end - all.start, stretch, &mut self.settled);
            }
        } else if is_first {
            self.head = both;
        } else {
            self.tail = both;
        }
        self
    }

    /// Whether the cells at the ends are open that must be.
    pub(crate) fn has_open_ends(&self, grid: Grid, stretch: &Stretch) -> bool {
        [self.head.is_some(), self.tail.is_some()] == open_ends(grid, stretch)
    }
}

/// Whether the first cell of a stretch is not all there, and whether the last is another that is not.
fn open_ends(grid: Grid, stretch: &Stretch) -> [bool; 2] {
    let Range { start, end } = grid.cells(stretch);
    let is_open = |cell| {
        let all = grid.frames(cell);
        all.start < stretch.frames.start || all.end > stretch.frames.end
    };
    [is_open(start), end - start > 1 && is_open(end - 1)]
}

/// How many cells a stretch has all of.
pub(crate) fn whole(grid: Grid, stretch: &Stretch) -> u64 {
    let Range { start, end } = grid.cells(stretch);
    open_ends(grid, stretch)
        .into_iter()
        .fold(end - start, |whole, is_open| whole - u64::from(is_open))
}
