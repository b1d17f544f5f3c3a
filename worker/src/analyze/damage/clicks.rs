//! Clicks: samples and steps that do not fit the waveform around them.
//!
//! ```text
//!          │                c = x[n−1] − 2·x[n] + x[n+1], the second difference: at a click |c| is at
//!    ╱─╲  │╷  ╱─╲          least 8 times as large as at each of the 36 samples before and after,
//!   ╱   ╲─╯╰─╱   ╲         the nearest 3 on each side excepted
//! ```
//!
//! An attack has a large second difference, too, but it is followed by others of that size. A tone
//! that starts out of silence has one of one sign only; at a click, one of the opposite sign
//! follows. A partial keeps the samples at both ends that the test of one sample needs; samples
//! near a chunk boundary are tested in the merge. All arithmetic is in integers. Samples that are
//! too near to the start or the end of the file are not tested.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::{Location, Locations};
use crate::analyze::accumulate::per_channel::ChannelPartial;
use crate::analyze::damage::detector::Detector;
use crate::analyze::{AnalysisSettings, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::PcmFormat;

/// Samples to each side that a click is compared with.
const AROUND: usize = 36;
/// Samples to each side that may belong to the click.
const CLICK_RADIUS: usize = 3;
/// Ratio by which a click exceeds its surroundings.
const FACTOR: i64 = 8;
/// The opposite second difference must be at least one third of the first.
const REVERSAL_DIVISOR: i64 = 3;
/// Samples to each side that the test of one sample needs.
const CONTEXT: usize = AROUND + 1;
/// Samples that a partial keeps at each end.
const KEPT: usize = 2 * CONTEXT;

/// Detects clicks; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clicks {}

/// State of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its first samples, or all.
    head: Vec<i32>,
    /// Its last samples, or all.
    tail: Vec<i32>,
    /// The value of a location is |c|.
    found: Locations,
}

impl From<&AnalysisSettings> for Clicks {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Detector for Clicks {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn locations(channel: Channel, _: &FrameSpan) -> Locations {
        channel.found
    }

    fn size(difference: u64, format: PcmFormat) -> Option<f64> {
        size(difference, format)
    }

    fn threshold(format: PcmFormat) -> Option<f64> {
        size(u64::from(threshold(format)), format)
    }
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let kept = samples.len().min(KEPT);
        let mut found = Locations::default();
        search(&mut found, samples, span.frames.start, threshold(span.format));
        let [head, tail] =
            [&samples[..kept], &samples[samples.len() - kept..]].map(<[i32]>::to_vec);
        Self { head, tail, found }
    }

    fn join(mut self, _: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        let (threshold, boundary) = (threshold(next_span.format), next_span.frames.start);
        let known = [&self.tail[..], &next.head].concat();
        let before = self.tail.len();
        // Of the known samples, only those that neither side could test.
        let from = before.saturating_sub(2 * CONTEXT);
        let to = known.len().min(before + 2 * CONTEXT);
        search(&mut self.found, &known[from..to], boundary - (before - from) as u64, threshold);
        self.found.append(next.found);
        if self.head.len() < KEPT {
            self.head = known[..known.len().min(KEPT)].to_vec();
        }
        let tail = if next.tail.len() < KEPT {
            known[known.len() - known.len().min(KEPT)..].to_vec()
        } else {
            next.tail
        };
        Self { head: self.head, tail, found: self.found }
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let kept = usize::try_from(span.frame_count()).unwrap_or(KEPT).min(KEPT);
        [self.head.len(), self.tail.len()] == [kept, kept] && self.found.is_possible(&span.frames)
    }
}

/// Minimum |c| of a click: 1/32 of full scale.
fn threshold(format: PcmFormat) -> u32 {
    (format.full_scale() / 32).max(16)
}

/// The second difference of a single outlier is twice its deviation.
#[expect(clippy::cast_precision_loss, reason = "33 bits")]
fn size(difference: u64, format: PcmFormat) -> Option<f64> {
    decibels::of_amplitude(difference as f64 / 2.0 / f64::from(format.full_scale()))
}

/// Tests every sample whose context is in `samples`, which start at `first_frame`.
fn search(found: &mut Locations, samples: &[i32], first_frame: u64, threshold: u32) {
    for at in CONTEXT..samples.len().saturating_sub(CONTEXT) {
        let difference = magnitude(samples, at);
        if difference >= i64::from(threshold) && stands_out(samples, at, difference) {
            let frame = first_frame + at as u64;
            found.push(Location { frame, frames: 1, value: difference.unsigned_abs() });
        }
    }
}

#[inline]
fn magnitude(samples: &[i32], at: usize) -> i64 {
    second_difference(samples, at).abs()
}

#[inline]
fn second_difference(samples: &[i32], at: usize) -> i64 {
    let [before, here, after] = [samples[at - 1], samples[at], samples[at + 1]].map(i64::from);
    before - 2 * here + after
}

fn stands_out(samples: &[i32], at: usize, difference_here: i64) -> bool {
    let far = |off: usize| {
        magnitude(samples, at - off) * FACTOR <= difference_here
            && magnitude(samples, at + off) * FACTOR <= difference_here
    };
    // Of the samples of one click, the one with the largest second difference counts; of equal
    // ones, the first.
    let near = |off: usize| {
        magnitude(samples, at - off) < difference_here
            && magnitude(samples, at + off) <= difference_here
    };
    (1..=CLICK_RADIUS).all(near) && (CLICK_RADIUS + 1..=AROUND).all(far) && reverses(samples, at)
}

/// Whether a second difference of the opposite sign is within the click, as at a single outlier and
/// at a step. At the start of a tone or a change of slope there is none.
fn reverses(samples: &[i32], at: usize) -> bool {
    let here = second_difference(samples, at);
    let turns = |other: usize| {
        let difference = second_difference(samples, other);
        (difference < 0) != (here < 0) && difference.abs() * REVERSAL_DIVISOR >= here.abs()
    };
    (1..=CLICK_RADIUS).any(|off| turns(at - off) || turns(at + off))
}

const METRICS: &[Metric] = &[
    Metric {
        key: "clicks",
        title: "Clicks",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of samples and steps that do not fit the waveform around them, over \
                     all channels: the second difference |x[n−1] − 2·x[n] + x[n+1]| is at least \
                     1/32 of full scale and at least 8 times that of each of the 36 samples to \
                     either side, the nearest 3 excepted, and one of these 3 has a second \
                     difference of opposite sign and at least a third of the size. Findings give \
                     the position; their value is the size in dBFS.",
        source: "none; essentia's ClickDetector and DiscontinuityDetector detect the same by \
                 prediction",
        range: "0 and above",
        reading: "0: none. A few are scratches, bad edits or lost samples. Hundreds are likely to \
                  be part of the sound, as in a square wave or a drum machine.",
    },
    Metric {
        key: "largest_click_dbfs",
        title: "Largest click",
        unit: "dBFS",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "Size of the largest of clicks: half of its second difference, which is how \
                     far a single sample stands out.",
        source: "none",
        range: "−36 to +6",
        reading: "Above −20 it is clearly audible.",
    },
];

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::{ChannelStates, PerChannel};
    use crate::analyze::damage::detector::Detections;
    use crate::analyze::testing::oracle::Sound;
    use crate::analyze::testing::signals::{
        assert_chunking_invariance, bytes, cuts, format, varying_noise,
    };
    use crate::analyze::{Analyzer, Region};
    use crate::pcm::Pcm;

    fn clicks(samples: Vec<i32>) -> Detections {
        let sound = Sound::mono_16(8000, samples);
        Clicks {}.finish(Clicks {}.analyze(sound.pcm()), sound.format)
    }

    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn tone(frames: u32) -> Vec<i32> {
        (0..frames)
            .map(|at| (8000.0 * (TAU * 100.0 * f64::from(at) / 8000.0).sin()) as i32)
            .collect()
    }

    #[test]
    fn outlier_and_step_are_clicks() {
        assert_eq!(clicks(tone(900)).count, Some(0));
        let mut lone = tone(900);
        lone[400] += 3277;
        let found = clicks(lone);
        assert_eq!(found.count, Some(1));
        let [finding] = &found.findings[..] else { panic!("{found:?}") };
        assert_eq!(finding.region, Region::of_frames(&(400..401), 8000));
        assert!((finding.value.unwrap() + 20.0).abs() < 0.1, "{finding:?}");

        let step: Vec<i32> =
            tone(900).iter().zip(0..).map(|(&x, at)| if at < 300 { x } else { x + 5000 }).collect();
        assert_eq!(clicks(step).count, Some(1));
        let mut two = tone(900);
        (two[200], two[500]) = (two[200] - 9000, two[500] + 9000);
        assert_eq!(clicks(two).count, Some(2));
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn attacks_and_small_differences_are_not_clicks() {
        // 500 Hz, whose second difference stays as large as at its start.
        let wave = tone(2000).into_iter().step_by(5).map(|x| x * 3);
        let attack: Vec<i32> = std::iter::repeat_n(0, 400).chain(wave).collect();
        assert_eq!(clicks(attack).count, Some(0));
        let mut small = tone(900);
        small[400] += 400;
        assert_eq!(clicks(small).count, Some(0));
        let square: Vec<i32> =
            (0..900).map(|at| if at / 20 % 2 == 0 { 9000 } else { -9000 }).collect();
        assert_eq!(clicks(square).count, Some(0));
        let noise: Vec<i32> =
            varying_noise(9, 9000, 1).iter().map(|x| (x * 32_000.0).round() as i32).collect();
        assert_eq!(clicks(noise).count, Some(0));
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn tone_from_zero_is_not_a_click_but_an_abrupt_one_is() {
        let wave = |hz: f64, start: f64| {
            (0..800).map(move |at| {
                (20_000.0 * (TAU * (hz * f64::from(at) / 8000.0 + start)).sin()) as i32
            })
        };
        let silence = || std::iter::repeat_n(0, 400);
        for hz in [30.0, 50.0, 100.0, 150.0] {
            // A whole number of periods, from zero to zero.
            let sound = silence().chain(wave(hz, 0.0)).chain(silence()).collect();
            assert_eq!(clicks(sound).count, Some(0), "{hz} Hz");
        }
        for hz in [30.0, 50.0, 100.0] {
            let sound: Vec<i32> = silence().chain(wave(hz, 0.25)).chain(silence()).collect();
            assert_eq!(clicks(sound).count, Some(2), "{hz} Hz");
        }
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let mut samples = tone(900);
        samples[400] = 9000;
        let sound = Sound::mono_16(8000, samples);
        let (good, span) = (Clicks {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Clicks {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 5] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].head.truncate(9),
            |states| states.channels[0].tail.clear(),
            |states| states.channels[0].found.push(Location { frame: 7, frames: 1, value: 5 }),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Clicks {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Clicks {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn clicks_do_not_depend_on_chunking(
            seed: u64,
            channels in 1_u16..=3,
            locations in prop::collection::vec(0_usize..1500, 0..30),
            cuts in cuts(),
        ) {
            let mut samples: Vec<f64> =
                varying_noise(seed, 1500, channels.into()).iter().map(|x| x * 0.01).collect();
            for location in locations {
                let at = location % samples.len();
                samples[at] = 0.9;
            }
            let bytes = bytes(&samples);
            assert_chunking_invariance(&Clicks {}, Pcm::new(format(8000, channels), 0, &bytes), &cuts);
        }
    }
}
