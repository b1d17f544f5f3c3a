//! Details: results of analyzers beside one number per file.
//!
//! - Regions: sections of the file, one list per kind.
//! - Findings: possible faults, with time, channel and severity.
//! - Channels: figures of each channel.
//! - Timelines: a figure every 100 ms, if requested.
//!
//! Each belongs to a metric of the catalogue and has its key. The metric is the number for the
//! whole file (for example the number of regions), and requesting it includes the details.
//! Positions are in seconds, precise enough to recover the frame by rounding.

use serde::Serialize;

use crate::analyze::loudness::album::Share;
use crate::analyze::results::timeline::Timeline;
use crate::analyze::spectrum::bands::Band;
use crate::analyze::waveform::Waveform;

/// A section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Region {
    /// Start in seconds.
    pub start_seconds: f64,
    /// End in seconds.
    pub end_seconds: f64,
}

/// A possible fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Key of its metric.
    pub kind: &'static str,
    /// Channel, from 1; `None` if it affects all channels.
    pub channel: Option<u16>,
    /// Position.
    #[serde(flatten)]
    pub region: Region,
    /// Severity, in the unit that its metric defines.
    pub value: Option<f64>,
    /// Value from which on it is a finding.
    pub threshold: Option<f64>,
    /// Position in the file in bytes, if it was found in the file and not in the audio.
    pub byte: Option<u64>,
}

/// Results of analyzers beside one number per file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Regions by the key of their metric, in order of time.
    pub regions: Vec<(&'static str, Vec<Region>)>,
    /// Findings in order of time.
    pub findings: Vec<Finding>,
    /// Figures of each channel by the key of their metric; `None` is not defined, or −∞.
    pub channels: Vec<(&'static str, Vec<Option<f64>>)>,
    /// Timelines by name; empty unless requested.
    pub timelines: Vec<(&'static str, Timeline)>,
    /// Average spectrum in third-octave bands, if requested.
    pub spectrum_bands: Vec<Band>,
    /// Waveform, if requested; not part of reports.
    pub waveform: Option<Waveform>,
    /// Share in the figures of an album, if requested and the file has a loudness; not part of
    /// reports.
    pub share: Option<Share>,
}

impl Region {
    /// The region of a range of frames.
    #[expect(clippy::cast_precision_loss, reason = "2⁵³ frames are 1900 years")]
    pub fn of_frames(frames: &std::ops::Range<u64>, sample_rate: u32) -> Self {
        let seconds = |frame: u64| frame as f64 / f64::from(sample_rate.max(1));
        Self { start_seconds: seconds(frames.start), end_seconds: seconds(frames.end) }
    }
}

impl Details {
    /// Adds the details of another analyzer.
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

    /// Keeps the details of the requested metrics.
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
    fn findings_are_sorted_by_time_and_channel() {
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
    fn only_details_of_requested_metrics_are_kept() {
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
    fn frames_can_be_recovered_from_a_region() {
        for rate in [8000_u32, 11_025, 44_100, 192_000] {
            let frames = 3_600 * u64::from(rate) + 1..7_200 * u64::from(rate) - 1;
            let Region { start_seconds, end_seconds } = Region::of_frames(&frames, rate);
            let back = [start_seconds, end_seconds].map(|at| (at * f64::from(rate)).round());
            let expected = [frames.start, frames.end].map(|at| format!("{at}"));
            assert_eq!(back.map(|at| format!("{at}")), expected, "{rate} Hz");
        }
    }
}
