//! Dead channels: nothing comes out of one while there is sound in another.
//!
//! The largest magnitude of each channel: no order and no cut can change it.

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::per_channel::{Apart, Channel};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, Metric, Region, Stretch, group,
};
use crate::pcm::{Pcm, PcmFormat};

/// A channel below this peak may be dead.
const DEAD_DBFS: f64 = -60.0;
/// From this peak on, there is sound in another.
const ALIVE_DBFS: f64 = -40.0;

/// Looks for dead channels; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadChannels {}

/// The largest magnitude in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak(u32);

/// The channels that are dead; `None` of no audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dead(Option<Vec<Finding>>);

impl From<&AnalysisSettings> for DeadChannels {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for DeadChannels {
    type Partial = Apart<Peak>;
    type Feature = Dead;

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

    fn analyze(&self, chunk: Pcm<'_>) -> Apart<Peak> {
        Apart::of(chunk)
    }

    fn merge(&self, first: Apart<Peak>, next: Apart<Peak>) -> Apart<Peak> {
        first.join(next)
    }

    fn finish(&self, whole: Apart<Peak>, format: PcmFormat) -> Dead {
        Dead(whole.0.map(|piece| {
            let peaks = piece.channels.iter().map(|peak| format.dbfs(peak.0));
            let has = |level: Option<f64>, least| level.is_some_and(|level| level >= least);
            let is_alive = peaks.clone().any(|peak| has(peak, ALIVE_DBFS));
            (1..)
                .zip(peaks)
                .filter(|(_, peak)| is_alive && !has(*peak, DEAD_DBFS))
                .map(|(channel, value)| Finding {
                    kind: Self::METRICS[0].key,
                    channel: Some(channel),
                    region: Region::of_frames(&piece.stretch.frames, format.sample_rate),
                    value,
                    threshold: Some(DEAD_DBFS),
                    byte: None,
                })
                .collect()
        }))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
    fn figures(dead: &Dead) -> impl Iterator<Item = Option<f64>> {
        std::iter::once(dead.0.as_ref().map(|findings| findings.len() as f64))
    }

    fn details(dead: &Dead) -> Details {
        Details { findings: dead.0.clone().unwrap_or_default(), ..Details::default() }
    }

    fn check(&self, partial: &Apart<Peak>, stretch: &Stretch) -> Result<(), String> {
        partial.check(stretch)
    }
}

impl Channel for Peak {
    fn of(samples: &[i32], _: &Stretch) -> Self {
        Self(samples.iter().fold(0, |peak, sample| peak.max(sample.unsigned_abs())))
    }

    fn join(self, _: &Stretch, next: Self, _: &Stretch) -> Self {
        Self(self.0.max(next.0))
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        self.0 <= stretch.format.full_scale()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::waves::{bytes, cuts, expect_the_law, format};

    /// Of channels that have this largest sample each.
    fn dead(peaks: &[f64]) -> Option<Vec<Option<u16>>> {
        let samples: Vec<f64> = [&vec![0.0; peaks.len()][..], peaks].concat();
        let (format, bytes) = (format(8000, u16::try_from(peaks.len()).unwrap()), bytes(&samples));
        let partial = DeadChannels {}.analyze(Pcm::new(format, 0, &bytes));
        let Dead(found) = DeadChannels {}.finish(partial, format);
        found.map(|findings| findings.iter().map(|finding| finding.channel).collect())
    }

    #[test]
    fn a_channel_is_dead_only_beside_one_that_is_not() {
        assert_eq!(dead(&[0.5, 0.0]), Some(vec![Some(2)]));
        assert_eq!(dead(&[-0.0009, -0.5, 0.0011]), Some(vec![Some(1)]));
        assert_eq!(dead(&[0.5, 0.1]), Some(vec![]));
        assert_eq!(dead(&[0.5]), Some(vec![]));
        assert_eq!(dead(&[0.0, 0.0]), Some(vec![]));
        assert_eq!(dead(&[0.009, 0.0]), Some(vec![]));
        let nothing = Sound::mono_16(8000, Vec::new());
        let partial = DeadChannels {}.analyze(nothing.pcm());
        assert_eq!(DeadChannels {}.finish(partial, nothing.format), Dead(None));
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(8000, vec![5; 30]);
        let (good, stretch) = (DeadChannels {}.analyze(sound.pcm()), Stretch::from(sound.pcm()));
        assert_eq!(DeadChannels {}.check(&good, &stretch), Ok(()));
        let mut partial = good.clone();
        partial.0.as_mut().expect("a piece").channels[0] = Peak(32_769);
        DeadChannels {}.check(&partial, &stretch).unwrap_err();
        DeadChannels {}.check(&Apart::default(), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_peaks(sound in sound(), cuts in cuts()) {
            expect_the_law(&DeadChannels {}, sound.pcm(), &cuts);
        }
    }
}
