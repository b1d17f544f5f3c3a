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
mod settings;
pub mod spectrum;
pub mod stereo;
#[cfg(test)]
mod testing;
pub mod waveform;

pub use accumulate::span::FrameSpan;
pub use catalogue::expected_range::ExpectedRange;
pub use catalogue::group::{self, GROUPS, Group};
pub use catalogue::metric::Metric;
pub use health::{Damage, Health};
pub use registry::{Analyzers, METRICS, Partials, UnknownMetric};
pub use results::details::{Details, Finding, Region};
pub use results::features::Features;
pub use results::timeline::Timeline;
pub use settings::AnalysisSettings;
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
