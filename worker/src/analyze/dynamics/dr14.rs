//! DR14: second largest peak relative to the loudest fifth of all 3 s blocks.
//!
//! Blocks start with the file. If a chunk boundary falls within a block, both chunks have the
//! squares and the peak of their own frames, and the merge combines them. All state is in integers.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::{self, Grid};
use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Length of a block.
const SECONDS: u32 = 3;

/// Measures DR14; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dr14 {}

/// Blocks that a channel has frames of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks(Vec<Block>);

/// State of one block of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    squares: u128,
    peak: u32,
}

impl From<&AnalysisSettings> for Dr14 {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Dr14 {
    type Partial = PerChannel<Blocks>;
    /// Figure of each channel; `None` for silence and for less than two blocks.
    type Feature = Vec<Option<f64>>;

    const METRICS: &'static [Metric] = &[Metric {
        key: "dr14",
        title: "DR14",
        unit: "dB",
        decimals: 0,
        groups: &[&group::DYNAMICS],
        definition: "Second largest peak of all 3 s blocks (the last one may be shorter) relative \
                     to the RMS of the loudest fifth of the blocks, with a sine at 0 dB RMS as in \
                     AES17; the mean of the channels. DR labels round it to an integer.",
        source: "TT Dynamic Range Meter, as dr14_t.meter and ffmpeg's drmeter",
        range: "0 to about 30",
        reading: "Below 8: heavily compressed. 8 to 13: moderately compressed. From 14 on: \
                  dynamic, as good recordings of acoustic music are.",
    }];

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<Blocks>, format: PcmFormat) -> Vec<Option<f64>> {
        let Some(states) = whole.0 else { return Vec::new() };
        let (grid, end) = (grid_of(&states.span), states.span.frames.end);
        let frames = |block: u64| grid.frames(block).end.min(end) - grid.start(block);
        let figure = |Blocks(blocks): &Blocks| {
            let powers = (0..).zip(blocks).map(|(at, block)| block.power(frames(at), format));
            let peaks = blocks.iter().map(|block| block.peak).collect();
            dynamic_range(powers.collect(), peaks, format)
        };
        states.channels.iter().map(figure).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
    fn figures(channels: &Vec<Option<f64>>) -> impl Iterator<Item = Option<f64>> {
        let known: Vec<f64> = channels.iter().copied().flatten().collect();
        let mean = || known.iter().sum::<f64>() / known.len() as f64;
        std::iter::once((!known.is_empty()).then(mean))
    }

    fn details(channels: &Vec<Option<f64>>) -> Details {
        Details { channels: vec![("dr14", channels.clone())], ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

impl ChannelPartial for Blocks {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let grid = grid_of(span);
        let at = |frame: u64| {
            let frame = frame.clamp(span.frames.start, span.frames.end);
            usize::try_from(frame - span.frames.start).unwrap_or(usize::MAX)
        };
        let frames = grid.blocks(span).map(|block| grid.frames(block));
        Self(frames.map(|of| Block::of(&samples[at(of.start)..at(of.end)])).collect())
    }

    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        let both = [self.0, next.0];
        Self(grid::merge_blocks(grid_of(span), both, next_span.frames.start, Block::with))
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let frames = u128::from(span.frame_count());
        let is_possible = |block: &Block| {
            let peak = u128::from(block.peak);
            block.peak <= span.format.full_scale()
                && (peak * peak..=peak * peak * frames).contains(&block.squares)
        };
        self.0.len() == grid_of(span).count(span) && self.0.iter().all(is_possible)
    }
}

fn grid_of(span: &FrameSpan) -> Grid {
    Grid::of_seconds(span.format.sample_rate, SECONDS)
}

impl Block {
    fn of(samples: &[i32]) -> Self {
        let (mut low, mut high, mut peak) = (0_u64, 0_u64, 0_u32);
        for sample in samples {
            let magnitude = sample.unsigned_abs();
            let square = u64::from(magnitude) * u64::from(magnitude);
            low += square & 0xffff_ffff;
            high += square >> 32;
            peak = peak.max(magnitude);
        }
        Self { squares: u128::from(low) + (u128::from(high) << 32), peak }
    }

    fn with(self, other: Self) -> Self {
        Self {
            squares: self.squares.saturating_add(other.squares),
            peak: self.peak.max(other.peak),
        }
    }

    /// Twice the mean square relative to full scale: a full-scale sine has 1.
    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    fn power(self, frames: u64, format: PcmFormat) -> f64 {
        let full_scale = f64::from(format.full_scale());
        2.0 * self.squares as f64 / frames.max(1) as f64 / (full_scale * full_scale)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of blocks")]
fn dynamic_range(mut powers: Vec<f64>, mut peaks: Vec<u32>, format: PcmFormat) -> Option<f64> {
    powers.sort_by(|one, other| other.total_cmp(one));
    peaks.sort_unstable_by(|one, other| other.cmp(one));
    let peak = f64::from(*peaks.get(1)?) / f64::from(format.full_scale());
    let loudest = &powers[..(powers.len() / 5).max(1)];
    let power = loudest.iter().sum::<f64>() / loudest.len() as f64;
    (power > 0.0).then(|| decibels::of_power(peak * peak / power)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::ChannelStates;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    /// Blocks have 3 frames.
    fn figure(samples: &[i32]) -> Option<f64> {
        let sound = Sound::mono_16(1, samples.to_vec());
        Dr14 {}.finish(Dr14 {}.analyze(sound.pcm()), sound.format).first().copied().flatten()
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn dr14_is_the_second_peak_over_the_loudest_fifth() {
        // A square wave is 3.01 dB louder than the sine of 0 dB.
        near(figure(&[16_384; 6]), 20.0 * 0.5_f64.sqrt().log10());
        // One loud block sets the power, but not the second largest peak.
        let loud = [[16_384; 3], [8192; 3]].concat();
        near(figure(&loud), 20.0 * (0.25 / (0.5 * 2_f64.sqrt())).log10());
        // The loudest fifth of ten blocks are two; of nine, one.
        let mut ten = [[20_000; 3], [10_000; 3]].concat();
        ten.extend([1000; 24]);
        let power = f64::midpoint(20_000_f64.powi(2), 10_000_f64.powi(2)) * 2.0;
        near(figure(&ten), 10.0 * (10_000_f64.powi(2) / power).log10());
        near(figure(&ten[..27]), 20.0 * (0.5 / 2_f64.sqrt()).log10());
    }

    #[test]
    fn incomplete_last_block_counts() {
        near(figure(&[8192, 8192, 8192, 16_384]), 20.0 * (0.25 / (0.5 * 2_f64.sqrt())).log10());
    }

    #[test]
    fn dr14_is_undefined_for_silence_and_single_blocks() {
        assert_eq!(figure(&[]), None);
        assert_eq!(figure(&[9999; 3]), None);
        assert_eq!(figure(&[0; 12]), None);
        assert_eq!(figure(&[9999, 9999, 9999, 0, 0, 0]), None, "the second peak is silent");
        assert_eq!(Dr14::figures(&vec![Some(8.0), None, Some(11.0)]).next(), Some(Some(9.5)));
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(1, vec![5, -9, 0, 7]);
        let (good, span) = (Dr14 {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Dr14 {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Blocks>); 6] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].0.truncate(1),
            |states| states.channels[0].0[0].peak = 32_769,
            |states| states.channels[0].0[0].squares = 80,
            |states| states.channels[0].0[1].squares = 5 * 49,
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Dr14 {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Dr14 {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    /// `dr14_t.meter`'s algorithm, in doubles.
    #[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
    fn reference(samples: &[f64], rate: usize) -> Option<f64> {
        let blocks: Vec<_> = samples.chunks(3 * rate).collect();
        let rms = |block: &&[f64]| {
            (2.0 * block.iter().map(|x| x * x).sum::<f64>() / block.len() as f64).sqrt()
        };
        let mut levels: Vec<f64> = blocks.iter().map(rms).collect();
        let mut peaks: Vec<f64> = blocks
            .iter()
            .map(|block| block.iter().fold(0.0, |peak: f64, x| peak.max(x.abs())))
            .collect();
        levels.sort_by(f64::total_cmp);
        peaks.sort_by(f64::total_cmp);
        let second = *peaks.get(peaks.len().checked_sub(2)?)?;
        let count = (blocks.len() / 5).max(1);
        let loudest = levels[levels.len() - count..].iter().map(|x| x * x).sum::<f64>();
        (second > 0.0).then(|| -20.0 * ((loudest / count as f64).sqrt() / second).log10())
    }

    proptest! {
        #[test]
        fn blocks_do_not_depend_on_chunking(sound in sound(), slow in 1_u32..30, cuts in cuts()) {
            // A low rate gives many blocks.
            for rate in [sound.format.sample_rate, slow] {
                let format = PcmFormat { sample_rate: rate, ..sound.format };
                let whole = Pcm::new(format, 0, sound.pcm().bytes());
                assert_chunking_invariance(&Dr14 {}, whole, &cuts);
                let found = Dr14 {}.finish(Dr14 {}.analyze(whole), format);
                let channels = usize::from(format.channels);
                for (channel, found) in found.into_iter().enumerate() {
                    let samples: Vec<f64> = sound.samples.iter().skip(channel).step_by(channels)
                        .map(|&x| f64::from(x) / f64::from(format.full_scale())).collect();
                    match (found, reference(&samples, rate as usize)) {
                        (Some(found), Some(expected)) => {
                            prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
                        }
                        (found, expected) => prop_assert_eq!(found, expected),
                    }
                }
            }
        }
    }
}
