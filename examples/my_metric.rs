//! A metric of your own in three steps: how often the sound crosses zero.
//!
//! ```text
//! cargo run --example my_metric -- tests/data/speech-12000.flac
//! ```
//!
//! A pure tone of f hertz crosses zero 2·f times a second; speech does it rarely in vowels and
//! often in sibilants; noise more often still.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to a person")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, iter};

use audiopool::{
    AudioSegment, ChunkFunction, ChunkOptions, ChunkTask, Pcm, TaskFailure, ThreadConfig,
    parallel_process_audio_chunks,
};
use serde::{Deserialize, Serialize};

// Step 1: the chunk function. Its fields are its arguments, the same for every chunk.

/// Counts how often each channel changes its sign.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ZeroCrossings {
    /// Samples of at most this level have no sign, in dBFS.
    noise_floor_db: f64,
}

/// One channel of one chunk. The signs at its ends are kept, since a crossing may lie on the seam
/// between two chunks, where neither of them sees it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Crossings {
    count: u64,
    first: Option<Sign>,
    last: Option<Sign>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Sign {
    Minus,
    Plus,
}

impl ChunkFunction for ZeroCrossings {
    const NAME: &'static str = "my_metric.zero_crossings";
    type Output = Vec<Crossings>;

    fn run(&self, chunk: Pcm<'_>) -> Result<Vec<Crossings>, TaskFailure> {
        if self.noise_floor_db.is_nan() {
            return Err(TaskFailure::new("the noise floor is not a number"));
        }
        let format = chunk.format();
        let floor = 10_f64.powf(self.noise_floor_db / 20.0) * f64::from(format.full_scale());
        let sign = |sample: i32| match f64::from(sample) {
            sample if sample > floor => Some(Sign::Plus),
            sample if sample < -floor => Some(Sign::Minus),
            _ => None,
        };
        let mut channels = vec![Crossings::default(); usize::from(format.channels)];
        for frame in chunk.integers().widened().chunks_exact(channels.len()) {
            for (channel, &sample) in channels.iter_mut().zip(frame) {
                let sign = sign(sample);
                *channel = channel.followed_by(Crossings { count: 0, first: sign, last: sign });
            }
        }
        Ok(channels)
    }
}

impl Crossings {
    /// Joins two neighbouring stretches.
    fn followed_by(self, next: Self) -> Self {
        let at_the_seam = match (self.last, next.first) {
            (Some(before), Some(after)) => u64::from(before != after),
            _ => 0,
        };
        Self {
            count: self.count + at_the_seam + next.count,
            first: self.first.or(next.first),
            last: next.last.or(self.last),
        }
    }
}

// Step 2: register it, in the first line of `main`. The worker processes run this same program,
// and this line is where they go their own way.

fn main() -> ExitCode {
    audiopool::run_child_role_with(|| audiopool::worker_tasks().with::<ChunkTask<ZeroCrossings>>());

    match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("my_metric: {error}");
            ExitCode::FAILURE
        }
    }
}

// Step 3: call the pattern and aggregate.

fn report() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: my_metric RECORDING [THREADS]")?);
    let num_threads = match arguments.next() {
        Some(threads) => threads.to_string_lossy().parse()?,
        None => NonZeroUsize::try_from(ThreadConfig::num_threads())?,
    };

    let recording =
        AudioSegment::from_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let function = ZeroCrossings { noise_floor_db: -60.0 };
    let options = ChunkOptions { num_threads: Some(num_threads), ..ChunkOptions::default() };
    let chunks = parallel_process_audio_chunks(&recording, &function, &options)?;

    for (number, count) in iter::zip(1.., aggregate(&chunks, recording.channels())) {
        println!("channel {number}: {}", described(count, recording.duration_seconds()));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn described(crossings: u64, seconds: f64) -> String {
    match crossings {
        0 => "never crosses zero".to_owned(),
        _ => format!("{crossings} zero crossings, {:.1} a second", crossings as f64 / seconds),
    }
}

/// The crossings of each channel in the whole recording.
fn aggregate(chunks: &[Vec<Crossings>], channels: u16) -> Vec<u64> {
    let mut whole = vec![Crossings::default(); usize::from(channels)];
    for chunk in chunks {
        for (channel, next) in iter::zip(&mut whole, chunk) {
            *channel = channel.followed_by(*next);
        }
    }
    whole.iter().map(|channel| channel.count).collect()
}
