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

pub mod accumulate;
pub mod activity;
mod catalogue;
pub mod damage;
pub mod dynamics;
pub mod health;
pub mod level;
pub mod loudness;
mod registry;
mod results;
pub mod spectrum;
pub mod stereo;
#[cfg(test)]
mod testing;
pub mod waveform;

use serde::{Deserialize, Serialize};

pub use accumulate::stretch::Stretch;
pub use catalogue::group::{self, GROUPS, Group};
pub use catalogue::usual::Usual;
pub use health::{Damage, Health};
pub use registry::{Analyzers, METRICS, Partials, UnknownMetric};
pub use results::details::{Details, Finding, Region};
pub use results::features::Features;
pub use results::timeline::Timeline;
pub use spectrum::bands::Band;

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
    /// What it tells beside the figures, each under the key of one of [`METRICS`](Self::METRICS).
    fn details(_: &Self::Feature) -> Details {
        Details::default()
    }
    /// Whether this can be the partial of that stretch at all: a partial comes from a process
    /// that may be sick, and whatever passes here can be merged without harm.
    fn check(&self, partial: &Self::Partial, stretch: &Stretch) -> Result<(), String>;
}

/// Two neighbours as one; either may have no audio.
fn joined<T>(first: Option<T>, next: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (first, next) {
        (Some(first), Some(next)) => Some(join(first, next)),
        (first, next) => first.or(next),
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
    /// How loud a file is wanted, in LUFS.
    pub loudness_target_lufs: Option<f64>,
    /// Whether the loudness of a mono file is that of its signal on two loudspeakers.
    pub dual_mono: bool,
    /// Whether the loudness of every 100 ms is wanted.
    pub timelines: bool,
    /// Whether what a file gives to the figures of its album is wanted.
    pub album: bool,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            silence_threshold_db: -50.0,
            min_silence_ms: 100,
            loudness_target_lufs: None,
            dual_mono: false,
            timelines: false,
            album: false,
        }
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
    /// Digits behind the point that a person wants to see.
    pub decimals: usize,
    /// The groups it belongs to; it stands under the first.
    pub groups: &'static [&'static Group],
    /// One or two sentences: what it is.
    pub definition: &'static str,
    /// The program or the standard whose figure it is.
    pub source: &'static str,
    /// Which values it can have.
    pub range: &'static str,
    /// What a high and a low figure say to someone who has never met it.
    pub reading: &'static str,
}

impl Metric {
    /// Whether its figures are whole numbers: counts, sizes and lengths in samples. Reports write
    /// them without a decimal point.
    pub fn is_whole(&self) -> bool {
        self.decimals == 0
            && matches!(self.unit, "" | "bit" | "bytes" | "frames" | "places" | "samples")
    }

    /// Whether it is meant by a name: its key, one of its groups, or `all`.
    pub fn answers_to(&self, name: &str) -> bool {
        name == "all" || name == self.key || self.groups.iter().any(|group| group.name == name)
    }

    /// Whether it needs a loudness to compare with, and is none of those that a group or `all`
    /// stands for without one.
    pub fn needs_target(&self) -> bool {
        self.key == loudness::ebu_r128::TARGET_DEVIATION
    }
}
