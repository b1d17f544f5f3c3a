//! Chunk: blocks, as a decoder happens to deliver them, become chunks on a grid.
//!
//! ```text
//!   blocks   |····|··|······|···|·······|····
//!   grains   |   |   |   |   |   |   |   |        one second of frames each
//!   chunks   |       |       |       |            whole grains, the last one what is left
//! ```
//!
//! Where a chunk ends depends on the format and the settings alone, so that a decoder that is
//! started again cuts at the same places. It changes no figure.

use audiopool_worker::pcm::PcmFormat;
use serde::{Deserialize, Serialize};

/// A chunk holds at most so much PCM, unless one grain is more.
const MAX_BYTES: u64 = 16 << 20;

/// And at least so much, however slow the sample rate: less is not worth a task.
const MIN_BYTES: u64 = 64 << 10;

/// How long chunks shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkLength {
    /// Into how many chunks to cut a file, if they are not too short or too long then.
    pub pieces: u32,
    /// Shortest, in milliseconds.
    pub min_ms: u32,
    /// Longest, in milliseconds.
    pub max_ms: u32,
}

impl ChunkLength {
    /// Frames of each chunk but the last: `clamp(length / pieces, min, max)` in whole grains.
    pub fn frames(self, format: PcmFormat, declared_frames: Option<u64>) -> u64 {
        let grain = u64::from(format.sample_rate);
        let grains = |ms: u32| u64::from(ms).div_ceil(1000).max(1);
        let (min, max) = (grains(self.min_ms), grains(self.max_ms));
        let wanted = declared_frames
            .map_or(max, |frames| frames.div_ceil(u64::from(self.pieces.max(1))).div_ceil(grain));
        let grain_width = format.grain_width() as u64;
        let fit = (MAX_BYTES / grain_width).max(1);
        let worth_while = MIN_BYTES.div_ceil(grain_width);
        let length = wanted.min(max).max(min).min(fit).max(worth_while);
        length * grain
    }
}

/// Counts the bytes of a chunk, so that blocks are cut at its end.
#[derive(Clone, Copy, Debug)]
pub struct Cutter {
    chunk_bytes: usize,
    filled: usize,
}

impl Cutter {
    /// Cuts every `chunk_frames` frames.
    pub fn new(format: PcmFormat, chunk_frames: u64) -> Self {
        let bytes = chunk_frames.saturating_mul(format.frame_width() as u64);
        Self { chunk_bytes: usize::try_from(bytes).unwrap_or(usize::MAX).max(1), filled: 0 }
    }

    /// Bytes that the current chunk has room for.
    pub fn room(&self) -> usize {
        self.chunk_bytes - self.filled
    }

    /// Goes on by so many bytes of the current chunk; whether they complete it.
    pub fn fill(&mut self, bytes: usize) -> bool {
        self.filled += bytes.min(self.room());
        let completes = self.filled == self.chunk_bytes;
        if completes {
            self.filled = 0;
        }
        completes
    }

    /// Whether a chunk has been begun and not completed.
    pub fn is_open(&self) -> bool {
        self.filled > 0
    }
}

#[cfg(test)]
mod tests {
    use audiopool_worker::pcm::SampleFormat;
    use proptest::prelude::*;

    use super::*;

    fn format(sample_rate: u32, channels: u16) -> PcmFormat {
        PcmFormat::new(SampleFormat::S16, sample_rate, channels)
    }

    const LENGTH: ChunkLength = ChunkLength { pieces: 4, min_ms: 10_000, max_ms: 30_000 };

    #[test]
    fn a_length_is_in_whole_grains_and_within_its_bounds() {
        let cd = format(44_100, 2);
        let seconds = |declared: Option<u64>| LENGTH.frames(cd, declared) / 44_100;
        assert_eq!(seconds(Some(44_100 * 3)), 10, "not shorter than the shortest");
        assert_eq!(seconds(Some(44_100 * 60)), 15, "a quarter");
        assert_eq!(seconds(Some(44_100 * 61)), 16, "rounded up to a grain");
        assert_eq!(seconds(Some(44_100 * 3600)), 30, "not longer than the longest");
        assert_eq!(seconds(None), 30, "unknown length");
        assert_eq!(seconds(Some(u64::MAX)), 30, "a lie");
    }

    #[test]
    fn a_chunk_is_neither_huge_nor_tiny() {
        let wide = format(192_000, 16);
        assert_eq!(LENGTH.frames(wide, None), 2 * 192_000, "16 MiB of 6 MB a second");
        let enormous = format(1_536_000, 64);
        assert_eq!(LENGTH.frames(enormous, None), 1_536_000, "one grain at least");
        assert_eq!(LENGTH.frames(format(1, 1), None), 32_768, "64 KiB at least");
    }

    proptest! {
        #[test]
        fn pieces_are_the_blocks_and_chunks_are_on_the_grid(
            blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20),
            chunk_frames in 1_u64..20,
        ) {
            let mut cutter = Cutter::new(format(10, 1), chunk_frames);
            let (mut chunks, mut open) = (Vec::new(), Vec::new());
            for block in &blocks {
                let mut rest = block.as_slice();
                while !rest.is_empty() {
                    let (bytes, later) = rest.split_at(rest.len().min(cutter.room()));
                    open.extend_from_slice(bytes);
                    if cutter.fill(bytes.len()) {
                        chunks.push(std::mem::take(&mut open));
                    }
                    rest = later;
                }
            }
            prop_assert_eq!(cutter.is_open(), !open.is_empty());
            let size = usize::try_from(chunk_frames).unwrap() * 2;
            prop_assert!(chunks.iter().all(|chunk| chunk.len() == size));
            prop_assert!(open.len() < size);
            chunks.push(open);
            prop_assert_eq!(chunks.concat(), blocks.concat());
        }
    }
}
