//! Dropouts: the wave is torn off, nothing comes for a while, and it goes on in the middle.
//!
//! ```text
//!    ╱╲              ╲              1 to 500 ms of zeros in one channel, and the samples on
//!   ╱  │              │  ╱╲        both sides of them are far from zero: what fades or ends
//!      └──────────────┘ ╱          at a zero crossing was meant so
//! ```
//!
//! A run of zeros may go on across a seam; see `Runs`.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel;
use crate::analyze::accumulate::places::Places;
use crate::analyze::accumulate::runs::{Rule, Runs};
use crate::analyze::damage::finder::Finder;
use crate::analyze::{AnalysisSettings, Metric, Region, Stretch, group};
use crate::pcm::PcmFormat;

/// Looks for dropouts; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropouts {}

/// The zeros of one channel, its ends open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(Runs);

/// What makes a run of zeros a dropout: 1 to 500 ms, and −40 dBFS on both sides; of 8 bits more
/// than their noise.
fn rule(format: PcmFormat) -> Rule {
    let rate = u64::from(format.sample_rate);
    Rule { frames: ((rate / 1000).max(4), rate / 2), step: (format.full_scale() / 100).max(4) }
}

impl From<&AnalysisSettings> for Dropouts {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Finder for Dropouts {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn places(channel: Channel, _: &Stretch) -> Places {
        channel.0.inner
    }

    fn size(frames: u64, format: PcmFormat) -> Option<f64> {
        Some(Region::of_frames(&(0..frames), format.sample_rate).end_seconds * 1000.0)
    }

    fn threshold(_: PcmFormat) -> Option<f64> {
        Some(1.0)
    }
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        Self(Runs::of(samples, 0, stretch.frames.start, rule(stretch.format)))
    }

    fn join(self, stretch: &Stretch, next: Self, behind: &Stretch) -> Self {
        Self(self.0.join(stretch, next.0, behind, rule(stretch.format)))
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        self.0.is_possible(stretch)
    }
}

const METRICS: &[Metric] = &[
    Metric {
        key: "dropouts",
        title: "Dropouts",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of runs of 1 to 500 ms of zeros in one channel with a sample of −40 \
                     dBFS or more directly before and directly after; over all channels. Findings \
                     give the position; their value is the length in ms.",
        source: "none; essentia's GapsDetector detects the same in frames",
        range: "0 and above",
        reading: "0: none. Each is a gap in the recording: a buffer underrun, a bad copy or a lost \
                  packet.",
    },
    Metric {
        key: "longest_dropout_ms",
        title: "Longest dropout",
        unit: "ms",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "Length of the longest of dropouts.",
        source: "none",
        range: "0, or 1 to 500",
        reading: "Even a few milliseconds are audible as a click.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::Analyzer;
    use crate::analyze::accumulate::per_channel::{Apart, Piece};
    use crate::analyze::accumulate::places::Place;
    use crate::analyze::testing::oracle::Sound;
    use crate::analyze::testing::waves::{cuts, expect_the_law};
    use crate::pcm::{Pcm, SampleFormat};

    /// One character is one frame at 4000 Hz: `█` loud, `▁` quiet, `·` zero.
    fn samples(picture: &str) -> Vec<i32> {
        picture
            .chars()
            .map(|c| [0, 100, -20_000]["·▁█".chars().position(|x| x == c).unwrap()])
            .collect()
    }

    #[track_caller]
    fn check(picture: &str, expected: &[(u64, u64)]) {
        let sound = Sound::mono_16(4000, samples(picture));
        let found = Dropouts {}.finish(Dropouts {}.analyze(sound.pcm()), sound.format);
        let places: Vec<_> = found
            .findings
            .iter()
            .map(|finding| {
                [finding.region.start_seconds, finding.region.end_seconds].map(|at| at * 4000.0)
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let expected: Vec<_> =
            expected.iter().map(|&(from, to)| [from as f64, to as f64]).collect();
        assert_eq!(places, expected, "{picture}");
        assert_eq!(found.count, Some(expected.len() as u64));
    }

    #[test]
    fn a_hole_with_torn_edges_is_a_dropout() {
        check("██····██", &[(2, 6)]);
        check("██···██", &[]);
        check("█▁····██", &[]);
        check("██····▁█", &[]);
        check("····████", &[]);
        check("████····", &[]);
        check("········", &[]);
        check("█····█·····█", &[(1, 5), (6, 11)]);
        check(&format!("█{}█", "·".repeat(2000)), &[(1, 2001)]);
        check(&format!("█{}█", "·".repeat(2001)), &[]);
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(4000, samples("··██·····██·"));
        let (good, stretch) = (Dropouts {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(Dropouts {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece<Channel>); 6] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.channels.clear(),
            |piece| piece.channels[0].0.head = 12,
            |piece| piece.channels[0].0.tail = 11,
            |piece| piece.channels[0].0.after = 0,
            |piece| piece.channels[0].0.inner.push(Place { frame: 99, frames: 5, value: 5 }),
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(Dropouts {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        Dropouts {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_dropouts(
            runs in prop::collection::vec((0_usize..3, 1_usize..12), 0..60),
            channels in 1_u16..=3,
            cuts in cuts(),
        ) {
            let mut samples: Vec<i16> = runs
                .into_iter()
                .flat_map(|(kind, times)| vec![[0, 100, -20_000][kind]; times])
                .collect();
            samples.truncate(samples.len() - samples.len() % usize::from(channels));
            let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
            let sample_format = SampleFormat::S16;
            let format = PcmFormat::new(sample_format, 4000, channels);
            let whole = Pcm::new(format, 0, &bytes);
            expect_the_law(&Dropouts {}, whole, &cuts);
            // Run by run, as one reads them off.
            let mut expected = 0;
            for channel in 0..usize::from(channels) {
                let alone: Vec<i16> =
                    samples.iter().skip(channel).step_by(channels.into()).copied().collect();
                let runs: Vec<_> = alone.chunk_by(|one, next| (*one == 0) == (*next == 0)).collect();
                expected += runs
                    .windows(3)
                    .filter(|three| three[1][0] == 0 && three[1].len() >= 4)
                    .filter(|three| three[0].ends_with(&[-20_000]) && three[2][0] == -20_000)
                    .count();
            }
            let found = Dropouts {}.finish(Dropouts {}.analyze(whole), format);
            prop_assert_eq!(found.count.unwrap_or(0), expected as u64);
        }
    }
}
