//! Detector: an analyzer that detects one kind of damage in each channel.
//!
//! A detector defines how a channel is searched ([`ChannelPartial`]), the unit of the value of a
//! location, and its two metrics. Counting the locations, reporting them per channel and taking the
//! largest value is implemented here for all detectors.

use crate::analyze::accumulate::locations::Locations;
use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{AnalysisSettings, Analyzer, Details, Finding, FrameSpan, Metric, Region};
use crate::pcm::{Pcm, PcmFormat};

/// Detects one kind of damage.
pub trait Detector: for<'a> From<&'a AnalysisSettings> {
    /// State of one channel.
    type Channel: ChannelPartial;

    /// The number of detections in all channels, and the size of the largest.
    const METRICS: &'static [Metric];

    /// The locations in one channel of the whole file.
    fn locations(channel: Self::Channel, whole: &FrameSpan) -> Locations;
    /// Value of a location in the unit of the second metric. For 0: the value of that metric if
    /// nothing was detected.
    fn size(value: u64, format: PcmFormat) -> Option<f64>;
    /// Minimum size of a detection.
    fn threshold(format: PcmFormat) -> Option<f64>;
}

/// Detections in all channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detections {
    /// Number of all detections; `None` if there is no audio.
    pub count: Option<u64>,
    /// Size of the largest.
    pub largest: Option<f64>,
    /// The first detections of each channel.
    pub findings: Vec<Finding>,
}

impl<F: Detector> Analyzer for F {
    type Partial = PerChannel<F::Channel>;
    type Feature = Detections;

    const METRICS: &'static [Metric] = F::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: Self::Partial, format: PcmFormat) -> Detections {
        let Some(states) = whole.0 else { return Detections::default() };
        let (mut count, mut largest, mut findings) = (0_u64, 0, Vec::new());
        for (channel, of) in (1..).zip(states.channels) {
            let locations = F::locations(of, &states.span);
            count = count.saturating_add(locations.count());
            largest = largest.max(locations.largest());
            findings.extend(locations.kept().iter().map(|location| Finding {
                kind: <F as Detector>::METRICS[0].key,
                channel: Some(channel),
                region: Region::of_frames(
                    &(location.frame..location.frame + location.frames),
                    format.sample_rate,
                ),
                value: F::size(location.value, format),
                threshold: F::threshold(format),
                byte: None,
            }));
        }
        Detections { count: Some(count), largest: F::size(largest, format), findings }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count, far below 2⁵³")]
    fn figures(found: &Detections) -> impl Iterator<Item = Option<f64>> {
        [found.count.map(|count| count as f64), found.largest].into_iter()
    }

    fn details(found: &Detections) -> Details {
        Details { findings: found.findings.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}
