//! Statistics: metrics that follow from Σx, Σx², sign changes and the bitwise OR of the samples.
//!
//! All state is a sum, an OR or a maximum of integers per channel, and exact in any order. Two
//! parts depend on the neighbouring span: a sign may change at the boundary, so a partial keeps its
//! first and its last sign; and samples at the peak count only until a larger one occurs, so the
//! merge drops the count of the smaller peak.
//!
//! Roots, quotients and logarithms are taken once, of the whole file.

mod catalogue;
mod channel;
mod figures;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric};
use crate::pcm::{Pcm, PcmFormat};
use channel::Channel;
pub use figures::Figures;

/// Accumulates the sums; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {}

/// Sums of one span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    frames: u64,
    /// One for each channel; empty if there is no frame.
    channels: Vec<Channel>,
}

/// Figures of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelStatistics {
    /// Over all channels.
    pub of_all: Figures,
    /// Of each channel.
    pub of_each: Vec<Figures>,
}

impl From<&AnalysisSettings> for Statistics {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Statistics {
    type Partial = Partial;
    type Feature = ChannelStatistics;

    const METRICS: &'static [Metric] = catalogue::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let frames = chunk.frames();
        if frames == 0 {
            return Partial::default();
        }
        let channels = usize::from(chunk.format().channels);
        let integers = chunk.integers();
        let of = |channel| Channel::of(&integers.channel(channel, channels));
        Partial { frames, channels: (0..channels).map(of).collect() }
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        match (first.frames, next.frames) {
            (0, _) => next,
            (_, 0) => first,
            (before, after) => Partial {
                frames: before.saturating_add(after),
                channels: first
                    .channels
                    .iter()
                    .zip(&next.channels)
                    .map(|(first, next)| first.merged(next))
                    .collect(),
            },
        }
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> ChannelStatistics {
        let Partial { frames, channels } = whole;
        let alone = |channel| figures::of(std::slice::from_ref(channel), frames, format);
        ChannelStatistics {
            of_all: figures::of(&channels, frames, format),
            of_each: channels.iter().map(alone).collect(),
        }
    }

    fn figures(levels: &ChannelStatistics) -> impl Iterator<Item = Option<f64>> {
        levels.of_all.listed().into_iter()
    }

    fn details(levels: &ChannelStatistics) -> Details {
        let listed: Vec<_> = levels.of_each.iter().map(Figures::listed).collect();
        let of_each = |place: usize| listed.iter().map(|figures| figures[place]).collect();
        let metrics = catalogue::METRICS.iter().enumerate();
        let peaks = levels.of_each.iter().map(|figures| figures.max_dbfs).collect();
        let figures = metrics.map(|(place, metric)| (metric.key, of_each(place)));
        Details {
            channels: std::iter::once(("max_dbfs", peaks)).chain(figures).collect(),
            ..Details::default()
        }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let frames = span.frame_count();
        if partial.frames != frames {
            return Err(format!("{} frames instead of {frames}", partial.frames));
        }
        let channels = if frames == 0 { 0 } else { usize::from(span.format.channels) };
        if partial.channels.len() != channels {
            return Err(format!("{} channels instead of {channels}", partial.channels.len()));
        }
        match partial.channels.iter().find(|channel| !channel.is_possible(span)) {
            Some(channel) => Err(format!("an impossible channel: {channel:?}")),
            None => Ok(()),
        }
    }
}
