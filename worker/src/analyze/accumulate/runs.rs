//! Runs: samples in a row of one channel that all have one value, and how far its neighbours are.
//!
//! ```text
//!    █                     █         a run is judged by its length, and by the samples before it
//!    █▁▁▁▁▁▁▁│▁▁▁▁▁▁▁▁▁▁▁▁▁█         and behind it: how far they are from its value
//!    before  └ seam        after
//! ```
//!
//! A run may go on across a seam: those that touch the ends of a stretch are kept open, with what
//! lies on their other side.

use serde::{Deserialize, Serialize};

use crate::analyze::Stretch;
use crate::analyze::accumulate::places::{Place, Places};

/// Which runs are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// How many samples they have, at least and at most.
    pub(crate) frames: (u64, u64),
    /// How far the samples on both sides are at least.
    pub(crate) step: u32,
}

/// The runs of one value in one channel of a stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runs {
    /// Samples of that value at the beginning; all of them if there is no other.
    pub(crate) head: u64,
    /// How far the sample is that ends them; 0 if there is no other.
    pub(crate) after: u32,
    /// Samples of that value at the end; all of them if there is no other.
    pub(crate) tail: u64,
    /// How far the sample is before them; 0 if there is no other.
    pub(crate) before: u32,
    /// Those that touch neither end; their value is their length.
    pub(crate) inner: Places,
}

impl Rule {
    fn takes(self, frames: u64, before: u32, after: u32) -> bool {
        (self.frames.0..=self.frames.1).contains(&frames) && before.min(after) >= self.step
    }
}

impl Runs {
    /// Those of `value` in samples that begin at that frame.
    pub(crate) fn of(samples: &[i32], value: i32, first_frame: u64, rule: Rule) -> Self {
        let len = samples.len() as u64;
        let head = samples.iter().take_while(|&&x| x == value).count();
        let tail = samples.iter().rev().take_while(|&&x| x == value).count();
        let mut found =
            Self { head: len, after: 0, tail: len, before: 0, inner: Places::default() };
        if head == samples.len() {
            return found;
        }
        let end = samples.len() - tail;
        (found.head, found.tail) = (head as u64, tail as u64);
        found.after = samples[head].abs_diff(value);
        found.before = samples[end - 1].abs_diff(value);
        let mut at = head;
        // A run that is long enough has a sample at every so many.
        let stride = usize::try_from(rule.frames.0).unwrap_or(usize::MAX);
        while at < end {
            if samples[at] != value {
                at += stride;
                continue;
            }
            let start = at - samples[..at].iter().rev().take_while(|&&x| x == value).count();
            let stop = at + samples[at..].iter().take_while(|&&x| x == value).count();
            let frames = (stop - start) as u64;
            let [before, after] = [samples[start - 1], samples[stop]].map(|x| x.abs_diff(value));
            if rule.takes(frames, before, after) {
                let frame = first_frame + start as u64;
                found.inner.push(Place { frame, frames, value: frames });
            }
            at = stop + stride;
        }
        found
    }

    /// Those of samples among which that value does not occur.
    pub(crate) fn none(after: u32, before: u32) -> Self {
        Self { head: 0, after, tail: 0, before, inner: Places::default() }
    }

    /// With those of the stretch behind.
    pub(crate) fn join(
        mut self,
        stretch: &Stretch,
        next: Self,
        behind: &Stretch,
        rule: Rule,
    ) -> Self {
        let seam = behind.frames.start;
        let [frames, next_frames] = [stretch, behind].map(Stretch::frame_count);
        if self.head == frames {
            let tail = if next.tail == next_frames { frames + next_frames } else { next.tail };
            return Self { head: frames + next.head, tail, ..next };
        }
        if next.head == next_frames {
            self.tail += next_frames;
            return self;
        }
        let frames = self.tail + next.head;
        if rule.takes(frames, self.before, next.after) {
            self.inner.push(Place { frame: seam - self.tail, frames, value: frames });
        }
        self.inner.append(next.inner);
        Self { tail: next.tail, before: next.before, ..self }
    }

    /// Whether there can be such runs in that stretch at all.
    pub(crate) fn is_possible(&self, stretch: &Stretch) -> bool {
        let frames = stretch.frame_count();
        let is_all = self.head == frames;
        let ends = self.head.saturating_add(self.tail);
        (if is_all { self.tail == frames } else { ends < frames })
            && [self.before, self.after].iter().all(|&x| (x == 0) == is_all)
            && self.inner.is_possible(&stretch.frames)
    }
}
