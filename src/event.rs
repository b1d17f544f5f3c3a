//! Event: what happened in a run, for anyone who watches.
//!
//! The progress bar, the log, `--stats` and the web page are observers of these events and of
//! nothing else; a run without an observer is the same run. An observer is called from several
//! threads, in no promised order between files, and must be quick: the pool waits for it.

use std::sync::Arc;
use std::time::Duration;

pub use audiopool_worker::confine::Confinement;
pub use audiopool_worker::protocol::{Role, Usage};

pub use crate::pool::Balance;
pub use crate::record::{DecodedBy, SourceFormat};

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
    /// Something that happened in a pool; labels are the indices of the files.
    Pool(PoolEvent),
    /// A pool of the run has ended, and these are its books, which are checked next.
    Balanced {
        /// What its children were for.
        role: Role,
        /// What went in and what came out.
        balance: Balance,
    },
    /// The work is done, and this is how much memory it may have taken up.
    Bounded {
        /// The most that all processes together had at a time, as worked out from what they did:
        /// [`PeakMemory`](crate::pool::PeakMemory).
        peak_bytes: u64,
    },
    /// The run is over.
    RunEnded {
        /// What the supervisor itself used.
        usage: Usage,
    },
}

impl Event {
    /// Whose task it is about, if it is about one: [`TaskTerms::party`](crate::pool::TaskTerms::party).
    pub fn party(&self) -> Option<u64> {
        match self {
            Self::Pool(
                PoolEvent::TaskLate { party, .. } | PoolEvent::TaskRetried { party, .. },
            ) => Some(*party),
            _ => None,
        }
    }
}

/// What happens in a pool, for anyone who watches.
#[derive(Clone, Debug)]
pub enum PoolEvent {
    /// A child has introduced itself.
    ChildStarted {
        /// What it is for.
        role: Role,
        /// Its number, from 1; a successor has the same.
        number: u32,
        /// Its process id.
        pid: u32,
    },
    /// A child is ready for tasks.
    ChildReady {
        /// What it is for.
        role: Role,
        /// Its number.
        number: u32,
        /// How far it is confined.
        confinement: Confinement,
    },
    /// A child has died without being told to.
    ChildDied {
        /// What it was for.
        role: Role,
        /// Its number.
        number: u32,
        /// How, in one word: [`Cause::word`](crate::pool::Cause::word).
        kind: &'static str,
        /// How.
        cause: String,
        /// What was found of it: signal and sender, processor time, memory, last words.
        evidence: String,
        /// The label of the task that it had.
        label: Option<u64>,
    },
    /// A task has used up half of its time without a sign of life from its child. Told once for
    /// each try.
    TaskLate {
        /// Whose task it is: [`TaskTerms::party`](crate::pool::TaskTerms::party).
        party: u64,
        /// The task's label.
        label: u64,
        /// What the child is for.
        role: Role,
        /// The child's number.
        number: u32,
        /// How long the child has been silent, at least.
        silent: Duration,
        /// The silence after which it is killed.
        limit: Duration,
    },
    /// A task has lost its child and is tried again.
    TaskRetried {
        /// Whose task it is: [`TaskTerms::party`](crate::pool::TaskTerms::party).
        party: u64,
        /// The task's label.
        label: u64,
        /// The try that begins.
        attempt: u32,
        /// How the last one ended.
        cause: String,
    },
    /// A child is gone, whatever the reason.
    ChildRetired {
        /// What it was for.
        role: Role,
        /// Its number.
        number: u32,
        /// What it has used, as far as it could say.
        usage: Usage,
    },
}
