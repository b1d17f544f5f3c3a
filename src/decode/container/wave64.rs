//! Sony Wave64: WAV with names of 16 bytes and sizes of 64 bits.
//!
//! Source: Sony's *Wave64 file format* (Sonic Foundry, 1999).

use std::fs::File;
use std::io::{Read, Seek};

use super::bytes::{Endian, bytes_at, seek_read};
use super::format::{Decoding, FormatRow, Kind};
use super::riff::Format;
use super::samples::{Coding, Header, Samples};
use super::{Container, Contents, Subject, samples};
use crate::decode::accounting::extent::{Claim, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::refusal::Refusal;

/// Chunks that are looked at before the audio.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the name of a chunk and its size.
const CHUNK: u64 = 24;
/// What follows the first four bytes in the names of all chunks but that of the file.
const BASE: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";

/// Sony Wave64.
pub(super) struct Wave64;

impl Container for Wave64 {
    const FORMAT: FormatRow = FormatRow {
        name: "Sony Wave64",
        codecs: "as WAV",
        extensions: &["w64"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind("w64"),
        markers: &[b"riff\x2e\x91\xcf\x11"],
        ffmpeg: &["w64"],
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

/// Reads the header of the Wave64 file that begins at byte `start`. The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Header, String> {
    let mut header = [0; 40];
    let mut at = seek_read(file, start, &mut header)?;
    let file_size = Endian::Little.u64(&header, 16);
    let mut format = None;
    let mut fact = None;
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = Chunk::read(file, at) else { break };
        match &chunk.name {
            b"fmt " => {
                let length = chunk.size.saturating_sub(CHUNK).clamp(16, 1024);
                let mut fields = vec![0; usize::try_from(length).unwrap_or(16)];
                seek_read(file, chunk.content, &mut fields)?;
                format = Some(Format::read(&fields, Endian::Little));
            }
            b"fact" => {
                let mut frames = [0; 8];
                seek_read(file, chunk.content, &mut frames)?;
                let frames = Endian::Little.u64(&frames, 0);
                fact = Some(frames).filter(|&frames| frames > 0 && frames <= file_length * 8);
            }
            b"data" => {
                let format = format.ok_or("a data chunk before fmt")?;
                let start_of_audio = chunk.content;
                let meaning = match format.meaning(|| super::riff::sample_of(file, start_of_audio))
                {
                    Ok(meaning) => meaning,
                    Err(codec) => return Ok(Header::Other(codec)),
                };
                let claim = Claim {
                    start: start_of_audio,
                    bytes: (chunk.size <= u64::MAX / 2).then(|| chunk.size.saturating_sub(CHUNK)),
                    container_end: start.checked_add(file_size),
                    frame: meaning.stored_frame(format.channels),
                };
                let next = |file: &mut _, at: u64| {
                    Some(Chunk::read(file, at.next_multiple_of(8))?.end)
                        .filter(|&end| end <= file_length.saturating_add(7))
                };
                let extent = judge(file, file_length, claim, next, findings);
                let is_coded = matches!(meaning.coding, Coding::Adpcm(_));
                return Ok(Header::Samples(Samples {
                    meaning,
                    sample_rate: format.sample_rate,
                    channels: format.channels,
                    layout: format.layout(),
                    start: start_of_audio,
                    extent,
                    stated_frames: fact.filter(|_| is_coded),
                }));
            }
            _ => {}
        }
        at = chunk.end.checked_next_multiple_of(8).ok_or("a chunk is too long to be")?;
    }
    Err("it ends without a data chunk".into())
}

/// The header of a chunk.
struct Chunk {
    name: [u8; 4],
    /// With the name and the size.
    size: u64,
    content: u64,
    end: u64,
}

impl Chunk {
    fn read(file: &mut (impl Read + Seek), at: u64) -> Option<Self> {
        let mut header = [0; 24];
        let content = seek_read(file, at, &mut header).ok()?;
        let size = Endian::Little.u64(&header, 16);
        let end = at.checked_add(size.max(CHUNK))?;
        let name = bytes_at(&header, 0);
        (header[4..16] == BASE).then_some(Self { name, size, content, end })
    }
}
