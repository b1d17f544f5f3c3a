//! Metric group `level`: the magnitude of the samples, not weighted by hearing.

pub mod entropy;
pub mod extremes;
pub mod histogram;
pub mod short_rms;
pub mod statistics;
