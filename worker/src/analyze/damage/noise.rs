//! Noise: how loud it is where nothing else is, and how far the rest is above that.
//!
//! Levels of 50 ms each, on a grid that begins with the file, are counted in bins of 0.1 dB: the
//! level that a tenth of them do not exceed is taken for the noise, and the one that 95 % do not
//! exceed for the signal. Digital silence counts as the quietest level that there is. Where it is a
//! tenth of the file, the noise is not known: a gate or an editor has removed it, or a synthesiser
//! has made none. With both levels taken from the same cells, noise that is added to a file raises
//! the lower one by more decibels than the upper one, so the ratio never rises. NIST's `stnr` takes 95 % for the level of speech, too, there of 20 ms, and
//! looks for the noise in the shape of the histogram. Counts add up in any order.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::cells::{self, Cell, Row};
use crate::analyze::accumulate::counts::Counts;
use crate::analyze::accumulate::grid::Grid;
use crate::analyze::accumulate::per_channel::{self, Apart};
use crate::analyze::level::short_rms;
use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Stretch, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// 50 ms.
const CELLS_PER_SECOND: u64 = 20;
/// Bins for each decibel.
const BINS_PER_DB: f64 = 10.0;
/// The last bin; what is quieter is in it, too.
const LAST: u16 = 1999;
/// Cells that there must be at least: a second.
const FEWEST: u64 = 20;
/// In percent, of which level is the noise and which the signal.
const NOISE: u64 = 10;
const SIGNAL: u64 = 95;

/// Measures noise; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {}

/// The levels of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(Row<Squares>);

/// Σx² of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Squares(u128);

/// How many cells have which level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Levels {
    /// In tenths of a decibel below full scale.
    counts: Counts,
    /// Those of zeros only.
    silent: u64,
}

/// In dBFS, channel by channel: noise and signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floors(Vec<Option<[f64; 2]>>);

impl From<&AnalysisSettings> for Noise {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Noise {
    type Partial = Apart<Channel>;
    type Feature = Floors;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Apart<Channel> {
        Apart::of(chunk)
    }

    fn merge(&self, first: Apart<Channel>, next: Apart<Channel>) -> Apart<Channel> {
        first.join(next)
    }

    fn finish(&self, whole: Apart<Channel>, _: PcmFormat) -> Floors {
        let channels = whole.0.into_iter().flat_map(|piece| piece.channels);
        Floors(channels.map(|channel| channel.0.settled.floor()).collect())
    }

    fn figures(floors: &Floors) -> impl Iterator<Item = Option<f64>> {
        let known = || floors.0.iter().flatten();
        [
            known().map(|[noise, _]| *noise).max_by(f64::total_cmp),
            known().map(|[noise, signal]| signal - noise).min_by(f64::total_cmp),
        ]
        .into_iter()
    }

    fn details(floors: &Floors) -> Details {
        let of = |figure: fn([f64; 2]) -> f64| {
            floors.0.iter().map(|levels| levels.map(figure)).collect()
        };
        let channels = vec![
            ("noise_floor_dbfs", of(|[noise, _]| noise)),
            ("snr_db", of(|[noise, signal]| signal - noise)),
        ];
        Details { channels, ..Details::default() }
    }

    fn check(&self, partial: &Apart<Channel>, stretch: &Stretch) -> Result<(), String> {
        partial.check(stretch)
    }
}

fn grid_of(stretch: &Stretch) -> Grid {
    let rate = stretch.format.sample_rate;
    Grid::new(rate, CELLS_PER_SECOND.min(u64::from(rate)))
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        Self(Row::of(grid_of(stretch), samples, stretch))
    }

    fn join(self, stretch: &Stretch, next: Self, behind: &Stretch) -> Self {
        Self(self.0.join(grid_of(stretch), stretch, next.0, behind))
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let (grid, Levels { counts, silent }) = (grid_of(stretch), &self.0.settled);
        let full_scale = u128::from(stretch.format.full_scale());
        let most = full_scale * full_scale * u128::from(stretch.frame_count());
        let sum = counts.total().and_then(|heard| heard.checked_add(*silent));
        self.0.has_open_ends(grid, stretch)
            && [&self.0.head, &self.0.tail].into_iter().flatten().all(|cell| cell.0 <= most)
            && counts.is_possible(LAST)
            && sum == Some(cells::whole(grid, stretch))
    }
}

impl Cell for Squares {
    type Settled = Levels;

    fn of(samples: &[i32], _: u64, _: &Stretch) -> Self {
        Self(short_rms::squares(samples))
    }

    fn join(self, next: Self) -> Self {
        Self(self.0.saturating_add(next.0))
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    fn settle(self, frames: u64, stretch: &Stretch, levels: &mut Levels) {
        let full_scale = f64::from(stretch.format.full_scale());
        match decibels::of_power(self.0 as f64 / frames as f64 / (full_scale * full_scale)) {
            None => levels.silent += 1,
            Some(level) => levels.counts.add(bin(level)),
        }
    }

    fn add(levels: &mut Levels, more: Levels) {
        levels.silent += more.silent;
        levels.counts.append(more.counts);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn bin(level: f64) -> u16 {
    (-level * BINS_PER_DB).floor().clamp(0.0, LAST.into()) as u16
}

impl Levels {
    fn floor(&self) -> Option<[f64; 2]> {
        let count = self.counts.total()?.checked_add(self.silent)?;
        // The level that so many percent of all do not exceed, by the nearest rank; the silent ones
        // come first and have none.
        let level = |percent: u64| {
            let rank = count.saturating_mul(percent).div_ceil(100).checked_sub(self.silent)?;
            let bin = self.counts.ranked_from_above(Some(rank).filter(|&rank| rank > 0)?)?;
            Some(-(f64::from(bin) + 0.5) / BINS_PER_DB)
        };
        if count < FEWEST {
            return None;
        }
        Some([level(NOISE)?, level(SIGNAL)?])
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
    use crate::analyze::accumulate::per_channel::Piece;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::waves::{bytes, cuts, expect_the_law, format, wandering};

    fn figures(samples: &[f64], rate: u32) -> Vec<Option<f64>> {
        let (format, bytes) = (format(rate, 1), bytes(samples));
        let floors = Noise {}.finish(Noise {}.analyze(Pcm::new(format, 0, &bytes)), format);
        Noise::figures(&floors).collect()
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64, tolerance: f64) {
        assert!(found.is_some_and(|x| (x - expected).abs() <= tolerance), "{found:?}, {expected}");
    }

    /// Noise with that RMS.
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
    fn speech_over_noise_has_the_level_of_both() {
        // 3 s of pauses at −60 dBFS and 7 s of noise at −20 dBFS.
        let sound = [noise(-60.0, 48_000), noise(-20.0, 336_000), noise(-60.0, 96_000)].concat();
        let found = figures(&sound, 48_000);
        near(found[0], -60.0, 0.5);
        near(found[1], 40.0, 0.5);
        // A little digital silence does not matter, a tenth of the file leaves nothing to measure.
        let padded = |zeros: usize| [vec![0.0; zeros], sound.clone()].concat();
        near(figures(&padded(24_000), 48_000)[0], -60.0, 0.5);
        assert_eq!(figures(&padded(96_000), 48_000), [None; 2]);
    }

    #[test]
    fn clean_speech_with_silent_pauses_is_never_ranked_below_the_same_with_noise() {
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
    fn levels_are_told_to_a_tenth_of_a_decibel() {
        // 20 cells: the second quietest and the second loudest.
        let levels = (1..=20).flat_map(|level| vec![10_f64.powf(-f64::from(level) / 20.0); 50]);
        let found = figures(&levels.collect::<Vec<_>>(), 1000);
        near(found[0], -19.0, 0.051);
        near(found[1], 17.0, 0.11);
        // Less than a second says nothing, and neither does silence.
        assert_eq!(figures(&vec![0.5; 999], 1000), [None; 2]);
        assert_eq!(figures(&vec![0.0; 5000], 1000), [None; 2]);
        assert_eq!(figures(&[], 1000), [None; 2]);
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(1000, vec![5; 333]);
        let (_, pcm) = sound.pcm().split_at(7);
        let (good, stretch) = (Noise {}.analyze(pcm), Stretch::from(pcm));
        assert_eq!(Noise {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 7] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].0.head = None,
            |piece| piece.channels[0].0.tail = None,
            |piece| piece.channels[0].0.tail = Some(Squares(u128::MAX)),
            |piece| piece.channels[0].0.settled.silent += 1,
            |piece| piece.channels[0].0.settled.counts.add(2000),
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(Noise {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        Noise {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn added_noise_never_raises_the_ratio(
            levels in prop::collection::vec(-70.0..0.0_f64, 30..60),
            silent in prop::collection::vec(any::<bool>(), 60),
            quiet in -90.0..-20.0_f64,
            more in 3.0..40.0_f64,
        ) {
            // Cells of noise at drawn levels, some of them digital silence.
            let sound: Vec<f64> = levels
                .iter()
                .zip(&silent)
                .flat_map(|(&level, &is_silent)| {
                    if is_silent { vec![0.0; 800] } else { noise(level, 800) }
                })
                .collect();
            let ratio = |dbfs: f64| {
                // Not the noise that the sound is made of.
                let added = noise(dbfs, sound.len() + 137).split_off(137);
                let noisy: Vec<f64> = sound.iter().zip(added).map(|(x, n)| x + n).collect();
                figures(&noisy, 16_000)[1].expect("no cell is silent any more")
            };
            // A cell's own noise differs by fractions of a decibel from cell to cell.
            if let Some(clean) = figures(&sound, 16_000)[1] {
                prop_assert!(ratio(quiet) <= clean + 1.0);
            }
            prop_assert!(ratio(quiet + more) <= ratio(quiet) + 1.0);
        }

        #[test]
        fn any_cut_gives_the_same_levels(sound in sound(), cuts in cuts()) {
            expect_the_law(&Noise {}, sound.pcm(), &cuts);
        }

        #[test]
        fn the_levels_are_those_of_cells_one_by_one(seed: u64, frames in 0_usize..4000) {
            let samples = wandering(seed, frames, 1);
            let mut levels: Vec<f64> = samples
                .chunks_exact(50)
                .map(|cell| 10.0 * (cell.iter().map(|x| x * x).sum::<f64>() / 50.0).log10())
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
