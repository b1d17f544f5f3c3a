//! Noise: noise floor and signal-to-noise ratio.
//!
//! The RMS of 50 ms blocks, on a grid that starts with the file, is counted in bins of 0.1 dB. The
//! level that 10 % of the blocks do not exceed is the noise floor; the level that 95 % do not
//! exceed is the signal. Digital silence counts as the lowest level. If it is 10 % of the file or
//! more, the noise floor is not defined: a gate or an editor has removed the noise, or a
//! synthesiser has made none. Both levels are taken from the same blocks, so noise that is added to
//! a file raises the lower one by more decibels than the upper one, and the ratio never rises.
//! NIST's `stnr` takes the same 95 % for the level of speech, with 20 ms blocks, and estimates the
//! noise from the shape of the histogram. Counts can be added in any order.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::blocks::{self, Block, BlockSeries};
use crate::analyze::accumulate::counts::Counts;
use crate::analyze::accumulate::grid::Grid;
use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::level::short_rms;
use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// 50 ms.
const BLOCKS_PER_SECOND: u64 = 20;
/// Histogram bins per decibel.
const BINS_PER_DB: f64 = 10.0;
/// Last bin, which includes all lower levels.
const LAST_BIN: u16 = 1999;
/// Minimum number of blocks: one second.
const MIN_BLOCKS: u64 = 20;
/// Percentiles of the noise and of the signal.
const NOISE_PERCENTILE: u64 = 10;
const SIGNAL_PERCENTILE: u64 = 95;

/// Measures noise; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {}

/// Levels of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(BlockSeries<Squares>);

/// Σx² of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Squares(u128);

/// Histogram of block levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LevelCounts {
    /// In tenths of a decibel below full scale.
    counts: Counts,
    /// Blocks of digital silence.
    silent: u64,
}

/// Noise and signal level of each channel, in dBFS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoiseLevels(Vec<Option<[f64; 2]>>);

impl From<&AnalysisSettings> for Noise {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Noise {
    type Partial = PerChannel<Channel>;
    type Feature = NoiseLevels;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> PerChannel<Channel> {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: PerChannel<Channel>, next: PerChannel<Channel>) -> PerChannel<Channel> {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<Channel>, _: PcmFormat) -> NoiseLevels {
        let channels = whole.0.into_iter().flat_map(|states| states.channels);
        NoiseLevels(channels.map(|channel| channel.0.summary.floor()).collect())
    }

    fn figures(floors: &NoiseLevels) -> impl Iterator<Item = Option<f64>> {
        let known = || floors.0.iter().flatten();
        [
            known().map(|[noise, _]| *noise).max_by(f64::total_cmp),
            known().map(|[noise, signal]| signal - noise).min_by(f64::total_cmp),
        ]
        .into_iter()
    }

    fn details(floors: &NoiseLevels) -> Details {
        let of = |figure: fn([f64; 2]) -> f64| {
            floors.0.iter().map(|levels| levels.map(figure)).collect()
        };
        let channels = vec![
            ("noise_floor_dbfs", of(|[noise, _]| noise)),
            ("snr_db", of(|[noise, signal]| signal - noise)),
        ];
        Details { channels, ..Details::default() }
    }

    fn check(&self, partial: &PerChannel<Channel>, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

fn grid_of(span: &FrameSpan) -> Grid {
    let rate = span.format.sample_rate;
    Grid::new(rate, BLOCKS_PER_SECOND.min(u64::from(rate)))
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        Self(BlockSeries::of(grid_of(span), samples, span))
    }

    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        Self(self.0.join(grid_of(span), span, next.0, next_span))
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let (grid, LevelCounts { counts, silent }) = (grid_of(span), &self.0.summary);
        let full_scale = u128::from(span.format.full_scale());
        let most = full_scale * full_scale * u128::from(span.frame_count());
        let sum = counts.total().and_then(|heard| heard.checked_add(*silent));
        self.0.has_open_ends(grid, span)
            && [&self.0.head, &self.0.tail].into_iter().flatten().all(|block| block.0 <= most)
            && counts.is_possible(LAST_BIN)
            && sum == Some(blocks::complete(grid, span))
    }
}

impl Block for Squares {
    type Summary = LevelCounts;

    fn of(samples: &[i32], _: u64, _: &FrameSpan) -> Self {
        Self(short_rms::squares(samples))
    }

    fn join(self, next: Self) -> Self {
        Self(self.0.saturating_add(next.0))
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    fn add_to(self, frames: u64, span: &FrameSpan, levels: &mut LevelCounts) {
        let full_scale = f64::from(span.format.full_scale());
        match decibels::of_power(self.0 as f64 / frames as f64 / (full_scale * full_scale)) {
            None => levels.silent += 1,
            Some(level) => levels.counts.add(bin(level)),
        }
    }

    fn add(levels: &mut LevelCounts, more: LevelCounts) {
        levels.silent += more.silent;
        levels.counts.append(more.counts);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn bin(level: f64) -> u16 {
    (-level * BINS_PER_DB).floor().clamp(0.0, LAST_BIN.into()) as u16
}

impl LevelCounts {
    fn floor(&self) -> Option<[f64; 2]> {
        let count = self.counts.total()?.checked_add(self.silent)?;
        // Level that `percent` of all blocks do not exceed, by nearest rank. Silent blocks come
        // first and have no level.
        let level = |percent: u64| {
            let rank = count.saturating_mul(percent).div_ceil(100).checked_sub(self.silent)?;
            let bin = self.counts.ranked_from_above(Some(rank).filter(|&rank| rank > 0)?)?;
            Some(-(f64::from(bin) + 0.5) / BINS_PER_DB)
        };
        if count < MIN_BLOCKS {
            return None;
        }
        Some([level(NOISE_PERCENTILE)?, level(SIGNAL_PERCENTILE)?])
    }
}

const METRICS: &[Metric] = &[
    Metric {
        key: "noise_floor_dbfs",
        title: "Noise floor",
        unit: "dBFS",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "RMS that 10 % of the consecutive 50 ms windows of a channel do not exceed, to \
                     0.1 dB; for the channel with the highest value. Not defined for less than a \
                     second, or if 10 % or more of the channel is digital silence.",
        source: "none; for speech, ACX and essentia use windows of about 50 ms",
        range: "−200 to 0",
        reading: "The level of the pauses. −60 and below is clean. Above −50 a room, a tape or a \
                  bad preamplifier is audible. In music without pauses it is only an upper bound \
                  of the noise. If it is not defined, the pauses are digital silence, as left by a \
                  gate, an editor or a speech synthesiser, and there is no noise to measure.",
    },
    Metric {
        key: "snr_db",
        title: "Signal-to-noise ratio",
        unit: "dB",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "Difference between the RMS that 95 % of the 50 ms windows of a channel do not \
                     exceed and the noise floor of that channel (noise_floor_dbfs); for the \
                     channel with the lowest value. Not defined where the noise floor is not.",
        source: "NIST's stnr takes the same 95 % for the level of speech, with windows of 20 ms; \
                 it estimates the noise differently, from the shape of the histogram",
        range: "0 and above",
        reading: "An estimate. Above 40 is a good recording of speech. Below 20, words are hard to \
                  follow. Adding noise to a file never raises it. Without pauses it measures \
                  dynamics and not noise. Rank files in which it is not defined because their \
                  pauses are digital silence above those with a value.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::ChannelStates;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{
        assert_chunking_invariance, bytes, cuts, format, varying_noise,
    };

    fn figures(samples: &[f64], rate: u32) -> Vec<Option<f64>> {
        let (format, bytes) = (format(rate, 1), bytes(samples));
        let floors = Noise {}.finish(Noise {}.analyze(Pcm::new(format, 0, &bytes)), format);
        Noise::figures(&floors).collect()
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64, tolerance: f64) {
        assert!(found.is_some_and(|x| (x - expected).abs() <= tolerance), "{found:?}, {expected}");
    }

    /// Noise with this RMS.
    fn noise(dbfs: f64, frames: usize) -> Vec<f64> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let amplitude = 3_f64.sqrt() * 10_f64.powf(dbfs / 20.0);
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            amplitude * (f64::from(u32::try_from(state >> 32).unwrap()) / 2_147_483_648.0 - 1.0)
        };
        (0..frames).map(next).collect()
    }

    #[test]
    fn speech_over_noise_has_noise_floor_and_ratio() {
        // 3 s of pauses at −60 dBFS and 7 s of noise at −20 dBFS.
        let sound = [noise(-60.0, 48_000), noise(-20.0, 336_000), noise(-60.0, 96_000)].concat();
        let found = figures(&sound, 48_000);
        near(found[0], -60.0, 0.5);
        near(found[1], 40.0, 0.5);
        // A little digital silence has no effect; a tenth of the file makes the noise undefined.
        let padded = |zeros: usize| [vec![0.0; zeros], sound.clone()].concat();
        near(figures(&padded(24_000), 48_000)[0], -60.0, 0.5);
        assert_eq!(figures(&padded(96_000), 48_000), [None; 2]);
    }

    #[test]
    fn adding_noise_to_clean_speech_lowers_the_ratio() {
        // A synthesised utterance: half a second at a time at −20 dBFS, pauses of digital silence.
        let utterance: Vec<f64> = (0..10)
            .flat_map(|turn| {
                let spoken = if turn % 2 == 0 { -20.0 } else { -400.0 };
                noise(spoken, 8000).into_iter().map(move |x| if turn % 2 == 0 { x } else { 0.0 })
            })
            .collect();
        assert_eq!(figures(&utterance, 16_000), [None; 2]);
        let ratios: Vec<f64> = (-80..=-30)
            .step_by(10)
            .map(|level| {
                let added = noise(f64::from(level), utterance.len());
                let noisy: Vec<f64> = utterance.iter().zip(added).map(|(x, n)| x + n).collect();
                figures(&noisy, 16_000)[1].expect("a figure")
            })
            .collect();
        assert!(ratios.is_sorted_by(|quieter, louder| quieter > louder), "{ratios:?}");
    }

    #[test]
    fn levels_have_a_resolution_of_a_tenth_of_a_decibel() {
        // 20 blocks: the second quietest and the second loudest are used.
        let levels = (1..=20).flat_map(|level| vec![10_f64.powf(-f64::from(level) / 20.0); 50]);
        let found = figures(&levels.collect::<Vec<_>>(), 1000);
        near(found[0], -19.0, 0.051);
        near(found[1], 17.0, 0.11);
        // Less than a second gives no figures, and neither does silence.
        assert_eq!(figures(&vec![0.5; 999], 1000), [None; 2]);
        assert_eq!(figures(&vec![0.0; 5000], 1000), [None; 2]);
        assert_eq!(figures(&[], 1000), [None; 2]);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(1000, vec![5; 333]);
        let (_, pcm) = sound.pcm().split_at(7);
        let (good, span) = (Noise {}.analyze(pcm), FrameSpan::from(pcm));
        assert_eq!(Noise {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 7] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].0.head = None,
            |states| states.channels[0].0.tail = None,
            |states| states.channels[0].0.tail = Some(Squares(u128::MAX)),
            |states| states.channels[0].0.summary.silent += 1,
            |states| states.channels[0].0.summary.counts.add(2000),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Noise {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Noise {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn added_noise_never_raises_the_ratio(
            levels in prop::collection::vec(-70.0..0.0_f64, 30..60),
            silent in prop::collection::vec(any::<bool>(), 60),
            quiet in -90.0..-20.0_f64,
            more in 3.0..40.0_f64,
        ) {
            // Blocks of noise at random levels, some of them digital silence.
            let sound: Vec<f64> = levels
                .iter()
                .zip(&silent)
                .flat_map(|(&level, &is_silent)| {
                    if is_silent { vec![0.0; 800] } else { noise(level, 800) }
                })
                .collect();
            let ratio = |dbfs: f64| {
                // Noise that differs from the noise in the signal.
                let added = noise(dbfs, sound.len() + 137).split_off(137);
                let noisy: Vec<f64> = sound.iter().zip(added).map(|(x, n)| x + n).collect();
                figures(&noisy, 16_000)[1].expect("no cell is silent any more")
            };
            // The level of noise differs by fractions of a decibel from block to block.
            if let Some(clean) = figures(&sound, 16_000)[1] {
                prop_assert!(ratio(quiet) <= clean + 1.0);
            }
            prop_assert!(ratio(quiet + more) <= ratio(quiet) + 1.0);
        }

        #[test]
        fn levels_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&Noise {}, sound.pcm(), &cuts);
        }

        #[test]
        fn levels_equal_those_of_single_blocks(seed: u64, frames in 0_usize..4000) {
            let samples = varying_noise(seed, frames, 1);
            let mut levels: Vec<f64> = samples
                .chunks_exact(50)
                .map(|block| 10.0 * (block.iter().map(|x| x * x).sum::<f64>() / 50.0).log10())
                .collect();
            levels.sort_by(f64::total_cmp);
            let found = figures(&samples, 1000);
            let tenth = levels.len().div_ceil(10).checked_sub(1).map(|rank| levels[rank]);
            let is_known = levels.len() >= 20 && tenth.is_some_and(f64::is_finite);
            prop_assert_eq!(found[0].is_some(), is_known);
            if let [Some(noise), Some(ratio)] = found[..] {
                let at = |percent: usize| levels[(levels.len() * percent).div_ceil(100) - 1];
                prop_assert!((noise - at(10)).abs() < 0.0501);
                prop_assert!((noise + ratio - at(95)).abs() < 0.0501);
            }
        }
    }
}
