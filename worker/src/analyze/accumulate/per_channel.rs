//! Apart: what is measured of each channel by itself.
//!
//! ```text
//!            chunk n     chunk n+1
//!   left    [───────]──▶[───────]      an analyzer says how one channel of a stretch is measured,
//!   right   [───────]──▶[───────]      and how it is joined with the same channel behind it
//! ```
//!
//! To take a chunk apart, to keep its channels in order, and to refuse the partial of another
//! stretch or of other channels is the same for all of them, and is done here.

use serde::{Deserialize, Serialize};

use crate::analyze::{Stretch, joined};
use crate::pcm::Pcm;

/// What is known of one channel of a stretch that has a frame.
pub trait Channel: Sized {
    /// Measures its samples, the first of them at the start of the stretch.
    fn of(samples: &[i32], stretch: &Stretch) -> Self;
    /// With the same channel of the stretch behind.
    #[must_use]
    fn join(self, stretch: &Stretch, next: Self, behind: &Stretch) -> Self;
    /// Whether there can be such a channel of that stretch at all.
    fn is_possible(&self, stretch: &Stretch) -> bool;
}

/// The channels of one stretch; nothing if it has no audio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart<C>(pub(crate) Option<Piece<C>>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece<C> {
    pub(crate) stretch: Stretch,
    pub(crate) channels: Vec<C>,
}

impl<C> Default for Apart<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C: Channel> Apart<C> {
    /// Measures each channel.
    pub(crate) fn of(chunk: Pcm<'_>) -> Self {
        if chunk.is_empty() {
            return Self(None);
        }
        let stretch = Stretch::from(chunk);
        let count = usize::from(stretch.format.channels);
        let integers = chunk.integers();
        let of = |channel| C::of(&integers.channel(channel, count), &stretch);
        let channels = (0..count).map(of).collect();
        Self(Some(Piece { stretch, channels }))
    }

    /// With those of the stretch behind.
    pub(crate) fn join(self, next: Self) -> Self {
        Self(joined(self.0, next.0, |mut first, next| {
            let (stretch, behind) = (&first.stretch, &next.stretch);
            let pairs = first.channels.into_iter().zip(next.channels);
            first.channels =
                pairs.map(|(channel, next)| channel.join(stretch, next, behind)).collect();
            first.stretch.frames.end = next.stretch.frames.end;
            first
        }))
    }

    /// Whether they can be the channels of that stretch.
    pub(crate) fn check(&self, stretch: &Stretch) -> Result<(), String> {
        let piece = match &self.0 {
            None if stretch.frame_count() == 0 => return Ok(()),
            Some(piece) if stretch.frame_count() > 0 && piece.stretch == *stretch => piece,
            _ => return Err("of another stretch".into()),
        };
        let (has, of) = (piece.channels.len(), usize::from(stretch.format.channels));
        if has != of {
            return Err(format!("{has} channels instead of {of}"));
        }
        match piece.channels.iter().position(|channel| !channel.is_possible(stretch)) {
            Some(place) => Err(format!("an impossible channel {}", place + 1)),
            None => Ok(()),
        }
    }
}
