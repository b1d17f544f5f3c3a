//! Event: what happened in a run, for anyone who watches.
//!
//! The progress bar, the log, `--stats` and the web page are observers of these events and of
//! nothing else; a run without an observer is the same run. An observer is called from several
//! threads, in no promised order between files, and must be quick: the pool waits for it.

use std::sync::Arc;

pub use procpool::confine::Confinement;
pub use procpool::protocol::{Role, Usage};
pub use procpool::{PoolEvent, TaskAccounting};

pub use crate::record::{DecodedBy, SourceFormat};

/// The role of the processes that decode.
pub const DECODER: Role = Role::streaming("decoder");

/// Who watches a run.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Passes what happens in a pool on to who watches the run.
pub fn of_pools(observer: &Observer) -> procpool::Observer {
    let observer = Arc::clone(observer);
    Arc::new(move |event: &PoolEvent| observer(&Event::Pool(event.clone())))
}

/// Something that happened. Files are named by the index of their job in the plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    /// Something that happened in a pool; labels are the indices of the files.
    Pool(PoolEvent),
    /// A pool of the run has ended, and these are its books, which are checked next.
    Balanced {
        /// What its children were for.
        role: Role,
        /// What went in and what came out.
        balance: TaskAccounting,
    },
    /// The work is done, and this is how much memory it may have taken up.
    Bounded {
        /// The most that all processes together had at a time, as worked out from what they did:
        /// [`PeakMemory`](procpool::PeakMemory).
        peak_bytes: u64,
    },
    /// The run is over.
    RunEnded {
        /// What the supervisor itself used.
        usage: Usage,
    },
}

impl Event {
    /// Whose task it is about, if it is about one: [`TaskTerms::tenant`](procpool::TaskTerms::tenant).
    pub fn tenant(&self) -> Option<u64> {
        match self {
            Self::Pool(
                PoolEvent::TaskLate { tenant, .. } | PoolEvent::TaskRetried { tenant, .. },
            ) => Some(*tenant),
            _ => None,
        }
    }
}
