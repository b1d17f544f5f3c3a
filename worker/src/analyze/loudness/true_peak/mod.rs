//! True peak: largest magnitude of the waveform, between the samples too (BS.1770-5, Annex 2).
//!
//! ```text
//!   [head │ … samples with their whole context … │ tail]  [head │ …
//!                                                   └───────┘ measured in the merge
//! ```
//!
//! An interpolated value depends on some samples before it. A partial keeps that many samples at
//! its start and its end, and the merge measures the values at the boundary with the same sums in
//! the same order. Before the file there is silence; after its end nothing is measured, as in
//! ffmpeg and libebur128.

mod oversample;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::{self, Grid};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group, merge_options,
};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Measures the true peak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruePeak {
    /// Whether the true peak of every 100 ms is measured too, which takes longer.
    pub is_timed: bool,
}

/// State of one span; `None` if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// Peaks of each channel.
    peaks: Vec<Peaks>,
    /// Largest true peak of all channels in each 100 ms of the file that the span has frames of,
    /// over values with a known context; empty unless requested.
    blocks: Vec<f64>,
    /// Its first frames, interleaved: the context of the filter, or all.
    head: Vec<f64>,
    /// Its last frames, in the same way.
    tail: Vec<f64>,
}

/// Peaks of one channel; full scale is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// Largest magnitude of the samples.
    pub sample_peak: f64,
    /// Largest magnitude at and between the samples, over values with a known context.
    pub true_peak: f64,
}

/// Peaks of a file; full scale is 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Largest magnitude of the samples.
    pub sample_peak: f64,
    /// Largest magnitude at and between the samples.
    pub true_peak: f64,
    /// True peak of every 100 ms from the start of the file; empty unless requested.
    pub every_100_ms: Vec<f64>,
    /// Peaks of each channel.
    pub of_each: Vec<Peaks>,
}

/// Blocks of 100 ms.
const BLOCKS_PER_SECOND: u64 = 10;

impl From<&AnalysisSettings> for TruePeak {
    fn from(_: &AnalysisSettings) -> Self {
        Self { is_timed: false }
    }
}

impl Analyzer for TruePeak {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.frames() == 0 {
            return Partial(None);
        }
        let span = FrameSpan::from(chunk);
        let samples = chunk.floats();
        let kept = kept(&span);
        let mut state = SpanState {
            peaks: vec![Peaks::default(); span.format.channels.into()],
            blocks: if self.is_timed { sample_peaks(&span, &samples) } else { Vec::new() },
            head: samples[..kept].to_vec(),
            tail: samples[samples.len() - kept..].to_vec(),
            span,
        };
        state.measure_between(&silence_before(&state.span), &samples, state.span.frames.start);
        Partial(Some(state))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, |mut first, next| {
            first.join(next);
            first
        }))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> Figures {
        whole.0.map_or_else(Figures::default, |state| Figures {
            sample_peak: largest(&state.peaks, |peaks| peaks.sample_peak),
            true_peak: largest(&state.peaks, |peaks| peaks.true_peak),
            every_100_ms: state.blocks,
            of_each: state.peaks,
        })
    }

    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        let Figures { sample_peak, true_peak, .. } = *figures;
        let decibels = |peak: f64| decibels::of_power(peak * peak);
        let linear = (true_peak > 0.0).then_some(true_peak);
        [decibels(true_peak), decibels(sample_peak), linear].into_iter()
    }

    fn details(figures: &Figures) -> Details {
        let of_each = |of: fn(&Peaks) -> f64| -> Vec<_> {
            figures.of_each.iter().map(|peaks| decibels::of_power(of(peaks).powi(2))).collect()
        };
        let channels = vec![
            ("true_peak_dbtp", of_each(|peaks| peaks.true_peak)),
            ("sample_peak_dbfs", of_each(|peaks| peaks.sample_peak)),
        ];
        Details { channels, ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        match &partial.0 {
            None if span.frame_count() == 0 => Ok(()),
            Some(state) if span.frame_count() > 0 && state.span == *span => {
                state.check(self.is_timed)
            }
            _ => Err("of another span".into()),
        }
    }
}

impl SpanState {
    /// Measures consecutive interleaved samples; those in `before` only provide context.
    fn measure_between(&mut self, before: &[f64], samples: &[f64], first_frame: u64) {
        let PcmFormat { channels, sample_rate, .. } = self.span.format;
        for channel in 0..usize::from(channels) {
            let of_channel = |samples: &[f64]| -> Vec<f64> {
                samples.iter().skip(channel).step_by(channels.into()).copied().collect()
            };
            let alone = [of_channel(before), of_channel(samples)].concat();
            let before = before.len() / usize::from(channels);
            let sample_peak = oversample::magnitude(&alone[before..]);
            let mut peaks = self.peaks[channel];
            peaks.sample_peak = peaks.sample_peak.max(sample_peak);
            peaks.true_peak = peaks.true_peak.max(sample_peak);
            if self.blocks.is_empty() {
                peaks.true_peak = oversample::largest(sample_rate, &alone, peaks.true_peak);
            } else {
                let true_peak = self.measure_between_in_blocks(&alone, before, first_frame);
                peaks.true_peak = peaks.true_peak.max(true_peak);
            }
            self.peaks[channel] = peaks;
        }
    }

    /// The same for one channel, block by block; `first_frame` is the first after `before`.
    fn measure_between_in_blocks(&mut self, alone: &[f64], before: usize, first_frame: u64) -> f64 {
        let rate = self.span.format.sample_rate;
        let grid = Grid::new(rate, BLOCKS_PER_SECOND);
        let first_block = grid.blocks(&self.span).start;
        let (mut at, mut largest) = (before, 0_f64);
        while at < alone.len() {
            let block = grid.block(first_frame + (at - before) as u64);
            let left = usize::try_from(grid.frames(block).end - first_frame).unwrap_or(usize::MAX);
            let end = alone.len().min(before.saturating_add(left));
            let context = at.saturating_sub(oversample::context(rate));
            let place = usize::try_from(block - first_block).ok();
            if let Some(peak) = place.and_then(|place| self.blocks.get_mut(place)) {
                let known = oversample::magnitude(&alone[at..end]);
                let true_peak = oversample::largest(rate, &alone[context..end], known);
                *peak = peak.max(true_peak);
                largest = largest.max(true_peak);
            }
            at = end;
        }
        largest
    }

    /// Appends the next span.
    fn join(&mut self, next: Self) {
        for (peaks, next) in self.peaks.iter_mut().zip(next.peaks) {
            peaks.sample_peak = peaks.sample_peak.max(next.sample_peak);
            peaks.true_peak = peaks.true_peak.max(next.true_peak);
        }
        // A span that is no longer than the context is contained in its tail.
        let boundary = next.span.frames.start;
        let is_short = self.head.len() as u64 == self.span.sample_count();
        let mut known = if is_short { silence_before(&self.span) } else { Vec::new() };
        known.append(&mut self.tail);
        self.span.frames.end = next.span.frames.end;
        if !self.blocks.is_empty() {
            let grid = Grid::new(self.span.format.sample_rate, BLOCKS_PER_SECOND);
            let rows = [std::mem::take(&mut self.blocks), next.blocks];
            self.blocks = grid::merge_blocks(grid, rows, boundary, f64::max);
        }
        self.measure_between(&known, &next.head, boundary);

        let kept = kept(&self.span);
        if is_short {
            self.head.extend(next.head);
            self.head.truncate(kept);
        }
        self.tail = if next.tail.len() < kept { [known, next.tail].concat() } else { next.tail };
        self.tail.drain(..self.tail.len() - kept);
    }

    /// Checks that the state is possible for its span.
    fn check(&self, is_timed: bool) -> Result<(), String> {
        let grid = Grid::new(self.span.format.sample_rate, BLOCKS_PER_SECOND);
        let blocks = if is_timed { grid.count(&self.span) } else { 0 };
        if self.blocks.len() != blocks {
            return Err(format!("{} cells instead of {blocks}", self.blocks.len()));
        }
        let true_peak = largest(&self.peaks, |peaks| peaks.true_peak);
        if self.blocks.iter().any(|peak| !(0.0..=true_peak).contains(peak)) {
            return Err("a cell above the peak of all".into());
        }
        let kept = kept(&self.span);
        if [self.head.len(), self.tail.len()] != [kept, kept] {
            return Err(format!("ends that are not {kept} samples long"));
        }
        let loudest = oversample::magnitude(&self.head).max(oversample::magnitude(&self.tail));
        let are_numbers = self.head.iter().chain(&self.tail).all(|x| x.is_finite());
        let are_peaks = |peaks: &Peaks| {
            peaks.sample_peak.is_finite()
                && peaks.sample_peak >= 0.0
                && peaks.true_peak >= peaks.sample_peak
                && peaks.true_peak <= peaks.sample_peak * oversample::GAIN
        };
        let possible = are_numbers
            && self.peaks.len() == usize::from(self.span.format.channels)
            && self.peaks.iter().all(are_peaks)
            && largest(&self.peaks, |peaks| peaks.sample_peak) >= loudest;
        if possible { Ok(()) } else { Err("impossible peaks".into()) }
    }
}

/// The largest value of all channels.
fn largest(peaks: &[Peaks], of: impl Fn(&Peaks) -> f64) -> f64 {
    peaks.iter().map(of).fold(0.0, f64::max)
}

/// Number of samples that a partial of a span keeps at each end.
fn kept(span: &FrameSpan) -> usize {
    let PcmFormat { channels, sample_rate, .. } = span.format;
    let frames = usize::try_from(span.frame_count()).unwrap_or(usize::MAX);
    oversample::context(sample_rate).min(frames) * usize::from(channels)
}

/// Largest sample of every block.
fn sample_peaks(span: &FrameSpan, samples: &[f64]) -> Vec<f64> {
    let grid = Grid::new(span.format.sample_rate, BLOCKS_PER_SECOND);
    let channels = u64::from(span.format.channels);
    let at = |frame: u64| {
        let frame = frame.clamp(span.frames.start, span.frames.end);
        usize::try_from((frame - span.frames.start) * channels).unwrap_or(usize::MAX)
    };
    grid.blocks(span)
        .map(|block| grid.frames(block))
        .map(|frames| oversample::magnitude(&samples[at(frames.start)..at(frames.end)]))
        .collect()
}

/// Context of the first frame of a file; empty elsewhere.
fn silence_before(span: &FrameSpan) -> Vec<f64> {
    let PcmFormat { channels, sample_rate, .. } = span.format;
    let frames = if span.frames.start == 0 { oversample::context(sample_rate) } else { 0 };
    vec![0.0; frames * usize::from(channels)]
}

const METRICS: &[Metric] = &[
    Metric {
        key: "true_peak_dbtp",
        title: "True peak",
        unit: "dBTP",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Largest magnitude of the waveform in any channel, at and between the samples: \
                     oversampled 4 times below 192 kHz, not oversampled from 192 kHz on.",
        source: "ITU-R BS.1770-5, Annex 2",
        range: "0 is full scale; clipped audio reaches about +6",
        reading: "Above 0, a converter or a lossy encoder clips. Broadcast in Europe allows −1 at \
                  most, streaming services −1 to −2.",
    },
    Metric {
        key: "sample_peak_dbfs",
        title: "Sample peak",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Largest sample magnitude |x| in any channel, before any conversion. max_dbfs \
                     is measured on samples converted to integers, as in pydub.",
        source: "EBU R128",
        range: "0 is full scale; floats may exceed it",
        reading: "As true_peak_dbtp, but without the peaks between the samples.",
    },
    Metric {
        key: "replaygain_track_peak",
        title: "ReplayGain peak",
        unit: "",
        decimals: 6,
        groups: &[&group::LOUDNESS],
        definition: "True peak as a linear value; full scale is 1.",
        source: "ReplayGain 2.0, as loudgain and rsgain",
        range: "0 and above",
        reading: "A player lowers the gain if gain and peak together would exceed 1.",
    },
];
