//! Flat tops: a waveform that was clipped below full scale, or clipped and attenuated afterwards.
//!
//! ```text
//!      ▁▁▁▁         ▁▁▁       3 or more samples with exactly the largest value of the channel (or the
//!     ╱    ╲       ╱   ╲      smallest), with a step on both sides: the peak of an unclipped waveform
//!    ╱      ╲     ╱     ╲     is round
//! ```
//!
//! The largest value is known only at the end of the file. A partial keeps the runs at its own
//! largest value, and the merge drops those of the smaller one.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::Locations;
use crate::analyze::accumulate::per_channel::ChannelPartial;
use crate::analyze::accumulate::runs::{RunCriteria, Runs};
use crate::analyze::damage::clipping;
use crate::analyze::damage::detector::Detector;
use crate::analyze::{AnalysisSettings, FrameSpan, Metric, group};
use crate::pcm::{PcmFormat, SampleFormat};

/// Minimum length of a flat top, in samples.
const SHORTEST: u16 = 3;
/// Minimum step to the neighbouring samples, in steps of the sample format.
const STEPS: u32 = 4;

/// Detects flat tops; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatTops {}

/// State of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    first: i32,
    last: i32,
    top: Extreme,
    bottom: Extreme,
}

/// Runs at the largest or the smallest value of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Extreme {
    value: i32,
    runs: Runs,
}

impl From<&AnalysisSettings> for FlatTops {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Detector for FlatTops {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn locations(channel: Channel, whole: &FrameSpan) -> Locations {
        let [lowest, highest] = clipping::ends(whole.format);
        // Below −40 dBFS a run is not counted as clipping.
        let least = i32::try_from(whole.format.full_scale() / 100).unwrap_or(i32::MAX);
        let of =
            |end: Extreme, is_one: bool| if is_one { end.runs.inner } else { Locations::default() };
        let Channel { top, bottom, .. } = channel;
        let is_top = (least..highest).contains(&top.value);
        let is_bottom = bottom.value > lowest && bottom.value <= -least;
        of(top, is_top).merged(of(bottom, is_bottom))
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of samples, far below 2⁵³")]
    fn size(samples: u64, _: PcmFormat) -> Option<f64> {
        Some(samples as f64)
    }

    fn threshold(_: PcmFormat) -> Option<f64> {
        Some(f64::from(SHORTEST))
    }
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let end = |value| Extreme {
            value,
            runs: Runs::of(samples, value, span.frames.start, criteria(span.format)),
        };
        let [first, last] = [samples.first(), samples.last()].map(|x| x.copied().unwrap_or(0));
        let top = samples.iter().fold(first, |top, &x| top.max(x));
        let bottom = samples.iter().fold(first, |bottom, &x| bottom.min(x));
        Self { first, last, top: end(top), bottom: end(bottom) }
    }

    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        let join = |[one, other]: [Extreme; 2], value: i32| {
            let [one, other] = [(one, &self.first, &self.last), (other, &next.first, &next.last)]
                .map(|(end, first, last)| end.runs_at(value, [*first, *last]));
            Extreme { value, runs: one.join(span, other, next_span, criteria(span.format)) }
        };
        let top = self.top.value.max(next.top.value);
        let bottom = self.bottom.value.min(next.bottom.value);
        Self {
            first: self.first,
            last: next.last,
            top: join([self.top, next.top], top),
            bottom: join([self.bottom, next.bottom], bottom),
        }
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let full_scale = span.format.full_scale();
        let is_end = |end: &Extreme| {
            end.value.unsigned_abs() <= full_scale
                && [(self.first, end.runs.head), (self.last, end.runs.tail)]
                    .iter()
                    .all(|&(sample, run)| (sample == end.value) == (run > 0))
                && end.runs.is_possible(span)
        };
        is_end(&self.top)
            && is_end(&self.bottom)
            && [self.first, self.last]
                .iter()
                .all(|sample| (self.bottom.value..=self.top.value).contains(sample))
    }
}

impl Extreme {
    /// Runs at `value`, which equals or exceeds the own value.
    fn runs_at(self, value: i32, [first, last]: [i32; 2]) -> Runs {
        if value == self.value {
            self.runs
        } else {
            Runs::none(first.abs_diff(value), last.abs_diff(value))
        }
    }
}

fn criteria(format: PcmFormat) -> RunCriteria {
    let step = if format.sample_format == SampleFormat::S24 { 1 << 8 } else { 1 };
    RunCriteria { frames: (SHORTEST.into(), u64::MAX), step: STEPS * step }
}

const METRICS: &[Metric] = &[
    Metric {
        key: "flat_tops",
        title: "Flat tops",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of runs of 3 or more samples that all have the largest value of their \
                     channel, or all the smallest, where that value is below full scale and above \
                     −40 dBFS and both neighbouring samples are at least 4 steps of the sample \
                     format away; over all channels. Findings give the position; their value is \
                     the length in samples.",
        source: "none; `Flat factor` of SoX stats and ffmpeg astats measures the same",
        range: "0 and above",
        reading: "0: none. Dozens indicate a recording that was clipped and attenuated afterwards, \
                  or a limiter that clips. A square wave consists of flat tops.",
    },
    Metric {
        key: "longest_flat_top_samples",
        title: "Longest flat top",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Length in samples of the longest of flat_tops.",
        source: "none",
        range: "0, or 3 and above",
        reading: "As for clipping: below 10 it is hardly audible.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::Analyzer;
    use crate::analyze::accumulate::locations::Location;
    use crate::analyze::accumulate::per_channel::{ChannelStates, PerChannel};
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    /// Start and end, in samples.
    fn tops(samples: &[i32]) -> Vec<(u64, u64)> {
        let sound = Sound::mono_16(1, samples.to_vec());
        let found = FlatTops {}.finish(FlatTops {}.analyze(sound.pcm()), sound.format);
        assert_eq!(found.count.unwrap_or(0), found.findings.len() as u64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let location = |seconds: f64| seconds as u64;
        let region = |finding: &crate::analyze::Finding| {
            (location(finding.region.start_seconds), location(finding.region.end_seconds))
        };
        found.findings.iter().map(region).collect()
    }

    #[test]
    fn three_samples_at_the_largest_value_between_steps_are_a_flat_top() {
        assert_eq!(tops(&[0, 900, 900, 900, 0, 5, 900, 900, 1, -7]), [(1, 4)]);
        assert_eq!(tops(&[0, 900, 900, 900, 900, 0, -800, -800, -800, 0]), [(1, 5), (6, 9)]);
        // Runs below the largest value, at a round peak, and at the start and the end of the file
        // are not counted.
        assert_eq!(tops(&[0, 900, 900, 900, 0, 901, 0]), []);
        assert_eq!(tops(&[0, 897, 900, 900, 900, 897, 0]), []);
        assert_eq!(tops(&[900, 900, 900, 0, 900, 900, 900]), []);
    }

    #[test]
    fn full_scale_and_quiet_runs_are_not_flat_tops() {
        assert_eq!(tops(&[0, 32_767, 32_767, 32_767, 0]), []);
        assert_eq!(tops(&[0, 32_766, 32_766, 32_766, 0]), [(1, 4)]);
        assert_eq!(tops(&[0, -32_768, -32_768, -32_768, 0]), []);
        assert_eq!(tops(&[0, 300, 300, 300, 0]), []);
        assert_eq!(tops(&[-900, 0, 0, 0, -900, -5]), []);
        assert_eq!(tops(&[0; 9]), []);
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn clipped_sine_has_two_flat_tops_per_period() {
        let sine = |hz: f64| {
            (0..8000).map(move |at| {
                20_000.0 * (std::f64::consts::TAU * hz * f64::from(at) / 8000.0).sin()
            })
        };
        for hz in [3.0, 20.0, 77.7, 1000.3] {
            let whole: Vec<i32> = sine(hz).map(|x| x.round() as i32).collect();
            assert_eq!(tops(&whole), [], "{hz} Hz");
        }
        let cut: Vec<i32> = sine(77.7).map(|x| x.clamp(-15_000.0, 15_000.0) as i32).collect();
        assert_eq!(tops(&cut).len(), 155);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(1, vec![0, 900, 900, 900, 0, -7, 900, 900]);
        let (good, span) = (FlatTops {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(FlatTops {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 8] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].first = 901,
            |states| states.channels[0].last = 0,
            |states| states.channels[0].top.value = 40_000,
            |states| states.channels[0].top.runs.tail = 0,
            |states| states.channels[0].bottom.runs.before = 0,
            |states| {
                let far = Location { frame: 99, frames: 5, value: 5 };
                states.channels[0].bottom.runs.inner.push(far);
            },
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(FlatTops {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        FlatTops {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    /// Run by run.
    fn reference(samples: &[i32]) -> usize {
        let runs: Vec<_> = samples.chunk_by(|one, next| one == next).collect();
        let ends = [samples.iter().max(), samples.iter().min()];
        runs.windows(3)
            .filter(|three| three[1].len() >= 3)
            .filter(|three| ends.contains(&three[1].first()))
            .filter(|three| (328..32_767).contains(&three[1][0].abs()) && three[1][0] != -32_768)
            .filter(|three| (three[0][0] - three[1][0]).abs() >= 4)
            .filter(|three| (three[2][0] - three[1][0]).abs() >= 4)
            .count()
    }

    proptest! {
        #[test]
        fn tops_do_not_depend_on_chunking(
            runs in prop::collection::vec((0_usize..7, 1_usize..7), 0..60),
            cuts in cuts(),
        ) {
            let values = [0, 900, -900, 898, -905, 901, 7];
            let samples: Vec<i32> =
                runs.into_iter().flat_map(|(value, times)| vec![values[value]; times]).collect();
            let sound = Sound::mono_16(8000, samples.clone());
            assert_chunking_invariance(&FlatTops {}, sound.pcm(), &cuts);
            prop_assert_eq!(tops(&samples).len(), reference(&samples));
        }

        #[test]
        fn flat_tops_of_any_format_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&FlatTops {}, sound.pcm(), &cuts);
        }
    }
}
