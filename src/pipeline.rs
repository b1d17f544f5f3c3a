//! Pipeline: the street, from a plan to records.
//!
//! ```text
//!   plan ──job──▶ decode ──chunks──▶ workers ──partials──▶ merge ──▶ record
//! ```
//!
//! `street` walks it for one file; `lanes` has several files in work at once and brings their
//! records back into the order of the jobs. Stations know nothing of each other: they meet here.

mod failure;
mod lanes;
mod recipe;
mod replay;
mod street;

use std::io;
use std::sync::Arc;

use audiopool_worker::analyze::waveform::Waveforms;
use audiopool_worker::analyze::{self, Analyzers};
use audiopool_worker::protocol::Role;
use audiopool_worker::usage::Meter;

use crate::chunk::ChunkLength;
use crate::event::{Event, Observer};
use crate::interrupt::{Interrupt, Pause, Stop};
use crate::plan::Job;
use crate::pool::{Balance, Execute, Inline, PeakMemory, PoolError, ProcessPool};
use crate::record::{Record, Summary};
use crate::role;
use crate::settings::{AnalysisSettings, Isolation, RunSettings};

use lanes::{LOOK_AHEAD, Lanes};
use recipe::Recipe;
use street::Street;

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
    #[error("internal error, the books do not balance: {0}")]
    Conservation(String),
    /// The report could not be written.
    #[error("cannot write the report")]
    Output(#[source] io::Error),
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
    let ended = match run.isolation {
        Isolation::Always => in_processes(jobs, run, analysis, observer, stop, each),
        Isolation::Never => {
            let inline = Inline::new(role::all_tasks());
            let street = street(&inline, &inline, run, analysis, observer);
            // There is nobody to kill: whoever asks at once is heard between two chunks.
            let _hurry = stop.on_change(street.abandoner());
            Lanes { street: &street, count: 1, stop, kill: &|| {} }.walk(jobs, each)
        }
    };
    observer(&Event::RunEnded { usage: Meter::open().read() });
    ended
}

fn in_processes(
    jobs: impl Iterator<Item = Job> + Send,
    run: &RunSettings,
    analysis: &AnalysisSettings,
    observer: &Observer,
    stop: &Interrupt,
    each: &mut dyn FnMut(Record) -> io::Result<()>,
) -> Result<Summary, RunError> {
    let attempts = run.max_attempts.get();
    let memory_limit = u64::from(run.child_memory_mib) << 20;
    let decoders = ProcessPool::decoders()
        .sandbox(run.sandbox)
        .memory_limit(memory_limit)
        .max_workers(run.workers)
        .max_attempts(attempts)
        .max_growth(run.max_growth)
        .log_filter(run.log_filter.clone())
        .observer(Arc::clone(observer))
        .build()
        .map_err(RunError::Boot)?;
    let workers = ProcessPool::builder()
        .sandbox(run.sandbox)
        .memory_limit(memory_limit)
        .max_workers(run.workers)
        .max_attempts(attempts)
        .max_growth(run.max_growth)
        .log_filter(run.log_filter.clone())
        .observer(Arc::clone(observer))
        .reads_from(&decoders);
    let workers = match &run.worker_program {
        Some(path) => workers.worker_program(path),
        None => workers,
    };
    let workers = workers.build().map_err(RunError::Boot)?;

    let summary = {
        let street = street(&decoders, &workers, run, analysis, observer);
        let kill = || {
            decoders.kill_workers();
            workers.kill_workers();
        };
        // Not left to the thread that hands the records over: it may wait for their reader.
        let _hurry = stop.on_change({
            let abandon = street.abandoner();
            let (decoders, workers) = (decoders.killer(), workers.killer());
            move |stop| {
                abandon(stop);
                if is_at_once(stop) {
                    decoders();
                    workers();
                }
            }
        });
        // Children are in groups of their own, which a terminal's Ctrl-Z does not reach.
        let _pause = stop.on_pause({
            let (decoders, workers) = (decoders.pauser(), workers.pauser());
            move |pause| {
                decoders(pause == Pause::Begins);
                workers(pause == Pause::Begins);
            }
        });
        let lanes = Lanes { street: &street, count: run.workers, stop, kill: &kill };
        let summary = lanes.walk(jobs, each);
        let peak_bytes = peak_memory(run.workers, street.largest_chunk()).bytes();
        observer(&Event::Bounded { peak_bytes });
        summary
    };
    let books = [(Role::Decoder, decoders.shutdown()), (Role::Worker, workers.shutdown())];
    for (role, balance) in books {
        observer(&Event::Balanced { role, balance });
    }
    check("decoders", &books[0].1)?;
    check("workers", &books[1].1)?;
    summary
}

/// What a run takes up with so many workers.
fn peak_memory(workers: usize, chunk_bytes: u64) -> PeakMemory {
    PeakMemory {
        decoders: workers,
        threads: street::decoding_threads(1).get(),
        workers,
        chunk_bytes,
        // A chunk that waits has a slot of its decoder, and no more tasks than that wait.
        tasks: 0,
        records: LOOK_AHEAD,
    }
}

fn street<'a, D: Execute, W: Execute>(
    decoders: &'a D,
    workers: &'a W,
    run: &RunSettings,
    analysis: &'a AnalysisSettings,
    observer: &'a Observer,
) -> Street<'a, D, W> {
    let keys: Vec<_> = analysis.metrics.iter().map(|metric| metric.key).collect();
    let (mut analyzers, chunk_length) = (analyzers(analysis), chunk_length(run));
    analyzers.waveform =
        run.samples_per_pixel.map(|samples_per_pixel| Waveforms { samples_per_pixel });
    Street::new(decoders, workers, analyzers, keys, chunk_length, run.timeout, observer)
        .with_recipe(Recipe::new(run, analysis))
}

fn analyzers(analysis: &AnalysisSettings) -> Analyzers {
    let keys: Vec<_> = analysis.metrics.iter().map(|metric| metric.key).collect();
    let settings = analyze::AnalysisSettings {
        silence_threshold_db: analysis.silence_threshold_db,
        min_silence_ms: analysis.min_silence_ms,
        loudness_target_lufs: analysis.loudness_target_lufs,
        timelines: analysis.timelines,
    };
    Analyzers::select(&keys, &settings).expect("the keys are the catalogue's")
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

fn check(name: &str, balance: &Balance) -> Result<(), RunError> {
    if balance.is_even() {
        return Ok(());
    }
    Err(RunError::Conservation(format!("of the {name}: {balance:?}")))
}

/// Whether the run is to end without waiting for what is in hand.
fn is_at_once(stop: Stop) -> bool {
    stop == Stop::AtOnce
}
