//! State that several analyzers accumulate: per channel, per block of a grid, per bin of a
//! histogram; runs of equal samples, and locations of detections.

pub mod per_channel;

pub(crate) mod blocks;
pub(crate) mod counts;
pub(crate) mod grid;
pub mod locations;
pub(crate) mod runs;
pub(crate) mod span;
