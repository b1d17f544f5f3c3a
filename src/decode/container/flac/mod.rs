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

use audiopool_worker::analyze::Damage;
use audiopool_worker::pcm::ChannelLayout;
use symphonia::core::audio::Channels;
use symphonia::core::checksum::Crc16Ansi;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::io::Monitor;

use crate::decode::Opened;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::codec::flac::{FrameHeader, MAX_HEADER, StreamInfo, find_sync};
use crate::decode::codec::packet::{Lost, Packet, Setup};
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::engine::Demux;
use crate::decode::refusal::Refusal;
use crate::record::WarningKind;

mod layout;

/// The kind of the metadata block with comments, and the bytes of it that are read.
const COMMENTS: u8 = 4;
const MAX_COMMENTS: u64 = 64 * 1024;
/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// Bytes of metadata blocks that are gone through, and their number.
const MAX_BLOCKS: usize = 8192;

/// Cuts a FLAC file into frames.
#[derive(Debug)]
pub(in crate::decode) struct Flac {
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
    /// The loudspeakers of the channels, where a comment states them.
    mask: Option<u32>,
}

impl Container for Flac {
    const FORMAT: FormatRow = FormatRow {
        name: "FLAC",
        codecs: "FLAC",
        extensions: &["flac", "fla"],
        decoding: Decoding::BuiltIn,
        kind: Kind::FLAC,
        markers: &[b"fLaC"],
        ffmpeg: &["flac"],
    };

    fn open(
        file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let flac = Self::read_metadata(file, subject.start, findings)
            .map_err(|what| Refusal::Corrupt(format!("the FLAC header is broken: {what}")))?;
        let (declared_frames, layout) = (flac.declared_frames(), flac.layout());
        let packets = Packets::new("flac", flac.setup().clone(), flac);
        let complete = Box::new(move |mut opened: Opened| {
            opened.format.pcm.layout = layout;
            opened
        });
        Ok(Contents::Packets(Packets { declared_frames, complete, ..packets }))
    }
}

impl Flac {
    /// Reads the metadata of the FLAC file that begins at byte `start`. The error says what is
    /// wrong.
    fn read_metadata(mut file: File, start: u64, findings: &mut Findings) -> Result<Self, String> {
        let broken = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the file ends within its metadata".to_owned(),
            _ => format!("reading failed: {error}"),
        };
        let mut first = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(broken)?;
        (&mut file).take(MAX_HEADER as u64).read_to_end(&mut first).map_err(broken)?;
        // The rest of a file, or of a broadcast, begins with a frame.
        if let Some(block) = StreamInfo::block_of_frame(&first) {
            file.seek(SeekFrom::Start(start)).map_err(broken)?;
            return Ok(Self::new(file, start, &block));
        }
        file.seek(SeekFrom::Start(start + 4)).map_err(broken)?;
        let mut at = start + 4;
        let mut stream_info = None;
        let mut comments = Vec::new();
        for _ in 0..MAX_BLOCKS {
            let mut header = [0; 4];
            file.read_exact(&mut header).map_err(broken)?;
            let [kind, l0, l1, l2] = header;
            let length = u64::from(u32::from_be_bytes([0, l0, l1, l2]));
            if kind.trailing_zeros() >= 7 && length >= 34 && stream_info.is_none() {
                let mut block = [0; 34];
                file.read_exact(&mut block).map_err(broken)?;
                stream_info = Some(block);
            } else if kind & 0x7f == COMMENTS && comments.is_empty() {
                let wanted = length.min(MAX_COMMENTS);
                (&mut file).take(wanted).read_to_end(&mut comments).map_err(broken)?;
            }
            at += 4 + length;
            file.seek(SeekFrom::Start(at)).map_err(broken)?;
            if kind & 0x80 != 0 {
                let block = stream_info.ok_or("there is no STREAMINFO block")?;
                let mut flac = Self::new(file, at, &block);
                flac.mask = layout::mask_of(&comments);
                flac.believe_the_first_frame(findings);
                return Ok(flac);
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
            mask: None,
        }
    }

    fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// The loudspeakers of the channels.
    fn layout(&self) -> ChannelLayout {
        layout::of(self.mask, self.info.channels)
    }

    /// Frames that the file declares.
    fn declared_frames(&self) -> Option<u64> {
        (self.info.total > 0).then_some(self.info.total)
    }

    /// Looks for frames of the format of the first intact frame, if that is not the one that the
    /// stream information has.
    fn believe_the_first_frame(&mut self, findings: &mut Findings) {
        let info = self.info;
        let length = self.fill(READ, findings).len();
        while let Some(at) = find_sync(&self.buffer[self.at..]) {
            self.at += at;
            let header = FrameHeader::read(&self.buffer[self.at..], &info);
            if let Some(header) = header.filter(|_| self.at < length) {
                if header.is_of(&info) {
                    break;
                }
                let FrameHeader { sample_rate, channels, bits, .. } = header;
                self.info = StreamInfo { sample_rate, channels, bits, ..info };
                if self.frame_length(&header, findings).is_some() {
                    break;
                }
                self.info = info;
            }
            self.at += 1;
        }
        self.at = 0;
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
                    if header.frames > u32::from(info.longest_block) {
                        let message = format!(
                            "the header says that blocks have at most {} frames, one has {}",
                            info.longest_block, header.frames
                        );
                        findings.note(WarningKind::HeaderMismatch, None, Some(position), message);
                    }
                    let data = self.buffer[self.at..self.at + length].into();
                    self.at += length;
                    self.frames += u64::from(header.frames);
                    let lost = self.lost.take().map(|(byte, bytes)| Lost {
                        byte: Some(byte),
                        bytes: Some(bytes),
                        what: format!("{bytes} bytes from byte {byte} on are no intact frame")
                            .into(),
                    });
                    return Some(Packet {
                        data,
                        frames: u64::from(header.frames),
                        trim_start: 0,
                        trim_end: 0,
                        byte: Some(position),
                        bytes: length as u64,
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
        findings.account_for_all_bytes();
        let end = self.base + self.buffer.len() as u64;
        let from = self.lost.take().map_or_else(|| self.position(), |(byte, _)| byte);
        let rest = tags::foreign(&mut self.file, from..end);
        let length = rest.end - rest.start;
        let is_short = total > 0 && frames < total;
        if length > 0 && is_short && findings.has(WarningKind::DecodeErrors) {
            // It may be the last of the audio as well as what does not belong to it.
            let damage = Damage { frame: frames, byte: Some(rest.start), bytes: Some(length) };
            let what = format!("{length} bytes from byte {} on are no intact frame", rest.start);
            findings.damage(damage, &what);
            findings.trail(end, 0);
        } else if length > 0 && (is_short || self.is_frame(rest.start)) {
            let of = if total > 0 { format!(" of {total}") } else { String::new() };
            let message =
                format!("the file ends in the middle of the audio: {frames}{of} frames are there");
            findings.note(WarningKind::Truncated, Some(frames), Some(rest.start), message);
            findings.rest(frames, rest, true);
        } else {
            findings.rest(frames, rest, false);
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

    /// Whether a frame begins at that byte, complete or not.
    fn is_frame(&mut self, byte: u64) -> bool {
        let mut start = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(byte))
            .and_then(|_| (&mut self.file).take(MAX_HEADER as u64).read_to_end(&mut start));
        read.is_ok() && FrameHeader::read(&start, &self.info).is_some()
    }
}
