//! Fallback: formats that this program does not decode, through an installed ffmpeg that does.
//!
//! ```text
//! file ─▶ probe: ffprobe's JSON ─▶ which track, codec, samples ─▶ decoding: PCM from a pipe
//!               └ without ffprobe: the header of ffmpeg's own `framehash` output
//! ```
//!
//! The programs get no terminal, may open nothing but files, and cannot mistake the path for an
//! option or a protocol. What they print for people decides nothing and stands in no record: it goes
//! to the log. What decides is ffprobe's JSON without tags, ffmpeg's exit status, and whether it
//! reported errors.
//!
//! `AUDIOPOOL_FFMPEG` names the program; empty, there is none. Otherwise it is looked up in `PATH`.
//! ffprobe is looked for beside it.

mod command;
mod decoding;
mod demuxers;
mod installed;
mod log;
mod open;
mod options;
mod probe;
mod stated;

use command::program;

pub(super) use command::needed;
pub use installed::{Installed, installed_ffmpeg, installed_ffprobe};
pub(super) use open::open;
