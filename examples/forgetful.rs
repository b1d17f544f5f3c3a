//! What becomes of a program that forgets the first line of `main`, that is
//! `audiopool::run_child_role_with(…)`: its workers begin like itself, are refused a pool of their
//! own, and end. It is told what is missing.
//!
//! ```text
//! cargo run --example forgetful
//! ```
//!
//! Each process leaves a line in the file that `FORGETFUL_LOG` names, for a test to count them.

#![expect(clippy::print_stderr, reason = "it speaks to a person")]

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::{env, process};

use audiopool::{
    AudioSegment, ChunkFunction, ChunkOptions, Pcm, PcmFormat, SampleFormat, TaskFailure,
    parallel_process_audio_chunks,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Length;

impl ChunkFunction for Length {
    const NAME: &'static str = "forgetful.length";
    type Output = u64;

    fn run(&self, chunk: Pcm<'_>) -> Result<u64, TaskFailure> {
        Ok(chunk.frames())
    }
}

fn main() -> ExitCode {
    // Here it is missing.
    match sum_of_lengths() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forgetful: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sum_of_lengths() -> Result<u64, Box<dyn Error>> {
    if let Some(log) = env::var_os("FORGETFUL_LOG") {
        let mut log = OpenOptions::new().append(true).create(true).open(log)?;
        log.write_all(format!("{}\n", process::id()).as_bytes())?;
    }
    let format = PcmFormat::new(SampleFormat::U8, 100, 1);
    let minute = AudioSegment::from_raw(vec![128; 6000], format);
    let options = ChunkOptions { num_threads: NonZeroUsize::new(4), ..ChunkOptions::default() };
    Ok(parallel_process_audio_chunks(&minute, &Length, &options)?.iter().sum())
}
