//! The catalogue of metrics: groups and expected ranges.

pub mod group;
pub(crate) mod usual;
