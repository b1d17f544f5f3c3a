//! Edges: audio that begins or ends at a level, as if more of it had been there.
//!
//! ```text
//!   │╱╲  ╱╲        ╱╲  │     the first 10 ms and the last: −40 dBFS RMS and more are an edge that
//!   │   ╲╱  … ╱╲  ╱  ╲╱│     something was cut off at
//! ```
//!
//! A partial keeps Σx² of what it has of the first 10 ms of the file, and its own last 10 ms, since
//! they may be those of the file.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel;
use crate::analyze::accumulate::places::{Place, Places};
use crate::analyze::damage::finder::Finder;
use crate::analyze::{AnalysisSettings, Metric, Stretch, group};
use crate::decibels;
use crate::pcm::PcmFormat;

/// From this level on an edge is cut: full scale over it.
const FULL_SCALE_OVER_LEAST: u64 = 100;
/// Steps of 1 in the value of a place.
const STEPS: u64 = 256;

/// Looks at the edges; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edges {}

/// The edges of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Σx² of the samples that are among the first of the file.
    head: u128,
    /// The last samples: as many as an edge has, or all.
    tail: Vec<i32>,
}

impl From<&AnalysisSettings> for Edges {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Finder for Edges {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn places(channel: Channel, whole: &Stretch) -> Places {
        let (start, end) = (whole.frames.start, whole.frames.end);
        let frames = edge(whole.format).min(whole.frame_count());
        let least = STEPS * u64::from(whole.format.full_scale()) / FULL_SCALE_OVER_LEAST;
        let mut found = Places::default();
        let mut look = |frame, squares| {
            let value = root_mean_square(squares, frames);
            if value >= least {
                found.push(Place { frame, frames, value });
            }
        };
        look(start, channel.head);
        // Of a file that is no longer than an edge, both are the same.
        if end - start > frames {
            look(end - frames, squares(&channel.tail));
        }
        found
    }

    fn size(steps: u64, format: PcmFormat) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "40 bits")]
        let level = steps as f64 / (STEPS * u64::from(format.full_scale())) as f64;
        decibels::of_amplitude(level)
    }

    fn threshold(_: PcmFormat) -> Option<f64> {
        Some(-40.0)
    }
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        let edge = edge(stretch.format);
        let of_head = edge.saturating_sub(stretch.frames.start);
        let [of_head, of_tail] = [of_head, edge].map(|frames| fitting(frames, samples.len()));
        Self {
            head: squares(&samples[..of_head]),
            tail: samples[samples.len() - of_tail..].to_vec(),
        }
    }

    fn join(mut self, stretch: &Stretch, next: Self, _: &Stretch) -> Self {
        let of_tail = fitting(edge(stretch.format), self.tail.len() + next.tail.len());
        let mut tail =
            self.tail.split_off((self.tail.len() + next.tail.len() - of_tail).min(self.tail.len()));
        tail.extend(next.tail);
        Self { head: self.head.saturating_add(next.head), tail }
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let (frames, edge) = (stretch.frame_count(), edge(stretch.format));
        let full_scale = stretch.format.full_scale();
        let of_head = u128::from(edge.saturating_sub(stretch.frames.start).min(frames));
        self.head <= of_head * u128::from(full_scale) * u128::from(full_scale)
            && self.tail.len() as u64 == edge.min(frames)
            && self.tail.iter().all(|sample| sample.unsigned_abs() <= full_scale)
    }
}

/// Frames of 10 ms.
fn edge(format: PcmFormat) -> u64 {
    u64::from(format.sample_rate / 100).max(1)
}

fn fitting(frames: u64, most: usize) -> usize {
    usize::try_from(frames).unwrap_or(usize::MAX).min(most)
}

fn squares(samples: &[i32]) -> u128 {
    samples.iter().map(|sample| u128::from(sample.unsigned_abs()).pow(2)).sum()
}

/// In steps, rounded down.
fn root_mean_square(squares: u128, frames: u64) -> u64 {
    let steps = u128::from(STEPS);
    let mean = squares.saturating_mul(steps * steps) / u128::from(frames.max(1));
    u64::try_from(mean.isqrt()).unwrap_or(u64::MAX)
}

const METRICS: &[Metric] = &[
    Metric {
        key: "cut_edges",
        title: "Cut edges",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of channel starts and ends whose first or last 10 ms have an RMS of \
                     −40 dBFS or more, over all channels. Findings give the position; their value \
                     is the RMS in dBFS.",
        source: "none; essentia's StartStopCut detects the same from −60 dBFS on",
        range: "0 to twice the number of channels",
        reading: "0: the file starts and ends in silence or close to it. Otherwise it was cut from \
                  something longer. Loops, test tones and the tracks of a live album are cut on \
                  purpose, so this alone is not a fault.",
    },
    Metric {
        key: "loudest_edge_dbfs",
        title: "Loudest edge",
        unit: "dBFS",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "RMS of the loudest of cut_edges; not defined if there is none.",
        source: "none",
        range: "−40 to 0",
        reading: "Above −20, a cut end is audible as a click, and so is a cut start unless it is \
                  the attack of a note.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::accumulate::per_channel::{Apart, Piece};
    use crate::analyze::damage::finder::Found;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::waves::{cuts, expect_the_law};
    use crate::analyze::{Analyzer, Region};

    fn edges(samples: Vec<i32>) -> Found {
        let sound = Sound::mono_16(1000, samples);
        Edges {}.finish(Edges {}.analyze(sound.pcm()), sound.format)
    }

    #[test]
    fn what_begins_or_ends_at_a_level_is_cut() {
        let loud = vec![-16_384; 10];
        let silence = vec![0; 90];
        let found = edges([loud.clone(), silence.clone()].concat());
        assert_eq!(found.count, Some(1));
        assert_eq!(found.findings[0].region, Region::of_frames(&(0..10), 1000));
        assert!((found.largest.unwrap() + 6.02).abs() < 0.01, "{found:?}");

        let found = edges([silence.clone(), loud.clone()].concat());
        assert_eq!(found.findings[0].region, Region::of_frames(&(90..100), 1000));
        assert_eq!(edges([loud.clone(), silence.clone(), loud.clone()].concat()).count, Some(2));
        assert_eq!(edges([silence.clone(), loud.clone(), silence.clone()].concat()).count, Some(0));
        // A file of one edge has one; no audio has no count.
        assert_eq!(edges(loud).count, Some(1));
        assert_eq!(edges(Vec::new()), Found::default());
        // −40 dBFS are 327.68 of 32,768.
        assert_eq!(edges(vec![327; 100]).count, Some(0));
        assert_eq!(edges(vec![328; 100]).count, Some(2));
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(1000, vec![5; 30]);
        let (good, stretch) = (Edges {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(Edges {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 5] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].head = 11 << 30,
            |piece| piece.channels[0].tail.truncate(9),
            |piece| piece.channels[0].tail[3] = 40_000,
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(Edges {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        Edges {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_edges(sound in sound(), cuts in cuts()) {
            expect_the_law(&Edges {}, sound.pcm(), &cuts);
            // In doubles, of all samples at once.
            let found = Edges {}.finish(Edges {}.analyze(sound.pcm()), sound.format);
            let channels = usize::from(sound.format.channels);
            let edge = (sound.format.sample_rate as usize / 100).max(1);
            let mut expected = Vec::new();
            for channel in 0..channels {
                let alone: Vec<f64> = sound.samples.iter().skip(channel).step_by(channels)
                    .map(|&x| f64::from(x) / f64::from(sound.format.full_scale())).collect();
                let level = |of: &[f64]| {
                    #[expect(clippy::cast_precision_loss, reason = "few")]
                    let count = of.len() as f64;
                    (of.iter().map(|x| x * x).sum::<f64>() / count).sqrt()
                };
                if !alone.is_empty() {
                    expected.push(level(&alone[..edge.min(alone.len())]));
                }
                if alone.len() > edge {
                    expected.push(level(&alone[alone.len() - edge..]));
                }
            }
            // Those that are not right at the threshold, where rounding decides.
            prop_assume!(expected.iter().all(|level| (level - 0.01).abs() > 1e-4));
            expected.retain(|level| *level >= 0.01);
            prop_assert_eq!(found.count.unwrap_or(0), expected.len() as u64);
            let loudest = expected.iter().copied().reduce(f64::max);
            let near = match (found.largest, loudest) {
                (Some(found), Some(expected)) => (found - 20.0 * expected.log10()).abs() < 0.03,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            prop_assert!(near, "{:?}, not {:?}", found.largest, loudest);
        }
    }
}
