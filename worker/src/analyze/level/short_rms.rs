//! Short RMS: loudest and quietest 50 ms of each channel.
//!
//! Windows start every 10 ms, on a grid that starts with the file. A partial keeps the loudest and
//! the quietest window of each channel, and Σx² of the blocks at its ends for the windows that need
//! the neighbouring chunk:
//!
//! ```text
//!   chunk n                       chunk n+1
//!   [head]···evaluated···[tail]   [head]···evaluated···[tail]
//!                           └─ merge ─┘
//! ```
//!
//! Sums are integers, and windows are compared as fractions of integers, so the result does not
//! depend on the chunking.

use std::cmp::Ordering;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::{self, Grid};
use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group, merge_options,
};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Blocks of 10 ms.
const BLOCKS_PER_SECOND: u64 = 100;
/// Blocks per window.
const WINDOW: usize = 5;

/// Measures RMS in short windows; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortRms {}

/// State of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Σx² of its first blocks: a window, or all if there are fewer.
    head: Vec<u128>,
    /// Σx² of its last blocks, in the same way.
    tail: Vec<u128>,
    /// Extremes of the windows within the span.
    extremes: Option<PowerRange>,
}

/// Power of the loudest and of the quietest window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerRange {
    loudest: Power,
    quietest: Power,
}

/// Mean square as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Power {
    squares: u128,
    frames: u64,
}

/// Levels of each channel; `None` if it has no window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowLevels {
    /// Level of the loudest window, in dBFS.
    pub peaks: Vec<Option<f64>>,
    /// Level of the quietest window, in dBFS; `None` for digital silence.
    pub troughs: Vec<Option<f64>>,
    /// Whether any window is digital silence.
    is_silent: bool,
}

impl From<&AnalysisSettings> for ShortRms {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for ShortRms {
    type Partial = PerChannel<Channel>;
    type Feature = WindowLevels;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<Channel>, format: PcmFormat) -> WindowLevels {
        let Some(states) = whole.0 else { return WindowLevels::default() };
        let full_scale = f64::from(format.full_scale());
        let level = |power: Power| decibels::of_power(power.mean() / (full_scale * full_scale));
        let extremes = || states.channels.iter().map(|channel| channel.extremes);
        WindowLevels {
            peaks: extremes().map(|found| level(found?.loudest)).collect(),
            troughs: extremes().map(|found| level(found?.quietest)).collect(),
            is_silent: extremes().flatten().any(|found| found.quietest.squares == 0),
        }
    }

    fn figures(levels: &WindowLevels) -> impl Iterator<Item = Option<f64>> {
        let WindowLevels { peaks, troughs, is_silent } = levels;
        let peak = peaks.iter().copied().flatten().max_by(f64::total_cmp);
        let trough = troughs.iter().copied().flatten().min_by(f64::total_cmp);
        [peak, trough.filter(|_| !is_silent)].into_iter()
    }

    fn details(levels: &WindowLevels) -> Details {
        let channels = vec![
            ("rms_peak_dbfs", levels.peaks.clone()),
            ("rms_trough_dbfs", levels.troughs.clone()),
        ];
        Details { channels, ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

fn grid_of(span: &FrameSpan) -> Grid {
    Grid::new(span.format.sample_rate, BLOCKS_PER_SECOND)
}

/// First blocks of the windows that have all their frames in the span.
fn starts(span: &FrameSpan) -> Range<u64> {
    let (grid, blocks) = (grid_of(span), grid_of(span).blocks(span));
    let first = blocks.start + u64::from(grid.start(blocks.start) < span.frames.start);
    let end = blocks.end - u64::from(grid.start(blocks.end) > span.frames.end);
    first..(end + 1).saturating_sub(WINDOW as u64).max(first)
}

/// Number of blocks that a span keeps at each end.
fn kept(span: &FrameSpan) -> usize {
    grid_of(span).count(span).min(WINDOW)
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let grid = grid_of(span);
        let blocks = grid.blocks(span);
        let at = |frame: u64| {
            let frame = frame.clamp(span.frames.start, span.frames.end);
            usize::try_from(frame - span.frames.start).unwrap_or(usize::MAX)
        };
        let sums: Vec<u128> = blocks
            .clone()
            .map(|block| grid.frames(block))
            .map(|frames| squares(&samples[at(frames.start)..at(frames.end)]))
            .collect();
        let kept = kept(span);
        Self {
            head: sums[..kept].to_vec(),
            tail: sums[sums.len() - kept..].to_vec(),
            extremes: extremes(grid, &sums, blocks.start, starts(span)),
        }
    }

    fn join(self, first: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        let both =
            &FrameSpan { format: first.format, frames: first.frames.start..next_span.frames.end };
        let grid = grid_of(first);
        let boundary_start = grid.blocks(first).end - self.tail.len() as u64;
        let [is_short, is_next_short] = [(first, &self), (next_span, &next)]
            .map(|(span, channel)| grid.count(span) == channel.head.len());
        let boundary = grid::merge_blocks(
            grid,
            [self.tail, next.head],
            next_span.frames.start,
            |one, other| one + other,
        );
        let crossing = starts(both).start.max(starts(first).end)
            ..starts(both).end.min(starts(next_span).start.max(boundary_start));
        let crossing = extremes(grid, &boundary, boundary_start, crossing);
        let kept = kept(both);
        let head = if is_short { boundary.iter().copied().take(kept).collect() } else { self.head };
        let tail =
            if is_next_short { boundary[boundary.len() - kept..].to_vec() } else { next.tail };
        let extremes = [crossing, next.extremes]
            .into_iter()
            .fold(self.extremes, |so_far, next| merge_options(so_far, next, PowerRange::with));
        Self { head, tail, extremes }
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let full_scale = u128::from(span.format.full_scale());
        let loudest = full_scale * full_scale;
        let most = loudest * u128::from(span.frame_count());
        let kept = kept(span);
        let is_power = |power: &Power| {
            (1..=span.frame_count()).contains(&power.frames)
                && power.squares <= loudest * u128::from(power.frames)
        };
        [self.head.len(), self.tail.len()] == [kept, kept]
            && self.head.iter().chain(&self.tail).all(|&sum| sum <= most)
            && self.extremes.is_none_or(|found| {
                is_power(&found.loudest)
                    && is_power(&found.quietest)
                    && found.quietest.cmp(&found.loudest) != Ordering::Greater
            })
            && (starts(span).is_empty() == self.extremes.is_none()
                || u64::from(span.format.sample_rate) < BLOCKS_PER_SECOND)
    }
}

/// Extremes of the windows with these `starts`; `sums` starts at block `first`.
fn extremes(grid: Grid, sums: &[u128], first: u64, starts: Range<u64>) -> Option<PowerRange> {
    let from = usize::try_from(starts.start.checked_sub(first)?).ok()?;
    let windows = sums.get(from..)?.windows(WINDOW);
    starts
        .zip(windows)
        .filter_map(|(start, sums)| {
            let frames = grid.start(start + WINDOW as u64) - grid.start(start);
            let power = Power { squares: sums.iter().sum(), frames };
            (frames > 0).then_some(PowerRange { loudest: power, quietest: power })
        })
        .reduce(PowerRange::with)
}

impl PowerRange {
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
    /// Compares the fractions; of equal ones, the one with more frames is larger, so that the order
    /// is total.
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
    use crate::analyze::accumulate::per_channel::ChannelStates;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

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
    fn loudest_and_quietest_windows_are_reported() {
        check("█████", [Some(-6.02), Some(-6.02)]);
        check("████", [None, None]);
        check("", [None, None]);
        check("▄▄▄▄▄▄▄▄█████▄▄▄▄▄", [Some(-6.02), Some(-18.06)]);
        check("█████···█", [Some(-6.02), Some(-10.0)]);
        check("█████·····", [Some(-6.02), None]);
        check("·····", [None, None]);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(1000, vec![5; 300]);
        let (good, span) = (ShortRms {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(ShortRms {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 8] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].head.push(0),
            |states| states.channels[0].tail.clear(),
            |states| states.channels[0].tail[1] = u128::MAX,
            |states| states.channels[0].extremes = None,
            |states| states.channels[0].extremes.as_mut().expect("some").loudest.frames = 0,
            |states| states.channels[0].extremes.as_mut().expect("some").quietest.squares = 1 << 40,
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(ShortRms {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        ShortRms {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    /// Window by window, sample by sample.
    #[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
    fn reference(sound: &Sound) -> Option<[f64; 2]> {
        let channels = usize::from(sound.format.channels);
        let rate = sound.format.sample_rate as usize;
        let frames = sound.samples.len() / channels;
        let full_scale = f64::from(sound.format.full_scale());
        let mut found: Option<[f64; 2]> = None;
        for start in 0.. {
            let [from, to] = [start, start + 5].map(|block| block * rate / 100);
            if to > frames {
                return found;
            }
            // No window starts or ends with a block without frames.
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
        fn windows_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&ShortRms {}, sound.pcm(), &cuts);
            if sound.format.sample_rate >= 100 {
                let levels = ShortRms {}.finish(ShortRms {}.analyze(sound.pcm()), sound.format);
                let found: Vec<_> = ShortRms::figures(&levels).collect();
                let expected = reference(&sound).map(|powers| powers.map(decibels::of_power));
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
