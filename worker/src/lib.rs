//! What audiopool measures, and the task by which a worker process measures it.
//!
//! ```text
//!   pcm ────── what audio is               analyze ── what is measured
//!   audio ──── how a task carries it       measure ── the task: a chunk goes in, partials come out
//!   chunk_function ── the same for functions of others
//! ```
//!
//! The supervisor links this library to merge partials, a worker to make them. It decodes no media
//! and opens no audio file; the processes are the business of [`procpool`].

pub mod analyze;
pub mod audio;
pub mod chunk_function;
pub mod decibels;
#[doc(hidden)]
pub mod mathematics;
pub mod measure;
pub mod pcm;

/// A checksum of the sources of this package: supervisor and worker compare it in the handshake.
pub const BUILD_ID: &str = env!("AUDIOPOOL_WORKER_BUILD_ID");

#[cfg(test)]
export_mathematics!();
