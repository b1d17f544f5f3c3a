//! Source: what decoding tells of a file, or why it cannot be decoded.

use audiopool_worker::pcm::PcmFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[non_exhaustive]
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
    pub(crate) fn new(kind: DecodeErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The classes of files that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
