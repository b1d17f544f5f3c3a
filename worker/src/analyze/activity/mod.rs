//! Metric group `activity`: where there is sound and where there is silence.

pub mod non_silence;
pub mod silence_runs;
