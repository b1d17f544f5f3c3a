//! True peak: how large the wave becomes, between the samples too (BS.1770-5, Annex 2).
//!
//! ```text
//!   [head │ … everything with its context … │ tail]  [head │ …
//!                                              └───────┘ the seam, when both are known
//! ```
//!
//! What lies between two samples depends on some before them. A partial keeps as many from its
//! beginning and from its end, and the seam is measured in the merge, by the same sums in the same
//! order. Before the file there is silence; behind its end nothing is measured, as in ffmpeg and
//! libebur128.

mod oversample;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::{self, Grid};
use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Stretch, group, joined};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Measures the true peak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruePeak {
    /// Whether it is wanted of every 100 ms too, which takes longer.
    pub is_timed: bool,
}

/// The peaks of one stretch with its ends open; nothing if it has no audio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<Piece>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Piece {
    stretch: Stretch,
    /// Of each channel.
    peaks: Vec<Peaks>,
    /// The largest value, on or between the samples of all channels whose context is known, of every
    /// 100 ms of the file that it has a frame of; none if they were not asked for.
    cells: Vec<f64>,
    /// Its first frames, interleaved: as many as the filter looks back, or all.
    head: Vec<f64>,
    /// Its last ones.
    tail: Vec<f64>,
}

/// How large one channel becomes, of full scale 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// The largest magnitude of the samples.
    pub sample_peak: f64,
    /// The largest magnitude on and between the samples, of those whose context is known.
    pub true_peak: f64,
}

/// The peaks, of full scale 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The largest magnitude of the samples.
    pub sample_peak: f64,
    /// The largest magnitude on and between the samples.
    pub true_peak: f64,
    /// The same of every 100 ms from the start of the file; none if they were not asked for.
    pub every_100_ms: Vec<f64>,
    /// Those of each channel.
    pub of_each: Vec<Peaks>,
}

/// 100 ms.
const CELLS_PER_SECOND: u64 = 10;

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
        let stretch = Stretch::from(chunk);
        let samples = chunk.floats();
        let kept = kept(&stretch);
        let mut piece = Piece {
            peaks: vec![Peaks::default(); stretch.format.channels.into()],
            cells: if self.is_timed { sample_peaks(&stretch, &samples) } else { Vec::new() },
            head: samples[..kept].to_vec(),
            tail: samples[samples.len() - kept..].to_vec(),
            stretch,
        };
        piece.look_between(&silence_before(&piece.stretch), &samples, piece.stretch.frames.start);
        Partial(Some(piece))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, |mut first, next| {
            first.join(next);
            first
        }))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> Figures {
        whole.0.map_or_else(Figures::default, |piece| Figures {
            sample_peak: largest(&piece.peaks, |peaks| peaks.sample_peak),
            true_peak: largest(&piece.peaks, |peaks| peaks.true_peak),
            every_100_ms: piece.cells,
            of_each: piece.peaks,
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

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        match &partial.0 {
            None if stretch.frame_count() == 0 => Ok(()),
            Some(piece) if stretch.frame_count() > 0 && piece.stretch == *stretch => {
                piece.check(self.is_timed)
            }
            _ => Err("of another stretch".into()),
        }
    }
}

impl Piece {
    /// Measures between samples that come one after another, interleaved; the first of them are
    /// only there to be looked back at.
    fn look_between(&mut self, before: &[f64], samples: &[f64], first_frame: u64) {
        let PcmFormat { channels, sample_rate, .. } = self.stretch.format;
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
            if self.cells.is_empty() {
                peaks.true_peak = oversample::largest(sample_rate, &alone, peaks.true_peak);
            } else {
                let true_peak = self.look_between_in_cells(&alone, before, first_frame);
                peaks.true_peak = peaks.true_peak.max(true_peak);
            }
            self.peaks[channel] = peaks;
        }
    }

    /// The same of one channel, cell by cell; the first frame after those before is given.
    fn look_between_in_cells(&mut self, alone: &[f64], before: usize, first_frame: u64) -> f64 {
        let rate = self.stretch.format.sample_rate;
        let grid = Grid::new(rate, CELLS_PER_SECOND);
        let first_cell = grid.cells(&self.stretch).start;
        let (mut at, mut largest) = (before, 0_f64);
        while at < alone.len() {
            let cell = grid.cell(first_frame + (at - before) as u64);
            let left = usize::try_from(grid.frames(cell).end - first_frame).unwrap_or(usize::MAX);
            let end = alone.len().min(before.saturating_add(left));
            let context = at.saturating_sub(oversample::context(rate));
            let place = usize::try_from(cell - first_cell).ok();
            if let Some(peak) = place.and_then(|place| self.cells.get_mut(place)) {
                let known = oversample::magnitude(&alone[at..end]);
                let true_peak = oversample::largest(rate, &alone[context..end], known);
                *peak = peak.max(true_peak);
                largest = largest.max(true_peak);
            }
            at = end;
        }
        largest
    }

    /// Appends the stretch behind it.
    fn join(&mut self, next: Self) {
        for (peaks, next) in self.peaks.iter_mut().zip(next.peaks) {
            peaks.sample_peak = peaks.sample_peak.max(next.sample_peak);
            peaks.true_peak = peaks.true_peak.max(next.true_peak);
        }
        // A stretch that is no longer than the context is all in its tail.
        let seam = next.stretch.frames.start;
        let is_short = self.head.len() as u64 == self.stretch.sample_count();
        let mut known = if is_short { silence_before(&self.stretch) } else { Vec::new() };
        known.append(&mut self.tail);
        self.stretch.frames.end = next.stretch.frames.end;
        if !self.cells.is_empty() {
            let grid = Grid::new(self.stretch.format.sample_rate, CELLS_PER_SECOND);
            let rows = [std::mem::take(&mut self.cells), next.cells];
            self.cells = grid::merged(grid, rows, seam, f64::max);
        }
        self.look_between(&known, &next.head, seam);

        let kept = kept(&self.stretch);
        if is_short {
            self.head.extend(next.head);
            self.head.truncate(kept);
        }
        self.tail = if next.tail.len() < kept { [known, next.tail].concat() } else { next.tail };
        self.tail.drain(..self.tail.len() - kept);
    }

    /// Whether it has what its stretch must have, and nothing impossible.
    fn check(&self, is_timed: bool) -> Result<(), String> {
        let grid = Grid::new(self.stretch.format.sample_rate, CELLS_PER_SECOND);
        let cells = if is_timed { grid.count(&self.stretch) } else { 0 };
        if self.cells.len() != cells {
            return Err(format!("{} cells instead of {cells}", self.cells.len()));
        }
        let true_peak = largest(&self.peaks, |peaks| peaks.true_peak);
        if self.cells.iter().any(|peak| !(0.0..=true_peak).contains(peak)) {
            return Err("a cell above the peak of all".into());
        }
        let kept = kept(&self.stretch);
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
            && self.peaks.len() == usize::from(self.stretch.format.channels)
            && self.peaks.iter().all(are_peaks)
            && largest(&self.peaks, |peaks| peaks.sample_peak) >= loudest;
        if possible { Ok(()) } else { Err("impossible peaks".into()) }
    }
}

/// The largest of all channels.
fn largest(peaks: &[Peaks], of: impl Fn(&Peaks) -> f64) -> f64 {
    peaks.iter().map(of).fold(0.0, f64::max)
}

/// Samples that a partial of that stretch keeps from either end.
fn kept(stretch: &Stretch) -> usize {
    let PcmFormat { channels, sample_rate, .. } = stretch.format;
    let frames = usize::try_from(stretch.frame_count()).unwrap_or(usize::MAX);
    oversample::context(sample_rate).min(frames) * usize::from(channels)
}

/// The largest sample of every cell.
fn sample_peaks(stretch: &Stretch, samples: &[f64]) -> Vec<f64> {
    let grid = Grid::new(stretch.format.sample_rate, CELLS_PER_SECOND);
    let channels = u64::from(stretch.format.channels);
    let at = |frame: u64| {
        let frame = frame.clamp(stretch.frames.start, stretch.frames.end);
        usize::try_from((frame - stretch.frames.start) * channels).unwrap_or(usize::MAX)
    };
    grid.cells(stretch)
        .map(|cell| grid.frames(cell))
        .map(|frames| oversample::magnitude(&samples[at(frames.start)..at(frames.end)]))
        .collect()
}

/// What the first frame of a file looks back at; nothing in the middle of a file.
fn silence_before(stretch: &Stretch) -> Vec<f64> {
    let PcmFormat { channels, sample_rate, .. } = stretch.format;
    let frames = if stretch.frames.start == 0 { oversample::context(sample_rate) } else { 0 };
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
