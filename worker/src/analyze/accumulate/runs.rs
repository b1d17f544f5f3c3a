//! Runs: consecutive samples of one channel with the same value, and the steps to their neighbours.
//!
//! ```text
//!    █                     █         a run is selected by its length, and by the steps to the samples
//!    █▁▁▁▁▁▁▁│▁▁▁▁▁▁▁▁▁▁▁▁▁█         directly before and after it
//!    before  └ boundary    after
//! ```
//!
//! A run may continue in the next chunk: runs at the start and the end of a span stay open,
//! together with the step on their inner side.

use serde::{Deserialize, Serialize};

use crate::analyze::FrameSpan;
use crate::analyze::accumulate::locations::{Location, Locations};

/// Which runs are selected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunCriteria {
    /// Minimum and maximum length in samples.
    pub(crate) frames: (u64, u64),
    /// Minimum step to the neighbouring samples on both sides.
    pub(crate) step: u32,
}

/// Runs of one value in one channel of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runs {
    /// Length of the run at the start; the whole span if it has no other value.
    pub(crate) head: u64,
    /// Step to the sample after that run; 0 if there is none.
    pub(crate) after: u32,
    /// Length of the run at the end; the whole span if it has no other value.
    pub(crate) tail: u64,
    /// Step from the sample before that run; 0 if there is none.
    pub(crate) before: u32,
    /// Runs that touch neither end; their value is their length.
    pub(crate) inner: Locations,
}

impl RunCriteria {
    fn accepts(self, frames: u64, before: u32, after: u32) -> bool {
        (self.frames.0..=self.frames.1).contains(&frames) && before.min(after) >= self.step
    }
}

impl Runs {
    /// Finds the runs of `value` in samples that start at `first_frame`.
    pub(crate) fn of(samples: &[i32], value: i32, first_frame: u64, criteria: RunCriteria) -> Self {
        let len = samples.len() as u64;
        let head = samples.iter().take_while(|&&x| x == value).count();
        let tail = samples.iter().rev().take_while(|&&x| x == value).count();
        let mut found =
            Self { head: len, after: 0, tail: len, before: 0, inner: Locations::default() };
        if head == samples.len() {
            return found;
        }
        let end = samples.len() - tail;
        (found.head, found.tail) = (head as u64, tail as u64);
        found.after = samples[head].abs_diff(value);
        found.before = samples[end - 1].abs_diff(value);
        let mut at = head;
        // A run of the minimum length contains one of every `stride` samples.
        let stride = usize::try_from(criteria.frames.0).unwrap_or(usize::MAX);
        while at < end {
            if samples[at] != value {
                at += stride;
                continue;
            }
            let start = at - samples[..at].iter().rev().take_while(|&&x| x == value).count();
            let stop = at + samples[at..].iter().take_while(|&&x| x == value).count();
            let frames = (stop - start) as u64;
            let [before, after] = [samples[start - 1], samples[stop]].map(|x| x.abs_diff(value));
            if criteria.accepts(frames, before, after) {
                let frame = first_frame + start as u64;
                found.inner.push(Location { frame, frames, value: frames });
            }
            at = stop + stride;
        }
        found
    }

    /// The runs of a value that does not occur in the samples.
    pub(crate) fn none(after: u32, before: u32) -> Self {
        Self { head: 0, after, tail: 0, before, inner: Locations::default() }
    }

    /// Merges with the runs of the next span.
    pub(crate) fn join(
        mut self,
        span: &FrameSpan,
        next: Self,
        next_span: &FrameSpan,
        criteria: RunCriteria,
    ) -> Self {
        let boundary = next_span.frames.start;
        let [frames, next_frames] = [span, next_span].map(FrameSpan::frame_count);
        if self.head == frames {
            let tail = if next.tail == next_frames { frames + next_frames } else { next.tail };
            return Self { head: frames + next.head, tail, ..next };
        }
        if next.head == next_frames {
            self.tail += next_frames;
            return self;
        }
        let frames = self.tail + next.head;
        if criteria.accepts(frames, self.before, next.after) {
            self.inner.push(Location { frame: boundary - self.tail, frames, value: frames });
        }
        self.inner.append(next.inner);
        Self { tail: next.tail, before: next.before, ..self }
    }

    /// Whether a span can have these runs.
    pub(crate) fn is_possible(&self, span: &FrameSpan) -> bool {
        let frames = span.frame_count();
        let is_all = self.head == frames;
        let ends = self.head.saturating_add(self.tail);
        (if is_all { self.tail == frames } else { ends < frames })
            && [self.before, self.after].iter().all(|&x| (x == 0) == is_all)
            && self.inner.is_possible(&span.frames)
    }
}
