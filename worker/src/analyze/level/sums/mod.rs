//! Sums: what can be said of a level when Σx, Σx², sign changes and bits are known.
//!
//! Everything is a sum, an OR or a maximum of integers, for each channel by itself, and therefore
//! exact in any order. Two things need the neighbour: a sign may change at the seam, so each partial
//! keeps the sign that it begins and the one that it ends with; and samples at the peak count only
//! as long as no larger one is met, so the smaller peak's count is dropped in the merge.
//!
//! Roots, quotients and logarithms are taken once, of the whole.

mod catalogue;
mod channel;
mod figures;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Stretch};
use crate::pcm::{Pcm, PcmFormat};
use channel::Channel;
pub use figures::Figures;

/// Sums them up; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {}

/// The sums of one stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    frames: u64,
    /// One for each channel; none if there is no frame.
    channels: Vec<Channel>,
}

/// The figures of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// Of all channels together.
    pub of_all: Figures,
    /// Of each by itself.
    pub of_each: Vec<Figures>,
}

impl From<&AnalysisSettings> for Sums {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Sums {
    type Partial = Partial;
    type Feature = Levels;

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
                    .map(|(first, next)| first.joined(next))
                    .collect(),
            },
        }
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Levels {
        let Partial { frames, channels } = whole;
        let alone = |channel| figures::of(std::slice::from_ref(channel), frames, format);
        Levels {
            of_all: figures::of(&channels, frames, format),
            of_each: channels.iter().map(alone).collect(),
        }
    }

    fn figures(levels: &Levels) -> impl Iterator<Item = Option<f64>> {
        levels.of_all.listed().into_iter()
    }

    fn details(levels: &Levels) -> Details {
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

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let frames = stretch.frame_count();
        if partial.frames != frames {
            return Err(format!("{} frames instead of {frames}", partial.frames));
        }
        let channels = if frames == 0 { 0 } else { usize::from(stretch.format.channels) };
        if partial.channels.len() != channels {
            return Err(format!("{} channels instead of {channels}", partial.channels.len()));
        }
        match partial.channels.iter().find(|channel| !channel.is_possible(stretch)) {
            Some(channel) => Err(format!("an impossible channel: {channel:?}")),
            None => Ok(()),
        }
    }
}
