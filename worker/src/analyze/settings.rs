//! Settings: what a user can set for the analyzers.

use serde::{Deserialize, Serialize};

/// Settings of the analyzers, the same for every file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisSettings {
    /// Level up to which audio is silent (RMS over all channels), in dBFS.
    pub silence_threshold_db: f64,
    /// Minimum length of a silence, in milliseconds; 0 counts as 1.
    pub min_silence_ms: u32,
    /// Loudness target, in LUFS.
    pub loudness_target_lufs: Option<f64>,
    /// Whether the loudness of a mono file is that of its signal on two loudspeakers.
    pub dual_mono: bool,
    /// Whether the loudness of every 100 ms is requested.
    pub timelines: bool,
    /// Whether the share of each file in the figures of its album is requested.
    pub album: bool,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            silence_threshold_db: -50.0,
            min_silence_ms: 100,
            loudness_target_lufs: None,
            dual_mono: false,
            timelines: false,
            album: false,
        }
    }
}
