//! Dropouts: gaps of zeros within a signal.
//!
//! ```text
//!    ╱╲              ╲              1 to 500 ms of zeros in one channel, with a level far from
//!   ╱  │              │  ╱╲        zero directly before and after: fades and cuts at zero
//!      └──────────────┘ ╱          crossings are not counted
//! ```
//!
//! A run of zeros may continue in the next chunk; see `Runs`.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::Locations;
use crate::analyze::accumulate::per_channel::ChannelPartial;
use crate::analyze::accumulate::runs::{RunCriteria, Runs};
use crate::analyze::damage::detector::Detector;
use crate::analyze::{AnalysisSettings, FrameSpan, Metric, Region, group};
use crate::pcm::PcmFormat;

/// Detects dropouts; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropouts {}

/// Zeros of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(Runs);

/// A dropout has 1 to 500 ms, and at least −40 dBFS on both sides; with 8 bits, more than their
/// noise.
fn criteria(format: PcmFormat) -> RunCriteria {
    let rate = u64::from(format.sample_rate);
    RunCriteria {
        frames: ((rate / 1000).max(4), rate / 2),
        step: (format.full_scale() / 100).max(4),
    }
}

impl From<&AnalysisSettings> for Dropouts {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Detector for Dropouts {
    type Channel = Channel;

    const METRICS: &'static [Metric] = METRICS;

    fn locations(channel: Channel, _: &FrameSpan) -> Locations {
        channel.0.inner
    }

    fn size(frames: u64, format: PcmFormat) -> Option<f64> {
        Some(Region::of_frames(&(0..frames), format.sample_rate).end_seconds * 1000.0)
    }

    fn threshold(_: PcmFormat) -> Option<f64> {
        Some(1.0)
    }
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        Self(Runs::of(samples, 0, span.frames.start, criteria(span.format)))
    }

    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        Self(self.0.join(span, next.0, next_span, criteria(span.format)))
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        self.0.is_possible(span)
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
    use crate::analyze::accumulate::locations::Location;
    use crate::analyze::accumulate::per_channel::{ChannelStates, PerChannel};
    use crate::analyze::testing::oracle::Sound;
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};
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
        let locations: Vec<_> = found
            .findings
            .iter()
            .map(|finding| {
                [finding.region.start_seconds, finding.region.end_seconds].map(|at| at * 4000.0)
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let expected: Vec<_> =
            expected.iter().map(|&(from, to)| [from as f64, to as f64]).collect();
        assert_eq!(locations, expected, "{picture}");
        assert_eq!(found.count, Some(expected.len() as u64));
    }

    #[test]
    fn gap_between_loud_samples_is_a_dropout() {
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
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(4000, samples("··██·····██·"));
        let (good, span) = (Dropouts {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Dropouts {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut ChannelStates<Channel>); 6] = [
            |states| states.span.frames.end += 1,
            |states| states.channels.clear(),
            |states| states.channels[0].0.head = 12,
            |states| states.channels[0].0.tail = 11,
            |states| states.channels[0].0.after = 0,
            |states| states.channels[0].0.inner.push(Location { frame: 99, frames: 5, value: 5 }),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Dropouts {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Dropouts {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn dropouts_do_not_depend_on_chunking(
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
            assert_chunking_invariance(&Dropouts {}, whole, &cuts);
            // Run by run.
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
