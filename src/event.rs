//! Event: what happened in a run, for anyone who watches.
//!
//! The progress bar, the log, `--stats` and the web page are observers of these events and of
//! nothing else; a run without an observer is the same run. An observer is called from several
//! threads, in no promised order between files, and must be quick: the pool waits for it.

use std::sync::Arc;

pub use audiopool_worker::protocol::{Role, Usage};

use crate::decode::SourceFormat;

/// Who watches a run.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened. Files are named by the index of their job in the plan.
#[derive(Clone, Debug)]
pub enum Event {
    /// All inputs are known.
    Planned {
        /// Jobs of this run.
        files: u64,
    },
    /// A file's turn has come.
    JobStarted {
        /// Which.
        index: u64,
    },
    /// The decoder knows what the file is.
    JobOpened {
        /// Which.
        index: u64,
        /// What it is.
        format: SourceFormat,
        /// Frames that the file says it has; a hint.
        declared_frames: Option<u64>,
    },
    /// A chunk's partials came home.
    ChunkMeasured {
        /// Of which file.
        index: u64,
        /// Frames of the chunk.
        frames: u64,
        /// Length of the chunk in seconds of audio.
        seconds: f64,
    },
    /// A file's record is complete.
    JobFinished {
        /// Which.
        index: u64,
        /// Whether it was measured.
        ok: bool,
        /// Its length in seconds of audio; 0 if it failed.
        audio_seconds: f64,
    },
    /// A child process said hello.
    ChildStarted {
        /// What it does.
        role: Role,
        /// Its number among those of its role, from 1; a replacement takes the same number.
        number: u32,
        /// Its process id.
        pid: u32,
    },
    /// A child process ended that should not have.
    ChildDied {
        /// What it did.
        role: Role,
        /// Its number.
        number: u32,
        /// How it ended, for example `killed by SIGSEGV`.
        cause: String,
        /// The job it was working on, if any.
        while_running: Option<u64>,
    },
    /// A task is tried again after its process died, hung or answered nonsense.
    TaskRetried {
        /// Of which file.
        index: u64,
        /// The attempt that begins now; 2 for the first retry.
        attempt: u32,
        /// How the attempt before ended.
        cause: String,
    },
    /// A child process is done, by itself or by death.
    ChildRetired {
        /// What it did.
        role: Role,
        /// Its number.
        number: u32,
        /// What it used.
        usage: Usage,
    },
    /// The run is over.
    RunEnded {
        /// What the supervisor itself used.
        usage: Usage,
    },
}
