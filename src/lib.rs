//! audiopool measures audio files on a pool of crash-isolated worker processes.
//!
//! Beside the command of that name, this is a library with three entrances:
//!
//! | you have                             | and want                       | use                               |
//! |--------------------------------------|--------------------------------|-----------------------------------|
//! | a recording                          | its levels, its silence        | [`AudioProcessor`]                |
//! | a recording, and a function of yours | the function's sum of it all   | [`parallel_process_audio_chunks`] |
//! | tasks of any kind                    | processes that may die of them | [`ProcessPool`]                   |
//!
//! The processes run **the program that calls them**, unless a pool is told of another program. They
//! begin with `main`.
//! So its first line is [`run_child_role`], or [`run_child_role_with`] if it has tasks of its own:
//! it returns at once in the program itself, and never in a worker.
//!
//! # A metric of your own
//!
//! Write the chunk function, register it, call it and aggregate. The program `my_metric` among the
//! examples does that with a real file.
//!
//! ```standalone_crate
//! use audiopool::{AudioSegment, ChunkFunction, ChunkOptions, ChunkTask, Pcm, PcmFormat, SampleFormat};
//! use audiopool::{TaskFailure, parallel_process_audio_chunks};
//! use serde::{Deserialize, Serialize};
//!
//! /// Counts samples at or near full scale.
//! #[derive(Serialize, Deserialize)]
//! struct Clipped {
//!     /// In dB below full scale.
//!     margin_db: f64,
//! }
//!
//! impl ChunkFunction for Clipped {
//!     const NAME: &'static str = "example.clipped";
//!     type Output = usize;
//!
//!     fn run(&self, chunk: Pcm<'_>) -> Result<usize, TaskFailure> {
//!         let (format, samples) = (chunk.format(), chunk.integers());
//!         let clipped = |sample: &&i32| {
//!             format.dbfs(sample.unsigned_abs()).is_some_and(|level| level >= -self.margin_db)
//!         };
//!         Ok(samples.widened().iter().filter(clipped).count())
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     audiopool::run_child_role_with(|| audiopool::worker_tasks().with::<ChunkTask<Clipped>>());
//!
//!     // 30 seconds of a square wave. A file comes in with AudioSegment::from_file(path).
//!     let sample_format = SampleFormat::U8;
//!     let format = PcmFormat::new(sample_format, 8000, 1);
//!     let recording = AudioSegment::from_raw([0, 200].repeat(30 * 4000), format);
//!
//!     let chunks = parallel_process_audio_chunks(
//!         &recording,
//!         &Clipped { margin_db: 0.1 },
//!         &ChunkOptions { num_threads: 3.try_into().ok(), ..ChunkOptions::default() },
//!     )?;
//!     assert_eq!(chunks, [40_000; 3]); // each from a process of its own
//!     assert_eq!(chunks.iter().sum::<usize>(), 120_000);
//!     Ok(())
//! }
//! ```
//!
//! What a chunk function returns is best such that the whole can be made of it whatever the cut
//! was: sums and counts rather than averages, and the ends of the chunk where something may lie on
//! the seam. Then the figure is the same for every number of threads.
//!
//! # Features
//!
//! All are on by default. `cli` is the command and [`report`]'s progress bar; `web` is the page and the HTTP
//! API, `audiopool::web`; `ffmpeg` looks for an installed ffmpeg and decodes with it what audiopool does not
//! decode itself. With `default-features = false`, the library depends on no argument parser and no async
//! runtime.
//!
//! # What goes wrong
//!
//! A chunk whose function fails, panics, aborts, is killed or hangs is a
//! [`ChunkError`] that names it; processes that cannot be started are one that says why. No process is
//! left behind in either case. A single chunk is worked on in the calling process: whatever
//! aborts there, aborts the program. Files that are not trusted are decoded and measured in
//! processes of their own by the [`pipeline`], and by nothing else here.

pub mod atomic_file;
mod build_id;
pub mod chunk;
pub mod decode;
pub mod decoder;
pub mod doctor;
pub mod event;
pub mod interrupt;
pub mod merge;
pub mod pattern;
pub mod pipeline;
pub mod plan;
pub mod processor;
pub mod record;
pub mod report;
pub mod role;
pub mod segment;
pub mod selftest;
pub mod settings;
pub mod threads;
#[cfg(feature = "web")]
pub mod web;

pub use build_id::BUILD_ID;
pub use decode::{DecodeError, DecodeErrorKind};
pub use pattern::{ChunkError, ChunkOptions, parallel_process_audio_chunks};
pub use processor::AudioProcessor;
#[doc(no_inline)]
pub use procpool as pool;
pub use procpool::{Execute, Inline, PoolError, ProcessPool, TaskError, TaskHandle, TaskTerms};
pub use role::{run_child_role, run_child_role_with, worker_tasks};
pub use segment::AudioSegment;
pub use threads::{ThreadConfig, ThreadCountError};

#[doc(inline)]
pub use audiopool_worker::audio::{Audio, AudioDescription};
#[doc(inline)]
pub use audiopool_worker::chunk_function::{ChunkFunction, ChunkTask};
#[doc(inline)]
pub use audiopool_worker::pcm::{Integers, Pcm, PcmFormat, SampleFormat};
#[doc(inline)]
pub use procpool::{Attachment, Bytes, Registry, Task, TaskFailure};

#[cfg(test)]
audiopool_worker::export_mathematics!();
