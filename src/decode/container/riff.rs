//! RIFF: the header of a WAV file, with its big-endian relative RIFX and its 64-bit relatives RF64
//! and BW64.
//!
//! Only the header: where the samples lie and what they are. Sizes are written by recorders that
//! crash, programs that stream and people who join files, so none of them is trusted: what counts
//! is the file's own length.
//!
//! Source: EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Microsoft's `mmreg.h`.

use std::fs::File;
use std::io::{Read, Seek};

use super::bytes::{Endian, seek_read};
use super::format::{Decoding, FormatRow, Kind};
use super::samples::{Coding, Header, Samples};
use super::{Container, Contents, Subject, samples};
use crate::decode::accounting::extent::{Claim, Extent, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::refusal::Refusal;
use crate::record::WarningKind;

mod format;

pub(super) use format::{Format, is_low_24};

/// A size from which on a 32-bit field means "not known": what programs write that stream.
const STREAMED: u64 = 0x7fff_0000;
/// Chunks that are looked at before the audio.
const MAX_CHUNKS: usize = 4096;

/// WAV and its relatives.
pub(super) struct Riff;

impl Container for Riff {
    const FORMAT: FormatRow = FormatRow {
        name: "WAV, RF64, BW64",
        codecs: "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law, ADPCM (Microsoft, IMA), MP3",
        extensions: &["wav", "wave", "bwf", "rf64", "bw64"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::WAV,
        markers: &[b"RF64", b"BW64"],
        ffmpeg: &["wav"],
    };

    fn open(
        mut file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let header = read(&mut file, subject.start, subject.length, findings);
        samples::contents(file, subject, header)
    }
}

/// Reads the header of a WAV file of `file_length` bytes that begins at byte `start` of `file`.
/// The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Header, String> {
    let mut header = [0; 12];
    let mut at = seek_read(file, start, &mut header)?;
    let endian = if header.starts_with(b"RIFX") { Endian::Big } else { Endian::Little };
    let mut sizes = Sizes { riff: u64::from(endian.u32(&header, 4)), riff64: None, data64: None };
    let mut format = None;
    let mut fact = None;
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        at = match seek_read(file, at, &mut chunk) {
            Ok(at) => at,
            Err(_) if format.is_none() => return Err("no fmt chunk".into()),
            Err(_) => return Err("the header ends without a data chunk".into()),
        };
        let size = u64::from(endian.u32(&chunk, 4));
        match &chunk[..4] {
            b"ds64" => {
                let mut fields = [0; 16];
                seek_read(file, at, &mut fields)?;
                sizes.riff64 = Some(endian.u64(&fields, 0));
                sizes.data64 = Some(endian.u64(&fields, 8));
            }
            b"fmt " => {
                let mut fields = vec![0; usize::try_from(size.clamp(16, 1024)).unwrap_or(16)];
                seek_read(file, at, &mut fields[..16])?;
                // A file that ends within the extension has no audio; that is found out below.
                if fields.len() > 16 && seek_read(file, at, &mut fields).is_err() {
                    fields.truncate(16);
                }
                format = Some(Format::read(&fields, endian));
            }
            b"fact" if size >= 4 => {
                let mut frames = [0; 4];
                seek_read(file, at, &mut frames)?;
                let frames = u64::from(endian.u32(&frames, 0));
                fact = Some(frames).filter(|&frames| frames > 0 && frames < STREAMED);
            }
            b"data" => {
                let format = format.ok_or("a data chunk before fmt")?;
                if format.is_without_bits() {
                    return Err("0 bits per sample".into());
                }
                let meaning = match format.meaning(|| sample_of(file, at)) {
                    Ok(meaning) => meaning,
                    Err(codec) if format.is_unreliable() => return Ok(Header::Unreliable(codec)),
                    Err(_) if format.is_mpeg() => {
                        // A recording that was not finished goes on to the end of the file.
                        let length = sizes.of_data(size, file_length.saturating_sub(at));
                        let length = length.filter(|&length| length > 0).unwrap_or(u64::MAX);
                        let end = at.saturating_add(length).min(file_length);
                        return Ok(Header::Frames(at..end.max(at)));
                    }
                    Err(codec) => return Ok(Header::Other(codec)),
                };
                let claim = Claim {
                    start: at,
                    bytes: sizes.of_data(size, file_length.saturating_sub(at)),
                    container_end: sizes.end(start),
                    frame: meaning.stored_frame(format.channels),
                };
                let extent = extent(file, file_length, claim, endian, findings);
                let is_coded = matches!(meaning.coding, Coding::Adpcm(_));
                return Ok(Header::Samples(Samples {
                    meaning,
                    sample_rate: format.sample_rate,
                    channels: format.channels,
                    layout: format.layout(),
                    start: at,
                    extent,
                    stated_frames: fact.filter(|_| is_coded),
                }));
            }
            _ => {}
        }
        let end = at.saturating_add(size);
        at = if size % 2 == 1 && !begins_chunk(file, end) { end.saturating_add(1) } else { end };
    }
    Err(format!("more than {MAX_CHUNKS} chunks before the audio"))
}

/// Whether a chunk that is needed begins at an odd byte: not every program pads chunks of odd length.
fn begins_chunk(file: &mut (impl Read + Seek), at: u64) -> bool {
    let mut name = [0; 4];
    seek_read(file, at, &mut name).is_ok() && matches!(&name, b"data" | b"fmt " | b"fact")
}

/// The first bytes of the audio, for what only they can tell.
pub(super) fn sample_of(file: &mut (impl Read + Seek), at: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = seek_read(file, at, &mut [])
        .ok()
        .and_then(|_| file.take(format::SEARCHED).read_to_end(&mut bytes).ok());
    if read.is_none() {
        bytes.clear();
    }
    bytes
}

/// The sizes that a header has before its data chunk.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    riff: u64,
    riff64: Option<u64>,
    data64: Option<u64>,
}

impl Sizes {
    /// Bytes of audio that are declared, where the data chunk says `size` and `present` are left of
    /// the file; `None` if they are said to be unknown.
    fn of_data(&self, size: u64, present: u64) -> Option<u64> {
        match self.data64 {
            Some(size64) if size == u64::from(u32::MAX) || (size == 0 && size64 > 0) => {
                Some(size64).filter(|&size| size <= u64::MAX / 2)
            }
            _ => Some(size).filter(|&size| size < STREAMED || size <= present),
        }
    }

    /// The byte at which the container ends that begins at `start`.
    fn end(&self, start: u64) -> Option<u64> {
        let size = if self.riff == u64::from(u32::MAX) { self.riff64? } else { self.riff };
        let is_known = self.riff64.is_some() || size < STREAMED;
        start.checked_add(8)?.checked_add(size).filter(|_| is_known)
    }
}

/// Where the audio ends, with what lies behind it noted.
fn extent(
    file: &mut (impl Read + Seek),
    file_length: u64,
    claim: Claim,
    endian: Endian,
    findings: &mut Findings,
) -> Extent {
    let mut further = None;
    let extent = judge(
        file,
        file_length,
        claim,
        |file, at| {
            let (chunk, end) = next_chunk(file, at, endian, file_length)?;
            if &chunk == b"data" {
                further = further.or(Some(at));
            }
            Some(end)
        },
        findings,
    );
    if let Some(at) = further {
        let message = "a further data chunk behind the audio was not analysed";
        findings.note(WarningKind::TrailingData, None, Some(at), message);
    }
    extent
}

/// The name of the chunk that begins at `at`, or at the next even byte, and where it ends.
pub(super) fn next_chunk(
    file: &mut (impl Read + Seek),
    at: u64,
    endian: Endian,
    file_length: u64,
) -> Option<([u8; 4], u64)> {
    let mut chunk_at = |at: u64| {
        let mut chunk = [0; 8];
        let content = seek_read(file, at, &mut chunk).ok()?;
        let [name @ .., _, _, _, _] = chunk;
        let is_chunk = name.iter().all(|byte| (b' '..=b'~').contains(byte))
            && !name.starts_with(b"TAG")
            && !chunk.starts_with(b"APETAGEX");
        let end = content.checked_add(u64::from(endian.u32(&chunk, 4)))?;
        // Some count the padding of a last chunk that has none.
        Some((name, end)).filter(|_| is_chunk && end <= file_length.saturating_add(1))
    };
    // Not every program pads a chunk of odd length.
    chunk_at(at.saturating_add(at & 1)).or_else(|| chunk_at(at))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use audiopool_worker::pcm::{ChannelLayout, SampleFormat};

    use super::*;

    fn fmt(tag: u16, channels: u16, block_align: u16, bits: u16) -> Vec<u8> {
        let mut chunk = b"fmt \x10\0\0\0".to_vec();
        chunk.extend(tag.to_le_bytes());
        chunk.extend(channels.to_le_bytes());
        chunk.extend(8000_u32.to_le_bytes());
        chunk.extend((8000 * u32::from(block_align)).to_le_bytes());
        chunk.extend(block_align.to_le_bytes());
        chunk.extend(bits.to_le_bytes());
        chunk
    }

    fn wav(riff_size: u32, chunks: &[&[u8]]) -> Vec<u8> {
        let mut file = b"RIFF".to_vec();
        file.extend(riff_size.to_le_bytes());
        file.extend(b"WAVE");
        for chunk in chunks {
            file.extend(*chunk);
        }
        file
    }

    fn parse(file: &[u8]) -> (Result<Header, String>, Findings) {
        let mut findings = Findings::default();
        let wav = read(&mut Cursor::new(file), 0, file.len() as u64, &mut findings);
        (wav, findings)
    }

    #[track_caller]
    fn samples(file: &[u8]) -> Samples {
        match parse(file).0 {
            Ok(Header::Samples(samples)) => samples,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_container_decides_not_the_valid_bits() {
        for (tag, channels, align, bits, expected) in [
            (1, 1, 1, 8, SampleFormat::U8),
            (1, 2, 4, 12, SampleFormat::S16),
            (1, 2, 6, 20, SampleFormat::S24),
            (1, 2, 8, 24, SampleFormat::S32),
            (3, 1, 4, 32, SampleFormat::F32),
            (3, 1, 8, 64, SampleFormat::F64),
            (1, 2, 0, 16, SampleFormat::S16),
            (1, 2, 8, 16, SampleFormat::S16),
            (1, 1, 2, 8, SampleFormat::U8),
            (1, 2, 5, 16, SampleFormat::S16),
        ] {
            let file = wav(100, &[&fmt(tag, channels, align, bits), b"data\x04\0\0\0\0bcd"]);
            assert_eq!(samples(&file).meaning.format, expected, "{bits} bits in {align} bytes");
        }
    }

    #[test]
    fn sizes_that_were_not_filled_in_mean_the_rest_of_the_file() {
        let fmt = fmt(1, 1, 2, 16);
        // With and without a size of the whole.
        for size in [0, 36] {
            let bytes = wav(size, &[&fmt, b"data\0\0\0\0abcd"]);
            assert_eq!(samples(&bytes).extent.bytes(), Some(4));
            assert!(parse(&bytes).1.has(WarningKind::LengthMismatch));
        }
        let streamed = wav(u32::MAX, &[&fmt, b"data\xff\xff\xff\xffab"]);
        assert_eq!(samples(&streamed).extent.bytes(), None);
        assert!(!parse(&streamed).1.has(WarningKind::LengthMismatch));
        // But a header that is filled in may well declare no audio.
        let empty = wav(46, &[&fmt, b"data\0\0\0\0", b"LIST\x02\0\0\0ab"]);
        assert_eq!(samples(&empty).extent.declared, Some(0));
    }

    #[test]
    fn a_mask_of_channels_is_their_layout_and_one_of_too_few_is_none() {
        let layout = |mask: u32, channels| {
            let mut fmt = fmt(0xfffe, channels, 2 * channels, 16);
            fmt[4] = 40;
            fmt.extend(b"\x16\0\x10\0");
            fmt.extend(mask.to_le_bytes());
            fmt.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
            samples(&wav(100, &[&fmt, b"data\x08\0\0\0abcdefgh"])).layout
        };
        assert_eq!(layout(0x0f, 4), ChannelLayout::from_mask(0x0f, 4));
        assert_eq!(layout(0x3f, 2), ChannelLayout::from_mask(3, 2));
        assert_eq!(layout(0x03, 4), ChannelLayout::UNSTATED);
        assert_eq!(layout(0, 4), ChannelLayout::UNSTATED);
    }

    #[test]
    fn big_endian_files_are_read_as_such() {
        let file =
            b"RIFX\0\0\0\x28WAVEfmt \0\0\0\x10\0\x01\0\x02\0\0\x1f\x40\0\0\x7d\0\0\x04\0\x10\
            data\0\0\0\x04abcd";
        let found = samples(file);
        assert_eq!((found.sample_rate, found.channels, found.start), (8000, 2, 44));
        assert_eq!((found.meaning.codec, found.extent.declared), ("pcm_s16be", Some(4)));
    }

    #[test]
    fn sizes_beyond_four_gigabytes_stand_in_ds64() {
        let mut sizes = b"ds64\x1c\0\0\0".to_vec();
        sizes.extend(6_000_000_028_u64.to_le_bytes());
        sizes.extend(6_000_000_000_u64.to_le_bytes());
        sizes.extend([0; 12]);
        let mut file = wav(u32::MAX, &[&sizes, &fmt(1, 2, 4, 16), b"data\xff\xff\xff\xffabcd"]);
        file[..4].copy_from_slice(b"RF64");
        let found = samples(&file);
        assert_eq!(found.extent.declared, Some(6_000_000_000));
        assert_eq!(found.start, file.len() as u64 - 4);
        // Not filled in, or said to be unknown: the rest.
        for (size, expected) in [(0, Some(4)), (u64::MAX, None)] {
            file[28..36].copy_from_slice(&u64::to_le_bytes(size));
            assert_eq!(samples(&file).extent.bytes(), expected);
        }
    }

    #[test]
    fn only_what_is_no_chunk_is_trailing_data() {
        let fmt = fmt(1, 1, 2, 16);
        let audio = b"data\x04\0\0\0abcd".as_slice();
        let trailing = |behind: &[u8]| {
            parse(&wav(100, &[&fmt, audio, behind])).1.has(WarningKind::TrailingData)
        };
        assert!(!trailing(b""));
        assert!(!trailing(b"LIST\x02\0\0\0ab"));
        assert!(!trailing(b"\0\0\0\0\0\0"));
        assert!(trailing(b"\x01\x02\x03\x04garbage"));
        assert!(trailing(b"LIST\x02\0\0\0ab\xff\xfe"));
    }

    #[test]
    fn a_broken_header_is_an_error_that_says_so() {
        let fmt = fmt(1, 1, 2, 16);
        assert!(parse(&wav(4, &[])).0.expect_err("no chunks").contains("fmt"));
        assert!(parse(&wav(4, &[&fmt])).0.expect_err("no audio").contains("data"));
        assert!(parse(&wav(4, &[b"data\0\0\0\0"])).0.expect_err("no fmt").contains("before fmt"));
        assert!(parse(b"RIFF").0.is_err());
    }
}
