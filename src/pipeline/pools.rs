//! Pools: the processes that files are worked on by, for one run or for several at once.
//!
//! ```text
//!   run 1 ─┐                     ┌─ decoders   workers + (runs − 1): one that comes later
//!   run 2 ─┼─▶ Guest ─▶ Street ──┤             need not wait for a file of three hours
//!   run 3 ─┘    party            └─ workers    take turns between the parties
//! ```
//!
//! Runs that share them are *parties*: the [pool](crate::pool) takes turns between them, and
//! a run that leaves cancels its own tasks and no others. A run by itself has pools of its
//! own, on the same street.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::{fmt, io};

use procpool::protocol::Role;

use super::lanes::{LOOK_AHEAD, Lanes};
use super::street::{self, Load, Street};
use super::{RunError, is_at_once};
use crate::event::{self, Event, Observer};
use crate::interrupt::{Interrupt, Pause};
use crate::plan::Job;
use crate::record::{Record, Summary};
use crate::role;
use crate::settings::{AnalysisSettings, Isolation, RunSettings};
use procpool::{Balance, Execute, Inline, PeakMemory, PoolBuilder, ProcessPool};

/// What files are decoded and measured by.
pub struct Pools {
    kind: Kind,
    run: RunSettings,
    /// Runs at a time.
    guests: usize,
    load: Arc<Load>,
    observer: Observer,
}

enum Kind {
    Processes { decoders: ProcessPool, workers: ProcessPool },
    Inline(Inline),
}

/// One of the runs that share pools.
#[derive(Debug)]
pub struct Guest<'a> {
    pools: &'a Pools,
    party: u64,
}

impl Pools {
    /// For one run. `observer` is told what happens to the processes.
    pub fn open(run: &RunSettings, observer: &Observer) -> Result<Self, RunError> {
        Self::shared(NonZeroUsize::MIN, run, observer)
    }

    /// For so many runs at a time, all with these settings.
    pub fn shared(
        guests: NonZeroUsize,
        run: &RunSettings,
        observer: &Observer,
    ) -> Result<Self, RunError> {
        let guests = guests.get();
        let kind = match run.isolation {
            Isolation::Never => Kind::Inline(Inline::new(role::all_tasks())),
            Isolation::Always => processes(run, guests, observer)?,
        };
        let (run, load) = (run.clone(), Arc::default());
        Ok(Self { kind, run, guests, load, observer: Arc::clone(observer) })
    }

    /// Someone who has files worked on, under a number that no other run has or will have. It
    /// stands in the events of its tasks.
    pub fn guest(&self, party: u64) -> Guest<'_> {
        Guest { pools: self, party }
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
        let books = [(Role::Decoder, decoders.shutdown()), (Role::Worker, workers.shutdown())];
        for (role, balance) in books {
            (self.observer)(&Event::Balanced { role, balance });
        }
        check("decoders", &books[0].1)?;
        check("workers", &books[1].1)
    }

    /// What they take up at most, with the largest chunk and the largest waveform so far.
    fn peak_memory(&self) -> PeakMemory {
        PeakMemory {
            decoders: self.run.workers + self.spare(),
            threads: street::decoding_threads(1).get(),
            workers: self.run.workers,
            chunk_bytes: self.load.largest_chunk(),
            waveform_bytes: self.load.largest_waveform(),
            // A chunk that waits has a slot of its decoder, and no more tasks than that wait.
            tasks: 0,
            records: LOOK_AHEAD.saturating_mul(self.guests as u64),
        }
    }

    fn spare(&self) -> usize {
        spare(self.guests)
    }
}

impl Guest<'_> {
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
                let street = self.street(decoders, workers, analysis, observer);
                let kill = || {
                    self.end(decoders)();
                    self.end(workers)();
                };
                // Not left to the thread that hands the records over: it may wait for their reader.
                let _hurry = stop.on_change({
                    let abandon = street.abandoner();
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
                let summary = Lanes { street: &street, count, stop, kill: &kill }.walk(jobs, each);
                observer(&Event::Bounded { peak_bytes: self.pools.peak_memory().bytes() });
                summary
            }
            Kind::Inline(inline) => {
                let street = self.street(inline, inline, analysis, observer);
                // There is no process to kill: the stop is noticed between two chunks.
                let _hurry = stop.on_change(street.abandoner());
                Lanes { street: &street, count: 1, stop, kill: &|| {} }.walk(jobs, each)
            }
        }
    }

    fn street<'a, D: Execute, W: Execute>(
        &self,
        decoders: &'a D,
        workers: &'a W,
        analysis: &'a AnalysisSettings,
        observer: &'a Observer,
    ) -> Street<'a, D, W> {
        let Pools { run, load, .. } = self.pools;
        super::street(decoders, workers, run, analysis, observer)
            .in_the_name_of(self.party, Arc::clone(load))
    }

    /// What ends the work of this run in a pool: all of it if no other run has any.
    fn end(&self, pool: &ProcessPool) -> Box<dyn Fn() + Send + Sync> {
        if self.pools.guests == 1 {
            Box::new(pool.killer())
        } else {
            Box::new(pool.dismisser(self.party))
        }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if let Kind::Processes { decoders, workers } = &self.pools.kind
            && self.pools.guests > 1
        {
            for pool in [decoders, workers] {
                // Nothing is left, unless the consumer of the records has panicked.
                pool.dismisser(self.party)();
                pool.forget_party(self.party);
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
fn spare(guests: usize) -> usize {
    guests - 1
}

fn processes(run: &RunSettings, guests: usize, observer: &Observer) -> Result<Kind, RunError> {
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
    let decoders = like_the_run(role::decoders()).spare_workers(spare(guests));
    let decoders = decoders.build().map_err(RunError::Boot)?;
    let workers = like_the_run(role::workers(&run.worker_program)).reads_from(&decoders);
    let workers = workers.build().map_err(RunError::Boot)?;
    Ok(Kind::Processes { decoders, workers })
}

/// Whether a pool's books balance.
pub(super) fn check(name: &str, balance: &Balance) -> Result<(), RunError> {
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
        let peak = |guests| {
            let guests = NonZeroUsize::new(guests).unwrap();
            Pools::shared(guests, &run, &(Arc::new(|_: &Event| {}) as Observer))
                .unwrap()
                .peak_memory()
        };
        let (one, three) = (peak(1), peak(3));
        assert_eq!((one.decoders, one.workers, one.records), (2, 2, LOOK_AHEAD));
        assert_eq!((three.decoders, three.workers, three.records), (4, 2, 3 * LOOK_AHEAD));
    }
}
