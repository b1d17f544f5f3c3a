//! The catalogue: metrics, their groups and expected ranges.

pub(crate) mod expected_range;
pub mod group;
pub(crate) mod metric;
