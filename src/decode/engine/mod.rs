//! Engine: turns what a container holds into blocks of PCM.
//!
//! Samples that lie in the file as they are go through [`raw`], blocks of ADPCM through [`blocks`].
//! Coded packets are gathered by [`batches`] and decoded by [`parallel`] on one or more threads.

use std::fmt;

use super::accounting::findings::Findings;
use super::codec::packet::Packet;

pub(super) mod batches;
pub(super) mod blocks;
pub(super) mod parallel;
pub(super) mod raw;

/// Something that delivers decoded audio, before it is trimmed.
pub(super) trait Audio: fmt::Debug + Send {
    /// Appends some whole frames to `bytes`, which may already hold others; `false` when there are
    /// no more. `frame` is the position, in the trimmed file, of the next frame.
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool;

    /// The same audio, if it can be read into given memory.
    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        None
    }

    /// Called once after the last frame, with the number of frames that were delivered after
    /// trimming: the time to compare with what the file declared.
    fn finish(&mut self, frames: u64, findings: &mut Findings);
}

/// Audio that can be read into given memory.
pub(super) trait InPlace {
    /// Bytes yet to be read.
    fn left(&self) -> u64;

    /// Puts the next whole frames into `bytes`, from the first on; `frame` is the position of the
    /// first of them.
    fn fill(&mut self, bytes: &mut [u8], frame: u64, findings: &mut Findings) -> Filled;
}

/// What has been read into given memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// How many bytes, whole frames.
    pub bytes: usize,
    /// Whether there is more to read.
    pub more: bool,
}

/// Where packets come from.
pub(super) trait Demux: fmt::Debug + Send {
    /// The next packet; `None` at the end, whatever ended it.
    fn next(&mut self, findings: &mut Findings) -> Option<Packet>;

    /// Called once at the end, with the number of frames delivered after trimming.
    fn finish(&mut self, frames: u64, findings: &mut Findings);
}
