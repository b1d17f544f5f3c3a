//! Settings of a run: each defined once; flags, environment and report follow.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// How the work is cut and where it runs. Nothing here changes a figure.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Worker processes, and the most decoder processes; 1 to 256.
    pub workers: usize,
    /// Shortest chunk.
    pub min_chunk: Duration,
    /// Longest chunk.
    pub max_chunk: Duration,
    /// Whether child processes do the work.
    pub isolation: Isolation,
    /// Longest time for one task: analysing one chunk, or decoding one. Scaled with the chunk's length if `None`.
    pub timeout: Option<Duration>,
    /// How often a task that kills its worker is tried in all.
    pub max_attempts: NonZeroU32,
    /// The worker program, if not the one that is found by itself.
    pub worker_program: Option<PathBuf>,
}

/// Whether files are decoded and analysed in child processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In child processes, whatever the file.
    Always,
    /// On the calling thread, in this process.
    Never,
}
