//! The pipeline of one file: decode it, have its chunks measured, merge, write the record.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audiopool_worker::analyze::waveform::Waveform;
use audiopool_worker::analyze::{FrameSpan, Partials};
use audiopool_worker::measure::Measure;
use tracing::info_span;

use super::RunError;
use super::failure::{self, Stage};
use super::is_at_once;
use super::replay_command::ReplayCommand;
use crate::chunk::ChunkLength;
use crate::decoder::{DecodeFile, Decoded, Delivered, Ending};
use crate::event::{Event, Observer};
use crate::interrupt::Stop;
use crate::merge::{Fold, Measured, Store, peaks};
use crate::plan::Job;
use crate::record::{Failure, FailureKind, FileFormat, Outcome, Record, SourceFormat};
use crate::settings::Drawing;
use crate::threads::ThreadConfig;
use procpool::{Execute, PoolError, TaskError, TaskHandle, TaskTerms};

/// Time that every task is given, beside the length of its chunk.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a task may be silent, if nothing else was asked for.
pub(super) fn patience(timeout: Option<Duration>, chunk_length: ChunkLength) -> Duration {
    let longest = Duration::from_millis(chunk_length.max_ms.max(chunk_length.min_ms).into());
    timeout.unwrap_or(PATIENCE + longest)
}

/// Threads of one decoder, for formats that can be decoded in pieces: a long file alone in
/// work still uses the machine, and many files share it.
pub(super) fn decoding_threads(files_in_work: usize) -> NonZeroUsize {
    let share = ThreadConfig::max_threads() / files_in_work.max(1);
    NonZeroUsize::new(share.min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// A decoder with more threads would wait for its demuxer.
const MOST_THREADS: usize = 4;

/// Pairs of numbers that a waveform has at most, which are kept until the file ends.
pub(super) const MOST_COLUMNS: usize = 1 << 26;
/// Bytes of each.
const COLUMN: u64 = 4;

/// What all files together that are on the same pools come to.
#[derive(Debug, Default)]
pub(super) struct Load {
    in_work: AtomicUsize,
    /// Bytes of the largest chunk so far.
    largest_chunk: AtomicU64,
    /// … and of the largest waveform.
    largest_waveform: AtomicU64,
}

impl Load {
    /// Bytes of the largest chunk so far.
    pub(super) fn largest_chunk(&self) -> u64 {
        self.largest_chunk.load(Ordering::Relaxed)
    }

    pub(super) fn largest_waveform(&self) -> u64 {
        self.largest_waveform.load(Ordering::Relaxed)
    }
}

/// What all files of a run have in common on their way.
pub(super) struct FilePipeline<'a, D, W> {
    pub(super) decoders: &'a D,
    pub(super) workers: &'a W,
    pub(super) measure: Measure,
    /// Keys of the metrics that records hold.
    pub(super) keys: Vec<&'static str>,
    pub(super) chunk_length: ChunkLength,
    /// How long a task may be silent.
    pub(super) timeout: Duration,
    /// The run, where several share the pools.
    pub(super) tenant: u64,
    pub(super) load: Arc<Load>,
    pub(super) observer: &'a Observer,
    /// The commands that repeat failed tasks.
    pub(super) replay_command: ReplayCommand,
    /// What becomes of waveforms.
    pub(super) drawing: Option<Drawing>,
    /// Columns that a waveform may have.
    pub(super) most_columns: usize,
    /// Where partials are stored.
    pub(super) store: Option<Store>,
    pub(super) state: State,
}

/// What has happened to a run so far.
#[derive(Default)]
pub(super) struct State {
    abandoned: Arc<AtomicBool>,
    /// Why a pool could not run a task.
    trouble: Mutex<Option<PoolError>>,
    /// Why partials or a waveform could not be written.
    unsaved: Mutex<Option<RunError>>,
}

impl<D: Execute, W: Execute> FilePipeline<'_, D, W> {
    /// Why something could not be kept beside the report, if that has happened; told once.
    pub(super) fn unsaved(&self) -> Option<RunError> {
        self.state.unsaved.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn save(&self, save: impl FnOnce(&Store) -> io::Result<()>) {
        if let Some(Err(error)) = self.store.as_ref().map(save) {
            self.note(RunError::StorePartials(error));
        }
    }

    fn note(&self, error: RunError) {
        self.state.unsaved.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Writes a waveform, or makes of it what is shown.
    fn drawn(&self, job: &Job, waveform: Waveform) -> Option<Waveform> {
        match self.drawing.as_ref()? {
            Drawing::Shown { most_columns, .. } => Some(waveform.downsampled(*most_columns)),
            Drawing::Written(peaks) => {
                let saved = peaks::save(peaks, job.index, &job.path, &waveform);
                if let Err(error) = saved {
                    self.note(RunError::WritePeaks(error));
                }
                None
            }
        }
    }

    /// Has the file in work broken off when someone wants to stop at once.
    pub(super) fn abandoner(&self) -> impl Fn(Stop) + Send + Sync + 'static {
        let abandoned = Arc::clone(&self.state.abandoned);
        move |stop| abandoned.store(is_at_once(stop), Ordering::Relaxed)
    }

    /// Breaks off whatever is in work.
    pub(super) fn abandon(&self) {
        self.state.abandoned.store(true, Ordering::Relaxed);
    }

    /// Why a pool could not run a task, if that has happened.
    pub(super) fn trouble(&self) -> Option<PoolError> {
        self.state.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the pipeline for one file.
    pub(super) fn run(&self, job: &Job) -> Record {
        if let Some(record) = job.refused() {
            self.finished(job, &record);
            return record;
        }
        let _span = info_span!("file", index = job.index, path = %job.shown()).entered();
        (self.observer)(&Event::JobStarted { index: job.index });
        let mut file =
            FileInWork { pipeline: self, job, opened: None, cut: 0, waiting: VecDeque::new() };
        let task = DecodeFile {
            path: job.file().as_os_str().to_owned(),
            chunk_length: self.chunk_length,
            threads: decoding_threads(self.load.in_work.fetch_add(1, Ordering::Relaxed) + 1),
        };
        let mut failed = None;
        let mut take = |item: Decoded, audio| file.take(item.with(audio)?);
        let decoded = self.decoders.stream(&task, self.terms(job), &mut |item, audio| match take(
            item, audio,
        ) {
            Ok(()) if self.state.abandoned.load(Ordering::Relaxed) => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        });
        self.load.in_work.fetch_sub(1, Ordering::Relaxed);
        let ended = match (failed, decoded) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) => Err(self.failure((job, None), Stage::Decoding, &error)),
            (None, Ok(Err(error))) => Err(error.into()),
            (None, Ok(Ok(ending))) => Ok(ending),
        };
        let outcome = file.conclude(ended);
        let record = Record { path: job.path.clone(), outcome };
        self.finished(job, &record);
        record
    }

    /// Keeps what there is to keep of a failed input, and tells the observer.
    pub(super) fn finished(&self, job: &Job, record: &Record) {
        if record.error().is_some() {
            self.save(|store| store.save_failed(job.index, record));
        }
        let seconds = record.format().and_then(|format| format.duration_seconds);
        (self.observer)(&Event::JobFinished {
            index: job.index,
            ok: record.error().is_none(),
            audio_seconds: seconds.unwrap_or(0.0),
        });
    }

    fn terms(&self, job: &Job) -> TaskTerms {
        TaskTerms { label: job.index, tenant: self.tenant, timeout: Some(self.timeout) }
    }

    fn failure(
        &self,
        (job, frames): (&Job, Option<&Range<u64>>),
        stage: Stage,
        error: &TaskError,
    ) -> Failure {
        if let Some(error) = failure::pool_error(error) {
            let mut trouble = self.state.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.get_or_insert_with(|| error.clone());
        }
        let failure = failure::of(stage, error);
        // A copy is gone when the run is over.
        let can_be_replayed = job.copy.is_none() && failure::can_be_replayed(error);
        let replay = can_be_replayed.then(|| self.replay_command.command(&job.path, frames));
        Failure { replay, ..failure }
    }
}

/// One file in the pipeline: what is known of it, and its chunks that are with the workers.
struct FileInWork<'s, 'a, D, W> {
    pipeline: &'s FilePipeline<'a, D, W>,
    job: &'s Job,
    opened: Option<(SourceFormat, Fold<'s>)>,
    /// Where the next chunk begins.
    cut: u64,
    waiting: VecDeque<(u64, TaskHandle<Partials>)>,
}

impl<D: Execute, W: Execute> FileInWork<'_, '_, D, W> {
    /// Takes what the decoder delivers next.
    fn take(&mut self, item: Delivered) -> Result<(), Failure> {
        let pipeline = self.pipeline;
        match item {
            Delivered::Opened(format) => {
                let index = self.job.index;
                let declared_frames = format.declared_frames;
                let chunk_frames = pipeline.chunk_length.frames(format.pcm, declared_frames);
                let chunk_bytes = chunk_frames.saturating_mul(format.pcm.frame_width() as u64);
                pipeline.load.largest_chunk.fetch_max(chunk_bytes, Ordering::Relaxed);
                (pipeline.observer)(&Event::JobOpened {
                    index,
                    format: format.clone(),
                    declared_frames,
                });
                let fold = Fold::new(&pipeline.measure.analyzers, format.pcm);
                self.opened = Some((format, fold));
            }
            Delivered::Chunk(audio) => {
                let stretch = FrameSpan::from(&audio);
                let frames = stretch.frame_count();
                let terms = pipeline.terms(self.job);
                let analyzers = pipeline.measure.analyzers.clone();
                let opened = self.opened.as_ref().map(|(format, _)| format.pcm);
                if opened != Some(stretch.format) || stretch.frames.start != self.cut {
                    let message = format!("the decoder's chunk is not the one at {}", self.cut);
                    return Err(Failure::new(FailureKind::Protocol, message));
                }
                self.cut = stretch.frames.end;
                let check = move |partials: &Partials| partials.check(&analyzers, &stretch);
                let submitted =
                    pipeline.workers.submit_checked(&pipeline.measure, Some(audio), terms, check);
                let future = submitted.map_err(|error| self.failure(frames, &error))?;
                self.waiting.push_back((frames, future));
            }
        }
        while self.waiting.front().is_some_and(|(_, future)| future.done()) {
            self.merge_next()?;
        }
        Ok(())
    }

    /// Merges the partials of the first chunk that has not been merged.
    fn merge_next(&mut self) -> Result<(), Failure> {
        let Some((frames, future)) = self.waiting.pop_front() else { return Ok(()) };
        let partials = future.result().map_err(|error| self.failure(frames, &error))?;
        let Some((format, fold)) = &mut self.opened else {
            return Err(Failure::new(FailureKind::Protocol, "a chunk before the file was opened"));
        };
        fold.add(partials, frames)
            .map_err(|error| Failure::new(FailureKind::Protocol, error.to_string()))?;
        let drawn = COLUMN * fold.columns() as u64;
        self.pipeline.load.largest_waveform.fetch_max(drawn, Ordering::Relaxed);
        let most = self.pipeline.most_columns;
        if fold.columns() > most {
            let message = format!(
                "its waveform has more than {most} pairs of numbers; a larger `--peaks-zoom` makes \
                 fewer"
            );
            return Err(Failure::new(FailureKind::OutOfMemory, message));
        }
        let format = FileFormat::of(format, Some(frames));
        (self.pipeline.observer)(&Event::ChunkMeasured {
            index: self.job.index,
            frames,
            seconds: format.duration_seconds.unwrap_or(0.0),
        });
        Ok(())
    }

    /// Of the chunk that is to be merged next, with so many frames.
    fn failure(&self, frames: u64, error: &TaskError) -> Failure {
        let merged = self.opened.as_ref().map(|(format, fold)| (format.pcm, fold.frames()));
        let second = merged.map_or(0, |(pcm, first)| first / u64::from(pcm.sample_rate.max(1)));
        let first = merged.map_or(0, |(_, first)| first);
        let chunk = (self.job, Some(&(first..first + frames)));
        self.pipeline.failure(chunk, Stage::Measuring { second }, error)
    }

    /// Waits for the workers and makes the record.
    fn conclude(mut self, ended: Result<Ending, Failure>) -> Outcome {
        let ended = ended.and_then(|ending| {
            while !self.waiting.is_empty() {
                self.merge_next()?;
            }
            Ok(ending)
        });
        match (ended, self.opened) {
            (Ok(ending), Some((format, mut fold))) if fold.frames() == ending.frames => {
                let (pcm, job) = (format.pcm, self.job);
                let format = FileFormat::of(&format, Some(ending.frames));
                let waveform = fold.draw().and_then(|drawn| self.pipeline.drawn(job, drawn));
                self.pipeline.save(|store| {
                    let (path, format) = (&*job.path, &format);
                    let (warnings, health) = (&ending.warnings[..], &ending.health);
                    let measured = Measured { path, format, pcm, warnings, health };
                    store.save_measured(job.index, &measured, fold.partials())
                });
                let figures = fold.finish().with_health(&ending.health, pcm.sample_rate);
                let figures = figures.only(&self.pipeline.keys);
                Outcome::measured(format, figures, ending.warnings).with_waveform(waveform)
            }
            (Ok(ending), opened) => Outcome::Failed {
                format: opened.map(|(format, _)| FileFormat::of(&format, None)),
                warnings: ending.warnings,
                error: Failure::new(
                    FailureKind::Protocol,
                    "the decoder's count of frames is not that of its chunks",
                ),
            },
            (Err(error), opened) => Outcome::Failed {
                format: opened.map(|(format, _)| FileFormat::of(&format, None)),
                warnings: Vec::new(),
                error,
            },
        }
    }
}

#[cfg(test)]
mod tests;
