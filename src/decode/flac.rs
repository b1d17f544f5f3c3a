//! FLAC: native files cut into frames.
//!
//! Symphonia decodes the frames; it is not asked to find them. Its demuxer ends a file without a
//! word where sample rate, channels or depth change, refuses the old way of writing variable block
//! sizes, and drops damaged frames silently. Ours knows at each byte where it is:
//!
//! ```text
//! fLaC │ STREAMINFO … │ frame │ frame │ ▒▒▒▒ │ frame │ tag
//!                     └ header, CRC-8 … CRC-16 ┘└ lost: one finding
//! ```
//!
//! A frame ends where its CRC-16 says so and the next header begins, or the file ends. RFC 9639.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use symphonia::core::audio::Channels;
use symphonia::core::checksum::{Crc8Ccitt, Crc16Ansi};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::io::Monitor;

use super::findings::Findings;
use super::packets::{Demux, Packet, Setup};
use crate::record::WarningKind;

/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// Longest frame header: sync, fields, 7 bytes of number, block size, rate, CRC.
const MAX_HEADER: usize = 16;
/// Bytes of metadata blocks that are gone through, and their number.
const MAX_BLOCKS: usize = 8192;

/// The stream information that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StreamInfo {
    max_block: u32,
    sample_rate: u32,
    channels: u8,
    bits: u8,
    total: u64,
}

impl StreamInfo {
    fn read(block: &[u8; 34]) -> Self {
        let [_, _, max_block @ .., _] = block.first_chunk::<5>().unwrap_or(&[0; 5]);
        let packed = block[10..].first_chunk().map_or(0, |&packed| u64::from_be_bytes(packed));
        let bits_at = |shift: u32, bits: u32| packed >> shift & ((1 << bits) - 1);
        let byte = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        Self {
            max_block: u32::from(u16::from_be_bytes(*max_block)),
            sample_rate: u32::try_from(bits_at(44, 20)).unwrap_or(u32::MAX),
            channels: byte(bits_at(41, 3)) + 1,
            bits: byte(bits_at(36, 5)) + 1,
            total: bits_at(0, 36),
        }
    }
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameHeader {
    /// Frame number, or number of its first sample.
    number: u64,
    frames: u32,
    sample_rate: u32,
    channels: u8,
    bits: u8,
    length: usize,
}

impl FrameHeader {
    /// Reads the header at the start of `bytes`, if there is one and its CRC-8 is right.
    fn read(bytes: &[u8], info: &StreamInfo) -> Option<Self> {
        let &[0xff, 0xf8 | 0xf9, sizes, layout, ref rest @ ..] = bytes else { return None };
        if layout & 1 != 0 {
            return None;
        }
        let (number, mut at) = coded_number(rest)?;
        let mut field = |length: usize| {
            let value = rest.get(at..at + length)?.iter().fold(0, |v, &b| v << 8 | u32::from(b));
            at += length;
            Some(value)
        };
        let frames = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => field(1)? + 1,
            7 => field(2)? + 1,
            code => 256 << (code - 8),
        };
        let sample_rate = match sizes & 15 {
            0 => info.sample_rate,
            1 => 88_200,
            2 => 176_400,
            3 => 192_000,
            4 => 8_000,
            5 => 16_000,
            6 => 22_050,
            7 => 24_000,
            8 => 32_000,
            9 => 44_100,
            10 => 48_000,
            11 => 96_000,
            12 => field(1)? * 1000,
            13 => field(2)?,
            14 => field(2)? * 10,
            _ => return None,
        };
        let channels = match layout >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match layout >> 1 & 7 {
            0 => info.bits,
            1 => 8,
            2 => 12,
            4 => 16,
            5 => 20,
            6 => 24,
            7 => 32,
            _ => return None,
        };
        let length = 4 + at + 1;
        let (&crc, covered) = bytes.get(..length)?.split_last()?;
        let mut crc8 = Crc8Ccitt::new(0);
        crc8.process_buf_bytes(covered);
        (crc8.crc() == crc).then_some(Self { number, frames, sample_rate, channels, bits, length })
    }

    fn is_of(&self, info: &StreamInfo) -> bool {
        (self.sample_rate, self.channels, self.bits) == (info.sample_rate, info.channels, info.bits)
    }
}

/// A number as UTF-8 would code it, up to 36 bits; and its length.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let &first = bytes.first()?;
    let length = match first.leading_ones() {
        0 => return Some((u64::from(first), 1)),
        length @ 2..=7 => length as usize,
        _ => return None,
    };
    let start = u64::from(first) & (0x7f >> length);
    let number = bytes.get(1..length)?.iter().try_fold(start, |number, &byte| {
        (byte & 0xc0 == 0x80).then_some(number << 6 | u64::from(byte & 0x3f))
    })?;
    Some((number, length))
}

/// Cuts a FLAC file into frames.
#[derive(Debug)]
pub(super) struct Flac {
    file: File,
    info: StreamInfo,
    setup: Arc<Setup>,
    /// Bytes read and not yet delivered: `buffer[at..]`.
    buffer: Vec<u8>,
    at: usize,
    /// Byte of the file at which `buffer` begins.
    base: u64,
    at_end_of_file: bool,
    /// Frames cut so far.
    frames: u64,
    /// Bytes lost before the next frame: where, how many.
    lost: Option<(u64, u64)>,
    ended: bool,
}

impl Flac {
    /// Reads the metadata of the FLAC file that begins at byte `start`. The error says what is
    /// wrong.
    pub(super) fn open(mut file: File, start: u64) -> Result<Self, String> {
        let broken = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the file ends within its metadata".to_owned(),
            _ => format!("reading failed: {error}"),
        };
        file.seek(SeekFrom::Start(start + 4)).map_err(broken)?;
        let mut at = start + 4;
        let mut stream_info = None;
        for _ in 0..MAX_BLOCKS {
            let mut header = [0; 4];
            file.read_exact(&mut header).map_err(broken)?;
            let [kind, l0, l1, l2] = header;
            let length = u64::from(u32::from_be_bytes([0, l0, l1, l2]));
            if kind.trailing_zeros() >= 7 && length >= 34 && stream_info.is_none() {
                let mut block = [0; 34];
                file.read_exact(&mut block).map_err(broken)?;
                stream_info = Some(block);
            }
            at += 4 + length;
            file.seek(SeekFrom::Start(at)).map_err(broken)?;
            if kind & 0x80 != 0 {
                let block = stream_info.ok_or("there is no STREAMINFO block")?;
                return Ok(Self::new(file, at, &block));
            }
        }
        Err(format!("more than {MAX_BLOCKS} metadata blocks"))
    }

    fn new(file: File, base: u64, block: &[u8; 34]) -> Self {
        let info = StreamInfo::read(block);
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(CODEC_ID_FLAC)
            .with_sample_rate(info.sample_rate)
            .with_bits_per_sample(u32::from(info.bits))
            .with_channels(Channels::Discrete(u16::from(info.channels)))
            .with_extra_data(Box::new(*block));
        Self {
            file,
            info,
            setup: Arc::new(Setup::new(params)),
            buffer: Vec::new(),
            at: 0,
            base,
            at_end_of_file: false,
            frames: 0,
            lost: None,
            ended: false,
        }
    }

    pub(super) fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// Frames that the file declares.
    pub(super) fn declared_frames(&self) -> Option<u64> {
        (self.info.total > 0).then_some(self.info.total)
    }

    fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Makes `length` bytes from `at` on available, unless the file ends before.
    fn fill(&mut self, length: usize, findings: &mut Findings) -> &[u8] {
        while self.buffer.len() - self.at < length && !self.at_end_of_file {
            if self.at > READ {
                self.buffer.drain(..self.at);
                self.base += self.at as u64;
                self.at = 0;
            }
            let before = self.buffer.len();
            let read = (&mut self.file).take(READ as u64).read_to_end(&mut self.buffer);
            if let Err(error) = read {
                let message = format!("reading failed in the middle of the file: {error}");
                findings.note(WarningKind::Truncated, Some(self.frames), None, message);
                self.at_end_of_file = true;
            }
            self.at_end_of_file |= self.buffer.len() == before;
        }
        &self.buffer[self.at..]
    }

    /// The most bytes that a frame of this header can have: a little more than verbatim samples.
    fn longest(header: &FrameHeader) -> usize {
        let samples = header.frames as usize * usize::from(header.channels);
        MAX_HEADER + samples * (usize::from(header.bits) + 1).div_ceil(8) + 256
    }

    /// The length of the frame at `at`, whose header is `header`: found where the CRC-16 agrees
    /// and the next header begins, or the file ends.
    fn frame_length(&mut self, header: &FrameHeader, findings: &mut Findings) -> Option<usize> {
        let longest = Self::longest(header);
        let info = self.info;
        let mut crc = Crc16Ansi::new(0);
        let (mut checked, mut from) = (0, header.length);
        let mut available = 0;
        while available < longest + MAX_HEADER {
            let wanted = (available + READ / 4).min(longest + MAX_HEADER);
            let bytes = self.fill(wanted, findings);
            let is_last = bytes.len() < wanted || wanted == longest + MAX_HEADER;
            available = bytes.len().min(longest + MAX_HEADER);
            while let Some(found) = find_sync(&bytes[from..available]) {
                let end = from + found;
                if end + MAX_HEADER > bytes.len() && !is_last {
                    break;
                }
                let is_next = FrameHeader::read(&bytes[end..], &info).is_some();
                if is_next {
                    crc.process_buf_bytes(&bytes[checked..end]);
                    checked = end;
                    // The CRC of a message with its own CRC behind it is 0.
                    if crc.crc() == 0 {
                        return Some(end);
                    }
                }
                from = end + 1;
            }
            from = from.max(available.saturating_sub(MAX_HEADER));
            if is_last {
                break;
            }
        }
        self.last_frame_length(header, longest, findings)
    }

    /// The length of the last frame: the first at which the CRC-16 agrees and only a tag, or
    /// nothing, follows; else just the first, if that is where the declared audio is complete.
    fn last_frame_length(
        &mut self,
        header: &FrameHeader,
        longest: usize,
        findings: &mut Findings,
    ) -> Option<usize> {
        self.fill(longest + MAX_HEADER, findings);
        let (total, so_far, at_end_of_file) = (self.info.total, self.frames, self.at_end_of_file);
        let bytes = &self.buffer[self.at..];
        let buffered = bytes.len();
        let bytes = &bytes[..buffered.min(longest + 8)];
        let at_end = at_end_of_file && buffered == bytes.len();
        // In the middle of the file, any agreement would be chance.
        let is_last = if total > 0 { so_far + u64::from(header.frames) >= total } else { at_end };
        let mut crc = Crc16Ansi::new(0);
        let mut first = None;
        for (index, &byte) in bytes.iter().enumerate() {
            crc.process_byte(byte);
            let end = index + 1;
            if crc.crc() != 0 || end <= header.length + 2 {
                continue;
            }
            let rest = &bytes[end..];
            if (rest.is_empty() && at_end)
                || rest.starts_with(b"TAG")
                || rest.starts_with(b"APETAGEX")
                || rest.starts_with(b"ID3")
                || (!rest.is_empty() && rest.iter().take(64).all(|&byte| byte == 0))
            {
                return Some(end);
            }
            first = first.or(Some(end));
        }
        first.filter(|_| is_last)
    }
}

impl Demux for Flac {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        while !self.ended {
            let info = self.info;
            let position = self.position();
            let bytes = self.fill(MAX_HEADER, findings);
            if bytes.len() < 2 {
                break;
            }
            if let Some(header) = FrameHeader::read(bytes, &info) {
                if !header.is_of(&info) && self.is_change(&header, findings) {
                    let message = format!(
                        "the audio changes to {} Hz, {} channels, {} bits; the rest was not \
                         analysed",
                        header.sample_rate, header.channels, header.bits
                    );
                    let frame = Some(self.frames);
                    findings.note(WarningKind::FormatChange, frame, Some(position), message);
                    self.ended = true;
                    return None;
                }
                if header.is_of(&info)
                    && let Some(length) = self.frame_length(&header, findings)
                {
                    let data = self.buffer[self.at..self.at + length].into();
                    self.at += length;
                    self.frames += u64::from(header.frames);
                    let lost = self.lost.take().map(|(byte, bytes)| {
                        format!("{bytes} bytes from byte {byte} on are no intact frame").into()
                    });
                    return Some(Packet {
                        data,
                        frames: u64::from(header.frames),
                        trim_start: 0,
                        trim_end: 0,
                        byte: Some(position),
                        lost,
                        setup: self.setup.clone(),
                    });
                }
            }
            // No frame here: on to the next byte that could begin one.
            let bytes = self.fill(READ, findings);
            let skipped = 1 + find_sync(&bytes[1..]).unwrap_or(bytes.len().saturating_sub(2));
            let skipped = skipped.min(bytes.len());
            self.at += skipped;
            let (from, lost) = self.lost.unwrap_or((position, 0));
            self.lost = Some((from, lost + skipped as u64));
        }
        self.ended = true;
        None
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if findings.has(WarningKind::FormatChange) {
            return;
        }
        let total = self.info.total;
        if let Some((byte, bytes)) = self.lost.take() {
            if total == 0 || frames >= total {
                if self.is_foreign(byte) {
                    let message = format!("{bytes} bytes behind the audio are no part of it");
                    findings.note(WarningKind::TrailingData, None, Some(byte), message);
                }
            } else {
                let message = format!(
                    "the file ends in the middle of the audio: {frames} of {total} frames are there"
                );
                findings.note(WarningKind::Truncated, Some(frames), Some(byte), message);
            }
        }
        if total > 0 && frames != total && !findings.has(WarningKind::Truncated) {
            let (kind, message) = if frames < total && !findings.has(WarningKind::DecodeErrors) {
                let message = format!(
                    "the file ends before its audio does: {frames} of {total} frames are there"
                );
                (WarningKind::Truncated, message)
            } else {
                let message = format!("the header declares {total} frames, there are {frames}");
                (WarningKind::LengthMismatch, message)
            };
            findings.note(kind, Some(frames), None, message);
        }
    }
}

impl Flac {
    /// Whether a frame of another format really follows, and not some bytes that look like its
    /// header.
    fn is_change(&mut self, header: &FrameHeader, findings: &mut Findings) -> bool {
        self.frame_length(header, findings).is_some()
    }

    /// Whether the bytes from `byte` on are neither a customary tag nor padding.
    fn is_foreign(&mut self, byte: u64) -> bool {
        let mut start = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(byte))
            .and_then(|_| (&mut self.file).take(64).read_to_end(&mut start));
        let is_tag =
            [b"TAG".as_slice(), b"APETAGEX", b"ID3"].iter().any(|tag| start.starts_with(tag));
        read.is_ok() && !is_tag && start.iter().any(|&byte| byte != 0)
    }
}

/// The first place where a frame may begin.
fn find_sync(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut at = 0;
    loop {
        // Eight bytes at a time while none of them is 0xff.
        while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let inverted = !u64::from_le_bytes(eight);
            if inverted.wrapping_sub(ONES) & !inverted & (ONES << 7) != 0 {
                break;
            }
            at += 8;
        }
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match bytes.get(at + 1) {
            None => return None,
            Some(0xf8 | 0xf9) => return Some(at),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_coded_like_utf_8_and_longer() {
        assert_eq!(coded_number(&[0x05]), Some((5, 1)));
        assert_eq!(coded_number("é".as_bytes()), Some((0xe9, 2)));
        assert_eq!(coded_number("😀".as_bytes()), Some((0x1_f600, 4)));
        let longest = [0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf];
        assert_eq!(coded_number(&longest), Some((0xf_ffff_ffff, 7)));
        assert_eq!(coded_number(&[0x80]), None);
        assert_eq!(coded_number(&[0xff, 0xbf]), None);
        assert_eq!(coded_number(&[0xc3, 0x29]), None);
        assert_eq!(coded_number(&[0xc3]), None);
    }

    #[test]
    fn sync_codes_are_found_wherever_they_lie() {
        for at in 0..40 {
            let mut bytes = vec![0xfe; 48];
            bytes[at] = 0xff;
            bytes[at + 1] = 0xf9;
            assert_eq!(find_sync(&bytes), Some(at));
            bytes[at + 1] = 0xff;
            bytes[at + 2] = 0xf8;
            assert_eq!(find_sync(&bytes), Some(at + 1));
        }
        assert_eq!(find_sync(&[0xff; 20]), None);
        assert_eq!(find_sync(&[]), None);
    }

    #[test]
    fn stream_info_is_unpacked() {
        let mut block = [0; 34];
        block[2..4].copy_from_slice(&4096_u16.to_be_bytes());
        // 44100 Hz in 20 bits, 2 channels, 16 bits, 36 bits of total.
        let packed = 44_100_u64 << 44 | 1 << 41 | 15 << 36 | 0x2_3456_789a;
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        let expected = StreamInfo {
            max_block: 4096,
            sample_rate: 44_100,
            channels: 2,
            bits: 16,
            total: 0x2_3456_789a,
        };
        assert_eq!(StreamInfo::read(&block), expected);
    }
}
