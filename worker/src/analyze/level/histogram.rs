//! Histogram: number of samples in each of the six decibels below full scale.
//!
//! Six counts per channel, which can be added in any order. The bounds of the bins are converted to
//! integer magnitudes first, so that no logarithm is taken of a sample.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// Counts samples; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {}

/// Number of samples of a channel above −1 dBFS, above −2 dBFS, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CumulativeCounts([u64; BINS]);

/// Number of bins.
const BINS: usize = 6;

impl From<&AnalysisSettings> for Histogram {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Histogram {
    type Partial = PerChannel<CumulativeCounts>;
    /// Counts of each channel, from 0 dBFS downwards.
    type Feature = Vec<[u64; BINS]>;

    const METRICS: &'static [Metric] = &METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> PerChannel<CumulativeCounts> {
        PerChannel::of(chunk)
    }

    fn merge(
        &self,
        first: PerChannel<CumulativeCounts>,
        next: PerChannel<CumulativeCounts>,
    ) -> PerChannel<CumulativeCounts> {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<CumulativeCounts>, _: PcmFormat) -> Vec<[u64; BINS]> {
        whole.0.iter().flat_map(|states| &states.channels).map(|above| above.bins()).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of samples, far below 2⁵³")]
    fn figures(channels: &Vec<[u64; BINS]>) -> impl Iterator<Item = Option<f64>> {
        (0..BINS).map(|bin| {
            let sum = channels.iter().map(|bins| bins[bin]).sum::<u64>();
            (!channels.is_empty()).then_some(sum as f64)
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of samples, far below 2⁵³")]
    fn details(channels: &Vec<[u64; BINS]>) -> Details {
        let of_each =
            |bin: usize| channels.iter().map(|bins| Some(bins[bin] as f64)).collect::<Vec<_>>();
        let all = METRICS.iter().enumerate();
        Details {
            channels: all.map(|(bin, metric)| (metric.key, of_each(bin))).collect(),
            ..Details::default()
        }
    }

    fn check(
        &self,
        partial: &PerChannel<CumulativeCounts>,
        span: &FrameSpan,
    ) -> Result<(), String> {
        partial.check(span)
    }
}

impl ChannelPartial for CumulativeCounts {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        Self(count_at_least(samples, &thresholds(span.format)))
    }

    fn join(mut self, _: &FrameSpan, next: Self, _: &FrameSpan) -> Self {
        for (count, more) in self.0.iter_mut().zip(next.0) {
            *count = count.saturating_add(more);
        }
        self
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        self.0.is_sorted() && self.0[BINS - 1] <= span.frame_count()
    }
}

impl CumulativeCounts {
    fn bins(self) -> [u64; BINS] {
        let mut bins = self.0;
        for (bin, above) in bins[1..].iter_mut().zip(self.0) {
            *bin -= above;
        }
        bins
    }
}

/// Smallest magnitude above −1 dBFS, above −2 dBFS, and so on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below full scale")]
fn thresholds(format: PcmFormat) -> [u32; BINS] {
    let full_scale = f64::from(format.full_scale());
    let least = |db: f64| (full_scale * decibels::power_of_ten(-db / 20.0)).floor() as u32 + 1;
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(least)
}

#[multiversion(targets("x86_64+avx2"))]
fn count_at_least(samples: &[i32], least: &[u32; BINS]) -> [u64; BINS] {
    let mut counts = [0_u64; BINS];
    for some in samples.chunks(1 << 12) {
        let largest =
            some.iter().fold(0, |largest: u32, sample| largest.max(sample.unsigned_abs()));
        for (count, least) in counts.iter_mut().zip(least) {
            if largest >= *least {
                let is_above = |sample: &i32| u32::from(sample.unsigned_abs() >= *least);
                *count += u64::from(some.iter().map(is_above).sum::<u32>());
            }
        }
    }
    counts
}

const fn metric(key: &'static str, title: &'static str, definition: &'static str) -> Metric {
    Metric {
        key,
        title,
        unit: "",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition,
        source: "ffmpeg volumedetect, `histogram_0db` to `histogram_5db`",
        range: "0 to the number of samples",
        reading: "A few samples in the loudest decibel are natural peaks. Thousands there, and more \
                  than in the decibel below, indicate a limiter or clipping.",
    }
}

const METRICS: [Metric; BINS] = [
    metric(
        "histogram_0db",
        "0 to −1 dBFS",
        "Number of samples of all channels at most 0 dBFS and above −1 dBFS.",
    ),
    metric(
        "histogram_1db",
        "−1 to −2 dBFS",
        "Number of samples of all channels at most −1 dBFS and above −2 dBFS.",
    ),
    metric(
        "histogram_2db",
        "−2 to −3 dBFS",
        "Number of samples of all channels at most −2 dBFS and above −3 dBFS.",
    ),
    metric(
        "histogram_3db",
        "−3 to −4 dBFS",
        "Number of samples of all channels at most −3 dBFS and above −4 dBFS.",
    ),
    metric(
        "histogram_4db",
        "−4 to −5 dBFS",
        "Number of samples of all channels at most −4 dBFS and above −5 dBFS.",
    ),
    metric(
        "histogram_5db",
        "−5 to −6 dBFS",
        "Number of samples of all channels at most −5 dBFS and above −6 dBFS.",
    ),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    fn bins(samples: Vec<i32>) -> Vec<[u64; BINS]> {
        let sound = Sound::mono_16(8000, samples);
        Histogram {}.finish(Histogram {}.analyze(sound.pcm()), sound.format)
    }

    #[test]
    fn samples_are_counted_in_their_decibel() {
        // 10^(−1/20) of 32,768 is 29,204.5, 10^(−6/20) is 16,422.9.
        assert_eq!(bins(vec![-32_768, 29_205, 29_204, 16_423, 16_422]), [[2, 1, 0, 0, 0, 1]]);
        assert_eq!(bins(vec![0; 9]), [[0; BINS]]);
        assert_eq!(bins(Vec::new()), [[0; BINS]; 0]);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(8000, vec![30_000; 30]);
        let (good, span) = (Histogram {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Histogram {}.check(&good, &span), Ok(()));
        for counts in [[31; BINS], [1, 0, 1, 1, 1, 1]] {
            let mut partial = good.clone();
            partial.0.as_mut().expect("not empty").channels[0] = CumulativeCounts(counts);
            Histogram {}.check(&partial, &span).unwrap_err();
        }
        Histogram {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn counts_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&Histogram {}, sound.pcm(), &cuts);
            // Sample by sample, with a logarithm of each.
            let channels = usize::from(sound.format.channels);
            let found = Histogram {}.finish(Histogram {}.analyze(sound.pcm()), sound.format);
            for (channel, found) in found.into_iter().enumerate() {
                let mut expected = [0; BINS];
                for &x in sound.samples.iter().skip(channel).step_by(channels) {
                    let db = -20.0 * (f64::from(x).abs() / f64::from(sound.format.full_scale())).log10();
                    if let Some(bin) = (0..BINS).find(|&bin| {
                        let bin = f64::from(u8::try_from(bin).unwrap());
                        (bin..bin + 1.0).contains(&db)
                    }) {
                        expected[bin] += 1;
                    }
                }
                prop_assert_eq!(found, expected);
            }
        }
    }
}
