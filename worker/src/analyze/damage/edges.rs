//! Edges: audio that starts or ends at a level, as if it had been cut from something longer.
//!
//! ```text
//!   │╱╲  ╱╲        ╱╲  │     an RMS of −40 dBFS or more in the first or the last 10 ms of a channel is
//!   │   ╲╱  … ╱╲  ╱  ╲╱│     a cut edge
//! ```
//!
//! A partial keeps Σx² of its frames within the first 10 ms of the file, and its own last 10 ms,
//! which may be those of the file.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::{Location, Locations};
use crate::analyze::accumulate::per_channel::ChannelPartial;
use crate::analyze::damage::detector::Detector;
use crate::analyze::{AnalysisSettings, FrameSpan, Metric, group};
use crate::decibels;
use crate::pcm::PcmFormat;

/// Full scale divided by the minimum level of a cut edge.
const FULL_SCALE_OVER_LEAST: u64 = 100;
/// Steps per unit in the value of a location.
const STEPS: u64 = 256;

/// Detects cut edges; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edges {}

/// Edges of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Σx² of the samples within the first 10 ms of the file.
    head: u128,
    /// The last samples: 10 ms, or all.
    tail: Vec<i32>,
}

impl From<&AnalysisSettings> for Edges {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Detector for Edges {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn locations(channel: Channel, whole: &FrameSpan) -> Locations {
        let (start, end) = (whole.frames.start, whole.frames.end);
        let frames = edge(whole.format).min(whole.frame_count());
        let least = STEPS * u64::from(whole.format.full_scale()) / FULL_SCALE_OVER_LEAST;
        let mut found = Locations::default();
        let mut look = |frame, squares| {
            let value = root_mean_square(squares, frames);
            if value >= least {
                found.push(Location { frame, frames, value });
            }
        };
        look(start, channel.head);
        // In a file of at most 10 ms, start and end are the same samples.
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

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        let edge = edge(span.format);
        let of_head = edge.saturating_sub(span.frames.start);
        let [of_head, of_tail] = [of_head, edge].map(|frames| fitting(frames, samples.len()));
        Self {
            head: squares(&samples[..of_head]),
            tail: samples[samples.len() - of_tail..].to_vec(),
        }
    }

    fn join(mut self, span: &FrameSpan, next: Self, _: &FrameSpan) -> Self {
        let of_tail = fitting(edge(span.format), self.tail.len() + next.tail.len());
        let mut tail =
            self.tail.split_off((self.tail.len() + next.tail.len() - of_tail).min(self.tail.len()));
        tail.extend(next.tail);
        Self { head: self.head.saturating_add(next.head), tail }
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let (frames, edge) = (span.frame_count(), edge(span.format));
        let full_scale = span.format.full_scale();
        let of_head = u128::from(edge.saturating_sub(span.frames.start).min(frames));
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

/// In steps of 1/256, rounded down.
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
    use crate::analyze::accumulate::per_channel::{ChannelStates, PerChannel};
    use crate::analyze::damage::detector::Detections;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};
    use crate::analyze::{Analyzer, Region};

    fn edges(samples: Vec<i32>) -> Detections {
        let sound = Sound::mono_16(1000, samples);
        Edges {}.finish(Edges {}.analyze(sound.pcm()), sound.format)
    }

    #[test]
    fn audio_that_starts_or_ends_at_a_level_is_a_cut_edge() {
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
        // A file that is shorter than an edge has one edge; no audio has no count.
        assert_eq!(edges(loud).count, Some(1));
        assert_eq!(edges(Vec::new()), Detections::default());
        // −40 dBFS are 327.68 of 32,768.
        assert_eq!(edges(vec![327; 100]).count, Some(0));
        assert_eq!(edges(vec![328; 100]).count, Some(2));
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(1000, vec![5; 30]);
        let (good, span) = (Edges {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Edges {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 5] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].head = 11 << 30,
            |states| states.channels[0].tail.truncate(9),
            |states| states.channels[0].tail[3] = 40_000,
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Edges {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Edges {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn edges_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&Edges {}, sound.pcm(), &cuts);
            // In doubles, over all samples at once.
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
            // Levels at the threshold are excluded, since rounding decides there.
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
