//! Decode: a file becomes blocks of PCM, in the file's own sample format.
//!
//! The only module that uses Symphonia and the other decoders. It runs in a decoder process that can
//! be killed, or, with `--isolation never`, on the calling thread. It knows nothing of chunks, pools
//! or processes.
//!
//! ```text
//!                ┌─ samples   WAV, AIFF, AU, …: samples as they are in the file, or blocks of ADPCM
//! file ─▶ probe ─┼─ packets   container ─▶ batches ─▶ 1 … K decoders ─▶ convert
//!                └─ fallback  all other files, through an installed ffmpeg
//!                                      │
//!                                      ▼
//!                     trim (encoder delay, edit lists) ─▶ blocks of whole frames
//! ```
//!
//! - The first bytes decide what a file is, never its name and never a marker found further in.
//! - A declared length is a hint. What is reported is what was counted.
//! - Batches are cut at the same packets for every number of threads, so that even a damaged file
//!   decodes to the same bytes with one thread and with eight.

mod accounting;
mod codec;
mod container;
mod engine;
mod fallback;
mod open;
mod probe;
mod refusal;

use std::num::NonZeroUsize;
use std::path::Path;

use audiopool_worker::analyze::Health;
use procpool::confine::Needs;

use crate::record::Warning;
use accounting::findings::Findings;
use accounting::plausible;
use accounting::signature::Signature;
use accounting::trim::Trim;
use engine::Audio;

pub use container::format::{Decoding, FormatRow};
pub use engine::Filled;
pub use fallback::{Installed, installed_ffmpeg, installed_ffprobe};
pub use probe::formats::{EXTENSIONS, formats};
pub use probe::medium::medium_in;

pub use crate::record::{DecodeError, DecodeErrorKind, DecodedBy, SourceFormat};

/// What the decoding of a file opens: the file, and ffmpeg and ffprobe where they are installed.
pub fn needs(path: &Path) -> Needs {
    Needs { files: vec![path.to_owned()], programs: fallback::needed() }
}

/// What opening a file yields: its format, what to cut off, and where its audio comes from.
#[derive(Debug)]
struct Opened {
    format: SourceFormat,
    trim: Trim,
    /// The checksum that the file has of its audio.
    signature: Option<Signature>,
    audio: Box<dyn Audio>,
}

/// An open file, delivering its audio from the first frame to the last.
#[derive(Debug)]
pub struct Source {
    opened: Opened,
    findings: Findings,
    file_bytes: u64,
    frames: u64,
    ended: bool,
}

impl Source {
    /// Opens a file and reads as much of it as is needed to know its format. Decodes on the
    /// calling thread alone.
    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        Self::open_with(path, NonZeroUsize::MIN)
    }

    /// Opens a file whose packets, where the codec allows it, are decoded on `threads` threads.
    /// The bytes are the same for every number of threads.
    pub fn open_with(path: &Path, threads: NonZeroUsize) -> Result<Self, DecodeError> {
        let mut findings = Findings::default();
        let (opened, file_bytes) = open::open(path, threads, &mut findings)?;
        Ok(Self { opened, findings, file_bytes, frames: 0, ended: false })
    }

    /// What the file is. Fixed from the start; every block has this format.
    pub fn format(&self) -> &SourceFormat {
        &self.opened.format
    }

    /// Appends the next block of interleaved little-endian PCM (whole frames) to `bytes`; `false`
    /// at the end. A damaged stretch becomes a [`Warning`], not an error.
    pub fn next_block(&mut self, bytes: &mut Vec<u8>) -> bool {
        let frame_width = self.opened.format.pcm.frame_width();
        while !self.ended {
            let before = bytes.len();
            let more = self.opened.audio.read(bytes, self.frames, &mut self.findings);
            self.opened.trim.apply(bytes, before, frame_width);
            if let Some(signature) = &mut self.opened.signature {
                signature.append(&bytes[before..], self.opened.format.pcm.sample_format);
            }
            let pcm = self.opened.format.pcm;
            plausible::check_level(&bytes[before..], pcm, self.frames, &mut self.findings);
            let frames = (bytes.len() - before) / frame_width;
            self.frames += frames as u64;
            if !more {
                self.finish();
            }
            if frames > 0 {
                return true;
            }
        }
        false
    }

    /// Bytes left that can be read into given memory; `None` where samples must be decoded.
    pub fn left_in_place(&mut self) -> Option<usize> {
        let audio = self.opened.audio.in_place().filter(|_| self.opened.trim.keeps_all())?;
        Some(usize::try_from(audio.left()).unwrap_or(usize::MAX))
    }

    /// Puts the next block into `bytes`, which have room for a frame. Nothing, if it cannot be read
    /// [in place](Self::left_in_place).
    pub fn fill(&mut self, bytes: &mut [u8]) -> Filled {
        let (frame_width, frame) = (self.opened.format.pcm.frame_width(), self.frames);
        let Some(audio) = self.opened.audio.in_place().filter(|_| !self.ended) else {
            return Filled::default();
        };
        let filled = audio.fill(bytes, frame, &mut self.findings);
        let pcm = self.opened.format.pcm;
        plausible::check_level(&bytes[..filled.bytes], pcm, frame, &mut self.findings);
        self.frames += (filled.bytes / frame_width) as u64;
        if !filled.more {
            self.finish();
        }
        filled
    }

    /// Compares the decoded audio with what the file declares.
    fn finish(&mut self) {
        self.ended = true;
        self.opened.audio.finish(self.frames, &mut self.findings);
        if let Some(signature) = &self.opened.signature {
            signature.compare(self.frames, &mut self.findings);
        }
        let (format, frames) = (&self.opened.format, self.frames);
        plausible::check_length(format, frames, self.file_bytes, &mut self.findings);
    }

    /// Whether the file is what it says it is. Complete after the last block.
    pub fn health(&self) -> Health {
        Health {
            declared_frames: self.findings.declared_or(self.opened.format.declared_frames),
            checksum_matches: self.opened.signature.as_ref().map(Signature::matches),
            ..self.findings.health(self.file_bytes, self.frames)
        }
    }

    /// Warnings about the file. Complete after the last block.
    pub fn warnings(&self) -> &[Warning] {
        self.findings.warnings()
    }
}
