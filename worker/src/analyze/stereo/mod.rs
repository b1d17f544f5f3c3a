//! Metric group `stereo`: relation of the first two channels.
//!
//! Everything is computed from five sums of products, over the whole file and over 100 ms blocks of
//! a grid that starts with the file. The correlation of a block is computed once, when the block is
//! complete, from sums of integers, so it does not depend on the chunking. A partial keeps the
//! blocks at its ends open:
//!
//! ```text
//!   chunk n              chunk n+1
//!   [head]·counted·[tail][head]·counted·[tail]
//!                  └─one block─┘ if the boundary is within it
//! ```

mod catalogue;
mod correlation_counts;
mod product_sums;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::Grid;
use crate::analyze::{AnalysisSettings, Analyzer, FrameSpan, Metric, merge_options};
use crate::pcm::{Pcm, PcmFormat};
use correlation_counts::CorrelationCounts;
use product_sums::ProductSums;

/// Blocks of 100 ms.
const BLOCKS_PER_SECOND: u64 = 10;

/// Compares the first two channels; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stereo {}

/// State of one span; `None` if it is empty or has one channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    all: ProductSums,
    /// Its frames in the first block.
    head: ProductSums,
    /// Its frames in the last block, which can be the same one.
    tail: ProductSums,
    /// Counts over the blocks in between.
    inner: CorrelationCounts,
}

/// Figures; `None` if there is nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Over the whole file, from −1 to 1.
    pub correlation: Option<f64>,
    /// Lowest correlation of a block.
    pub correlation_min: Option<f64>,
    /// Share of the blocks with a negative correlation.
    pub negative_correlation_share: Option<f64>,
    /// Share of the blocks with inverted polarity.
    pub phase_inverted_share: Option<f64>,
    /// Share of the blocks whose channels are the same except for their level.
    pub mono_share: Option<f64>,
    /// Power of the side signal relative to the mid signal.
    pub side_to_mid_db: Option<f64>,
    /// Power of the left channel relative to the right channel.
    pub channel_imbalance_db: Option<f64>,
}

impl From<&AnalysisSettings> for Stereo {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Stereo {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = catalogue::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let span = FrameSpan::from(chunk);
        if !is_compared(&span) {
            return Partial(None);
        }
        let channels = usize::from(span.format.channels);
        let integers = chunk.integers();
        let [left, right] = [0, 1].map(|channel| integers.channel(channel, channels));
        let grid = grid_of(&span);
        let at = |frame: u64| {
            let frame = frame.clamp(span.frames.start, span.frames.end);
            usize::try_from(frame - span.frames.start).unwrap_or(usize::MAX)
        };
        let mut blocks = grid
            .blocks(&span)
            .map(|block| at(grid.start(block))..at(grid.start(block + 1)))
            .map(|frames| ProductSums::of(&left[frames.clone()], &right[frames]));
        let head = blocks.next().unwrap_or_default();
        let (mut all, mut tail, mut inner) = (head, head, CorrelationCounts::default());
        for (place, block) in blocks.enumerate() {
            if place > 0 {
                inner += CorrelationCounts::of(&tail, span.format);
            }
            all += block;
            tail = block;
        }
        Partial(Some(SpanState { span, all, head, tail, inner }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, |first, next| first.join(&next)))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> Figures {
        let Some(state) = whole.0 else { return Figures::default() };
        let correlation_counts = state.correlation_counts();
        Figures {
            correlation: state.all.correlation(),
            correlation_min: correlation_counts.least,
            negative_correlation_share: correlation_counts.share(correlation_counts.negative),
            phase_inverted_share: correlation_counts.share(correlation_counts.inverted),
            mono_share: correlation_counts.share(correlation_counts.mono),
            side_to_mid_db: state.all.side_to_mid_db(),
            channel_imbalance_db: state.all.imbalance_db(),
        }
    }

    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.correlation,
            figures.correlation_min,
            figures.negative_correlation_share,
            figures.phase_inverted_share,
            figures.mono_share,
            figures.side_to_mid_db,
            figures.channel_imbalance_db,
        ]
        .into_iter()
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        match &partial.0 {
            None if !is_compared(span) => Ok(()),
            Some(state) if is_compared(span) && state.span == *span => state.check(),
            _ => Err("of another span".into()),
        }
    }
}

fn is_compared(span: &FrameSpan) -> bool {
    span.frame_count() > 0 && span.format.channels >= 2
}

fn grid_of(span: &FrameSpan) -> Grid {
    Grid::new(span.format.sample_rate, BLOCKS_PER_SECOND)
}

/// Whether the span is within one block.
fn is_one_block(span: &FrameSpan) -> bool {
    grid_of(span).count(span) == 1
}

impl SpanState {
    fn join(self, next: &Self) -> Self {
        let (grid, boundary) = (grid_of(&self.span), next.span.frames.start);
        let [is_one, is_next_one] = [&self, next].map(|state| is_one_block(&state.span));
        let (mut head, mut tail, mut inner) = (self.head, next.tail, self.inner);
        inner += next.inner;
        let format = self.span.format;
        if grid.block(boundary.saturating_sub(1)) == grid.block(boundary) {
            let mut block = self.tail;
            block += next.head;
            match (is_one, is_next_one) {
                (true, true) => (head, tail) = (block, block),
                (true, false) => head = block,
                (false, true) => tail = block,
                (false, false) => inner += CorrelationCounts::of(&block, format),
            }
        } else {
            if !is_one {
                inner += CorrelationCounts::of(&self.tail, format);
            }
            if !is_next_one {
                inner += CorrelationCounts::of(&next.head, format);
            }
        }
        let mut all = self.all;
        all += next.all;
        let span = FrameSpan { format, frames: self.span.frames.start..next.span.frames.end };
        Self { span, all, head, tail, inner }
    }

    /// Counts over all complete blocks; the last block of a file is often incomplete.
    fn correlation_counts(&self) -> CorrelationCounts {
        let (grid, format) = (grid_of(&self.span), self.span.format);
        let blocks = grid.blocks(&self.span);
        let mut correlation_counts = self.inner;
        let is_last_whole = grid.start(blocks.end) == self.span.frames.end;
        if !is_one_block(&self.span) {
            correlation_counts += CorrelationCounts::of(&self.head, format);
        }
        if is_last_whole {
            correlation_counts += CorrelationCounts::of(&self.tail, format);
        }
        correlation_counts
    }

    /// Checks that the state is possible for its span.
    fn check(&self) -> Result<(), String> {
        let FrameSpan { format, frames } = &self.span;
        let (grid, blocks) = (grid_of(&self.span), grid_of(&self.span).blocks(&self.span));
        let [head, tail] = [blocks.start, blocks.end - 1].map(|block| {
            let of = grid.frames(block);
            of.end.min(frames.end) - of.start.max(frames.start)
        });
        let sums = [(&self.all, frames.end - frames.start), (&self.head, head), (&self.tail, tail)];
        let inner = (blocks.end - blocks.start).saturating_sub(2);
        let possible = sums.iter().all(|(sums, frames)| sums.is_possible(*frames, *format))
            && self.inner.is_possible(inner);
        if possible { Ok(()) } else { Err("impossible sums of products".into()) }
    }
}
