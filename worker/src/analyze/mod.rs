//! Analyzers: a chunk becomes a partial, partials merge, the whole becomes a feature.
//!
//! ```text
//!   chunk 0 ──analyze──▶ partial ─┐
//!   chunk 1 ──analyze──▶ partial ─┴─merge─▶ partial ──finish──▶ feature
//! ```
//!
//! The law of every analyzer: for any cut of the audio into chunks, the merged partial equals the
//! partial of the whole, and `merge` is associative with the partial of no audio as its identity.
//! Chunks are merged in order of position. Plans cut at grains, but nothing here depends on it.

mod features;
pub mod level;
#[cfg(test)]
mod oracle;
mod registry;
pub mod silence;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use features::Features;
pub use registry::{Analyzers, METRICS, Partials, UnknownMetric};

use crate::pcm::{Pcm, PcmFormat};

/// One measurement that can be made in pieces.
pub trait Analyzer: for<'a> From<&'a AnalysisSettings> {
    /// Mergeable state of a stretch of audio: small plain data that crosses the process border.
    /// The default is that of no audio.
    type Partial: Default;
    /// The final figure or figures.
    type Feature;

    /// What the feature consists of, in report order.
    const METRICS: &'static [Metric];

    /// Measures one chunk, a whole number of grains unless it is the last.
    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial;
    /// Joins the partials of two neighbouring stretches, `first` before `next`.
    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial;
    /// Turns the partial of the whole file into the figure.
    fn finish(&self, whole: Self::Partial, format: PcmFormat) -> Self::Feature;
    /// The figures one by one, as [`METRICS`](Self::METRICS) lists them; none that is not finite.
    fn figures(feature: &Self::Feature) -> impl Iterator<Item = Option<f64>>;
    /// Whether this can be the partial of that stretch at all: a partial comes from a process
    /// that may be sick, and whatever passes here can be merged without harm.
    fn check(&self, partial: &Self::Partial, stretch: &Stretch) -> Result<(), String>;
}

/// The place and the format of a chunk, without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// What its bytes mean.
    pub format: PcmFormat,
    /// Which frames of the file it holds.
    pub frames: Range<u64>,
}

impl Stretch {
    /// Samples of all channels together.
    fn samples(&self) -> u64 {
        let frames = self.frames.end.saturating_sub(self.frames.start);
        frames.saturating_mul(u64::from(self.format.channels))
    }
}

impl From<Pcm<'_>> for Stretch {
    fn from(pcm: Pcm<'_>) -> Self {
        let first = pcm.first_frame();
        Self { format: pcm.format(), frames: first..first + pcm.frames() }
    }
}

/// What the analyzers can be told; the same for every file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisSettings {
    /// Silence is what has at most this level (RMS over all channels), in dBFS.
    pub silence_threshold_db: f64,
    /// Shorter silence is none, in milliseconds; at least 1, and 0 counts as 1.
    pub min_silence_ms: u32,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self { silence_threshold_db: -50.0, min_silence_ms: 100 }
    }
}

/// One figure of the catalogue: everything that its flags, keys and documents are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The key in `metrics`, for example `max_dbfs`.
    pub key: &'static str,
    /// For the text report, for example `Peak`.
    pub title: &'static str,
    /// Unit, for example `dBFS`, `s`.
    pub unit: &'static str,
    /// One or two sentences: what it is and which program or standard it equals.
    pub definition: &'static str,
}
