//! Loudness by BS.1770-5 and EBU R128, independent of the chunking.
//!
//! The K-weighting filter is recursive: its output depends on all samples before. To make results
//! independent of the chunking, the filter starts anew at fixed positions of the file, the grains,
//! which are whole seconds from its start:
//!
//! ```text
//!   grain 0        grain 1        grain 2            each filtered separately, in 100 hops, with the
//!   [· · · · · ·]  [· · · · · ·]  [· · ·             cross terms of the first 20, which depend on
//!              └─end─▶ corrects 1 └─end─▶ 2          the filter state before the grain
//! ```
//!
//! The filter state at the end of a grain corrects the next grain by a formula that needs no
//! samples (`Kernel::correction`). So a chunk needs nothing of its neighbours, and a merge takes 20
//! hops of arithmetic. The filter has processed the whole previous grain; the effect of earlier
//! samples has decayed below the precision of a double.
//!
//! Plans place chunk boundaries between grains, but any boundary is allowed: the samples up to the
//! next grain are kept until the start of their grain is known. A partial takes 800 bytes per
//! second, plus the kept samples.

mod catalogue;
mod gating;
mod grain;
mod kweighting;
#[cfg(test)]
mod tests;
mod weights;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analyze::{
    AnalysisSettings, Analyzer, Details, FrameSpan, Metric, Timeline, merge_options,
};
use crate::pcm::{Pcm, PcmFormat};
pub(crate) use gating::{integrated, is_audible, loudness, range};
use grain::{Grain, OpenGrain, is_bounded, is_valid_energy};
use kweighting::{HOPS, Kernel, State, TRANSIENT_HOPS};

/// Supported sample rates. Lower rates have no room for the shelf of the filter; no recordings have
/// higher ones.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 8000..=1_536_000;

/// Step between the windows of a timeline.
const STEP: Duration = Duration::from_millis(100);

/// Power below which a timeline shows nothing, −120.69 LUFS as in ffmpeg: the decay of the filter.
const SILENCE_POWER: f64 = 1e-12;

/// Key of the metric that needs a loudness target.
pub(crate) const TARGET_DEVIATION: &str = "loudness_target_deviation_lu";

/// Measures loudness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Loudness {
    /// Loudness target, in LUFS. Partials do not depend on it.
    pub target_lufs: Option<f64>,
    /// Whether a mono file is measured as played on two loudspeakers. Partials do not depend on it.
    pub dual_mono: bool,
    /// Whether timelines are requested. Partials do not depend on it.
    pub has_timelines: bool,
    /// Whether figures of albums are requested. Partials do not depend on it.
    pub is_of_album: bool,
}

/// State of one span; `None` if it is empty or has an unsupported sample rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

/// State of a non-empty span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// Samples before the first grain starts, in their own format.
    head: Vec<u8>,
    /// The first complete grain, until the filter state before it is known.
    first: Option<Grain>,
    /// Hop energies of the other complete grains, corrected.
    hops: Vec<f64>,
    /// Filter states at the end of the last complete grain; empty if there is none.
    ends: Vec<State>,
    /// The incomplete grain at the end.
    open: OpenGrain,
}

/// Figures; `None` if there is too little audio, or too little above the gates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Gated loudness of the whole file.
    pub integrated_lufs: Option<f64>,
    /// Loudest 400 ms.
    pub momentary_max_lufs: Option<f64>,
    /// Loudest 3 s.
    pub short_term_max_lufs: Option<f64>,
    /// Difference between upper and lower end.
    pub loudness_range_lu: Option<f64>,
    /// 10th percentile of short-term loudness.
    pub loudness_range_low_lufs: Option<f64>,
    /// 95th percentile of short-term loudness.
    pub loudness_range_high_lufs: Option<f64>,
    /// `ReplayGain` 2 gain.
    pub replaygain_track_gain_db: Option<f64>,
    /// Deviation from the target.
    pub loudness_target_deviation_lu: Option<f64>,
    /// Power of each 400 ms block, every 100 ms.
    pub momentary_powers: Vec<f64>,
    /// Power of each 3 s window, every 100 ms.
    pub short_term_powers: Vec<f64>,
    /// Gate of the loudness range; `None` if no window is above the absolute gate.
    pub range_gate: Option<f64>,
    /// Momentary and short-term loudness, if requested.
    pub timelines: Vec<(&'static str, Timeline)>,
}

impl From<&AnalysisSettings> for Loudness {
    fn from(settings: &AnalysisSettings) -> Self {
        Self {
            target_lufs: settings.loudness_target_lufs,
            dual_mono: settings.dual_mono,
            has_timelines: settings.timelines,
            is_of_album: settings.album,
        }
    }
}

impl Analyzer for Loudness {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = catalogue::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let format = chunk.format();
        if chunk.frames() == 0 || !RATES.contains(&format.sample_rate) {
            return Partial(None);
        }
        let rate = u64::from(format.sample_rate);
        let (head, rest) =
            chunk.split_at(chunk.first_frame().next_multiple_of(rate) - chunk.first_frame());
        let mut piece = SpanState {
            span: FrameSpan::from(head),
            head: head.bytes().to_vec(),
            first: None,
            hops: Vec::new(),
            ends: Vec::new(),
            open: OpenGrain::default(),
        };
        piece.feed(&Kernel::at(format.sample_rate), rest);
        Partial(Some(piece))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, |mut first, next| {
            first.join(next);
            first
        }))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Figures {
        let of = |piece: SpanState| {
            let mut hops = piece.corrected();
            if self.dual_mono && format.channels == 1 {
                // The same signal in a second channel doubles the energy, which is exact in binary.
                for energy in &mut hops {
                    *energy *= 2.0;
                }
            }
            gating::figures(&hops, format.sample_rate)
        };
        let figures = whole.0.map_or_else(Figures::default, of);
        let deviation =
            figures.integrated_lufs.zip(self.target_lufs).map(|(found, wanted)| found - wanted);
        let timelines = if self.has_timelines { figures.timelines() } else { Vec::new() };
        Figures { loudness_target_deviation_lu: deviation, timelines, ..figures }
    }

    fn details(figures: &Figures) -> Details {
        Details { timelines: figures.timelines.clone(), ..Details::default() }
    }

    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.integrated_lufs,
            figures.momentary_max_lufs,
            figures.short_term_max_lufs,
            figures.loudness_range_lu,
            figures.loudness_range_low_lufs,
            figures.loudness_range_high_lufs,
            figures.replaygain_track_gain_db,
            figures.loudness_target_deviation_lu,
        ]
        .into_iter()
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let measured = span.frame_count() > 0 && RATES.contains(&span.format.sample_rate);
        match &partial.0 {
            None if !measured => Ok(()),
            Some(piece) if measured && piece.span == *span => piece.check(),
            _ => Err("of another span".into()),
        }
    }
}

impl Figures {
    /// Loudness of the windows, every 100 ms.
    fn timelines(&self) -> Vec<(&'static str, Timeline)> {
        let of = |window, powers: &[f64]| {
            let values =
                powers.iter().map(|&power| loudness(power).filter(|_| power >= SILENCE_POWER));
            Timeline::new(Duration::from_millis(window), STEP, values)
        };
        vec![
            ("momentary_lufs", of(400, &self.momentary_powers)),
            ("short_term_lufs", of(3000, &self.short_term_powers)),
        ]
    }
}

impl SpanState {
    fn rate(&self) -> u64 {
        self.span.format.sample_rate.into()
    }

    fn channels(&self) -> usize {
        self.span.format.channels.into()
    }

    /// Whether it has reached the start of a grain.
    fn is_on_grid(&self) -> bool {
        let FrameSpan { frames, .. } = &self.span;
        frames.start.next_multiple_of(self.rate()) <= frames.end
    }

    /// Continues with the following frames, from the start of a grain.
    fn feed(&mut self, kernel: &Kernel, pcm: Pcm<'_>) {
        let weights = weights::of(self.span.format);
        let mut rest = pcm;
        while rest.frames() > 0 {
            let (now, later) = rest.split_at(self.rate() - self.open.frames);
            self.open.feed(kernel, &now.floats(), &weights);
            self.span.frames.end += now.frames();
            rest = later;
            if self.open.frames == self.rate() {
                let grain = std::mem::take(&mut self.open).finish();
                self.push(kernel, grain, &weights);
            }
        }
    }

    /// Appends a complete grain.
    fn push(&mut self, kernel: &Kernel, grain: Grain, weights: &[f64]) {
        let ends = grain.ends.clone();
        if self.ends.is_empty() && self.span.frames.start > 0 {
            self.first = Some(grain);
        } else {
            self.hops.extend(grain.correct(kernel, &self.ends, weights));
        }
        self.ends = ends;
    }

    /// Appends the next span.
    fn join(&mut self, next: Self) {
        let kernel = Kernel::at(self.span.format.sample_rate);
        if self.is_on_grid() {
            let first_frame = next.span.frames.start;
            self.feed(&kernel, Pcm::new(next.span.format, first_frame, &next.head));
        } else {
            self.head.extend_from_slice(&next.head);
            self.span.frames.end += (next.head.len() / next.span.format.frame_width()) as u64;
        }
        if let Some(first) = next.first {
            self.push(&kernel, first, &weights::of(self.span.format));
        }
        self.hops.extend(next.hops);
        if !next.ends.is_empty() {
            self.ends = next.ends;
        }
        if next.open.frames > 0 {
            self.open = next.open;
        }
        self.span.frames.end = next.span.frames.end;
    }

    /// Corrected hop energies of the whole file. Before its start there is silence.
    fn corrected(mut self) -> Vec<f64> {
        let kernel = Kernel::at(self.span.format.sample_rate);
        let mut hops = self.first.take().map_or_else(Vec::new, |first| first.hops);
        hops.append(&mut self.hops);
        hops.extend(self.open.finish().correct(
            &kernel,
            &self.ends,
            &weights::of(self.span.format),
        ));
        hops
    }

    /// Checks that the state is possible for its span.
    fn check(&self) -> Result<(), String> {
        let FrameSpan { format, frames } = &self.span;
        let rate = self.rate();
        let begins = frames.start.next_multiple_of(rate).min(frames.end);
        let head = (begins - frames.start).saturating_mul(format.frame_width() as u64);
        if self.head.len() as u64 != head {
            return Err(format!("{} bytes kept instead of {head}", self.head.len()));
        }
        let (grains, left) = ((frames.end - begins) / rate, (frames.end - begins) % rate);
        let waiting = frames.start > 0 && grains > 0;
        if self.first.is_some() != waiting {
            return Err("the first grain is missing, or there is none".into());
        }
        let hops = (grains - u64::from(waiting)).saturating_mul(HOPS as u64);
        if self.hops.len() as u64 != hops {
            return Err(format!("{} cells instead of {hops}", self.hops.len()));
        }
        let ends = if grains > 0 { self.channels() } else { 0 };
        let possible = self.ends.len() == ends
            && self.first.as_ref().is_none_or(|first| first.is_possible(self.channels()))
            && self.hops.iter().all(|&energy| is_valid_energy(energy))
            && self.ends.iter().flatten().all(|&number| is_bounded(number))
            && self.open.is_possible(left, format.sample_rate, self.channels());
        if possible { Ok(()) } else { Err("impossible energies".into()) }
    }
}

const _: () = assert!(TRANSIENT_HOPS < HOPS, "a grain is longer than what a filter remembers");
