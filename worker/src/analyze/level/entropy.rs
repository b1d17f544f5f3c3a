//! Entropy: how evenly the magnitudes of a channel use the scale.
//!
//! Magnitudes are counted in 8192 bins, as in ffmpeg's astats. Counts can be added in any order;
//! logarithms are taken once, of the counts of the whole file.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Bits of a bin number, and the last bin.
const BITS: f64 = 13.0;
const LAST: u64 = 8191;

/// Counts magnitudes; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entropy {}

/// Number of samples of a channel per bin, up to the last bin with a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MagnitudeCounts(Vec<u64>);

impl From<&AnalysisSettings> for Entropy {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Entropy {
    type Partial = PerChannel<MagnitudeCounts>;
    /// Entropy of each channel.
    type Feature = Vec<Option<f64>>;

    const METRICS: &'static [Metric] = &[Metric {
        key: "entropy",
        title: "Entropy",
        unit: "",
        decimals: 4,
        groups: &[&group::LEVEL],
        definition: "Shannon entropy of the sample magnitudes in 8192 bins from 0 to full scale, \
                     divided by its maximum, that of equally filled bins; the mean of the \
                     channels.",
        source: "ffmpeg astats `Entropy`",
        range: "0 to 1",
        reading: "0 is a signal with one magnitude only, 1 one with all magnitudes equally often. \
                  Music has 0.6 to 0.9. Lower values indicate few bits, silence or a very low \
                  level.",
    }];

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<MagnitudeCounts>, _: PcmFormat) -> Vec<Option<f64>> {
        whole
            .0
            .iter()
            .flat_map(|states| &states.channels)
            .map(|MagnitudeCounts(of)| entropy(of))
            .collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
    fn figures(channels: &Vec<Option<f64>>) -> impl Iterator<Item = Option<f64>> {
        let sum = channels.iter().copied().sum::<Option<f64>>();
        let mean = sum.filter(|_| !channels.is_empty()).map(|sum| sum / channels.len() as f64);
        std::iter::once(mean)
    }

    fn details(channels: &Vec<Option<f64>>) -> Details {
        Details { channels: vec![("entropy", channels.clone())], ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

impl ChannelPartial for MagnitudeCounts {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let mut counts = match span.format.integer_bits() {
            // ffmpeg scales 8 bits to 16.
            8 => counts::<32_767>(samples, 8),
            16 => counts::<32_767>(samples, 0),
            _ => counts::<2_147_483_647>(samples, 0),
        };
        let used = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        counts.truncate(used);
        Self(counts)
    }

    fn join(mut self, _: &FrameSpan, next: Self, _: &FrameSpan) -> Self {
        self.0.resize(self.0.len().max(next.0.len()), 0);
        for (count, more) in self.0.iter_mut().zip(next.0) {
            *count = count.saturating_add(more);
        }
        self
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let sum = self.0.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
        self.0.len() as u64 <= LAST + 1
            && self.0.last() != Some(&0)
            && sum == Some(span.frame_count())
    }
}

fn counts<const FULL_SCALE: u64>(samples: &[i32], shift: u32) -> Vec<u64> {
    let mut counts = vec![0; 1 << 13];
    for sample in samples {
        let bin = bin::<FULL_SCALE>(sample.unsigned_abs() << shift);
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    counts
}

/// round(|x| / full scale · 8191), in integers; no magnitude is halfway between two bins. The most
/// negative number is in the last bin, together with the largest.
fn bin<const FULL_SCALE: u64>(magnitude: u32) -> usize {
    let bin = (2 * LAST * u64::from(magnitude).min(FULL_SCALE) + FULL_SCALE) / (2 * FULL_SCALE);
    usize::try_from(bin).unwrap_or(usize::MAX)
}

/// −Σp·log2(p) divided by the bits of a bin number; `None` without samples.
#[expect(clippy::cast_precision_loss, reason = "2⁵³ samples are 3000 years")]
fn entropy(counts: &[u64]) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| count as f64 / all as f64)
        .map(|share| share * decibels::logarithm_of_two(share))
        .sum();
    (all > 0).then_some(-bits / BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::ChannelStates;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    fn figure(samples: Vec<i32>) -> Option<f64> {
        let sound = Sound::mono_16(8000, samples);
        let channels = Entropy {}.finish(Entropy {}.analyze(sound.pcm()), sound.format);
        Entropy::figures(&channels).next().flatten()
    }

    #[test]
    fn entropy_is_bits_per_magnitude_divided_by_thirteen() {
        assert_eq!(figure(vec![]), None);
        assert_eq!(figure(vec![7; 100]), Some(0.0));
        assert_eq!(figure(vec![20_000, -20_000]), Some(0.0));
        assert_eq!(figure(vec![0, 20_000]), Some(1.0 / 13.0));
        assert_eq!(figure(vec![0, 10_000, -20_000, 30_000]), Some(2.0 / 13.0));
        // All bins with the same count.
        assert_eq!(figure((0..8192).map(|bin| bin * 32_767 / 8191).collect()), Some(1.0));
        // Both ends of the scale are in one bin.
        assert_eq!(figure(vec![i32::from(i16::MIN), i32::from(i16::MAX)]), Some(0.0));
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(8000, vec![0, 20_000, 20_000]);
        let (good, span) = (Entropy {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Entropy {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<MagnitudeCounts>); 5] = [
            |states| states.channels.clear(),
            |states| states.channels[0].0[0] += 1,
            |states| states.channels[0].0.push(0),
            |states| states.channels[0].0 = vec![u64::MAX, 4],
            |states| states.channels[0].0 = [vec![0; 8192], vec![3]].concat(),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Entropy {}.check(&partial, &span).is_err(), "corruption {number}");
        }
    }

    /// Sample by sample, in doubles.
    #[expect(clippy::cast_possible_truncation, reason = "an oracle")]
    fn reference(sound: &Sound, channel: usize) -> f64 {
        let channels = usize::from(sound.format.channels);
        let widened = if sound.format.integer_bits() == 8 { 256.0 } else { 1.0 };
        let top = f64::from(sound.format.full_scale()) * widened - 1.0;
        let mut counts = BTreeMap::<i64, f64>::new();
        let mut all = 0.0;
        for &x in sound.samples.iter().skip(channel).step_by(channels) {
            let bin = (f64::from(x).abs() * widened / top).min(1.0) * 8191.0;
            *counts.entry(bin.round() as i64).or_default() += 1.0;
            all += 1.0;
        }
        counts.values().map(|count| -count / all * (count / all).log2()).sum::<f64>() / 13.0
    }

    proptest! {
        #[test]
        fn counts_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&Entropy {}, sound.pcm(), &cuts);
            let found = Entropy {}.finish(Entropy {}.analyze(sound.pcm()), sound.format);
            for (channel, found) in found.into_iter().enumerate() {
                let (found, expected) = (found.unwrap(), reference(&sound, channel));
                prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
            }
        }
    }
}
