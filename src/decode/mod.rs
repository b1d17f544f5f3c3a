//! Decode: a file becomes blocks of PCM, in the file's own sample format.
//!
//! The only home of Symphonia and of the other decoders. It runs inside a decoder process that can
//! be killed, or, for `--isolation never`, on the calling thread; it knows nothing of chunks, pools
//! or processes.
//!
//! ```text
//!          ┌─ raw      WAV, AIFF, AU, …: the samples as they lie in the file, or blocks of ADPCM
//! file ─▶ magic ─┼─ packets  a demuxer ─▶ batches ─▶ 1 … K decoders ─▶ convert
//!          └─ fallback whatever the two cannot open, through an installed ffmpeg
//!                                      │
//!                                      ▼
//!                     trim (encoder delay, edit lists) ─▶ blocks of whole frames
//! ```
//!
//! - The first bytes decide what a file is, never its name and never a marker found further in.
//! - A declared length is a hint. What is reported is what was counted.
//! - Batches are cut at the same packets for every number of threads, so that even a damaged file
//!   decodes to the same bytes with one thread and with eight.

mod blocks;
mod codec;
mod container;
mod convert;
mod engine;
mod fallback;
mod findings;
mod flac;
mod formats;
mod magic;
mod medium;
mod open;
mod open_packets;
mod packets;
mod parallel;
mod plausible;
mod raw;
mod refusal;
mod regular;
mod signature;
mod tags;
mod trim;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;

use audiopool_worker::analyze::Health;
use audiopool_worker::confine::Needs;
use audiopool_worker::pcm::PcmFormat;
use serde::{Deserialize, Serialize};

use crate::record::Warning;
use findings::Findings;
use signature::Signature;
use trim::Trim;

pub use fallback::{Installed, installed_ffmpeg, installed_ffprobe};
pub use formats::{Decoding, EXTENSIONS, FormatRow, formats};
pub use medium::medium_in;

/// What a file turned out to be, known before its first block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFormat {
    /// Container, in lower case: `wav`, `flac`, `ogg`, `mp4`, …
    pub container: String,
    /// Codec, in lower case: `pcm_s16le`, `flac`, `mp3`, …
    pub codec: String,
    /// Which program decodes it.
    pub decoder: DecodedBy,
    /// What the decoded bytes mean.
    pub pcm: PcmFormat,
    /// Frames that the file says it has, if it says; a hint, never trusted.
    pub declared_frames: Option<u64>,
}

/// The program that decodes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodedBy {
    /// This one.
    BuiltIn,
    /// An installed ffmpeg.
    Ffmpeg,
}

impl DecodedBy {
    /// As a report writes it: `built_in` or `ffmpeg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

/// What the decoding of a file opens: the file, and ffmpeg and ffprobe where they are installed.
pub fn needs(path: &Path) -> Needs {
    Needs { files: vec![path.to_owned()], programs: fallback::needed() }
}

/// Why a file cannot be decoded at all, with what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// The class of the failure.
    pub kind: DecodeErrorKind,
    /// For a person: what is wrong with this file and what would help.
    pub message: String,
}

impl DecodeError {
    fn new(kind: DecodeErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The classes of files that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// There is no such file.
    NotFound,
    /// It may not be read.
    PermissionDenied,
    /// A directory, FIFO, socket or device.
    NotAFile,
    /// Zero bytes.
    Empty,
    /// It holds no audio, but perhaps video or pictures.
    NoAudio,
    /// No known audio format.
    UnknownFormat,
    /// A known format that this build cannot decode.
    UnsupportedFormat,
    /// Recognised, but broken before the first frame.
    Corrupt,
    /// Beyond what is reasonable (sample rate, channels, sizes).
    LimitExceeded,
    /// Reading failed in the operating system.
    Io,
}

/// Something that delivers decoded audio, before it is trimmed.
trait Audio: fmt::Debug + Send {
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
trait InPlace {
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

/// What opening a file yields: its format, what to cut off, and where its audio comes from.
#[derive(Debug)]
struct Opened {
    format: SourceFormat,
    trim: Trim,
    /// What the audio must come to, if the file says.
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

    /// How many bytes are left that can be read into given memory; none where samples do not lie in
    /// the file as they are wanted.
    pub fn left_in_place(&mut self) -> Option<usize> {
        let audio = self.opened.audio.in_place().filter(|_| self.opened.trim.keeps_all())?;
        Some(usize::try_from(audio.left()).unwrap_or(usize::MAX))
    }

    /// Puts the next block into `bytes`, which have room for a frame. Nothing, if it cannot be had
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

    /// Compares the whole with what the file says of it.
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

    /// What was noticed on the way. Complete after the last block.
    pub fn warnings(&self) -> &[Warning] {
        self.findings.warnings()
    }
}
