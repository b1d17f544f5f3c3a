//! Per channel: a partial that has the same state for each channel.
//!
//! ```text
//!            chunk n     chunk n+1
//!   left    [───────]──▶[───────]      the analyzer defines how one channel of a span is measured
//!   right   [───────]──▶[───────]      and how it is merged with the same channel of the next span
//! ```
//!
//! Splitting a chunk into channels, keeping them in order, and rejecting partials of another span
//! or with a different number of channels is implemented here for all of them.

use serde::{Deserialize, Serialize};

use crate::analyze::{FrameSpan, merge_options};
use crate::pcm::Pcm;

/// State of one channel of a non-empty span.
pub trait ChannelPartial: Sized {
    /// Measures the samples of a span.
    fn of(samples: &[i32], span: &FrameSpan) -> Self;
    /// Merges with the same channel of the next span.
    #[must_use]
    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self;
    /// Whether this can be the state of a channel of that span.
    fn is_possible(&self, span: &FrameSpan) -> bool;
}

/// States of the channels of one span; `None` if the span is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerChannel<C>(pub(crate) Option<ChannelStates<C>>);

/// States of all channels of a non-empty span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelStates<C> {
    pub(crate) span: FrameSpan,
    pub(crate) channels: Vec<C>,
}

impl<C> Default for PerChannel<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C: ChannelPartial> PerChannel<C> {
    /// Measures each channel.
    pub(crate) fn of(chunk: Pcm<'_>) -> Self {
        if chunk.is_empty() {
            return Self(None);
        }
        let span = FrameSpan::from(chunk);
        let count = usize::from(span.format.channels);
        let integers = chunk.integers();
        let of = |channel| C::of(&integers.channel(channel, count), &span);
        let channels = (0..count).map(of).collect();
        Self(Some(ChannelStates { span, channels }))
    }

    /// Merges with the states of the next span.
    pub(crate) fn join(self, next: Self) -> Self {
        Self(merge_options(self.0, next.0, |mut first, next| {
            let (span, next_span) = (&first.span, &next.span);
            let pairs = first.channels.into_iter().zip(next.channels);
            first.channels =
                pairs.map(|(channel, next)| channel.join(span, next, next_span)).collect();
            first.span.frames.end = next.span.frames.end;
            first
        }))
    }

    /// Checks that these can be the states of the channels of that span.
    pub(crate) fn check(&self, span: &FrameSpan) -> Result<(), String> {
        let states = match &self.0 {
            None if span.frame_count() == 0 => return Ok(()),
            Some(states) if span.frame_count() > 0 && states.span == *span => states,
            _ => return Err("of another span".into()),
        };
        let (has, of) = (states.channels.len(), usize::from(span.format.channels));
        if has != of {
            return Err(format!("{has} channels instead of {of}"));
        }
        match states.channels.iter().position(|channel| !channel.is_possible(span)) {
            Some(place) => Err(format!("an impossible channel {}", place + 1)),
            None => Ok(()),
        }
    }
}
