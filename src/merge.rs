//! Merge: partials, in order of position, become the figures of a file, and files albums.
//!
//! A partial comes from a process that may be sick. What cannot be the partial of its stretch at
//! all is refused here, before it touches the others.

mod again;
mod albums;
mod directory;
pub mod peaks;
mod store;
mod stored;

pub use again::{Changes, Refusal, files, record, settings};
pub use albums::Albums;
pub use store::Store;
pub use stored::Measured;

use audiopool_worker::analyze::waveform::{self, Waveform};
use audiopool_worker::analyze::{Analyzer, Analyzers, Features, FrameSpan, Partials};
use audiopool_worker::pcm::PcmFormat;

/// What has been merged of one file so far.
#[derive(Clone, Debug)]
pub struct Fold<'a> {
    analyzers: &'a Analyzers,
    format: PcmFormat,
    merged: Partials,
    frames: u64,
}

/// A partial that cannot be the partial of its stretch, or is not the next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPartial(String);

impl<'a> Fold<'a> {
    /// Nothing yet.
    pub fn new(analyzers: &'a Analyzers, format: PcmFormat) -> Self {
        Self { analyzers, format, merged: analyzers.identity(), frames: 0 }
    }

    /// Adds the partials of the next `frames` frames.
    pub fn add(&mut self, partials: Partials, frames: u64) -> Result<(), InvalidPartial> {
        let end = self.frames + frames;
        let stretch = FrameSpan { format: self.format, frames: self.frames..end };
        partials.check(self.analyzers, &stretch).map_err(InvalidPartial)?;
        let so_far = std::mem::take(&mut self.merged);
        self.merged = self.analyzers.merge(so_far, partials);
        self.frames = end;
        Ok(())
    }

    /// How many pairs of numbers are to be drawn so far.
    pub fn columns(&self) -> usize {
        self.merged.waveform.as_ref().map_or(0, waveform::Partial::count)
    }

    /// Takes the waveform out of what was merged, if one is drawn.
    pub fn draw(&mut self) -> Option<Waveform> {
        let drawn = self.merged.waveform.take()?;
        let waveforms = self.analyzers.waveform.as_ref()?;
        Some(waveforms.finish(drawn, self.format))
    }

    /// What was merged.
    pub fn partials(&self) -> &Partials {
        &self.merged
    }

    /// Frames merged.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The figures of all that was added.
    pub fn finish(self) -> Features {
        self.analyzers.finish(self.merged, self.format)
    }
}
