//! Short RMS: the loudest and the quietest 50 ms of each channel.
//!
//! Windows begin every 10 ms, on a grid that begins with the file. A partial keeps, of each channel,
//! the best window on either side and Σx² of the cells at its ends, for the windows that only a
//! neighbour can complete:
//!
//! ```text
//!   chunk n                     chunk n+1
//!   [head]···settled···[tail]   [head]···settled···[tail]
//!                         └─ seam ─┘
//! ```
//!
//! Sums are integers, and windows are compared as fractions of integers: exact for any cut.

use std::cmp::Ordering;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::{self, Grid};
use crate::analyze::accumulate::per_channel::{self, Apart};
use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Stretch, group, joined};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// 10 ms.
const CELLS_PER_SECOND: u64 = 100;
/// Cells of a window.
const WINDOW: usize = 5;

/// Measures RMS in short windows; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortRms {}

/// One channel, its ends open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Σx² of its first cells: of as many as a window has, or of all if there are fewer.
    head: Vec<u128>,
    /// Σx² of its last cells, likewise.
    tail: Vec<u128>,
    /// Of the windows that lie within it.
    extremes: Option<Extremes>,
}

/// The loudest window and the quietest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extremes {
    loudest: Power,
    quietest: Power,
}

/// A mean square as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Power {
    squares: u128,
    frames: u64,
}

/// The windows of each channel; `None` where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// In dBFS, of the loudest.
    pub peaks: Vec<Option<f64>>,
    /// In dBFS, of the quietest; `None` for digital silence, too.
    pub troughs: Vec<Option<f64>>,
    /// Whether some window is digital silence.
    is_silent: bool,
}

impl From<&AnalysisSettings> for ShortRms {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for ShortRms {
    type Partial = Apart<Channel>;
    type Feature = Levels;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        Apart::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: Apart<Channel>, format: PcmFormat) -> Levels {
        let Some(piece) = whole.0 else { return Levels::default() };
        let full_scale = f64::from(format.full_scale());
        let level = |power: Power| decibels::of_power(power.mean() / (full_scale * full_scale));
        let extremes = || piece.channels.iter().map(|channel| channel.extremes);
        Levels {
            peaks: extremes().map(|found| level(found?.loudest)).collect(),
            troughs: extremes().map(|found| level(found?.quietest)).collect(),
            is_silent: extremes().flatten().any(|found| found.quietest.squares == 0),
        }
    }

    fn figures(levels: &Levels) -> impl Iterator<Item = Option<f64>> {
        let Levels { peaks, troughs, is_silent } = levels;
        let peak = peaks.iter().copied().flatten().max_by(f64::total_cmp);
        let trough = troughs.iter().copied().flatten().min_by(f64::total_cmp);
        [peak, trough.filter(|_| !is_silent)].into_iter()
    }

    fn details(levels: &Levels) -> Details {
        let channels = vec![
            ("rms_peak_dbfs", levels.peaks.clone()),
            ("rms_trough_dbfs", levels.troughs.clone()),
        ];
        Details { channels, ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, stretch: &Stretch) -> Result<(), String> {
        partial.check(stretch)
    }
}

fn grid_of(stretch: &Stretch) -> Grid {
    Grid::new(stretch.format.sample_rate, CELLS_PER_SECOND)
}

/// At which cells those windows start of which a stretch has every frame.
fn starts(stretch: &Stretch) -> Range<u64> {
    let (grid, cells) = (grid_of(stretch), grid_of(stretch).cells(stretch));
    let first = cells.start + u64::from(grid.start(cells.start) < stretch.frames.start);
    let end = cells.end - u64::from(grid.start(cells.end) > stretch.frames.end);
    first..(end + 1).saturating_sub(WINDOW as u64).max(first)
}

/// How many cells a stretch keeps at each end.
fn kept(stretch: &Stretch) -> usize {
    grid_of(stretch).count(stretch).min(WINDOW)
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        let grid = grid_of(stretch);
        let cells = grid.cells(stretch);
        let at = |frame: u64| {
            let frame = frame.clamp(stretch.frames.start, stretch.frames.end);
            usize::try_from(frame - stretch.frames.start).unwrap_or(usize::MAX)
        };
        let sums: Vec<u128> = cells
            .clone()
            .map(|cell| grid.frames(cell))
            .map(|frames| squares(&samples[at(frames.start)..at(frames.end)]))
            .collect();
        let kept = kept(stretch);
        Self {
            head: sums[..kept].to_vec(),
            tail: sums[sums.len() - kept..].to_vec(),
            extremes: extremes(grid, &sums, cells.start, starts(stretch)),
        }
    }

    fn join(self, first: &Stretch, next: Self, behind: &Stretch) -> Self {
        let both = &Stretch { format: first.format, frames: first.frames.start..behind.frames.end };
        let grid = grid_of(first);
        let seam_start = grid.cells(first).end - self.tail.len() as u64;
        let [is_short, is_next_short] = [(first, &self), (behind, &next)]
            .map(|(stretch, channel)| grid.count(stretch) == channel.head.len());
        let seam = grid::merged(grid, [self.tail, next.head], behind.frames.start, |one, other| {
            one + other
        });
        let unsettled = starts(both).start.max(starts(first).end)
            ..starts(both).end.min(starts(behind).start.max(seam_start));
        let unsettled = extremes(grid, &seam, seam_start, unsettled);
        let kept = kept(both);
        let head = if is_short { seam.iter().copied().take(kept).collect() } else { self.head };
        let tail = if is_next_short { seam[seam.len() - kept..].to_vec() } else { next.tail };
        let extremes = [unsettled, next.extremes]
            .into_iter()
            .fold(self.extremes, |so_far, next| joined(so_far, next, Extremes::with));
        Self { head, tail, extremes }
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let full_scale = u128::from(stretch.format.full_scale());
        let loudest = full_scale * full_scale;
        let most = loudest * u128::from(stretch.frame_count());
        let kept = kept(stretch);
        let is_power = |power: &Power| {
            (1..=stretch.frame_count()).contains(&power.frames)
                && power.squares <= loudest * u128::from(power.frames)
        };
        [self.head.len(), self.tail.len()] == [kept, kept]
            && self.head.iter().chain(&self.tail).all(|&sum| sum <= most)
            && self.extremes.is_none_or(|found| {
                is_power(&found.loudest)
                    && is_power(&found.quietest)
                    && found.quietest.cmp(&found.loudest) != Ordering::Greater
            })
            && (starts(stretch).is_empty() == self.extremes.is_none()
                || u64::from(stretch.format.sample_rate) < CELLS_PER_SECOND)
    }
}

/// Of the windows with these `starts`, in sums of the cells from `first` on.
fn extremes(grid: Grid, sums: &[u128], first: u64, starts: Range<u64>) -> Option<Extremes> {
    let from = usize::try_from(starts.start.checked_sub(first)?).ok()?;
    let windows = sums.get(from..)?.windows(WINDOW);
    starts
        .zip(windows)
        .filter_map(|(start, sums)| {
            let frames = grid.start(start + WINDOW as u64) - grid.start(start);
            let power = Power { squares: sums.iter().sum(), frames };
            (frames > 0).then_some(Extremes { loudest: power, quietest: power })
        })
        .reduce(Extremes::with)
}

impl Extremes {
    fn with(self, other: Self) -> Self {
        let larger = |one: Power, other: Power| if other.cmp(&one).is_gt() { other } else { one };
        let smaller = |one: Power, other: Power| if other.cmp(&one).is_lt() { other } else { one };
        Self {
            loudest: larger(self.loudest, other.loudest),
            quietest: smaller(self.quietest, other.quietest),
        }
    }
}

impl Power {
    /// As fractions; of equal ones, the one with more frames is the larger, so that there are no
    /// two that are equal and not the same.
    fn cmp(&self, other: &Self) -> Ordering {
        let [one, another] = [(self, other), (other, self)]
            .map(|(of, over)| of.squares.saturating_mul(over.frames.into()));
        one.cmp(&another).then(self.frames.cmp(&other.frames))
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    fn mean(self) -> f64 {
        self.squares as f64 / self.frames as f64
    }
}

/// Σx².
pub(crate) fn squares(samples: &[i32]) -> u128 {
    let (mut low, mut high) = (0_u64, 0_u64);
    for sample in samples {
        let magnitude = u64::from(sample.unsigned_abs());
        let square = magnitude * magnitude;
        low += square & 0xffff_ffff;
        high += square >> 32;
    }
    u128::from(low) + (u128::from(high) << 32)
}

const METRICS: &[Metric] = &[
    Metric {
        key: "rms_peak_dbfs",
        title: "RMS peak",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "RMS of the loudest 50 ms of any channel. Windows start every 10 ms.",
        source: "ffmpeg astats `RMS peak dB`, which uses an exponential window of 50 ms instead",
        range: "−186.6 to 0",
        reading: "The level of the loudest moment. A value close to rms_dbfs means that the level \
                  hardly changes.",
    },
    Metric {
        key: "rms_trough_dbfs",
        title: "RMS trough",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "RMS of the quietest 50 ms of any channel. Windows start every 10 ms. Not \
                     defined if any window is digital silence.",
        source: "ffmpeg astats and SoX stats `RMS Tr dB`, which use an exponential window of 50 ms \
                 instead",
        range: "−186.6 to 0",
        reading: "Indicates the noise floor: the level between words or notes.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::Piece;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::waves::{cuts, expect_the_law};

    fn levels(samples: Vec<i32>) -> Vec<Option<f64>> {
        let sound = Sound::mono_16(1000, samples);
        ShortRms::figures(&ShortRms {}.finish(ShortRms {}.analyze(sound.pcm()), sound.format))
            .collect()
    }

    /// One character is 10 ms of ten frames: `█` half of full scale, `▄` an eighth, `·` zero.
    #[track_caller]
    fn check(picture: &str, expected: [Option<f64>; 2]) {
        let samples = picture.chars().flat_map(|c| {
            [if c == '█' {
                16_384
            } else if c == '▄' {
                4096
            } else {
                0
            }; 10]
        });
        for (found, expected) in levels(samples.collect()).into_iter().zip(expected) {
            let near = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 0.01,
                (found, expected) => found == expected,
            };
            assert!(near, "{picture}: {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn the_loudest_and_the_quietest_window_are_told() {
        check("█████", [Some(-6.02), Some(-6.02)]);
        check("████", [None, None]);
        check("", [None, None]);
        check("▄▄▄▄▄▄▄▄█████▄▄▄▄▄", [Some(-6.02), Some(-18.06)]);
        check("█████···█", [Some(-6.02), Some(-10.0)]);
        check("█████·····", [Some(-6.02), None]);
        check("·····", [None, None]);
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(1000, vec![5; 300]);
        let (good, stretch) = (ShortRms {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(ShortRms {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 8] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].head.push(0),
            |piece| piece.channels[0].tail.clear(),
            |piece| piece.channels[0].tail[1] = u128::MAX,
            |piece| piece.channels[0].extremes = None,
            |piece| piece.channels[0].extremes.as_mut().expect("some").loudest.frames = 0,
            |piece| piece.channels[0].extremes.as_mut().expect("some").quietest.squares = 1 << 40,
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(ShortRms {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        ShortRms {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    /// Every window of every channel, sample by sample.
    #[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
    fn plainly(sound: &Sound) -> Option<[f64; 2]> {
        let channels = usize::from(sound.format.channels);
        let rate = sound.format.sample_rate as usize;
        let frames = sound.samples.len() / channels;
        let full_scale = f64::from(sound.format.full_scale());
        let mut found: Option<[f64; 2]> = None;
        for start in 0.. {
            let [from, to] = [start, start + 5].map(|cell| cell * rate / 100);
            if to > frames {
                return found;
            }
            // A cell without a frame is none, and no window begins or ends with it.
            if from == to || from == (start + 1) * rate / 100 || to == (start + 4) * rate / 100 {
                continue;
            }
            for channel in 0..channels {
                let squares = (from..to).map(|frame| {
                    (f64::from(sound.samples[frame * channels + channel]) / full_scale).powi(2)
                });
                let power = squares.sum::<f64>() / (to - from) as f64;
                let [largest, smallest] = found.unwrap_or([power, power]);
                found = Some([largest.max(power), smallest.min(power)]);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_windows(sound in sound(), cuts in cuts()) {
            expect_the_law(&ShortRms {}, sound.pcm(), &cuts);
            if sound.format.sample_rate >= 100 {
                let levels = ShortRms {}.finish(ShortRms {}.analyze(sound.pcm()), sound.format);
                let found: Vec<_> = ShortRms::figures(&levels).collect();
                let expected = plainly(&sound).map(|powers| powers.map(decibels::of_power));
                for (found, expected) in found.into_iter().zip(expected.unwrap_or_default()) {
                    let near = match (found, expected) {
                        (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                        (found, expected) => found == expected,
                    };
                    prop_assert!(near, "{:?}, not {:?}", found, expected);
                }
            }
        }
    }
}
