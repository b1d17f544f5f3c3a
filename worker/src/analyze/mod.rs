//! Analyzers: a chunk becomes a partial, partials merge, the whole becomes a feature.
//!
//! ```text
//!   chunk 0 ──analyze──▶ partial ─┐
//!   chunk 1 ──analyze──▶ partial ─┴─merge─▶ partial ──finish──▶ feature
//! ```
//!
//! The law of every analyzer: for any cut of the audio into chunks, the merged partial equals the
//! partial of the whole, and `merge` is associative with the partial of no audio as its identity.
//! Chunks are merged in order of position.

use crate::pcm::{Pcm, PcmFormat};

/// One measurement that can be made in pieces.
pub trait Analyzer {
    /// Mergeable state of a stretch of audio: small plain data that crosses the process border.
    type Partial;
    /// The final figure.
    type Feature;

    /// Measures one chunk, a whole number of grains unless it is the last.
    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial;
    /// Joins the partials of two neighbouring stretches, `first` before `next`.
    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial;
    /// Turns the partial of the whole file into the figure.
    fn finish(&self, whole: Self::Partial, format: PcmFormat) -> Self::Feature;
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
