//! Metric group `damage`: what went wrong before the file was written.

pub mod clicks;
pub mod clipping;
pub mod dead_channels;
pub mod dropouts;
pub mod edges;
pub mod finder;
pub mod flat_tops;
pub mod hum;
pub mod noise;
pub mod repeats;
