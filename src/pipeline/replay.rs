//! Replay: one task of one file once more, alone, and everything that is found of its end.
//!
//! ```text
//!   file ─▶ decoder process ─▶ the frames asked for ─▶ worker process ─▶ answer, or Evidence
//! ```
//!
//! The processes are those of a run, with the same limits; there is one of each, and one try. What
//! is decoded of the frames is put together here, so it makes no difference how a run would cut.

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use audiopool_worker::analyze::{FrameSpan, Partials};
use audiopool_worker::audio::{Audio, AudioDescription};
use audiopool_worker::measure::Measure;

use super::failure::{self, Stage};
use super::file_pipeline::{decoding_threads, patience};
use super::pools::check;
use super::{RunError, chunk_length};
use crate::decoder::{DecodeFile, Decoded, Delivered};
use crate::event::{self, Observer};
use crate::interrupt::Interrupt;
use crate::record::{DecodeErrorKind, Failure, FailureKind, SourceFormat};
use crate::role;
use crate::settings::{AnalysisSettings, RunSettings};
use procpool::{Execute, FailedAttempt, PoolBuilder, ProcessPool, TaskError, TaskTerms};

/// The most that is analysed at once; no chunk of a run is larger.
const MOST_BYTES: u64 = 64 << 20;

/// What is to be done again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The file.
    pub path: PathBuf,
    /// Which of its frames are analysed; without them, it is decoded to its end and no more.
    pub frames: Option<Range<u64>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Replayed {
    /// What the file is, if the decoder could tell.
    pub format: Option<SourceFormat>,
    /// How many frames were decoded, and how many of these analysed; or why not.
    pub outcome: Result<(u64, u64), NotReplayed>,
}

/// The task has failed, as it may have before.
#[derive(Debug)]
pub struct NotReplayed {
    /// As it would stand in a record.
    pub failure: Failure,
    /// The processes that have died, with all that was found of them.
    pub attempts: Vec<FailedAttempt>,
}

impl From<Failure> for NotReplayed {
    fn from(failure: Failure) -> Self {
        Self { failure, attempts: Vec::new() }
    }
}

/// Does it again.
pub fn replay(
    replay: &Replay,
    run: &RunSettings,
    analysis: &AnalysisSettings,
    observer: &Observer,
    stop: &Interrupt,
) -> Result<Replayed, RunError> {
    let again = Again { replay, run, analysis, observer, stop };
    let (format, decoded) = again.decode()?;
    let outcome = match decoded {
        Err(failed) => Err(failed),
        Ok((frames, None)) => Ok((frames, 0)),
        Ok((frames, Some(audio))) => {
            let analysed = FrameSpan::from(&audio).frame_count();
            again.measure(audio)?.map(|()| (frames, analysed))
        }
    };
    Ok(Replayed { format, outcome })
}

struct Again<'a> {
    replay: &'a Replay,
    run: &'a RunSettings,
    analysis: &'a AnalysisSettings,
    observer: &'a Observer,
    stop: &'a Interrupt,
}

/// How many frames were decoded, and the audio that was wanted.
type Heard = Result<(u64, Option<Audio>), NotReplayed>;

impl Again<'_> {
    fn decode(&self) -> Result<(Option<SourceFormat>, Heard), RunError> {
        let decoders = self.like_the_run(role::decoders()).build().map_err(RunError::Boot)?;
        let _stop = self.stop.on_change(killer(&decoders));
        let task = DecodeFile {
            path: self.replay.path.clone().into_os_string(),
            chunk_length: chunk_length(self.run),
            threads: decoding_threads(1),
        };
        let mut wanted = Wanted::new(self.replay.frames.clone());
        let decoded =
            decoders.stream(&task, self.terms(), &mut |item, audio| wanted.take(item, audio));
        let Wanted { format, frames, range, bytes, trouble } = wanted;
        let (reached, wants) = (range.as_ref().is_none_or(|range| frames >= range.end), range);
        let heard = match (trouble, decoded) {
            (Some(failure), _) => Err(failure.into()),
            // We have broken off ourselves.
            (None, Err(TaskError::Cancelled)) if reached && self.stop.requested().is_none() => {
                Ok(())
            }
            (None, Err(error)) => Err(Self::failed(Stage::Decoding, error)),
            (None, Ok(Err(error))) => Err(Failure::from(error).into()),
            (None, Ok(Ok(_))) => Ok(()),
        };
        let heard = heard.and_then(|()| match (wants, &format) {
            (Some(range), _) if !reached => {
                let message =
                    format!("the file has {frames} frames, fewer than the {} asked for", range.end);
                Err(Failure::new(FailureKind::NotRun, message).into())
            }
            (Some(range), Some(format)) => Ok((
                frames,
                Some(Audio::owned(
                    bytes.into(),
                    AudioDescription { format: format.pcm, first_frame: range.start },
                )),
            )),
            _ => Ok((frames, None)),
        });
        check("decoders", &decoders.shutdown())?;
        Ok((format, heard))
    }

    fn measure(&self, audio: Audio) -> Result<Result<(), NotReplayed>, RunError> {
        let stretch = FrameSpan::from(&audio);
        let workers = self
            .like_the_run(role::workers(&self.run.worker_program))
            .room_for_payload(audio.byte_count())
            .build()
            .map_err(RunError::Boot)?;
        let _stop = self.stop.on_change(killer(&workers));
        let analyzers = self.analysis.analyzers();
        let second = stretch.frames.start / u64::from(stretch.format.sample_rate.max(1));
        let task = Measure { analyzers: analyzers.clone() };
        let check_partials = move |partials: &Partials| partials.check(&analyzers, &stretch);
        let measured = workers
            .submit_checked(&task, Some(audio), self.terms(), check_partials)
            .and_then(|future| future.result());
        check("workers", &workers.shutdown())?;
        let boot = measured.as_ref().err().and_then(failure::pool_error).cloned();
        match boot {
            Some(error) => Err(RunError::Boot(error)),
            None => Ok(measured
                .map(drop)
                .map_err(|error| Self::failed(Stage::Measuring { second }, error))),
        }
    }

    /// One child with one try, and the limits of a run.
    fn like_the_run(&self, builder: PoolBuilder) -> PoolBuilder {
        builder
            .sandbox(self.run.sandbox)
            .memory_limit(u64::from(self.run.child_memory_mib) << 20)
            .max_workers(1)
            .max_attempts(1)
            .log_filter(self.run.log_filter.clone())
            .observer(event::of_pools(self.observer))
    }

    fn failed(stage: Stage, error: TaskError) -> NotReplayed {
        let failure = failure::of(stage, &error);
        let attempts = match error {
            TaskError::AttemptsExhausted(attempts) => attempts,
            _ => Vec::new(),
        };
        NotReplayed { failure, attempts }
    }

    fn terms(&self) -> TaskTerms {
        let timeout = Some(patience(self.run.timeout, chunk_length(self.run)));
        TaskTerms { timeout, ..TaskTerms::default() }
    }
}

fn killer(pool: &ProcessPool) -> impl Fn(crate::interrupt::Stop) + Send + Sync + 'static {
    let kill = pool.killer();
    move |_| kill()
}

/// The frames that are wanted, as they come in.
struct Wanted {
    format: Option<SourceFormat>,
    /// Decoded so far.
    frames: u64,
    range: Option<Range<u64>>,
    bytes: Vec<u8>,
    trouble: Option<Failure>,
}

impl Wanted {
    fn new(range: Option<Range<u64>>) -> Self {
        Self { format: None, frames: 0, range, bytes: Vec::new(), trouble: None }
    }

    fn take(&mut self, item: Decoded, audio: Option<Audio>) -> ControlFlow<()> {
        let taken = item.with(audio).and_then(|item| match item {
            Delivered::Opened(format) => {
                self.format = Some(format);
                Ok(())
            }
            Delivered::Chunk(audio) => self.keep(&audio),
        });
        if let Err(failure) = taken {
            self.trouble = Some(failure);
            return ControlFlow::Break(());
        }
        // A file that is opened has no frames yet, and a range is never empty.
        match &self.range {
            Some(range) if self.frames >= range.end => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    /// Keeps the part of a chunk that is wanted.
    fn keep(&mut self, audio: &Audio) -> Result<(), Failure> {
        let stretch = FrameSpan::from(audio);
        if stretch.frames.start != self.frames {
            let message = format!("the decoder's chunk is not the one at {}", self.frames);
            return Err(Failure::new(FailureKind::Protocol, message));
        }
        self.frames = stretch.frames.end;
        let Some(range) = &self.range else { return Ok(()) };
        let width = stretch.format.frame_width() as u64;
        if (range.end - range.start).saturating_mul(width) > MOST_BYTES {
            let most = MOST_BYTES / width.max(1);
            let message = format!("at most {most} frames of this file can be analysed at once");
            return Err(Failure::new(DecodeErrorKind::LimitExceeded, message));
        }
        let part = range.start.max(stretch.frames.start)..range.end.min(stretch.frames.end);
        if part.is_empty() {
            return Ok(());
        }
        let bytes = audio.bytes().map_err(|error| {
            Failure::new(FailureKind::Protocol, format!("a chunk cannot be read: {error}"))
        })?;
        let at = |frame: u64| usize::try_from((frame - stretch.frames.start) * width).ok();
        let kept = at(part.start).zip(at(part.end)).and_then(|(from, to)| bytes.get(from..to));
        self.bytes.extend_from_slice(kept.unwrap_or_default());
        Ok(())
    }
}
