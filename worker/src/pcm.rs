//! PCM: interleaved samples and their format.
//!
//! A chunk is sent as bytes and a [`PcmFormat`]; a [`Pcm`] combines the two. Samples keep the
//! format of their source, little-endian, without conversion.

use std::iter;

use serde::{Deserialize, Deserializer, Serialize, de};

mod figures;
mod floats;
mod integers;
mod layout;
mod milliseconds;
mod vector;

pub use integers::{Extremes, Integers};
pub use layout::{ChannelLayout, Speaker};

/// Memory layout of one sample. Integers are little-endian; `U8` is offset binary (128 is zero).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleFormat {
    /// Unsigned 8-bit, 128 is zero.
    U8,
    /// Signed 16-bit.
    S16,
    /// Signed 24-bit, packed in three bytes.
    S24,
    /// Signed 32-bit.
    S32,
    /// IEEE 754 single precision, full scale ±1.0.
    F32,
    /// IEEE 754 double precision, full scale ±1.0.
    F64,
}

impl SampleFormat {
    /// Bytes of one sample: 1, 2, 3, 4, 4, 8.
    pub const fn sample_width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The name used in reports: `u8`, `s16`, `s24`, `s32`, `f32`, `f64`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::S24 => "s24",
            Self::S32 => "s32",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// Format of audio: how to interpret its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PcmFormat {
    /// Format of one sample.
    pub sample_format: SampleFormat,
    /// Frames per second; at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub sample_rate: u32,
    /// Samples per frame; at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub channels: u16,
    /// Whether a lossy codec produced the samples (which are `F32` then).
    pub lossy: bool,
    /// Loudspeaker positions of the channels, if the file states them.
    pub layout: ChannelLayout,
}

impl PcmFormat {
    /// A format of a lossless source without a stated channel layout.
    pub const fn new(sample_format: SampleFormat, sample_rate: u32, channels: u16) -> Self {
        let layout = ChannelLayout::UNSTATED;
        Self { sample_format, sample_rate, channels, lossy: false, layout }
    }

    /// Bytes of one frame.
    pub const fn frame_width(&self) -> usize {
        self.sample_format.sample_width() * self.channels as usize
    }

    /// Bytes of one grain: one second of frames.
    pub const fn grain_width(&self) -> usize {
        self.frame_width() * self.sample_rate as usize
    }
}

/// Rejects zero in data from outside, since it is a divisor.
fn at_least_one<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let value = T::deserialize(deserializer)?;
    if value == T::default() { Err(de::Error::custom("must be at least 1")) } else { Ok(value) }
}

/// Audio of a file: whole frames at a known position.
#[derive(Clone, Copy, Debug)]
pub struct Pcm<'a> {
    format: PcmFormat,
    first_frame: u64,
    bytes: &'a [u8],
}

impl<'a> Pcm<'a> {
    /// Combines a format with bytes. An incomplete last frame, which no caller passes, is dropped.
    ///
    /// # Panics
    ///
    /// If `format` has no channels, which a deserialized format cannot have.
    pub fn new(format: PcmFormat, first_frame: u64, bytes: &'a [u8]) -> Self {
        let whole = bytes.len() - bytes.len() % format.frame_width();
        Self { format, first_frame, bytes: &bytes[..whole] }
    }

    /// The format of the samples.
    pub const fn format(&self) -> PcmFormat {
        self.format
    }

    /// Position of the first frame in the file.
    pub const fn first_frame(&self) -> u64 {
        self.first_frame
    }

    /// Number of frames.
    pub const fn frames(&self) -> u64 {
        (self.bytes.len() / self.format.frame_width()) as u64
    }

    /// The interleaved little-endian samples.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Splits the audio `frames` after its start, or at its end if it is shorter.
    #[must_use]
    pub fn split_at(&self, frames: u64) -> (Self, Self) {
        let frames = frames.min(self.frames());
        let at = usize::try_from(frames).unwrap_or(usize::MAX) * self.format.frame_width();
        let (head, tail) = self.bytes.split_at(at);
        (
            Self { bytes: head, ..*self },
            Self { bytes: tail, first_frame: self.first_frame + frames, ..*self },
        )
    }

    /// The samples as the integers that level and silence are defined on.
    pub fn integers(&self) -> Integers<'a> {
        Integers::of(self.format, self.bytes)
    }

    /// Pieces of at most `bytes` bytes and at most one second, with at least one frame each; none
    /// if there is no frame.
    pub fn pieces(self, bytes: usize) -> impl Iterator<Item = Self> {
        let fitting = (bytes / self.format.frame_width()) as u64;
        let frames = fitting.clamp(1, u64::from(self.format.sample_rate));
        let mut rest = self;
        iter::from_fn(move || {
            let (piece, after) = rest.split_at(frames);
            rest = after;
            (piece.frames() > 0).then_some(piece)
        })
    }
}
