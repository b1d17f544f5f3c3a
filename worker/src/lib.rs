//! The contract between the supervisor and its child processes.
//!
//! Both sides link this library: the supervisor to speak the [protocol](crate::protocol) and to
//! merge partials, a child to serve tasks. It decodes no media and opens no audio file.

pub mod analyze;
pub mod pcm;

/// Identifies the sources that a program was built from; compared in the handshake.
pub const BUILD_ID: &str = env!("AUDIOPOOL_BUILD_ID");
