//! Loudness: BS.1770-5 and EBU R128, the same for any cut.
//!
//! A filter with memory and a cut do not go together, unless the filter begins anew at places that
//! the file decides and not the cut. Those are the grains, whole seconds from the start of the file:
//!
//! ```text
//!   grain 0        grain 1        grain 2            each filtered by itself, in 100 cells,
//!   [· · · · · ·]  [· · · · · ·]  [· · ·             with how much the first 20 of them would
//!              └─end─▶ settles 1  └─end─▶ 2          change with what the filter remembers
//! ```
//!
//! What the filter remembers at the end of a grain settles the next one, by a formula and without
//! a sample (`Kernel::correction`): so a chunk needs nothing of
//! its neighbours, and a seam takes 20 cells of arithmetic. The filter of a grain has heard the
//! whole grain before; what lies further back has decayed below any digit of a double.
//!
//! A cut within a grain is no plan's, but allowed: the samples up to the next grain are kept until
//! their beginning is known. A partial takes 800 bytes for each second, and the kept samples.

mod gating;
mod grain;
mod kweighting;
#[cfg(test)]
mod tests;
mod weights;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Metric, Stretch, Timeline, group, joined,
};
use crate::pcm::{Pcm, PcmFormat};
pub(crate) use gating::{integrated, is_audible, loudness, range};
use grain::{Grain, Open, is_energy, is_number};
use kweighting::{BENT, CELLS, Kernel, State};

/// Below this rate there is no room for the filter's shelf, above there are no recordings.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 8000..=1_536_000;

/// From one window of a timeline to the next.
const STEP: Duration = Duration::from_millis(100);

/// Less power than this, −120.69 LUFS, is nothing in a timeline, as ffmpeg has it: what a filter
/// remembers of a sound for so long that it says nothing of what is heard.
const NOTHING: f64 = 1e-12;

/// The key of what compares a file with the loudness that is wanted.
pub(crate) const TARGET_DEVIATION: &str = "loudness_target_deviation_lu";

/// Measures loudness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Loudness {
    /// How loud a file is wanted, in LUFS; no partial depends on it.
    pub target_lufs: Option<f64>,
    /// Whether a mono file is measured as it is heard on two loudspeakers; no partial depends on it.
    pub dual_mono: bool,
    /// Whether timelines are wanted; neither does any on this.
    pub has_timelines: bool,
    /// Whether its album is wanted; nor this.
    pub is_of_album: bool,
}

/// The energies of one stretch; nothing if it has no audio or a rate without loudness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<Piece>);

/// A stretch with its ends open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Piece {
    stretch: Stretch,
    /// The samples before its first grain begins, as they came.
    head: Vec<u8>,
    /// Its first whole grain, as long as what was before is not known.
    first: Option<Grain>,
    /// Energies of the cells of all whole grains that are settled.
    cells: Vec<f64>,
    /// What the filters remember at the end of the last whole grain; nothing if there is none.
    ends: Vec<State>,
    /// What there is of the grain behind.
    open: Open,
}

/// The figures; `None` where there is too little audio, or too little that is above the gates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Loudness of the whole, gated.
    pub integrated_lufs: Option<f64>,
    /// The loudest 400 ms.
    pub momentary_max_lufs: Option<f64>,
    /// The loudest 3 s.
    pub short_term_max_lufs: Option<f64>,
    /// From the lower end to the upper.
    pub loudness_range_lu: Option<f64>,
    /// The 10th percentile of short-term loudness.
    pub loudness_range_low_lufs: Option<f64>,
    /// The 95th.
    pub loudness_range_high_lufs: Option<f64>,
    /// What `ReplayGain` 2 would add.
    pub replaygain_track_gain_db: Option<f64>,
    /// How much louder it is than wanted.
    pub loudness_target_deviation_lu: Option<f64>,
    /// The power of every 400 ms, beginning every 100 ms.
    pub momentary_powers: Vec<f64>,
    /// The power of every 3 s, beginning every 100 ms.
    pub short_term_powers: Vec<f64>,
    /// Windows with less than this are too quiet for the loudness range; `None` if all are.
    pub range_gate: Option<f64>,
    /// Momentary and short-term loudness, if they are wanted.
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

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let format = chunk.format();
        if chunk.frames() == 0 || !RATES.contains(&format.sample_rate) {
            return Partial(None);
        }
        let rate = u64::from(format.sample_rate);
        let (head, rest) =
            chunk.split_at(chunk.first_frame().next_multiple_of(rate) - chunk.first_frame());
        let mut piece = Piece {
            stretch: Stretch::from(head),
            head: head.bytes().to_vec(),
            first: None,
            cells: Vec::new(),
            ends: Vec::new(),
            open: Open::default(),
        };
        piece.feed(&Kernel::at(format.sample_rate), rest);
        Partial(Some(piece))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, |mut first, next| {
            first.join(next);
            first
        }))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Figures {
        let of = |piece: Piece| {
            let mut cells = piece.settled();
            if self.dual_mono && format.channels == 1 {
                // The same signal in a second channel: twice the energy, which is exact in binary.
                for energy in &mut cells {
                    *energy *= 2.0;
                }
            }
            gating::figures(&cells, format.sample_rate)
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

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let measured = stretch.frame_count() > 0 && RATES.contains(&stretch.format.sample_rate);
        match &partial.0 {
            None if !measured => Ok(()),
            Some(piece) if measured && piece.stretch == *stretch => piece.check(),
            _ => Err("of another stretch".into()),
        }
    }
}

impl Figures {
    /// The loudness of the windows that every 100 ms one begins of.
    fn timelines(&self) -> Vec<(&'static str, Timeline)> {
        let of = |window, powers: &[f64]| {
            let values = powers.iter().map(|&power| loudness(power).filter(|_| power >= NOTHING));
            Timeline::new(Duration::from_millis(window), STEP, values)
        };
        vec![
            ("momentary_lufs", of(400, &self.momentary_powers)),
            ("short_term_lufs", of(3000, &self.short_term_powers)),
        ]
    }
}

impl Piece {
    fn rate(&self) -> u64 {
        self.stretch.format.sample_rate.into()
    }

    fn channels(&self) -> usize {
        self.stretch.format.channels.into()
    }

    /// Whether it has come to a place where a grain begins.
    fn is_on_grid(&self) -> bool {
        let Stretch { frames, .. } = &self.stretch;
        frames.start.next_multiple_of(self.rate()) <= frames.end
    }

    /// Goes on with the frames behind it, from where a grain begins.
    fn feed(&mut self, kernel: &Kernel, pcm: Pcm<'_>) {
        let weights = weights::of(self.stretch.format);
        let mut rest = pcm;
        while rest.frames() > 0 {
            let (now, later) = rest.split_at(self.rate() - self.open.frames);
            self.open.feed(kernel, &now.floats(), &weights);
            self.stretch.frames.end += now.frames();
            rest = later;
            if self.open.frames == self.rate() {
                let grain = std::mem::take(&mut self.open).close();
                self.push(kernel, grain, &weights);
            }
        }
    }

    /// Appends a whole grain.
    fn push(&mut self, kernel: &Kernel, grain: Grain, weights: &[f64]) {
        let ends = grain.ends.clone();
        if self.ends.is_empty() && self.stretch.frames.start > 0 {
            self.first = Some(grain);
        } else {
            self.cells.extend(grain.settle(kernel, &self.ends, weights));
        }
        self.ends = ends;
    }

    /// Appends the stretch behind it.
    fn join(&mut self, next: Self) {
        let kernel = Kernel::at(self.stretch.format.sample_rate);
        if self.is_on_grid() {
            let first_frame = next.stretch.frames.start;
            self.feed(&kernel, Pcm::new(next.stretch.format, first_frame, &next.head));
        } else {
            self.head.extend_from_slice(&next.head);
            self.stretch.frames.end += (next.head.len() / next.stretch.format.frame_width()) as u64;
        }
        if let Some(first) = next.first {
            self.push(&kernel, first, &weights::of(self.stretch.format));
        }
        self.cells.extend(next.cells);
        if !next.ends.is_empty() {
            self.ends = next.ends;
        }
        if next.open.frames > 0 {
            self.open = next.open;
        }
        self.stretch.frames.end = next.stretch.frames.end;
    }

    /// The energies of all its whole cells. Nothing is known of before, so that there was silence.
    fn settled(mut self) -> Vec<f64> {
        let kernel = Kernel::at(self.stretch.format.sample_rate);
        let mut cells = self.first.take().map_or_else(Vec::new, |first| first.cells);
        cells.append(&mut self.cells);
        cells.extend(self.open.close().settle(
            &kernel,
            &self.ends,
            &weights::of(self.stretch.format),
        ));
        cells
    }

    /// Whether it has what its stretch must have, and nothing impossible.
    fn check(&self) -> Result<(), String> {
        let Stretch { format, frames } = &self.stretch;
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
        let cells = (grains - u64::from(waiting)).saturating_mul(CELLS as u64);
        if self.cells.len() as u64 != cells {
            return Err(format!("{} cells instead of {cells}", self.cells.len()));
        }
        let ends = if grains > 0 { self.channels() } else { 0 };
        let possible = self.ends.len() == ends
            && self.first.as_ref().is_none_or(|first| first.is_possible(self.channels()))
            && self.cells.iter().all(|&energy| is_energy(energy))
            && self.ends.iter().flatten().all(|&number| is_number(number))
            && self.open.is_possible(left, format.sample_rate, self.channels());
        if possible { Ok(()) } else { Err("impossible energies".into()) }
    }
}

const _: () = assert!(BENT < CELLS, "a grain is longer than what a filter remembers");

const METRICS: &[Metric] = &[
    Metric {
        key: "integrated_lufs",
        title: "Integrated",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Integrated loudness of the whole file: K-weighted power of 400 ms blocks that \
                     start every 100 ms, gated at −70 LUFS and at 10 LU below the mean of the \
                     remaining blocks. Channels from 60° to 120° to the side are weighted by 1.41, \
                     the low-frequency channel by 0. The layout is the one that the file states, \
                     else WAV's default for the number of channels. Mono is measured as one \
                     loudspeaker; with --dual-mono as two, which is 3.01 LU louder.",
        source: "ITU-R BS.1770-5, EBU R128",
        range: "−70 to about +5",
        reading: "Perceived loudness of the whole programme. Broadcast in Europe requires −23, \
                  streaming services −14 to −16, podcasts −16. Released music is at −14 to −6.",
    },
    Metric {
        key: "momentary_max_lufs",
        title: "Momentary max",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Maximum momentary loudness: K-weighted power of the loudest 400 ms, not \
                     gated. Windows start every 10 ms.",
        source: "EBU Tech 3341",
        range: "up to about +10",
        reading: "The loudest moment, for example a shout or a bang. Far above integrated_lufs, a \
                  single event stands out.",
    },
    Metric {
        key: "short_term_max_lufs",
        title: "Short-term max",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Maximum short-term loudness: K-weighted power of the loudest 3 s, not gated. \
                     Windows start every 10 ms.",
        source: "EBU Tech 3341",
        range: "up to about +5",
        reading: "The loudest phrase. Rules for advertisements limit it, for example EBU R128 s1 \
                  to −18.",
    },
    Metric {
        key: "loudness_range_lu",
        title: "Loudness range",
        unit: "LU",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Difference between the 95th and the 10th percentile of short-term loudness: 3 \
                     s windows that start every 100 ms, gated at −70 LUFS and at 20 LU below the \
                     mean of the remaining windows.",
        source: "EBU Tech 3342; ffmpeg's ebur128 (libebur128 starts a window every second)",
        range: "0 and above",
        reading: "Below 5 the level hardly varies. Music for home listening has 6 to 15, film and \
                  orchestral music up to 25. It says little about less than a minute of audio.",
    },
    Metric {
        key: "loudness_range_low_lufs",
        title: "Loudness range low",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Lower end of loudness_range_lu: the 10th percentile.",
        source: "EBU Tech 3342",
        range: "−70 and above",
        reading: "Loudness of the quiet passages.",
    },
    Metric {
        key: "loudness_range_high_lufs",
        title: "Loudness range high",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Upper end of loudness_range_lu: the 95th percentile.",
        source: "EBU Tech 3342",
        range: "−70 and above",
        reading: "Loudness of the loud passages, single bursts excluded.",
    },
    Metric {
        key: "replaygain_track_gain_db",
        title: "ReplayGain",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Gain that a player applies to bring the file to −18 LUFS: −18 − \
                     integrated_lufs.",
        source: "ReplayGain 2.0, as loudgain and rsgain",
        range: "about −23 to +52",
        reading: "Negative for music that is louder than the reference, which most music is.",
    },
    Metric {
        key: TARGET_DEVIATION,
        title: "Deviation from target",
        unit: "LU",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "integrated_lufs minus the loudness that --loudness-target gives. Only \
                     computed with that option.",
        source: "EBU R128, which allows ±0.5 and, where that is hard to achieve, ±1.0",
        range: "about −50 to +30",
        reading: "Positive: louder than the target; lower the gain by this amount to reach it. \
                  Negative: too quiet.",
    },
];
