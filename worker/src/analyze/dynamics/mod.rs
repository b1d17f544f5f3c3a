//! Metric group `dynamics`: ratio of peaks to loudness.

pub(crate) mod derived;
pub mod dr14;
