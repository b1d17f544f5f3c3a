//! State that several analyzers accumulate: per channel, per window of a grid, per bin.

pub mod per_channel;

pub(crate) mod cells;
pub(crate) mod counts;
pub(crate) mod grid;
pub mod places;
pub(crate) mod runs;
pub(crate) mod stretch;
