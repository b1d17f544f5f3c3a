//! Flat tops: a wave that was cut off at a level below full scale, and turned down afterwards.
//!
//! ```text
//!      ▁▁▁▁         ▁▁▁       3 or more samples of exactly the largest value of the channel (or
//!     ╱    ╲       ╱   ╲      the least), and a step down on both sides: the crest of a wave that
//!    ╱      ╲     ╱     ╲     uncut is round         
//! ```
//!
//! Which value is the largest is not known before the end: a partial keeps the runs at its own, and
//! the merge drops those at the lesser one.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel;
use crate::analyze::accumulate::places::Places;
use crate::analyze::accumulate::runs::{Rule, Runs};
use crate::analyze::damage::clipping;
use crate::analyze::damage::finder::Finder;
use crate::analyze::{AnalysisSettings, Metric, Stretch, group};
use crate::pcm::{PcmFormat, SampleFormat};

/// Samples in a row that make a flat top.
const SHORTEST: u16 = 3;
/// Steps of the sample format that it is above its neighbours.
const STEPS: u32 = 4;

/// Looks for flat tops; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatTops {}

/// One channel, its ends open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    first: i32,
    last: i32,
    top: End,
    bottom: End,
}

/// What stands at one end of the values of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    value: i32,
    runs: Runs,
}

impl From<&AnalysisSettings> for FlatTops {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Finder for FlatTops {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn places(channel: Channel, whole: &Stretch) -> Places {
        let [lowest, highest] = clipping::ends(whole.format);
        // What is quieter than −40 dBFS is not a wave that someone cut off.
        let least = i32::try_from(whole.format.full_scale() / 100).unwrap_or(i32::MAX);
        let of = |end: End, is_one: bool| if is_one { end.runs.inner } else { Places::default() };
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

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        let end = |value| End {
            value,
            runs: Runs::of(samples, value, stretch.frames.start, rule(stretch.format)),
        };
        let [first, last] = [samples.first(), samples.last()].map(|x| x.copied().unwrap_or(0));
        let top = samples.iter().fold(first, |top, &x| top.max(x));
        let bottom = samples.iter().fold(first, |bottom, &x| bottom.min(x));
        Self { first, last, top: end(top), bottom: end(bottom) }
    }

    fn join(self, stretch: &Stretch, next: Self, behind: &Stretch) -> Self {
        let join = |[one, other]: [End; 2], value: i32| {
            let [one, other] = [(one, &self.first, &self.last), (other, &next.first, &next.last)]
                .map(|(end, first, last)| end.runs_at(value, [*first, *last]));
            End { value, runs: one.join(stretch, other, behind, rule(stretch.format)) }
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

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let full_scale = stretch.format.full_scale();
        let is_end = |end: &End| {
            end.value.unsigned_abs() <= full_scale
                && [(self.first, end.runs.head), (self.last, end.runs.tail)]
                    .iter()
                    .all(|&(sample, run)| (sample == end.value) == (run > 0))
                && end.runs.is_possible(stretch)
        };
        is_end(&self.top)
            && is_end(&self.bottom)
            && [self.first, self.last]
                .iter()
                .all(|sample| (self.bottom.value..=self.top.value).contains(sample))
    }
}

impl End {
    /// The runs of a value that is the same or beyond.
    fn runs_at(self, value: i32, [first, last]: [i32; 2]) -> Runs {
        if value == self.value {
            self.runs
        } else {
            Runs::none(first.abs_diff(value), last.abs_diff(value))
        }
    }
}

fn rule(format: PcmFormat) -> Rule {
    let step = if format.sample_format == SampleFormat::S24 { 1 << 8 } else { 1 };
    Rule { frames: (SHORTEST.into(), u64::MAX), step: STEPS * step }
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
    use crate::analyze::accumulate::per_channel::{Apart, Piece};
    use crate::analyze::accumulate::places::Place;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::waves::{cuts, expect_the_law};

    /// From where to where, in samples.
    fn tops(samples: &[i32]) -> Vec<(u64, u64)> {
        let sound = Sound::mono_16(1, samples.to_vec());
        let found = FlatTops {}.finish(FlatTops {}.analyze(sound.pcm()), sound.format);
        assert_eq!(found.count.unwrap_or(0), found.findings.len() as u64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let place = |seconds: f64| seconds as u64;
        let region = |finding: &crate::analyze::Finding| {
            (place(finding.region.start_seconds), place(finding.region.end_seconds))
        };
        found.findings.iter().map(region).collect()
    }

    #[test]
    fn three_samples_at_the_largest_value_with_a_step_on_both_sides_are_one() {
        assert_eq!(tops(&[0, 900, 900, 900, 0, 5, 900, 900, 1, -7]), [(1, 4)]);
        assert_eq!(tops(&[0, 900, 900, 900, 900, 0, -800, -800, -800, 0]), [(1, 5), (6, 9)]);
        // At a value that is not the largest; at a round crest; at the ends, where it is unknown.
        assert_eq!(tops(&[0, 900, 900, 900, 0, 901, 0]), []);
        assert_eq!(tops(&[0, 897, 900, 900, 900, 897, 0]), []);
        assert_eq!(tops(&[900, 900, 900, 0, 900, 900, 900]), []);
    }

    #[test]
    fn full_scale_is_clipping_and_the_quiet_is_no_wave() {
        assert_eq!(tops(&[0, 32_767, 32_767, 32_767, 0]), []);
        assert_eq!(tops(&[0, 32_766, 32_766, 32_766, 0]), [(1, 4)]);
        assert_eq!(tops(&[0, -32_768, -32_768, -32_768, 0]), []);
        assert_eq!(tops(&[0, 300, 300, 300, 0]), []);
        assert_eq!(tops(&[-900, 0, 0, 0, -900, -5]), []);
        assert_eq!(tops(&[0; 9]), []);
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn a_sine_has_none_and_a_sine_that_was_cut_off_has_two_each_period() {
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
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(1, vec![0, 900, 900, 900, 0, -7, 900, 900]);
        let (good, stretch) = (FlatTops {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(FlatTops {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 8] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].first = 901,
            |piece| piece.channels[0].last = 0,
            |piece| piece.channels[0].top.value = 40_000,
            |piece| piece.channels[0].top.runs.tail = 0,
            |piece| piece.channels[0].bottom.runs.before = 0,
            |piece| {
                let far = Place { frame: 99, frames: 5, value: 5 };
                piece.channels[0].bottom.runs.inner.push(far);
            },
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(FlatTops {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        FlatTops {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    /// Run by run, as one reads them off.
    fn plainly(samples: &[i32]) -> usize {
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
        fn any_cut_gives_the_same_tops(
            runs in prop::collection::vec((0_usize..7, 1_usize..7), 0..60),
            cuts in cuts(),
        ) {
            let values = [0, 900, -900, 898, -905, 901, 7];
            let samples: Vec<i32> =
                runs.into_iter().flat_map(|(value, times)| vec![values[value]; times]).collect();
            let sound = Sound::mono_16(8000, samples.clone());
            expect_the_law(&FlatTops {}, sound.pcm(), &cuts);
            prop_assert_eq!(tops(&samples).len(), plainly(&samples));
        }

        #[test]
        fn any_format_can_be_cut_anywhere(sound in sound(), cuts in cuts()) {
            expect_the_law(&FlatTops {}, sound.pcm(), &cuts);
        }
    }
}
