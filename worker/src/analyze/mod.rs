//! Analyzers: measurements that are made chunk by chunk and merged.
//!
//! ```text
//!   chunk 0 ──analyze──▶ partial ─┐
//!   chunk 1 ──analyze──▶ partial ─┴─merge─▶ partial ──finish──▶ feature
//! ```
//!
//! *Chunking invariance*: however the audio is divided into chunks, the merged partial equals the
//! partial of the whole; `merge` is associative, and the partial of no audio is its identity. Every
//! analyzer guarantees this. Chunks are merged in order of position. Plans place chunk boundaries
//! between grains, but no result depends on it.
//!
//! Each metric group has a folder. [`accumulate`] has state that several analyzers use, `catalogue`
//! the groups and expected ranges, `results` what a record contains, and `registry` the list of all
//! analyzers.

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

pub use accumulate::span::FrameSpan;
pub use catalogue::expected_range::ExpectedRange;
pub use catalogue::group::{self, GROUPS, Group};
pub use health::{Damage, Health};
pub use registry::{Analyzers, METRICS, Partials, UnknownMetric};
pub use results::details::{Details, Finding, Region};
pub use results::features::Features;
pub use results::timeline::Timeline;
pub use spectrum::bands::Band;

use crate::pcm::{Pcm, PcmFormat};

/// A measurement that can be made in chunks.
pub trait Analyzer: for<'a> From<&'a AnalysisSettings> {
    /// Mergeable state of a span of audio: small plain data that is sent between processes. The
    /// default is the partial of no audio.
    type Partial: Default;
    /// The result.
    type Feature;

    /// The metrics of the feature, in report order.
    const METRICS: &'static [Metric];

    /// Measures one chunk: a whole number of grains, except for the last one of a file.
    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial;
    /// Merges the partials of two neighbouring spans, `first` before `next`.
    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial;
    /// Computes the feature from the partial of the whole file.
    fn finish(&self, whole: Self::Partial, format: PcmFormat) -> Self::Feature;
    /// The figures in the order of [`METRICS`](Self::METRICS). Values that are not finite are
    /// reported as not defined.
    fn figures(feature: &Self::Feature) -> impl Iterator<Item = Option<f64>>;
    /// Details beside the figures, each under the key of one of [`METRICS`](Self::METRICS).
    fn details(_: &Self::Feature) -> Details {
        Details::default()
    }
    /// Checks that this can be the partial of a span. Partials come from another process, which may
    /// be faulty; every partial that passes can be merged safely.
    fn check(&self, partial: &Self::Partial, span: &FrameSpan) -> Result<(), String>;
}

/// Merges two optional values; either may be missing.
fn merge_options<T>(first: Option<T>, next: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (first, next) {
        (Some(first), Some(next)) => Some(join(first, next)),
        (first, next) => first.or(next),
    }
}

/// Settings of the analyzers, the same for every file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisSettings {
    /// Level up to which audio is silent (RMS over all channels), in dBFS.
    pub silence_threshold_db: f64,
    /// Minimum length of a silence, in milliseconds; 0 counts as 1.
    pub min_silence_ms: u32,
    /// Loudness target, in LUFS.
    pub loudness_target_lufs: Option<f64>,
    /// Whether the loudness of a mono file is that of its signal on two loudspeakers.
    pub dual_mono: bool,
    /// Whether the loudness of every 100 ms is requested.
    pub timelines: bool,
    /// Whether the share of each file in the figures of its album is requested.
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

/// One metric of the catalogue: the source of its flags, keys and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Key in `metrics`, for example `max_dbfs`.
    pub key: &'static str,
    /// Title in the text report, for example `Peak`.
    pub title: &'static str,
    /// Unit, for example `dBFS`, `s`.
    pub unit: &'static str,
    /// Decimal places in the text report.
    pub decimals: usize,
    /// Groups that include it; it is listed under the first one.
    pub groups: &'static [&'static Group],
    /// What it is, in one or two sentences.
    pub definition: &'static str,
    /// Program or standard that defines it.
    pub source: &'static str,
    /// Possible values.
    pub range: &'static str,
    /// How to interpret high and low values, for readers who do not know the metric.
    pub reading: &'static str,
}

impl Metric {
    /// Whether its figures are integers: counts, sizes and lengths in samples. Reports write them
    /// without a decimal point.
    pub fn is_whole(&self) -> bool {
        self.decimals == 0
            && matches!(self.unit, "" | "bit" | "bytes" | "frames" | "places" | "samples")
    }

    /// Whether a name selects it: its key, one of its groups, or `all`.
    pub fn answers_to(&self, name: &str) -> bool {
        name == "all" || name == self.key || self.groups.iter().any(|group| group.name == name)
    }

    /// Whether it needs a loudness target; without one, groups and `all` do not include it.
    pub fn needs_target(&self) -> bool {
        self.key == loudness::ebu_r128::TARGET_DEVIATION
    }
}
