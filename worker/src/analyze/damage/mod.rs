//! Metric group `damage`: faults in the audio from before the file was written.

pub mod clicks;
pub mod clipping;
pub mod dead_channels;
pub mod detector;
pub mod dropouts;
pub mod edges;
pub mod flat_tops;
pub mod hum;
pub mod noise;
pub mod repeats;
