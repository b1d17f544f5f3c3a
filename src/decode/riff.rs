//! RIFF: the header of a WAV file, with its 64-bit relatives RF64 and BW64.
//!
//! Only the header: where the samples lie and what they are. Sizes are written by recorders that
//! crash, programs that stream and people who join files, so none of them is trusted: what counts
//! is the file's own length. Codecs other than linear PCM are left to Symphonia.
//!
//! Source: EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Microsoft's `mmreg.h`.

use std::io::{self, Read, Seek, SeekFrom};

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use super::findings::Findings;
use super::raw::{Layout, Order};
use super::tags;

/// A size from which on a 32-bit field means "not known": what programs write that stream.
const STREAMED: u64 = 0x7fff_0000;
/// Chunks that are looked at before the audio, and behind it.
const MAX_CHUNKS: usize = 4096;

/// What a WAV file's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wav {
    /// Linear PCM, and the name of its codec.
    Linear(Layout, &'static str),
    /// Another codec, by its format tag.
    Other(u16),
}

/// Reads the header of a WAV file of `file_length` bytes that begins at byte `start` of `file`.
/// The error says what is wrong.
pub(super) fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Wav, String> {
    let mut header = [0; 12];
    let mut at = seek_read(file, start, &mut header)?;
    let riff_size = u32_at(&header, 4);
    let mut sizes64 = None;
    let mut format = None;
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        at = match seek_read(file, at, &mut chunk) {
            Ok(at) => at,
            Err(_) if format.is_none() => return Err("no fmt chunk".into()),
            Err(_) => return Err("the header ends without a data chunk".into()),
        };
        let size = u32_at(&chunk, 4);
        match &chunk[..4] {
            b"ds64" => {
                let mut sizes = [0; 16];
                seek_read(file, at, &mut sizes)?;
                sizes64 = sizes[8..16].try_into().map(u64::from_le_bytes).ok();
            }
            b"fmt " => {
                let mut fields = vec![0; usize::try_from(size.clamp(16, 40)).unwrap_or(16)];
                seek_read(file, at, &mut fields)?;
                format = Some(Format::read(&fields));
            }
            b"data" => {
                let Some(format) = format else { return Err("a data chunk before fmt".into()) };
                let declared = match sizes64 {
                    Some(size64) if size == u64::from(u32::MAX) => Some(size64),
                    _ if size >= STREAMED && at.saturating_add(size) > file_length => None,
                    // A recorder that never came back to fill in its sizes.
                    _ if size == 0 && (riff_size == 0 || riff_size >= STREAMED) => None,
                    _ => Some(size),
                };
                let Some((pcm, codec)) = format.linear() else { return Ok(Wav::Other(format.tag)) };
                let end = declared.map_or(file_length, |size| at.saturating_add(size));
                look_behind(file, end, file_length, u32::from_le_bytes, findings);
                let layout = Layout { pcm, order: Order::Native, start: at, declared };
                return Ok(Wav::Linear(layout, codec));
            }
            _ => {}
        }
        at = at.saturating_add(size).saturating_add(size & 1);
    }
    Err(format!("more than {MAX_CHUNKS} chunks before the audio"))
}

/// The fields of a `fmt ` chunk.
#[derive(Clone, Copy, Debug)]
struct Format {
    tag: u16,
    channels: u16,
    sample_rate: u32,
    block_align: u16,
    bits: u16,
}

impl Format {
    const PCM: u16 = 1;
    const FLOAT: u16 = 3;
    const EXTENSIBLE: u16 = 0xfffe;
    /// What follows the format tag in the GUID of a sub-format.
    const BASE_GUID: [u8; 14] = *b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";

    fn read(fields: &[u8]) -> Self {
        let mut tag = u16_at(fields, 0);
        if tag == Self::EXTENSIBLE && fields.get(26..40) == Some(&Self::BASE_GUID) {
            tag = u16_at(fields, 24);
        }
        Self {
            tag,
            channels: u16_at(fields, 2),
            sample_rate: u32::from_le_bytes(fields[4..8].try_into().unwrap_or_default()),
            block_align: u16_at(fields, 12),
            bits: u16_at(fields, 14),
        }
    }

    /// The meaning of the samples, if they are linear PCM. Samples of odd depth are left-justified
    /// in their container, by the definition of WAV, and the container is what is read.
    fn linear(self) -> Option<(PcmFormat, &'static str)> {
        let in_block = self.block_align.checked_div(self.channels).unwrap_or(0);
        let width = if in_block >= self.bits.div_ceil(8) && in_block <= 8 {
            in_block
        } else {
            self.bits.div_ceil(8)
        };
        let (sample_format, codec) = match (self.tag, width) {
            (Self::PCM, 1) => (SampleFormat::U8, "pcm_u8"),
            (Self::PCM, 2) => (SampleFormat::S16, "pcm_s16le"),
            (Self::PCM, 3) => (SampleFormat::S24, "pcm_s24le"),
            (Self::PCM, 4) => (SampleFormat::S32, "pcm_s32le"),
            (Self::FLOAT, 4) => (SampleFormat::F32, "pcm_f32le"),
            (Self::FLOAT, 8) => (SampleFormat::F64, "pcm_f64le"),
            _ => return None,
        };
        let pcm = PcmFormat::new(sample_format, self.sample_rate, self.channels);
        Some((pcm, codec))
    }
}

/// Notes bytes behind the audio that are neither chunks nor tags; `size` reads the size of a chunk.
pub(super) fn look_behind(
    file: &mut (impl Read + Seek),
    audio_end: u64,
    file_length: u64,
    size: fn([u8; 4]) -> u32,
    findings: &mut Findings,
) {
    let mut chunk_end = |at: u64| {
        let mut chunk = [0; 8];
        let content = seek_read(file, at, &mut chunk).ok()?;
        // Some count the padding of a last chunk that has none.
        let size = u64::from(chunk.last_chunk().map_or(0, |&bytes| size(bytes)));
        let is_chunk = chunk[..4].iter().all(|byte| (b' '..=b'~').contains(byte))
            && !chunk.starts_with(b"TAG")
            && !chunk.starts_with(b"APETAGEX");
        content.checked_add(size).filter(|end| is_chunk && *end <= file_length.saturating_add(1))
    };
    let mut at = audio_end;
    for _ in 0..MAX_CHUNKS {
        // Not everybody pads a chunk of odd length.
        let padded = at.saturating_add(at & 1);
        let Some(end) = chunk_end(padded).or_else(|| chunk_end(at)) else { break };
        at = end;
    }
    let rest = tags::foreign(file, at.min(file_length)..file_length);
    findings.trail(rest.start, rest.end - rest.start);
}

/// Fills `buffer` from byte `at` on; returns the position behind it.
pub(super) fn seek_read(
    file: &mut (impl Read + Seek),
    at: u64,
    buffer: &mut [u8],
) -> Result<u64, String> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(buffer)).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            "the file ends within its header".to_owned()
        } else {
            format!("reading failed: {error}")
        }
    })?;
    Ok(at.saturating_add(buffer.len() as u64))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u64::from(four.map_or(0, u32::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::WarningKind;

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

    fn parse(file: &[u8]) -> (Result<Wav, String>, Findings) {
        let mut findings = Findings::default();
        let wav = read(&mut Cursor::new(file), 0, file.len() as u64, &mut findings);
        (wav, findings)
    }

    #[track_caller]
    fn layout(file: &[u8]) -> Layout {
        match parse(file).0 {
            Ok(Wav::Linear(layout, _)) => layout,
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
        ] {
            let file = wav(100, &[&fmt(tag, channels, align, bits), b"data\x04\0\0\0abcd"]);
            assert_eq!(layout(&file).pcm.sample_format, expected, "{bits} bits in {align} bytes");
        }
    }

    #[test]
    fn sizes_that_nobody_filled_in_mean_the_rest_of_the_file() {
        let fmt = fmt(1, 1, 2, 16);
        assert_eq!(layout(&wav(0, &[&fmt, b"data\0\0\0\0abcd"])).declared, None);
        assert_eq!(layout(&wav(u32::MAX, &[&fmt, b"data\xff\xff\xff\xffab"])).declared, None);
        // But a header that is filled in may well declare no audio.
        let empty = wav(46, &[&fmt, b"data\0\0\0\0", b"LIST\x02\0\0\0ab"]);
        assert_eq!(layout(&empty).declared, Some(0));
    }

    #[test]
    fn sizes_beyond_four_gigabytes_stand_in_ds64() {
        let mut sizes = b"ds64\x1c\0\0\0".to_vec();
        sizes.extend(6_000_000_028_u64.to_le_bytes());
        sizes.extend(6_000_000_000_u64.to_le_bytes());
        sizes.extend([0; 12]);
        let mut file = wav(u32::MAX, &[&sizes, &fmt(1, 2, 4, 16), b"data\xff\xff\xff\xffabcd"]);
        file[..4].copy_from_slice(b"RF64");
        let layout = layout(&file);
        assert_eq!(layout.declared, Some(6_000_000_000));
        assert_eq!(layout.start, file.len() as u64 - 4);
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
