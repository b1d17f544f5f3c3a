//! Raw: samples that lie in the file one after the other, read straight into the block.
//!
//! Little-endian samples are copied by the operating system and not touched again; big-endian
//! ones are turned round in place, A-law and mu-law are expanded in place. Nothing is unpacked into
//! planes and packed again, which is what makes an hour of WAV a matter of reading it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use super::{Audio, Filled, InPlace};
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::g711;
use crate::record::WarningKind;

/// Bytes read at a time; a whole number of frames is made of it.
const BLOCK: usize = 256 * 1024;

/// How samples lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Order {
    /// As they lie in memory.
    Native,
    /// Most significant byte first.
    Reversed,
    /// Signed 8-bit: the sign bit flipped makes them offset binary.
    Signed8,
    /// 24 bits in the lower three bytes of four, least significant byte first.
    Low24,
    /// One byte of A-law for 16 bits.
    Alaw,
    /// One byte of mu-law for 16 bits.
    Mulaw,
}

impl Order {
    /// Bytes of the file for one sample.
    pub(in crate::decode) const fn stored_width(self, format: SampleFormat) -> usize {
        match self {
            Self::Alaw | Self::Mulaw => 1,
            Self::Native | Self::Reversed | Self::Signed8 | Self::Low24 => format.sample_width(),
        }
    }
}

/// Where linear PCM lies in a file and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Layout {
    pub(in crate::decode) pcm: PcmFormat,
    pub(in crate::decode) order: Order,
    /// Byte of the file at which the first frame begins.
    pub(in crate::decode) start: u64,
    /// Bytes of audio that the container declares; `None` if it does not say.
    pub(in crate::decode) declared: Option<u64>,
}

impl Layout {
    /// Bytes of the file for one frame.
    pub(in crate::decode) fn stored_frame(&self) -> usize {
        self.order.stored_width(self.pcm.sample_format) * usize::from(self.pcm.channels)
    }
}

/// Linear PCM in an open file.
#[derive(Debug)]
pub(in crate::decode) struct Raw {
    file: File,
    layout: Layout,
    /// The byte behind the audio, and how many of the last frame are there, if that is cut short.
    end: u64,
    cut: u64,
    /// Whether all of it could be read so far.
    is_whole: bool,
    /// Bytes of the file yet to be read, whole frames.
    left: u64,
}

impl Raw {
    /// Begins to read `file` at the start of its audio.
    pub(in crate::decode) fn new(
        mut file: File,
        file_length: u64,
        layout: Layout,
        findings: &mut Findings,
    ) -> io::Result<Self> {
        let width = layout.stored_frame() as u64;
        let present = file_length.saturating_sub(layout.start);
        let bytes = layout.declared.map_or(present, |declared| declared.min(present));
        if let Some(declared) = layout.declared.filter(|&declared| declared > present) {
            findings.note(
                WarningKind::Truncated,
                Some(present / width),
                Some(file_length),
                format!(
                    "the file ends {} bytes before the end of the audio that its header declares \
                     ({} of {} frames are there)",
                    declared - present,
                    present / width,
                    declared / width
                ),
            );
        }
        file.seek(SeekFrom::Start(layout.start))?;
        let (cut, end) = (bytes % width, layout.start.saturating_add(bytes));
        Ok(Self { file, layout, end, cut, is_whole: true, left: bytes - cut })
    }
}

impl Audio for Raw {
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool {
        let from = bytes.len();
        let left = self.left();
        let wanted = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        bytes.resize(from + wanted, 0);
        let filled = self.fill(&mut bytes[from..], frame, findings);
        bytes.truncate(from + filled.bytes);
        filled.more
    }

    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        Some(self)
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        // What the file has lost since it was opened cannot be accounted for.
        if self.is_whole {
            findings.account_for_all_bytes();
            findings.cut(frames, self.end - self.cut, self.cut);
        }
    }
}

impl InPlace for Raw {
    fn left(&self) -> u64 {
        let frames = self.left / self.layout.stored_frame() as u64;
        frames.saturating_mul(self.layout.pcm.frame_width() as u64)
    }

    fn fill(&mut self, bytes: &mut [u8], frame: u64, findings: &mut Findings) -> Filled {
        let (width, stored) = (self.layout.pcm.frame_width(), self.layout.stored_frame());
        let room = bytes.len() / width * stored;
        let wanted = usize::try_from(self.left).map_or(room, |left| left.min(room));
        let (read, error) = read_up_to(&mut self.file, &mut bytes[..wanted]);
        if let Some(error) = error {
            findings.note(
                WarningKind::Truncated,
                Some(frame),
                None,
                format!("reading failed in the middle of the file: {error}"),
            );
            self.left = 0;
            self.is_whole = false;
        }
        let frames = read / stored;
        if frames * stored < wanted && self.left > 0 {
            findings.note(
                WarningKind::Truncated,
                Some(frame + frames as u64),
                None,
                "the file became shorter while it was read",
            );
            self.left = 0;
            self.is_whole = false;
        }
        self.left = self.left.saturating_sub(wanted as u64);
        let bytes = &mut bytes[..frames * width];
        turn(bytes, self.layout.order, self.layout.pcm.sample_format);
        Filled { bytes: bytes.len(), more: self.left > 0 }
    }
}

/// Reads until `bytes` are full, the file ends or reading fails; how many bytes that were.
fn read_up_to(file: &mut File, bytes: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut full = 0;
    while full < bytes.len() {
        match file.read(&mut bytes[full..]) {
            Ok(0) => break,
            Ok(read) => full += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (full, Some(error)),
        }
    }
    (full, None)
}

/// Makes samples as they lie in a file those of memory. Where those are wider, the file's fill the
/// front of `bytes`.
fn turn(bytes: &mut [u8], order: Order, format: SampleFormat) {
    match (order, format.sample_width()) {
        (Order::Signed8, _) => bytes.iter_mut().for_each(|byte| *byte ^= 0x80),
        (Order::Reversed, 2) => reverse_each::<2>(bytes),
        (Order::Reversed, 3) => reverse_each::<3>(bytes),
        (Order::Reversed, 4) => reverse_each::<4>(bytes),
        (Order::Reversed, 8) => reverse_each::<8>(bytes),
        (Order::Low24, _) => {
            for sample in bytes.as_chunks_mut::<4>().0 {
                let [low, middle, high, _] = *sample;
                *sample = [0, low, middle, high];
            }
        }
        (Order::Alaw, _) => expand(bytes, &g711::ALAW),
        (Order::Mulaw, _) => expand(bytes, &g711::MULAW),
        (Order::Native | Order::Reversed, _) => {}
    }
}

/// Expands the bytes of the first half to 16 bits each.
fn expand(bytes: &mut [u8], table: &[i16; 256]) {
    for index in (0..bytes.len() / 2).rev() {
        let sample = table[usize::from(bytes[index])];
        bytes[2 * index..2 * index + 2].copy_from_slice(&sample.to_le_bytes());
    }
}

fn reverse_each<const WIDTH: usize>(bytes: &mut [u8]) {
    for sample in bytes.as_chunks_mut::<WIDTH>().0 {
        sample.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_turned_round_where_they_lie() {
        let mut bytes = [1, 2, 3, 4, 5, 6];
        turn(&mut bytes, Order::Reversed, SampleFormat::S16);
        assert_eq!(bytes, [2, 1, 4, 3, 6, 5]);
        turn(&mut bytes, Order::Reversed, SampleFormat::S24);
        assert_eq!(bytes, [4, 1, 2, 5, 6, 3]);
        turn(&mut bytes, Order::Native, SampleFormat::S24);
        assert_eq!(bytes, [4, 1, 2, 5, 6, 3]);
        let mut bytes = [1, 2, 0xff, 0xff];
        turn(&mut bytes, Order::Low24, SampleFormat::S32);
        assert_eq!(bytes, [0, 1, 2, 0xff]);
        let mut bytes = [0x80, 0xff, 0x00, 0x7f];
        turn(&mut bytes, Order::Signed8, SampleFormat::U8);
        assert_eq!(bytes, [0x00, 0x7f, 0x80, 0xff]);
    }

    #[test]
    fn samples_of_one_byte_are_expanded_where_they_lie() {
        // Silence, then the largest values of either sign.
        let mut bytes = [0xff, 0x80, 0x00, 0, 0, 0];
        turn(&mut bytes, Order::Mulaw, SampleFormat::S16);
        let samples = bytes.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two));
        assert_eq!(samples.collect::<Vec<_>>(), [0, 32_124, -32_124]);
        let mut bytes = [0xd5, 0xaa, 0x2a, 0, 0, 0];
        turn(&mut bytes, Order::Alaw, SampleFormat::S16);
        let samples = bytes.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two));
        assert_eq!(samples.collect::<Vec<_>>(), [8, 32_256, -32_256]);
    }
}
