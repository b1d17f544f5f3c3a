//! Decode: a file becomes blocks of PCM. The only home of Symphonia.

use std::path::Path;

use audiopool_worker::pcm::PcmFormat;
use serde::{Deserialize, Serialize};

use crate::record::Warning;

/// What a file turned out to be, known before its first block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFormat {
    /// Container, in lower case: `wav`, `flac`, `ogg`, `mp4`, …
    pub container: String,
    /// Codec, in lower case: `pcm_s16le`, `flac`, `mp3`, …
    pub codec: String,
    /// What the decoded bytes mean.
    pub pcm: PcmFormat,
    /// Frames that the file says it has, if it says; a hint, never trusted.
    pub declared_frames: Option<u64>,
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

/// An open file, delivering its audio from the first frame to the last.
#[derive(Debug)]
pub struct Source {}

impl Source {
    /// Opens a file and reads as much of it as is needed to know its format.
    pub fn open(_path: &Path) -> Result<Self, DecodeError> {
        Err(DecodeError { kind: DecodeErrorKind::UnsupportedFormat, message: String::new() })
    }

    /// With threads.
    pub fn open_with(path: &Path, _threads: usize) -> Result<Self, DecodeError> {
        Self::open(path)
    }

    /// What the file is. Fixed from the start; every block has this format.
    pub fn format(&self) -> &SourceFormat {
        unreachable!()
    }

    /// Appends the next block of interleaved little-endian PCM (whole frames) to `bytes`; `false`
    /// at the end. A damaged stretch becomes a [`Warning`], not an error.
    pub fn next_block(&mut self, _bytes: &mut Vec<u8>) -> bool {
        false
    }

    /// What was noticed on the way. Complete after the last block.
    pub fn warnings(&self) -> &[Warning] {
        &[]
    }
}
