//! Pipeline: from a plan to records.
//!
//! ```text
//!   plan ──job──▶ decode ──chunks──▶ workers ──partials──▶ merge ──▶ record
//! ```
//!
//! `file_pipeline` runs it for one file; `ordered_scheduler` has several files in work at once and
//! brings their records back into the order of the jobs; `pools` has the processes, for one run or
//! for several at once. The stations know nothing of each other: they meet here.

mod failure;
mod file_pipeline;
mod ordered_scheduler;
mod pools;
mod replay;
mod replay_command;

use std::io;

use procpool::usage::Meter;

use crate::chunk::ChunkLength;
use crate::event::{Event, Observer};
use crate::interrupt::{Interrupt, Stop};
use crate::plan::Job;
use crate::record::{Record, Summary};
use crate::settings::{AnalysisSettings, RunSettings};
use procpool::PoolError;

pub use pools::{Pools, Session};
pub use replay::{NotReplayed, Replay, Replayed, replay};

/// Why a run ended before its time. Records handed over until then are good.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Workers or decoders could not be started.
    #[error("{0}")]
    Boot(PoolError),
    /// Processes kept dying.
    #[error("{0}")]
    GaveUp(PoolError),
    /// An input has no record, or two; or a process was left behind.
    #[error("internal error, the task accounting does not balance: {0}")]
    Conservation(String),
    /// The report could not be written.
    #[error("cannot write the report")]
    Output(#[source] io::Error),
    /// Partials could not be stored.
    #[error("cannot store partials")]
    StorePartials(#[source] io::Error),
    /// A waveform could not be written.
    #[error("cannot write peaks")]
    WritePeaks(#[source] io::Error),
}

/// Analyses every job; `each` gets the records in the order of the jobs.
pub fn run(
    jobs: impl Iterator<Item = Job> + Send,
    run: &RunSettings,
    analysis: &AnalysisSettings,
    observer: &Observer,
    stop: &Interrupt,
    each: &mut dyn FnMut(Record) -> io::Result<()>,
) -> Result<Summary, RunError> {
    let ended = Pools::open(run, observer).and_then(|pools| {
        let summary = pools.session(0).run(jobs, analysis, observer, stop, each);
        pools.close().and(summary)
    });
    observer(&Event::RunEnded { usage: Meter::open().read() });
    ended
}

fn chunk_length(run: &RunSettings) -> ChunkLength {
    let millis =
        |length: std::time::Duration| u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
    ChunkLength {
        pieces: u32::try_from(run.workers).unwrap_or(u32::MAX),
        min_ms: millis(run.min_chunk),
        max_ms: millis(run.max_chunk),
    }
}

/// Whether the run is to end without waiting for what is in hand.
fn is_at_once(stop: Stop) -> bool {
    stop == Stop::AtOnce
}
