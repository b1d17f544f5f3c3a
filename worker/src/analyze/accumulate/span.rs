//! Span: the part of a file that a partial describes, in frames and in milliseconds.
//!
//! Milliseconds are pydub's, counted from the start of the file (see [`PcmFormat::frame_of_ms`]).
//! If a span starts or ends within a millisecond, that millisecond belongs to both neighbouring
//! spans.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::pcm::{Pcm, PcmFormat};

/// A range of frames of a file and their format; a chunk without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSpan {
    /// Format of the samples.
    pub format: PcmFormat,
    /// Frames of the file.
    pub frames: Range<u64>,
}

impl From<Pcm<'_>> for FrameSpan {
    fn from(pcm: Pcm<'_>) -> Self {
        let first = pcm.first_frame();
        Self { format: pcm.format(), frames: first..first.saturating_add(pcm.frames()) }
    }
}

impl FrameSpan {
    /// Number of frames.
    pub fn frame_count(&self) -> u64 {
        self.frames.end.saturating_sub(self.frames.start)
    }

    /// Number of samples in all channels.
    pub(crate) fn sample_count(&self) -> u64 {
        self.frame_count().saturating_mul(u64::from(self.format.channels))
    }

    /// Milliseconds that contain a frame of the span, and the one that starts at its end.
    pub(crate) fn milliseconds(&self) -> Range<u64> {
        let [start, end] =
            [self.frames.start, self.frames.end].map(|at| self.format.ms_of_frame(at));
        start..end + 1
    }

    /// Number of these milliseconds.
    pub(crate) fn len_ms(&self) -> u64 {
        let Range { start, end } = self.milliseconds();
        end - start
    }

    /// Milliseconds with all their frames in the span.
    pub(crate) fn whole_milliseconds(&self) -> Range<u64> {
        let Range { start, end } = self.milliseconds();
        let broken = self.format.frame_of_ms(start) < self.frames.start;
        start + u64::from(broken)..end - 1
    }

    /// End of each of its [`milliseconds`](Self::milliseconds), in samples from the start of the
    /// span.
    pub(crate) fn ends(&self) -> Vec<usize> {
        let channels = u64::from(self.format.channels);
        let end = |ms| {
            let end = self.format.frame_of_ms(ms + 1).min(self.frames.end);
            usize::try_from((end - self.frames.start) * channels).unwrap_or(usize::MAX)
        };
        self.milliseconds().map(end).collect()
    }
}
