//! Record: what is known of one input in the end, ok or failed with its cause.

use serde::{Deserialize, Serialize};

/// Something about a file that its owner should know, though it could be analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The class of the finding, for machines: `truncated`, `trailing_data`, …
    pub kind: WarningKind,
    /// For a person.
    pub message: String,
    /// Frame at which it was noticed, where that makes sense.
    pub frame: Option<u64>,
    /// Byte of the file at which it was noticed, where it is known.
    pub byte: Option<u64>,
}

/// The classes of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// The data ends before the file says it should.
    Truncated,
    /// Bytes after the audio that are no audio.
    TrailingData,
    /// A stretch could not be decoded and was left out.
    DecodeErrors,
    /// Sample rate, channels or depth change within the stream; the rest was not analysed.
    FormatChange,
    /// The name says one format, the content another.
    WrongExtension,
    /// The number of frames differs from the declared one.
    LengthMismatch,
    /// There are further audio tracks, not analysed.
    OtherTracks,
}
