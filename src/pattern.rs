//! Pattern: a recording in memory is cut into chunks, one function sees each, results come in order.
//!
//! ```text
//!                        ┌─ chunk 0 ─▶ process ─▶ output 0 ─┐
//!   AudioSegment ──cut──▶├─ chunk 1 ─▶ process ─▶ output 1 ─┤──▶ Vec, to be aggregated
//!                        └─ chunk 2 ─▶ process ─▶ output 2 ─┘
//! ```
//!
//! What the Python program did with a `ProcessPoolExecutor`: raw bytes, sample width, frame rate
//! and channels of each chunk go to a process of its own, together with the function's keyword
//! arguments; the segment is rebuilt there, and a plain value comes back. A recording that makes
//! one chunk only is dealt with on the calling thread.
//!
//! This is for a user's own operations on audio that is in memory already. It holds all of it at
//! once, and some of it twice: a batch of long files is work for the [pipeline](crate::pipeline).

use std::env;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

use audiopool_worker::audio;
use audiopool_worker::chunk_function::{ChunkFunction, ChunkTask};
use audiopool_worker::pcm::Pcm;
use procpool::codec::CodecError;
use procpool::protocol::WorkerFault;

use crate::segment::AudioSegment;
use crate::threads::ThreadConfig;
use procpool::{Execute, PoolError, ProcessPool, TaskError, TaskTerms, panicked};

/// Most processes of one call, however many chunks there are.
const MAX_PROCESSES: usize = 256;

/// How a recording is cut, and how its chunks are worked on.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use audiopool::ChunkOptions;
///
/// let options = ChunkOptions {
///     num_threads: NonZeroUsize::new(3),
///     min_chunk_size_ms: 2_000,
///     ..ChunkOptions::default()
/// };
/// assert_eq!(options.timeout, None);
/// ```
#[derive(Clone, Debug)]
pub struct ChunkOptions {
    /// Most chunks, each in a process of its own; [`ThreadConfig::num_threads`] if `None`.
    pub num_threads: Option<NonZeroUsize>,
    /// No chunk is shorter, in milliseconds, unless the whole recording is. 10 000 by default.
    pub min_chunk_size_ms: u32,
    /// The program that the processes run; this very program if `None`, whose `main` begins with
    /// [`run_child_role_with`](crate::run_child_role_with) then.
    pub worker_program: Option<PathBuf>,
    /// How long a chunk may take; for ever by default. Not for a chunk on the calling thread.
    pub timeout: Option<Duration>,
    /// How often a chunk that kills its process is tried in all. 3 by default.
    pub max_attempts: NonZeroU32,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self {
            num_threads: None,
            min_chunk_size_ms: 10_000,
            worker_program: None,
            timeout: None,
            max_attempts: const { NonZeroU32::new(3).unwrap() },
        }
    }
}

impl ChunkOptions {
    /// The chunks that a recording is cut into, in order; none if it is empty.
    ///
    /// As many as there are threads, of the same length but for a frame; fewer if they were
    /// shorter than the shortest otherwise.
    pub fn cut<'a>(&self, segment: &'a AudioSegment) -> Vec<Pcm<'a>> {
        let mut rest = segment.pcm();
        let frames = rest.frames();
        if frames == 0 {
            return Vec::new();
        }
        let rate = u64::from(segment.frame_rate());
        let shortest = (u64::from(self.min_chunk_size_ms) * rate).div_ceil(1000).max(1);
        let threads = self.num_threads.map_or_else(ThreadConfig::num_threads, NonZeroUsize::get);
        let count = (frames / shortest).clamp(1, threads as u64);
        let mut chunk_of_length = |length| {
            let (chunk, behind) = rest.split_at(length);
            rest = behind;
            chunk
        };
        // The first chunks take a frame each of what cannot be shared out evenly.
        let (length, left_over) = (frames / count, frames % count);
        (0..count).map(|index| chunk_of_length(length + u64::from(index < left_over))).collect()
    }
}

/// Why a recording has no results. No process is left when it is returned.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Processes could not be started or kept.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A chunk has no output. Of several, this is the first.
    #[error(
        "chunk {} of {count} ({:.3} s to {:.3} s): {cause}",
        index + 1,
        seconds(frames.start, *sample_rate),
        seconds(frames.end, *sample_rate)
    )]
    Chunk {
        /// Which, from 0.
        index: usize,
        /// How many there were.
        count: usize,
        /// Where it lies in the recording.
        frames: Range<u64>,
        /// Frames in a second.
        sample_rate: u32,
        /// What happened.
        cause: TaskError,
    },
}

#[expect(clippy::cast_precision_loss, reason = "2⁵³ frames do not fit into memory")]
fn seconds(frame: u64, sample_rate: u32) -> f64 {
    frame as f64 / f64::from(sample_rate)
}

/// Cuts a recording into chunks, has `function` run on each, and returns the outputs in order.
///
/// - Several chunks run in processes of this very program, which finds the function by its name:
///   [`run_child_role_with`](crate::run_child_role_with) in the first line of `main` registers it.
///   They are started for this call and are gone when it returns, whatever becomes of it.
/// - A single chunk runs on the calling thread, and a panic there is an error too.
/// - No audio makes an empty list.
///
/// ```
/// use audiopool::{AudioSegment, ChunkFunction, ChunkOptions, ChunkTask, Pcm, PcmFormat};
/// use audiopool::{SampleFormat, TaskFailure, parallel_process_audio_chunks};
/// use serde::{Deserialize, Serialize};
///
/// /// How many samples are larger than a magnitude.
/// #[derive(Serialize, Deserialize)]
/// struct Louder {
///     than: u32,
/// }
///
/// impl ChunkFunction for Louder {
///     const NAME: &'static str = "example.louder";
///     type Output = usize;
///
///     fn run(&self, chunk: Pcm<'_>) -> Result<usize, TaskFailure> {
///         let samples = chunk.integers();
///         Ok(samples.widened().iter().filter(|x| x.unsigned_abs() > self.than).count())
///     }
/// }
///
/// audiopool::run_child_role_with(|| audiopool::worker_tasks().with::<ChunkTask<Louder>>());
///
/// let format =
///     PcmFormat::new(SampleFormat::U8, 8000, 1);
/// let segment = AudioSegment::from_raw([128, 133, 0, 255], format);
/// let counts =
///     parallel_process_audio_chunks(&segment, &Louder { than: 4 }, &ChunkOptions::default())?;
/// assert_eq!(counts.iter().sum::<usize>(), 3);
/// # Ok::<(), audiopool::ChunkError>(())
/// ```
pub fn parallel_process_audio_chunks<F: ChunkFunction + 'static>(
    segment: &AudioSegment,
    function: &F,
    options: &ChunkOptions,
) -> Result<Vec<F::Output>, ChunkError> {
    run_on(&options.cut(segment), function, options)
}

/// The same for chunks that have been cut.
pub(crate) fn run_on<F: ChunkFunction + 'static>(
    chunks: &[Pcm<'_>],
    function: &F,
    options: &ChunkOptions,
) -> Result<Vec<F::Output>, ChunkError> {
    match chunks {
        [] => Ok(Vec::new()),
        [only] => match run_here(*only, function) {
            Ok(output) => Ok(vec![output]),
            Err(cause) => Err(of_chunk(chunks, 0, cause)),
        },
        several => run_in_processes(several, function, options),
    }
}

fn run_in_processes<F: ChunkFunction + 'static>(
    chunks: &[Pcm<'_>],
    function: &F,
    options: &ChunkOptions,
) -> Result<Vec<F::Output>, ChunkError> {
    // Not the worker program that comes with audiopool: it knows no functions of others.
    let program = match &options.worker_program {
        Some(program) => program.clone(),
        None => env::current_exe().map_err(PoolError::from)?,
    };
    let largest = chunks.iter().map(|chunk| chunk.bytes().len() as u64).max().unwrap_or(0);
    let pool = ProcessPool::builder()
        .worker_program(program)
        .max_workers(chunks.len().min(MAX_PROCESSES))
        .max_attempts(options.max_attempts.get())
        .room_for_payload(largest)
        .build()?;
    let fault = |error: CodecError| WorkerFault::Codec { message: error.to_string() };
    let task = ChunkTask::copied(function)
        .map_err(|error| of_chunk(chunks, 0, TaskError::Fault(fault(error))))?;
    let submit = |(chunk, label): (&Pcm<'_>, u64)| {
        pool.submit_with(
            &task,
            Some(audio::attached(*chunk)),
            TaskTerms { label, timeout: options.timeout, ..TaskTerms::default() },
        )
    };
    let submitted: Vec<_> = chunks.iter().zip(0..).map(submit).collect();
    let outputs = submitted.into_iter().enumerate().map(|(index, future)| {
        let output = future.and_then(|future| future.result());
        output.map_err(|cause| match cause {
            TaskError::NotRun(error) => explained(error, options).into(),
            cause => of_chunk(chunks, index, cause),
        })
    });
    let outputs = outputs.collect::<Result<_, _>>()?; // an error drops the pool, and all with it
    pool.shutdown();
    Ok(outputs)
}

/// What a worker does, on the calling thread.
fn run_here<F: ChunkFunction>(chunk: Pcm<'_>, function: &F) -> Result<F::Output, TaskError> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| function.run(chunk)));
    let fault = match outcome {
        Ok(Ok(output)) => return Ok(output),
        Ok(Err(failure)) => WorkerFault::Failed { message: failure.to_string() },
        Err(payload) => panicked(payload.as_ref()),
    };
    Err(TaskError::Fault(fault))
}

/// Says which chunk it was.
pub(crate) fn of_chunk(chunks: &[Pcm<'_>], index: usize, cause: TaskError) -> ChunkError {
    let chunk = chunks[index];
    let start = chunk.first_frame();
    ChunkError::Chunk {
        index,
        count: chunks.len(),
        frames: start..start + chunk.frames(),
        sample_rate: chunk.format().sample_rate,
        cause,
    }
}

/// Names what is most often wrong when this very program does not start as a worker, unless the
/// worker has said it itself.
fn explained(error: PoolError, options: &ChunkOptions) -> PoolError {
    match error {
        PoolError::Boot { role, program, reason }
            if options.worker_program.is_none()
                && !reason.contains("audiopool::run_child_role") =>
        {
            let hint = "does its main begin with audiopool::run_child_role_with(…)?";
            PoolError::Boot { role, program, reason: format!("{reason}; {hint}") }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use audiopool_worker::pcm::{PcmFormat, SampleFormat};
    use proptest::prelude::*;

    use super::*;

    fn segment(sample_rate: u32, frames: usize) -> AudioSegment {
        let sample_format = SampleFormat::U8;
        let format = PcmFormat::new(sample_format, sample_rate, 1);
        AudioSegment::from_raw(vec![0; frames], format)
    }

    fn lengths(seconds: f64, threads: usize, min_chunk_size_ms: u32) -> Vec<u64> {
        let num_threads = NonZeroUsize::new(threads);
        let options = ChunkOptions { num_threads, min_chunk_size_ms, ..ChunkOptions::default() };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
        let segment = segment(1000, (seconds * 1000.0) as usize);
        options.cut(&segment).iter().map(Pcm::len_ms).collect()
    }

    #[test]
    fn there_are_as_many_chunks_as_threads_unless_they_were_too_short() {
        assert_eq!(lengths(60.0, 4, 10_000), [15_000; 4]);
        assert_eq!(lengths(40.0, 4, 10_000), [10_000; 4]);
        assert_eq!(lengths(39.999, 4, 10_000), [13_333; 3]);
        assert_eq!(lengths(19.999, 4, 10_000), [19_999]);
        assert_eq!(lengths(0.001, 4, 10_000), [1]);
        assert_eq!(lengths(0.01, 4, 0), [3, 3, 2, 2]);
        assert_eq!(lengths(0.002, 4, 0), [1, 1]);
        assert_eq!(lengths(60.0, 1, 0), [60_000]);
        assert_eq!(lengths(0.0, 4, 0), [0; 0]);
    }

    #[test]
    fn the_number_of_threads_is_the_configured_one_by_default() {
        let options = ChunkOptions::default();
        assert_eq!(options.min_chunk_size_ms, 10_000);
        let whole = segment(1, 10 * 1000);
        let chunks = options.cut(&whole);
        assert!((1..=ThreadConfig::max_threads()).contains(&chunks.len()));
    }

    #[test]
    fn a_failed_chunk_is_named_with_its_place() {
        let whole = segment(1000, 3000);
        let options = ChunkOptions {
            num_threads: NonZeroUsize::new(2),
            min_chunk_size_ms: 0,
            ..ChunkOptions::default()
        };
        let error = of_chunk(&options.cut(&whole), 1, TaskError::Cancelled);
        assert_eq!(error.to_string(), "chunk 2 of 2 (1.500 s to 3.000 s): cancelled");
    }

    proptest! {
        #[test]
        fn chunks_are_the_recording_and_long_enough(
            rate in 1_u32..50_000,
            frames in 0_usize..20_000,
            threads in 1_usize..9,
            min_chunk_size_ms in 0_u32..3000,
        ) {
            let whole = segment(rate, frames);
            let num_threads = NonZeroUsize::new(threads);
            let options = ChunkOptions { num_threads, min_chunk_size_ms, ..ChunkOptions::default() };
            let chunks = options.cut(&whole);
            prop_assert!(chunks.len() <= threads);
            let mut next = 0;
            for chunk in &chunks {
                prop_assert_eq!(chunk.first_frame(), next);
                next += chunk.frames();
            }
            prop_assert_eq!(next, frames as u64);
            let shortest = chunks.iter().map(Pcm::frames).min().unwrap_or(0);
            let longest = chunks.iter().map(Pcm::frames).max().unwrap_or(0);
            prop_assert!(longest - shortest <= 1);
            if chunks.len() > 1 {
                let needed = u64::from(min_chunk_size_ms) * u64::from(rate);
                prop_assert!(shortest * 1000 >= needed);
            }
        }
    }
}
