//! Ordered scheduler: several files in work at once, and their records in the order of the jobs.
//!
//! Each thread takes the next job when its last one is done, so that no thread idles at the end of a
//! file while another file waits. A thread that is too far ahead of the oldest file in work waits for
//! it: records that cannot be written yet take up memory.
//!
//! When a run is stopped the threads take no more jobs. The jobs that are left are read all the same,
//! and each has its record, so that no input is missing in the report.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tracing::info;

use super::RunError;
use super::file_pipeline::FilePipeline;
use crate::interrupt::{Interrupt, Stop};
use crate::plan::Job;
use crate::record::{Failure, FailureKind, Record, Summary};
use procpool::{Execute, PoolError};

/// How many records may wait for an older one.
pub(super) const LOOK_AHEAD: u64 = 4096;

/// How long files in work may still take when the run is to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the pipeline for several files at once.
pub(super) struct OrderedScheduler<'a, D, W> {
    pub(super) pipeline: &'a FilePipeline<'a, D, W>,
    pub(super) count: usize,
    pub(super) stop: &'a Interrupt,
    /// Ends what is in work.
    pub(super) kill: &'a (dyn Fn() + Sync),
}

/// Where the next job comes from, and how far the records are.
struct Queue<J> {
    /// The thread that asks for the next job may have to wait for it; the others do not.
    jobs: Mutex<J>,
    progress: Mutex<Count>,
    advanced: Condvar,
}

/// A job that a thread has taken.
struct Taken {
    job: Job,
    /// Whether the run was stopped while it was waited for.
    too_late: bool,
}

/// What was written when the last thread has ended.
struct Written {
    summary: Summary,
    /// Why something could not be kept beside the report, if that has ended the run.
    unsaved: Option<RunError>,
}

#[derive(Default)]
struct Count {
    /// Jobs whose records have been handed over.
    written: u64,
    taken: u64,
    closed: bool,
    /// Whether it has been told that the records are far behind.
    told: bool,
}

impl<D: Execute, W: Execute> OrderedScheduler<'_, D, W> {
    /// Runs every job; `each` gets the records in order.
    pub(super) fn run(
        &self,
        jobs: impl Iterator<Item = Job> + Send,
        each: &mut dyn FnMut(Record) -> io::Result<()>,
    ) -> Result<Summary, RunError> {
        let (jobs, progress) = (Mutex::new(jobs), Mutex::default());
        let queue = Queue { jobs, progress, advanced: Condvar::new() };
        let (finished, records) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..self.count {
                let finished = finished.clone();
                let queue = &queue;
                let started = thread::Builder::new().spawn_scoped(scope, move || {
                    while let Some(Taken { job, too_late }) = queue.next(self.stop) {
                        let record =
                            if too_late { self.not_begun(&job) } else { self.record_of(&job) };
                        if finished.send((job.index, record)).is_err() {
                            return;
                        }
                    }
                });
                match started {
                    Err(error) if number == 0 => return Err(RunError::Boot(error.into())),
                    // Fewer threads will do.
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            drop(finished);
            let written = self.in_order(&records, &queue, each);
            if written.is_err() {
                self.end(&queue);
            }
            // The ordered_scheduler end before the scope does; whatever they still send is not wanted.
            drop(records);
            written
        })
        .and_then(|mut written| {
            self.tell_the_rest(&queue, &mut written, each)?;
            self.conclude(written, &queue)
        })
    }

    /// Ends what is in work, and takes nothing more.
    fn end<J>(&self, queue: &Queue<J>) {
        queue.close();
        self.pipeline.abandon();
        (self.kill)();
    }

    fn record_of(&self, job: &Job) -> Record {
        match self.pipeline.trouble() {
            None => self.pipeline.run(job),
            Some(error) => {
                let message = format!("the run ended before its turn: {error}");
                Record::failed(job.path.clone(), Failure::new(FailureKind::NotRun, message))
            }
        }
    }

    /// The record of a job that no thread has begun.
    fn not_begun(&self, job: &Job) -> Record {
        let record = job.refused().unwrap_or_else(|| {
            let why = if self.stop.requested().is_some() { "was stopped" } else { "ended" };
            let message = format!("the run {why} before its turn");
            Record::failed(job.path.clone(), Failure::new(FailureKind::NotRun, message))
        });
        self.pipeline.finished(job, &record);
        record
    }

    /// Hands over the record of each job that is left, if the run was ended. That takes no longer
    /// than the jobs take to come.
    fn tell_the_rest<J: Iterator<Item = Job>>(
        &self,
        queue: &Queue<J>,
        Written { summary, unsaved }: &mut Written,
        each: &mut dyn FnMut(Record) -> io::Result<()>,
    ) -> Result<(), RunError> {
        if unsaved.is_none() && self.stop.requested().is_none() {
            return Ok(());
        }
        let mut jobs = queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for job in &mut *jobs {
            queue.lock().taken += 1;
            let record = self.not_begun(&job);
            summary.add(&record);
            each(record).map_err(RunError::Output)?;
            if let Some(error) = self.pipeline.unsaved() {
                unsaved.get_or_insert(error);
            }
        }
        Ok(())
    }

    /// Hands the records over in order until the last thread has ended.
    fn in_order<J>(
        &self,
        records: &mpsc::Receiver<(u64, Record)>,
        queue: &Queue<J>,
        each: &mut dyn FnMut(Record) -> io::Result<()>,
    ) -> Result<Written, RunError> {
        let mut summary = Summary::default();
        let mut unsaved = None;
        let mut early = BTreeMap::new();
        let mut next = 0;
        let mut patience = Patience::new(self.stop);
        loop {
            match records.recv_timeout(patience.pause()) {
                Ok((index, record)) => {
                    if early.insert(index, record).is_some() {
                        let what = format!("job {index} has two records");
                        return Err(RunError::Conservation(what));
                    }
                    while let Some(record) = early.remove(&next) {
                        next += 1;
                        summary.add(&record);
                        each(record).map_err(RunError::Output)?;
                        queue.written(next);
                    }
                    if let Some(error) = self.pipeline.unsaved()
                        && unsaved.is_none()
                    {
                        unsaved = Some(error);
                        self.end(queue);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if patience.is_over() {
                self.pipeline.abandon();
                (self.kill)();
            }
        }
        if early.is_empty() {
            return Ok(Written { summary, unsaved });
        }
        Err(RunError::Conservation(format!("job {next} has no record")))
    }

    fn conclude<J>(&self, written: Written, queue: &Queue<J>) -> Result<Summary, RunError> {
        let Written { summary, unsaved } = written;
        let taken = queue.lock().taken;
        if summary.inputs != taken {
            let what = format!("{taken} jobs, but {} records", summary.inputs);
            return Err(RunError::Conservation(what));
        }
        if let Some(error) = unsaved {
            return Err(error);
        }
        let stopped = self.stop.requested().is_some();
        match self.pipeline.trouble() {
            None => Ok(Summary { complete: !stopped, ..summary }),
            Some(error @ PoolError::RestartIntensity { .. }) => Err(RunError::GaveUp(error)),
            Some(error) => Err(RunError::Boot(error)),
        }
    }
}

impl<J: Iterator<Item = Job>> Queue<J> {
    /// The next job, as soon as the records are not too far behind; none when there is to be no
    /// more.
    fn next(&self, stop: &Interrupt) -> Option<Taken> {
        let mut count = self.lock();
        while count.taken >= count.written + LOOK_AHEAD && !count.closed {
            if !std::mem::replace(&mut count.told, true) {
                info!(
                    "{LOOK_AHEAD} files are ahead of the oldest one whose record is not written \
                     yet; others wait for it"
                );
            }
            count = self.advanced.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        drop(count);
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = || self.lock().closed || stop.requested().is_some();
        if is_over() {
            return None;
        }
        let job = jobs.next()?;
        self.lock().taken += 1;
        // Looked at again: the next job may have been long in coming.
        Some(Taken { job, too_late: is_over() })
    }
}

impl<J> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self, written: u64) {
        self.lock().written = written;
        self.advanced.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.advanced.notify_all();
    }
}

/// How long the files in work may still take: for ever, until someone wants to stop.
struct Patience<'a> {
    stop: &'a Interrupt,
    asked: Option<Instant>,
    over: bool,
}

impl<'a> Patience<'a> {
    fn new(stop: &'a Interrupt) -> Self {
        Self { stop, asked: None, over: false }
    }

    /// How long to wait for a record before the clock is looked at again.
    fn pause(&mut self) -> Duration {
        Duration::from_millis(if self.over { 1000 } else { 50 })
    }

    /// Whether it has just come to its end.
    fn is_over(&mut self) -> bool {
        let Some(stop) = self.stop.requested() else { return false };
        let asked = *self.asked.get_or_insert_with(Instant::now);
        let over = stop == Stop::AtOnce || asked.elapsed() >= GRACE;
        over && !std::mem::replace(&mut self.over, true)
    }
}
