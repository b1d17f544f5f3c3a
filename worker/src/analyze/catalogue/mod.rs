//! The catalogue of metrics: groups and expected ranges.

pub(crate) mod expected_range;
pub mod group;
