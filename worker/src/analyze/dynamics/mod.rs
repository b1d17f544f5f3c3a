//! Metric group `dynamics`: how far the peaks are above the loudness.

pub(crate) mod derived;
pub mod dr14;
