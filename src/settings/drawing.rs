//! `Drawing`: what becomes of the waveform of every input.

use std::num::NonZeroU32;
use std::path::PathBuf;

pub use audiopool_worker::analyze::waveform::Bits;
use audiopool_worker::analyze::waveform::Waveforms;

/// What becomes of the waveform of every input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// It comes with the record, in at most so many columns.
    Shown {
        /// Frames of a column at first.
        samples_per_pixel: NonZeroU32,
        /// Of them, several become one until there are no more than these.
        most_columns: NonZeroU32,
    },
    /// It is written to a file, and does not come with the record.
    Written(Peaks),
}

/// How waveforms are written to files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peaks {
    /// Where to.
    pub place: PeaksPlace,
    /// The format.
    pub format: PeaksFormat,
    /// How fine the numbers are.
    pub bits: Bits,
    /// Frames of a column.
    pub samples_per_pixel: NonZeroU32,
    /// Whether each channel is drawn by itself, and not their mean.
    pub split_channels: bool,
}

/// Where waveforms are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeaksPlace {
    /// The file of the only input.
    File(PathBuf),
    /// A directory with a file for each input.
    Directory(PathBuf),
}

/// The formats of audiowaveform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeaksFormat {
    /// Binary.
    Dat,
    /// JSON.
    Json,
}

impl Drawing {
    /// What draws it.
    pub fn waveforms(&self) -> Waveforms {
        match *self {
            Self::Shown { samples_per_pixel, .. } => {
                Waveforms { samples_per_pixel, split_channels: false }
            }
            Self::Written(Peaks { samples_per_pixel, split_channels, .. }) => {
                Waveforms { samples_per_pixel, split_channels }
            }
        }
    }
}

impl PeaksPlace {
    /// The path as it was given.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::File(path) | Self::Directory(path) => path,
        }
    }
}

impl PeaksFormat {
    /// How the name of a file in this format ends, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Dat => "dat",
            Self::Json => "json",
        }
    }
}
