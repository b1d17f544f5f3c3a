//! The contract between the supervisor and its child processes.
//!
//! ```text
//!   protocol ── what is said         codec ──── how it is written
//!   channel ─── how it travels       slots ──── where the audio lies
//!   task ────── what can be asked    serve ──── how a child answers
//!   board ───── what it is at now
//!   pcm ─────── what audio is        analyze ── what is measured
//! ```
//!
//! Both sides link this library: the supervisor to speak the [protocol] and to merge partials, a
//! child to [serve] tasks. It decodes no media and opens no audio file.

pub mod analyze;
mod answers;
pub mod board;
pub mod bytes;
pub mod channel;
#[doc(hidden)]
pub mod chaos;
pub mod chunk_function;
pub mod codec;
pub mod confine;
pub mod decibels;
pub mod frame;
mod initializer;
pub mod invitation;
pub mod lifeline;
mod log;
mod mathematics;
pub mod measure;
pub mod panics;
pub mod pcm;
pub mod protocol;
pub mod quiet;
pub mod serve;
pub mod slots;
pub mod task;
pub mod usage;
#[cfg(windows)]
pub mod windows;

/// Identifies the sources that a program was built from; compared in the handshake.
pub const BUILD_ID: &str = env!("AUDIOPOOL_BUILD_ID");
