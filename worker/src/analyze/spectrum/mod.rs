//! Metric group `spectrum`: frequency content, in frames at fixed positions of the file.
//!
//! ```text
//!   frame n     |─────2048─────|                frames start every 512 samples from the start of the file
//!   frame n+1       |──────────────|
//!   [head │ … frames within the span … │ tail]  [head │ …
//!                                   └────────────┘ frames across the boundary
//! ```
//!
//! A frame across a chunk boundary is computed in the merge: a partial keeps the samples at both
//! ends that such frames can contain. Sums over frames are integers (`shape`), so frames can be
//! added in any order.

pub mod bands;
mod catalogue;
mod cutoff;
mod fourier;
mod shape;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric, merge_options};
use crate::pcm::{Pcm, PcmFormat};
use bands::Band;
use fourier::FRAME;
use shape::SpectrumSums;

/// Step between frames.
const HOP: u64 = 512;
/// Maximum number of samples of a frame on one side of a boundary.
const KEPT: u64 = FRAME as u64 - 1;

/// Measures the spectrum; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spectrum {}

/// State of one span; `None` if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// Its first samples, in their own format: those that a frame across the boundary can contain,
    /// or all.
    head: Vec<u8>,
    /// Its last samples, in the same way.
    tail: Vec<u8>,
    /// Sums over the frames within the span.
    sums: SpectrumSums,
}

/// Figures; `None` if there is too little audio, or it is too quiet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Spectral centroid.
    pub centroid_hz: Option<f64>,
    /// Frequency below which 85 % of the magnitudes lie.
    pub rolloff_hz: Option<f64>,
    /// From 0 (a tone) to white noise.
    pub flatness: Option<f64>,
    /// Where the spectrum ends.
    pub bandwidth_hz: Option<f64>,
    /// Fall of the level there.
    pub cutoff_depth_db: Option<f64>,
    /// Average spectrum in third-octave bands; empty if there is too little audio.
    pub bands: Vec<Band>,
}

impl From<&AnalysisSettings> for Spectrum {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Spectrum {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = catalogue::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial(None);
        }
        let span = FrameSpan::from(chunk);
        let mut sums = SpectrumSums::default();
        add(&mut sums, chunk, frames_within(&span.frames));
        let kept = kept(&span);
        let bytes = chunk.bytes();
        let [head, tail] = [&bytes[..kept], &bytes[bytes.len() - kept..]].map(<[u8]>::to_vec);
        Partial(Some(SpanState { span, head, tail, sums }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, SpanState::join))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Figures {
        let Some(state) = whole.0 else { return Figures::default() };
        #[expect(clippy::cast_precision_loss, reason = "2048")]
        let hz_per_bin = f64::from(format.sample_rate) / FRAME as f64;
        let means = state.sums.means();
        let in_hz = |bins: Option<f64>| bins.map(|bins| bins * hz_per_bin);
        let has_sound = means.powers.iter().any(|&power| power > 0.0);
        let cutoff = cutoff::find(&means.powers, hz_per_bin);
        #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
        let bandwidth = cutoff
            .map_or(f64::from(format.sample_rate) / 2.0, |cutoff| cutoff.bin as f64 * hz_per_bin);
        Figures {
            centroid_hz: in_hz(means.centroid),
            rolloff_hz: in_hz(means.roll_off),
            flatness: means.flatness,
            bandwidth_hz: has_sound.then_some(bandwidth),
            cutoff_depth_db: cutoff.map(|cutoff| cutoff.depth_db),
            bands: bands::of(&means.powers, hz_per_bin),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 30")]
    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.centroid_hz,
            figures.rolloff_hz,
            figures.flatness,
            figures.bandwidth_hz,
            figures.cutoff_depth_db,
            (!figures.bands.is_empty()).then_some(figures.bands.len() as f64),
        ]
        .into_iter()
    }

    fn details(figures: &Figures) -> Details {
        Details { spectrum_bands: figures.bands.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        match &partial.0 {
            None if span.frame_count() == 0 => Ok(()),
            Some(state) if span.frame_count() > 0 && state.span == *span => state.check(),
            _ => Err("of another span".into()),
        }
    }
}

impl SpanState {
    fn join(mut self, next: Self) -> Self {
        let boundary = next.span.frames.start;
        let format = self.span.format;
        let [is_short, is_next_short] =
            [&self.span, &next.span].map(|span| span.frame_count() <= KEPT);
        let kept_before = (self.tail.len() / format.frame_width()) as u64;
        let known = [self.tail, next.head].concat();
        self.span.frames.end = next.span.frames.end;
        let Range { start, end } = frames_within(&self.span.frames);
        let crossing =
            start.max(frames_within(&(0..boundary)).end)..end.min(boundary.div_ceil(HOP));
        add(&mut self.sums, Pcm::new(format, boundary - kept_before, &known), crossing);
        self.sums.join(next.sums);

        let kept = kept(&self.span);
        let head = if is_short { known[..kept.min(known.len())].to_vec() } else { self.head };
        let tail = if is_next_short { known[known.len() - kept..].to_vec() } else { next.tail };
        Self { span: self.span, head, tail, sums: self.sums }
    }

    /// Checks that the state is possible for its span.
    fn check(&self) -> Result<(), String> {
        let kept = kept(&self.span);
        if [self.head.len(), self.tail.len()] != [kept, kept] {
            return Err(format!("ends that are not {kept} bytes long"));
        }
        let Range { start, end } = frames_within(&self.span.frames);
        let possible = self.sums.is_possible(end.saturating_sub(start));
        if possible { Ok(()) } else { Err("impossible sums".into()) }
    }
}

/// Numbers of the frames with all samples in the range.
fn frames_within(samples: &Range<u64>) -> Range<u64> {
    let first = samples.start.div_ceil(HOP);
    let end = samples.end.checked_sub(FRAME as u64).map_or(0, |last| last / HOP + 1);
    first..end.max(first)
}

/// Bytes that a partial of a span keeps at each end.
fn kept(span: &FrameSpan) -> usize {
    let frames = usize::try_from(span.frame_count().min(KEPT)).unwrap_or(usize::MAX);
    frames * span.format.frame_width()
}

/// Adds frames by number; all their samples are in `pcm`.
fn add(sums: &mut SpectrumSums, pcm: Pcm<'_>, frames: Range<u64>) {
    if frames.is_empty() {
        return;
    }
    let starts: Vec<usize> = frames
        .map(|frame| usize::try_from(frame * HOP - pcm.first_frame()).unwrap_or(usize::MAX))
        .collect();
    sums.add(&pcm.floats(), pcm.format().channels.into(), &starts);
}
