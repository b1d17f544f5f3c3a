//! Details: what analyzers tell beside one number for the whole file.
//!
//! - Regions: where something is, one list for each kind.
//! - Findings: what deserves a look, each with its time, its channel, and how bad it is.
//! - Channels: figures of each channel by itself.
//! - Timelines: a figure every 100 ms, if they were asked for.
//!
//! Each belongs to a metric of the catalogue and bears its key: the metric is the number for the
//! whole file (how many regions there are, say), and who asks for it gets the details too. Places
//! are in seconds, since their readers have no frames; frames over the rate are exact enough
//! to get the frame back by rounding.

use serde::Serialize;

use crate::analyze::loudness::album::Share;
use crate::analyze::results::timeline::Timeline;
use crate::analyze::spectrum::bands::Band;
use crate::analyze::waveform::Waveform;

/// A stretch of the file that something is true of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Region {
    /// Where it begins, in seconds.
    pub start_seconds: f64,
    /// Where it has ended, in seconds.
    pub end_seconds: f64,
}

/// Something that deserves a look.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The key of its metric.
    pub kind: &'static str,
    /// The channel that it is in, from 1; `None` if it is in all of them.
    pub channel: Option<u16>,
    /// Where it is.
    #[serde(flatten)]
    pub region: Region,
    /// How bad it is, in what the definition of its metric says.
    pub value: Option<f64>,
    /// From which value on it is a finding at all.
    pub threshold: Option<f64>,
    /// The byte of the file at which it begins, if it was found there and not in the audio.
    pub byte: Option<u64>,
}

/// What analyzers tell beside one number for the whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// By the key of a metric, each in order of time.
    pub regions: Vec<(&'static str, Vec<Region>)>,
    /// In order of time.
    pub findings: Vec<Finding>,
    /// By the key of a metric, channel by channel; `None` is not defined, or −∞.
    pub channels: Vec<(&'static str, Vec<Option<f64>>)>,
    /// By name; there are none unless they were asked for.
    pub timelines: Vec<(&'static str, Timeline)>,
    /// The average spectrum in thirds of an octave, if that was asked for.
    pub spectrum_bands: Vec<Band>,
    /// What it is drawn by, if that was asked for; it stands in no report.
    pub waveform: Option<Waveform>,
    /// What it gives to the figures of its album, if that was asked for and it has a loudness; it
    /// stands in no report.
    pub share: Option<Share>,
}

impl Region {
    /// From one frame to another that is no longer part of it.
    #[expect(clippy::cast_precision_loss, reason = "2⁵³ frames are 1900 years")]
    pub fn of_frames(frames: &std::ops::Range<u64>, sample_rate: u32) -> Self {
        let seconds = |frame: u64| frame as f64 / f64::from(sample_rate.max(1));
        Self { start_seconds: seconds(frames.start), end_seconds: seconds(frames.end) }
    }
}

impl Details {
    /// With those of another analyzer.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.regions.append(&mut other.regions);
        self.channels.append(&mut other.channels);
        self.timelines.append(&mut other.timelines);
        self.spectrum_bands.append(&mut other.spectrum_bands);
        self.waveform = self.waveform.take().or(other.waveform);
        self.share = self.share.take().or(other.share);
        self.findings.append(&mut other.findings);
        self.findings.sort_by(|one, other| {
            let [one_at, other_at] = [one, other].map(|finding| finding.region.start_seconds);
            one_at.total_cmp(&other_at).then(one.channel.cmp(&other.channel))
        });
    }

    /// Those that belong to these metrics.
    pub(crate) fn retain(&mut self, is_asked: impl Fn(&str) -> bool) {
        self.regions.retain(|(key, _)| is_asked(key));
        self.findings.retain(|finding| is_asked(finding.kind));
        self.channels.retain(|(key, _)| is_asked(key));
        if !is_asked("spectrum_bands") {
            self.spectrum_bands.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: &'static str, channel: u16, start_seconds: f64) -> Finding {
        let region = Region { start_seconds, end_seconds: 9.0 };
        Finding {
            kind,
            channel: Some(channel),
            region,
            value: Some(5.0),
            threshold: Some(3.0),
            byte: None,
        }
    }

    #[test]
    fn findings_are_in_order_of_time_and_then_of_channels() {
        let mut all = Details::default();
        for (kind, channel, at) in [("b", 1, 2.0), ("a", 2, 0.5), ("c", 1, 0.5)] {
            all.append(Details {
                findings: vec![finding(kind, channel, at)],
                ..Details::default()
            });
        }
        let kinds: Vec<_> = all.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, ["c", "a", "b"]);
    }

    #[test]
    fn only_what_belongs_to_a_metric_that_was_asked_for_is_kept() {
        let mut all = Details {
            regions: vec![("a", Vec::new()), ("b", Vec::new())],
            findings: vec![finding("a", 1, 0.0), finding("b", 1, 0.0)],
            channels: vec![("b", vec![None]), ("a", vec![None])],
            ..Details::default()
        };
        all.retain(|key| key == "b");
        assert_eq!(all.regions, [("b", Vec::new())]);
        assert_eq!(all.findings, [finding("b", 1, 0.0)]);
        assert_eq!(all.channels, [("b", vec![None])]);
    }

    #[test]
    fn a_region_gives_back_its_frames() {
        for rate in [8000_u32, 11_025, 44_100, 192_000] {
            let frames = 3_600 * u64::from(rate) + 1..7_200 * u64::from(rate) - 1;
            let Region { start_seconds, end_seconds } = Region::of_frames(&frames, rate);
            let back = [start_seconds, end_seconds].map(|at| (at * f64::from(rate)).round());
            let expected = [frames.start, frames.end].map(|at| format!("{at}"));
            assert_eq!(back.map(|at| format!("{at}")), expected, "{rate} Hz");
        }
    }
}
