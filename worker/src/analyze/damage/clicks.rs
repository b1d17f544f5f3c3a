//! Clicks: a sample or a step that does not belong to the wave around it.
//!
//! ```text
//!          │                c = x[n−1] − 2·x[n] + x[n+1], how much the wave bends at a sample:
//!    ╱─╲  │╷  ╱─╲          a click bends 8 times as much as anything in the 36 samples before
//!   ╱   ╲─╯╰─╱   ╲         and behind, its own 3 to each side apart
//! ```
//!
//! An attack bends as much, but goes on bending; a tone that starts out of silence bends once, while
//! a click bends back. A partial keeps as many samples from
//! either end as a sample needs to be judged; those that a cut goes through are judged in the merge.
//! Whole numbers only. What is nearer than that to either end of the file is not judged.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel;
use crate::analyze::accumulate::places::{Place, Places};
use crate::analyze::damage::finder::Finder;
use crate::analyze::{AnalysisSettings, Metric, Stretch, group};
use crate::decibels;
use crate::pcm::PcmFormat;

/// Samples to each side that a click must stand out from.
const AROUND: usize = 36;
/// Samples to each side that may be part of it.
const ITSELF: usize = 3;
/// By how much it must stand out.
const TIMES: i64 = 8;
/// What part of its bend the wave must bend back at least, right beside it: one third.
const LEAST_TURN: i64 = 3;
/// Samples to each side that it takes to judge one.
const CONTEXT: usize = AROUND + 1;
/// Samples that a partial keeps from either end.
const KEPT: usize = 2 * CONTEXT;

/// Looks for clicks; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clicks {}

/// One channel, its ends open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its first samples, or all.
    head: Vec<i32>,
    /// Its last ones.
    tail: Vec<i32>,
    /// The value is |c|.
    found: Places,
}

impl From<&AnalysisSettings> for Clicks {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Finder for Clicks {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn places(channel: Channel, _: &Stretch) -> Places {
        channel.found
    }

    fn size(bend: u64, format: PcmFormat) -> Option<f64> {
        size(bend, format)
    }

    fn threshold(format: PcmFormat) -> Option<f64> {
        size(u64::from(least(format)), format)
    }
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        let kept = samples.len().min(KEPT);
        let mut found = Places::default();
        look(&mut found, samples, stretch.frames.start, least(stretch.format));
        let [head, tail] =
            [&samples[..kept], &samples[samples.len() - kept..]].map(<[i32]>::to_vec);
        Self { head, tail, found }
    }

    fn join(mut self, _: &Stretch, next: Self, behind: &Stretch) -> Self {
        let (least, seam) = (least(behind.format), behind.frames.start);
        let known = [&self.tail[..], &next.head].concat();
        let before = self.tail.len();
        // Of what is known, only that which neither side could judge.
        let from = before.saturating_sub(2 * CONTEXT);
        let to = known.len().min(before + 2 * CONTEXT);
        look(&mut self.found, &known[from..to], seam - (before - from) as u64, least);
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

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let kept = usize::try_from(stretch.frame_count()).unwrap_or(KEPT).min(KEPT);
        [self.head.len(), self.tail.len()] == [kept, kept]
            && self.found.is_possible(&stretch.frames)
    }
}

/// The least that a click bends: 1/32 of full scale.
fn least(format: PcmFormat) -> u32 {
    (format.full_scale() / 32).max(16)
}

/// A lone sample that stands out by so much bends twice as much.
#[expect(clippy::cast_precision_loss, reason = "33 bits")]
fn size(bend: u64, format: PcmFormat) -> Option<f64> {
    decibels::of_amplitude(bend as f64 / 2.0 / f64::from(format.full_scale()))
}

/// Judges every sample that has its whole context here; the first one here is that frame.
fn look(found: &mut Places, samples: &[i32], first_frame: u64, least: u32) {
    for at in CONTEXT..samples.len().saturating_sub(CONTEXT) {
        let bend = bend(samples, at);
        if bend >= i64::from(least) && stands_out(samples, at, bend) {
            let frame = first_frame + at as u64;
            found.push(Place { frame, frames: 1, value: bend.unsigned_abs() });
        }
    }
}

#[inline]
fn bend(samples: &[i32], at: usize) -> i64 {
    signed_bend(samples, at).abs()
}

#[inline]
fn signed_bend(samples: &[i32], at: usize) -> i64 {
    let [before, here, behind] = [samples[at - 1], samples[at], samples[at + 1]].map(i64::from);
    before - 2 * here + behind
}

fn stands_out(samples: &[i32], at: usize, bend_here: i64) -> bool {
    let far = |off: usize| {
        bend(samples, at - off) * TIMES <= bend_here && bend(samples, at + off) * TIMES <= bend_here
    };
    // Of the samples of one click, the one that bends most, and of equals the first.
    let near =
        |off: usize| bend(samples, at - off) < bend_here && bend(samples, at + off) <= bend_here;
    (1..=ITSELF).all(near) && (ITSELF + 1..=AROUND).all(far) && turns_back(samples, at)
}

/// Whether the wave bends back right there, as at a lone sample and at a step. Where it begins out
/// of silence or changes its slope, it bends once, and that is a kink and no click.
fn turns_back(samples: &[i32], at: usize) -> bool {
    let here = signed_bend(samples, at);
    let turns = |other: usize| {
        let bend = signed_bend(samples, other);
        (bend < 0) != (here < 0) && bend.abs() * LEAST_TURN >= here.abs()
    };
    (1..=ITSELF).any(|off| turns(at - off) || turns(at + off))
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
    use crate::analyze::accumulate::per_channel::{Apart, Piece};
    use crate::analyze::damage::finder::Found;
    use crate::analyze::testing::oracle::Sound;
    use crate::analyze::testing::waves::{bytes, cuts, expect_the_law, format, wandering};
    use crate::analyze::{Analyzer, Region};
    use crate::pcm::Pcm;

    fn clicks(samples: Vec<i32>) -> Found {
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
    fn a_lone_sample_and_a_step_are_clicks() {
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
    fn an_attack_and_a_small_bend_are_none() {
        // Of 500 Hz, which goes on bending as it began.
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
            wandering(9, 9000, 1).iter().map(|x| (x * 32_000.0).round() as i32).collect();
        assert_eq!(clicks(noise).count, Some(0));
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
    fn a_tone_that_starts_out_of_silence_or_stops_is_none_but_one_that_is_torn_off_is() {
        let wave = |hz: f64, start: f64| {
            (0..800).map(move |at| {
                (20_000.0 * (TAU * (hz * f64::from(at) / 8000.0 + start)).sin()) as i32
            })
        };
        let silence = || std::iter::repeat_n(0, 400);
        for hz in [30.0, 50.0, 100.0, 150.0] {
            // A whole number of periods: from zero to zero.
            let sound = silence().chain(wave(hz, 0.0)).chain(silence()).collect();
            assert_eq!(clicks(sound).count, Some(0), "{hz} Hz");
        }
        for hz in [30.0, 50.0, 100.0] {
            let sound: Vec<i32> = silence().chain(wave(hz, 0.25)).chain(silence()).collect();
            assert_eq!(clicks(sound).count, Some(2), "{hz} Hz");
        }
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let mut samples = tone(900);
        samples[400] = 9000;
        let sound = Sound::mono_16(8000, samples);
        let (good, stretch) = (Clicks {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(Clicks {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 5] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].head.truncate(9),
            |piece| piece.channels[0].tail.clear(),
            |piece| piece.channels[0].found.push(Place { frame: 7, frames: 1, value: 5 }),
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(Clicks {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        Clicks {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_clicks(
            seed: u64,
            channels in 1_u16..=3,
            places in prop::collection::vec(0_usize..1500, 0..30),
            cuts in cuts(),
        ) {
            let mut samples: Vec<f64> =
                wandering(seed, 1500, channels.into()).iter().map(|x| x * 0.01).collect();
            for place in places {
                let at = place % samples.len();
                samples[at] = 0.9;
            }
            let bytes = bytes(&samples);
            expect_the_law(&Clicks {}, Pcm::new(format(8000, channels), 0, &bytes), &cuts);
        }
    }
}
