//! Pools: the processes that files are worked on by, for one run or for several at once.
//!
//! ```text
//!   run 1 ─┐                                ┌─ decoders   workers + (runs − 1), so that a run which
//!   run 2 ─┼─▶ Session ─▶ FilePipeline ─────┤             starts later need not wait for a long file
//!   run 3 ─┘                                └─ workers    take turns between the runs
//! ```
//!
//! Runs that share pools are *tenants* of them: the [pool](procpool) takes turns between them, and a
//! run that leaves cancels its own tasks and no others. A run by itself has pools of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::{fmt, io};

use audiopool_worker::measure::Measure;
use procpool::protocol::Role;

use super::file_pipeline::{self, FilePipeline, Load, MOST_COLUMNS, State};
use super::ordered_scheduler::{LOOK_AHEAD, OrderedScheduler};
use super::replay_command::ReplayCommand;
use super::{RunError, chunk_length, is_at_once};
use crate::event::{self, DECODER, Event, Observer};
use crate::interrupt::{Interrupt, Pause};
use crate::merge::Store;
use crate::plan::Job;
use crate::record::{Record, Summary};
use crate::role;
use crate::settings::{AnalysisSettings, Drawing, Isolation, RunSettings};
use procpool::{Execute, Inline, PeakMemory, PoolBuilder, ProcessPool, TaskAccounting};

/// What files are decoded and measured by.
pub struct Pools {
    kind: Kind,
    run: RunSettings,
    /// Runs at a time.
    sessions: usize,
    load: Arc<Load>,
    observer: Observer,
}

enum Kind {
    Processes { decoders: ProcessPool, workers: ProcessPool },
    Inline(Inline),
}

/// One of the runs that share pools.
#[derive(Debug)]
pub struct Session<'a> {
    pools: &'a Pools,
    tenant: u64,
}

impl Pools {
    /// For one run. `observer` is told what happens to the processes.
    pub fn open(run: &RunSettings, observer: &Observer) -> Result<Self, RunError> {
        Self::shared(NonZeroUsize::MIN, run, observer)
    }

    /// For so many runs at a time, all with these settings.
    pub fn shared(
        sessions: NonZeroUsize,
        run: &RunSettings,
        observer: &Observer,
    ) -> Result<Self, RunError> {
        let sessions = sessions.get();
        let kind = match run.isolation {
            Isolation::Never => Kind::Inline(Inline::new(role::all_tasks())),
            Isolation::Always => processes(run, sessions, observer)?,
        };
        let (run, load) = (run.clone(), Arc::default());
        Ok(Self { kind, run, sessions, load, observer: Arc::clone(observer) })
    }

    /// A run on these pools, with a number that no other run has or will have. The events of its
    /// tasks have that number.
    pub fn session(&self, tenant: u64) -> Session<'_> {
        Session { pools: self, tenant }
    }

    /// Most workers at a time.
    pub fn workers(&self) -> usize {
        self.run.workers
    }

    /// Whether they can do any work: not, if their processes could not be started or kept dying.
    pub fn take_tasks(&self) -> bool {
        match &self.kind {
            Kind::Processes { decoders, workers } => {
                decoders.takes_tasks() && workers.takes_tasks()
            }
            Kind::Inline(_) => true,
        }
    }

    /// Ends all processes, and checks the task accounting.
    pub fn close(self) -> Result<(), RunError> {
        let Kind::Processes { decoders, workers } = &self.kind else { return Ok(()) };
        let balances = [(DECODER, decoders.shutdown()), (Role::WORKER, workers.shutdown())];
        for (role, balance) in balances {
            (self.observer)(&Event::Balanced { role, balance });
        }
        check("decoders", &balances[0].1)?;
        check("workers", &balances[1].1)
    }

    /// What they take up at most, with the largest chunk and the largest waveform so far.
    fn peak_memory(&self) -> PeakMemory {
        PeakMemory {
            decoders: self.run.workers + self.spare(),
            threads: file_pipeline::decoding_threads(1).get(),
            workers: self.run.workers,
            chunk_bytes: self.load.largest_chunk(),
            waveform_bytes: self.load.largest_waveform(),
            // A chunk that waits has a slot of its decoder, and no more tasks than that wait.
            tasks: 0,
            records: LOOK_AHEAD.saturating_mul(self.sessions as u64),
        }
    }

    fn spare(&self) -> usize {
        spare(self.sessions)
    }
}

impl Session<'_> {
    /// Analyses every job; `each` gets the records in the order of the jobs, and `observer` is
    /// told what becomes of the files.
    pub fn run(
        self,
        jobs: impl Iterator<Item = Job> + Send,
        analysis: &AnalysisSettings,
        observer: &Observer,
        stop: &Interrupt,
        each: &mut dyn FnMut(Record) -> io::Result<()>,
    ) -> Result<Summary, RunError> {
        match &self.pools.kind {
            Kind::Processes { decoders, workers } => {
                let pipeline = self.pipeline(decoders, workers, analysis, observer);
                let kill = || {
                    self.end(decoders)();
                    self.end(workers)();
                };
                // Not left to the thread that hands the records over: it may wait for their reader.
                let _hurry = stop.on_change({
                    let abandon = pipeline.abandoner();
                    let (decoders, workers) = (self.end(decoders), self.end(workers));
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
                let count = self.pools.run.workers;
                let summary = OrderedScheduler { pipeline: &pipeline, count, stop, kill: &kill }
                    .run(jobs, each);
                observer(&Event::Bounded { peak_bytes: self.pools.peak_memory().bytes() });
                summary
            }
            Kind::Inline(inline) => {
                let pipeline = self.pipeline(inline, inline, analysis, observer);
                // There is no process to kill: the stop is noticed between two chunks.
                let _hurry = stop.on_change(pipeline.abandoner());
                OrderedScheduler { pipeline: &pipeline, count: 1, stop, kill: &|| {} }
                    .run(jobs, each)
            }
        }
    }

    fn pipeline<'a, D: Execute, W: Execute>(
        &self,
        decoders: &'a D,
        workers: &'a W,
        analysis: &'a AnalysisSettings,
        observer: &'a Observer,
    ) -> FilePipeline<'a, D, W> {
        let Pools { run, load, .. } = self.pools;
        let (mut analyzers, chunk_length) = (analysis.analyzers(), chunk_length(run));
        analyzers.waveform = run.drawing.as_ref().map(Drawing::waveforms);
        FilePipeline {
            decoders,
            workers,
            measure: Measure { analyzers },
            keys: analysis.metrics.iter().map(|metric| metric.key).collect(),
            chunk_length,
            timeout: file_pipeline::patience(run.timeout, chunk_length),
            tenant: self.tenant,
            load: Arc::clone(load),
            observer,
            replay_command: ReplayCommand::new(run, analysis),
            drawing: run.drawing.clone(),
            most_columns: MOST_COLUMNS,
            store: run.save_partials.as_deref().map(|place| Store::at(place, analysis)),
            state: State::default(),
        }
    }

    /// What ends the work of this run in a pool: all of it if no other run has any.
    fn end(&self, pool: &ProcessPool) -> Box<dyn Fn() + Send + Sync> {
        if self.pools.sessions == 1 {
            Box::new(pool.killer())
        } else {
            Box::new(pool.dismisser(self.tenant))
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Kind::Processes { decoders, workers } = &self.pools.kind
            && self.pools.sessions > 1
        {
            for pool in [decoders, workers] {
                // Nothing is left, unless the consumer of the records has panicked.
                pool.dismisser(self.tenant)();
                pool.forget_tenant(self.tenant);
            }
        }
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Decoders beyond those that one run has: a file is long, and holds its decoder to its end.
fn spare(sessions: usize) -> usize {
    sessions - 1
}

fn processes(run: &RunSettings, sessions: usize, observer: &Observer) -> Result<Kind, RunError> {
    let like_the_run = |builder: PoolBuilder| {
        builder
            .sandbox(run.sandbox)
            .memory_limit(u64::from(run.child_memory_mib) << 20)
            .max_workers(run.workers)
            .max_attempts(run.max_attempts.get())
            .max_growth(run.max_growth)
            .log_filter(run.log_filter.clone())
            .observer(event::of_pools(observer))
    };
    let decoders = like_the_run(role::decoders()).spare_workers(spare(sessions));
    let decoders = decoders.build().map_err(RunError::Boot)?;
    let workers = like_the_run(role::workers(&run.worker_program)).reads_from(&decoders);
    let workers = workers.build().map_err(RunError::Boot)?;
    Ok(Kind::Processes { decoders, workers })
}

/// Whether the task accounting of a pool balances.
pub(super) fn check(name: &str, balance: &TaskAccounting) -> Result<(), RunError> {
    if balance.is_even() {
        return Ok(());
    }
    Err(RunError::Conservation(format!("of the {name}: {balance:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_beyond_the_first_counts_with_a_decoder_and_with_its_records() {
        let run = RunSettings { workers: 2, isolation: Isolation::Never, ..RunSettings::default() };
        let peak = |sessions| {
            let sessions = NonZeroUsize::new(sessions).unwrap();
            Pools::shared(sessions, &run, &(Arc::new(|_: &Event| {}) as Observer))
                .unwrap()
                .peak_memory()
        };
        let (one, three) = (peak(1), peak(3));
        assert_eq!((one.decoders, one.workers, one.records), (2, 2, LOOK_AHEAD));
        assert_eq!((three.decoders, three.workers, three.records), (4, 2, 3 * LOOK_AHEAD));
    }
}
