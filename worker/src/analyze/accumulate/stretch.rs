//! Stretch: which part of a file a partial is about, in frames and in milliseconds.
//!
//! The milliseconds are pydub's, counted from the start of the file (see
//! [`PcmFormat::frame_of_ms`]). A stretch may begin and end within one; then both neighbours have
//! it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::pcm::{Pcm, PcmFormat};

/// The place and the format of a chunk, without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// What its bytes mean.
    pub format: PcmFormat,
    /// Which frames of the file it holds.
    pub frames: Range<u64>,
}

impl From<Pcm<'_>> for Stretch {
    fn from(pcm: Pcm<'_>) -> Self {
        let first = pcm.first_frame();
        Self { format: pcm.format(), frames: first..first.saturating_add(pcm.frames()) }
    }
}

impl Stretch {
    /// How many frames it has.
    pub fn frame_count(&self) -> u64 {
        self.frames.end.saturating_sub(self.frames.start)
    }

    /// Samples of all channels together.
    pub(crate) fn sample_count(&self) -> u64 {
        self.frame_count().saturating_mul(u64::from(self.format.channels))
    }

    /// Every millisecond that the frames lie in, and the one that begins where they end.
    pub(crate) fn milliseconds(&self) -> Range<u64> {
        let [start, end] =
            [self.frames.start, self.frames.end].map(|at| self.format.ms_of_frame(at));
        start..end + 1
    }

    /// How many those are.
    pub(crate) fn len_ms(&self) -> u64 {
        let Range { start, end } = self.milliseconds();
        end - start
    }

    /// The milliseconds of which it has every frame.
    pub(crate) fn whole_milliseconds(&self) -> Range<u64> {
        let Range { start, end } = self.milliseconds();
        let broken = self.format.frame_of_ms(start) < self.frames.start;
        start + u64::from(broken)..end - 1
    }

    /// Where each of its [`milliseconds`](Self::milliseconds) ends, in samples from its start.
    pub(crate) fn ends(&self) -> Vec<usize> {
        let channels = u64::from(self.format.channels);
        let end = |ms| {
            let end = self.format.frame_of_ms(ms + 1).min(self.frames.end);
            usize::try_from((end - self.frames.start) * channels).unwrap_or(usize::MAX)
        };
        self.milliseconds().map(end).collect()
    }
}
