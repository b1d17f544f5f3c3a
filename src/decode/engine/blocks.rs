//! Blocks: audio that lies in the file as coded blocks of one size, decoded one after the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use audiopool_worker::analyze::Damage;

use crate::decode::accounting::findings::Findings;
use crate::decode::codec::adpcm;
use crate::decode::engine::Audio;
use crate::record::WarningKind;

/// Bytes read at a time, at least; a whole number of blocks is made of it.
const READ: usize = 64 * 1024;

/// Coded blocks in an open file.
#[derive(Debug)]
pub(in crate::decode) struct Blocks {
    file: File,
    coding: adpcm::Blocks,
    memory: adpcm::Memory,
    /// Bytes read so far and yet to be read, from the start of the audio on.
    position: u64,
    left: u64,
    /// How much of a last block is there of which no sample can be had.
    cut: u64,
    is_whole: bool,
}

impl Blocks {
    /// Begins to read `bytes` of blocks at byte `start` of `file`.
    pub(in crate::decode) fn new(
        mut file: File,
        coding: adpcm::Blocks,
        start: u64,
        bytes: u64,
    ) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        let memory = adpcm::Memory::default();
        Ok(Self { file, coding, memory, position: start, left: bytes, cut: 0, is_whole: true })
    }

    /// Frames in so many bytes.
    pub(in crate::decode) fn frames_in(coding: &adpcm::Blocks, bytes: u64) -> u64 {
        let size = coding.size as u64;
        let rest = usize::try_from(bytes % size).unwrap_or(0);
        let whole = (bytes / size).saturating_mul(coding.frames as u64);
        whole.saturating_add(coding.frames_of_rest(rest) as u64)
    }
}

impl Audio for Blocks {
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool {
        let size = self.coding.size;
        let wanted = (READ / size + 1) * size;
        let wanted = usize::try_from(self.left).map_or(wanted, |left| left.min(wanted));
        let mut coded = Vec::with_capacity(wanted);
        let read = (&mut self.file).take(wanted as u64).read_to_end(&mut coded);
        if read.is_err() || coded.len() < wanted {
            let message = read.err().map_or_else(
                || "the file became shorter while it was read".to_owned(),
                |error| format!("reading failed in the middle of the file: {error}"),
            );
            findings.note(WarningKind::Truncated, Some(frame), None, message);
            self.is_whole = false;
            self.left = 0;
        }
        self.left = self.left.saturating_sub(coded.len() as u64);
        let width = 2 * usize::from(self.coding.channels);
        let from = bytes.len();
        for block in coded.chunks(size) {
            let is_full = block.len() == size;
            let frames =
                if is_full { self.coding.frames } else { self.coding.frames_of_rest(block.len()) };
            if frames == 0 {
                self.cut = block.len() as u64;
            } else if let Err(what) = self.coding.decode(&mut self.memory, block, frames, bytes) {
                let frame = frame + ((bytes.len() - from) / width) as u64;
                let (byte, bytes) = (Some(self.position), Some(block.len() as u64));
                findings.damage(Damage { frame, byte, bytes }, what);
            }
            self.position += block.len() as u64;
        }
        self.left > 0
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if self.is_whole {
            findings.account_for_all_bytes();
            findings.cut(frames, self.position - self.cut, self.cut);
        }
    }
}
