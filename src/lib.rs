//! audiopool measures audio files on a pool of crash-isolated worker processes.

pub mod chunk;
pub mod decode;
pub mod decoder;
pub mod event;
pub mod interrupt;
pub mod merge;
pub mod pattern;
pub mod pipeline;
pub mod plan;
pub mod pool;
pub mod processor;
pub mod record;
pub mod report;
pub mod role;
pub mod segment;
pub mod settings;
pub mod threads;

pub use pattern::{ChunkError, ChunkOptions, parallel_process_audio_chunks};
pub use processor::AudioProcessor;
pub use role::{run_child_role, run_child_role_with, worker_tasks};
pub use segment::AudioSegment;
pub use threads::{ThreadConfig, ThreadCountError};

pub use audiopool_worker::chunk_function::ChunkFunction;
pub use audiopool_worker::pcm::{Integers, Pcm, PcmFormat, SampleFormat};
pub use audiopool_worker::task::TaskFailure;
