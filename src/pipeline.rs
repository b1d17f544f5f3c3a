//! Pipeline: from a plan to records.
//!
//! ```text
//!   plan ──job──▶ decode ──chunks──▶ workers ──partials──▶ merge ──▶ record
//! ```
//!
//! `street` walks it for one file; `lanes` has several files in work at once and brings their
//! records back into the order of the jobs; `pools` has the processes, for one run or for several
//! at once. Stations know nothing of each other: they meet here.

mod failure;
mod lanes;
mod pools;
mod recipe;
mod replay;
mod street;

use std::io;

use procpool::usage::Meter;

use crate::chunk::ChunkLength;
use crate::event::{Event, Observer};
use crate::interrupt::{Interrupt, Stop};
use crate::merge::Store;
use crate::plan::Job;
use crate::record::{Record, Summary};
use crate::settings::{AnalysisSettings, Drawing, RunSettings};
use procpool::{Execute, PoolError};

use recipe::Recipe;
use street::Street;

pub use pools::{Guest, Pools};
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
    Unsaved(#[source] io::Error),
    /// A waveform could not be written.
    #[error("cannot write peaks")]
    Undrawn(#[source] io::Error),
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
        let summary = pools.guest(0).run(jobs, analysis, observer, stop, each);
        pools.close().and(summary)
    });
    observer(&Event::RunEnded { usage: Meter::open().read() });
    ended
}

fn street<'a, D: Execute, W: Execute>(
    decoders: &'a D,
    workers: &'a W,
    run: &RunSettings,
    analysis: &'a AnalysisSettings,
    observer: &'a Observer,
) -> Street<'a, D, W> {
    let keys: Vec<_> = analysis.metrics.iter().map(|metric| metric.key).collect();
    let (mut analyzers, chunk_length) = (analysis.analyzers(), chunk_length(run));
    analyzers.waveform = run.drawing.as_ref().map(Drawing::waveforms);
    Street::new(decoders, workers, analyzers, keys, chunk_length, run.timeout, observer)
        .with_recipe(Recipe::new(run, analysis))
        .with_drawing(run.drawing.clone())
        .with_store(run.save_partials.as_deref().map(|place| Store::at(place, analysis)))
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
