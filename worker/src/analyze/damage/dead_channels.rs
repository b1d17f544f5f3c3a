//! Dead channels: channels without signal in a file that has signal in another channel.
//!
//! The state is the largest magnitude of each channel, which depends on neither order nor chunking.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, FrameSpan, Metric, Region, group,
};
use crate::pcm::{Pcm, PcmFormat};

/// A channel with a peak below this level is dead if another one is active.
const SILENT_DBFS: f64 = -60.0;
/// A channel with a peak from this level on is active.
const ACTIVE_DBFS: f64 = -40.0;

/// Detects dead channels; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadChannels {}

/// Largest magnitude of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPeak(u32);

/// Findings for dead channels; `None` if there is no audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeadChannelFindings(Option<Vec<Finding>>);

impl From<&AnalysisSettings> for DeadChannels {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for DeadChannels {
    type Partial = PerChannel<ChannelPeak>;
    type Feature = DeadChannelFindings;

    const METRICS: &'static [Metric] = &[Metric {
        key: "dead_channels",
        title: "Dead channels",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of channels whose largest sample is below −60 dBFS while another \
                     channel reaches −40 dBFS. Findings give the channel; their value is its peak \
                     in dBFS, `null` if all samples are zero.",
        source: "none; broadcasters' quality control has a check of that name",
        range: "0 to the number of channels − 1",
        reading: "0: none. Otherwise a cable, a track or a conversion failed. Surround and \
                  low-frequency channels may be silent on purpose.",
    }];

    fn analyze(&self, chunk: Pcm<'_>) -> PerChannel<ChannelPeak> {
        PerChannel::of(chunk)
    }

    fn merge(
        &self,
        first: PerChannel<ChannelPeak>,
        next: PerChannel<ChannelPeak>,
    ) -> PerChannel<ChannelPeak> {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<ChannelPeak>, format: PcmFormat) -> DeadChannelFindings {
        DeadChannelFindings(whole.0.map(|states| {
            let peaks = states.channels.iter().map(|peak| format.dbfs(peak.0));
            let has = |level: Option<f64>, least| level.is_some_and(|level| level >= least);
            let is_alive = peaks.clone().any(|peak| has(peak, ACTIVE_DBFS));
            (1..)
                .zip(peaks)
                .filter(|(_, peak)| is_alive && !has(*peak, SILENT_DBFS))
                .map(|(channel, value)| Finding {
                    kind: Self::METRICS[0].key,
                    channel: Some(channel),
                    region: Region::of_frames(&states.span.frames, format.sample_rate),
                    value,
                    threshold: Some(SILENT_DBFS),
                    byte: None,
                })
                .collect()
        }))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
    fn figures(dead: &DeadChannelFindings) -> impl Iterator<Item = Option<f64>> {
        std::iter::once(dead.0.as_ref().map(|findings| findings.len() as f64))
    }

    fn details(dead: &DeadChannelFindings) -> Details {
        Details { findings: dead.0.clone().unwrap_or_default(), ..Details::default() }
    }

    fn check(&self, partial: &PerChannel<ChannelPeak>, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

impl ChannelPartial for ChannelPeak {
    fn of(samples: &[i32], _: &FrameSpan) -> Self {
        Self(samples.iter().fold(0, |peak, sample| peak.max(sample.unsigned_abs())))
    }

    fn join(self, _: &FrameSpan, next: Self, _: &FrameSpan) -> Self {
        Self(self.0.max(next.0))
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        self.0 <= span.format.full_scale()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, bytes, cuts, format};

    /// Dead channels of a file whose channels have these peaks.
    fn dead(peaks: &[f64]) -> Option<Vec<Option<u16>>> {
        let samples: Vec<f64> = [&vec![0.0; peaks.len()][..], peaks].concat();
        let (format, bytes) = (format(8000, u16::try_from(peaks.len()).unwrap()), bytes(&samples));
        let partial = DeadChannels {}.analyze(Pcm::new(format, 0, &bytes));
        let DeadChannelFindings(found) = DeadChannels {}.finish(partial, format);
        found.map(|findings| findings.iter().map(|finding| finding.channel).collect())
    }

    #[test]
    fn channel_is_dead_only_next_to_an_active_one() {
        assert_eq!(dead(&[0.5, 0.0]), Some(vec![Some(2)]));
        assert_eq!(dead(&[-0.0009, -0.5, 0.0011]), Some(vec![Some(1)]));
        assert_eq!(dead(&[0.5, 0.1]), Some(vec![]));
        assert_eq!(dead(&[0.5]), Some(vec![]));
        assert_eq!(dead(&[0.0, 0.0]), Some(vec![]));
        assert_eq!(dead(&[0.009, 0.0]), Some(vec![]));
        let nothing = Sound::mono_16(8000, Vec::new());
        let partial = DeadChannels {}.analyze(nothing.pcm());
        assert_eq!(DeadChannels {}.finish(partial, nothing.format), DeadChannelFindings(None));
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(8000, vec![5; 30]);
        let (good, span) = (DeadChannels {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(DeadChannels {}.check(&good, &span), Ok(()));
        let mut partial = good.clone();
        partial.0.as_mut().expect("not empty").channels[0] = ChannelPeak(32_769);
        DeadChannels {}.check(&partial, &span).unwrap_err();
        DeadChannels {}.check(&PerChannel::default(), &span).unwrap_err();
    }

    proptest! {
        #[test]
        fn peaks_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
            assert_chunking_invariance(&DeadChannels {}, sound.pcm(), &cuts);
        }
    }
}
