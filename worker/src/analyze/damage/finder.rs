//! Finder: what looks for one kind of damage, in each channel by itself.
//!
//! A finder says what is damage: how a channel is searched ([`Channel`]), what the value of a place
//! means, and what its two metrics are called. That places are counted, told with their channel,
//! and measured by the worst of them is the same for all of them.

use crate::analyze::accumulate::per_channel::{Apart, Channel};
use crate::analyze::accumulate::places::Places;
use crate::analyze::{AnalysisSettings, Analyzer, Details, Finding, Metric, Region, Stretch};
use crate::pcm::{Pcm, PcmFormat};

/// Looks for one kind of damage.
pub trait Finder: for<'a> From<&'a AnalysisSettings> {
    /// What is known of a channel.
    type Channel: Channel;

    /// How many places there are, in all channels, and how bad the worst is.
    const METRICS: &'static [Metric];

    /// Where it is, in a channel of the whole file.
    fn places(channel: Self::Channel, whole: &Stretch) -> Places;
    /// The value of a place in the unit of the second metric; of 0, what the metric is if there is
    /// no place.
    fn size(value: u64, format: PcmFormat) -> Option<f64>;
    /// From which size on there is a place.
    fn threshold(format: PcmFormat) -> Option<f64>;
}

/// What was found, channel by channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// All that were found; `None` of no audio.
    pub count: Option<u64>,
    /// The size of the largest.
    pub largest: Option<f64>,
    /// The first of them.
    pub findings: Vec<Finding>,
}

impl<F: Finder> Analyzer for F {
    type Partial = Apart<F::Channel>;
    type Feature = Found;

    const METRICS: &'static [Metric] = F::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Self::Partial {
        Apart::of(chunk)
    }

    fn merge(&self, first: Self::Partial, next: Self::Partial) -> Self::Partial {
        first.join(next)
    }

    fn finish(&self, whole: Self::Partial, format: PcmFormat) -> Found {
        let Some(piece) = whole.0 else { return Found::default() };
        let (mut count, mut largest, mut findings) = (0_u64, 0, Vec::new());
        for (channel, of) in (1..).zip(piece.channels) {
            let places = F::places(of, &piece.stretch);
            count = count.saturating_add(places.count());
            largest = largest.max(places.largest());
            findings.extend(places.kept().iter().map(|place| Finding {
                kind: <F as Finder>::METRICS[0].key,
                channel: Some(channel),
                region: Region::of_frames(
                    &(place.frame..place.frame + place.frames),
                    format.sample_rate,
                ),
                value: F::size(place.value, format),
                threshold: F::threshold(format),
                byte: None,
            }));
        }
        Found { count: Some(count), largest: F::size(largest, format), findings }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count, far below 2⁵³")]
    fn figures(found: &Found) -> impl Iterator<Item = Option<f64>> {
        [found.count.map(|count| count as f64), found.largest].into_iter()
    }

    fn details(found: &Found) -> Details {
        Details { findings: found.findings.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Self::Partial, stretch: &Stretch) -> Result<(), String> {
        partial.check(stretch)
    }
}
