//! PCM: raw interleaved samples and what they mean.
//!
//! A chunk travels as bytes plus a [`PcmFormat`]; a [`Pcm`] is those two put together again. The
//! samples are the source's own, little-endian, never converted on the way.

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

/// How one sample lies in memory. Integers are little-endian; `U8` is offset binary (128 is zero).
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

/// What the bytes of a stretch of audio mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PcmFormat {
    /// How one sample lies in memory.
    pub sample_format: SampleFormat,
    /// Frames per second; at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub sample_rate: u32,
    /// Samples per frame; at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub channels: u16,
    /// Whether a lossy codec made these samples (then they are `F32`).
    pub lossy: bool,
    /// The loudspeakers of the channels, where the file states them.
    pub layout: ChannelLayout,
}

impl PcmFormat {
    /// The format of samples that no lossy codec made, without a stated channel layout.
    pub const fn new(sample_format: SampleFormat, sample_rate: u32, channels: u16) -> Self {
        let layout = ChannelLayout::UNSTATED;
        Self { sample_format, sample_rate, channels, lossy: false, layout }
    }

    /// Bytes of one frame.
    pub const fn frame_width(&self) -> usize {
        self.sample_format.sample_width() * self.channels as usize
    }

    /// Bytes of one grain, that is of one second of frames.
    pub const fn grain_width(&self) -> usize {
        self.frame_width() * self.sample_rate as usize
    }
}

/// Refuses zero from outside, where everything is divided by it.
fn at_least_one<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let value = T::deserialize(deserializer)?;
    if value == T::default() { Err(de::Error::custom("must be at least 1")) } else { Ok(value) }
}

/// A stretch of a file: whole frames, at a known place.
#[derive(Clone, Copy, Debug)]
pub struct Pcm<'a> {
    format: PcmFormat,
    first_frame: u64,
    bytes: &'a [u8],
}

impl<'a> Pcm<'a> {
    /// Rebuilds a segment from its bytes. A broken last frame, which no caller sends, is cut off.
    ///
    /// # Panics
    ///
    /// If `format` has no channels, which a format from outside cannot have.
    pub fn new(format: PcmFormat, first_frame: u64, bytes: &'a [u8]) -> Self {
        let whole = bytes.len() - bytes.len() % format.frame_width();
        Self { format, first_frame, bytes: &bytes[..whole] }
    }

    /// What the bytes mean.
    pub const fn format(&self) -> PcmFormat {
        self.format
    }

    /// Position in the file of the first frame here.
    pub const fn first_frame(&self) -> u64 {
        self.first_frame
    }

    /// Frames in this stretch.
    pub const fn frames(&self) -> u64 {
        (self.bytes.len() / self.format.frame_width()) as u64
    }

    /// The interleaved little-endian samples.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Cuts the stretch in two, the second beginning `frames` after the start (or at the end).
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

    /// The same stretch in pieces of at most `bytes` bytes and at most one second, at least one
    /// frame each; no piece if there is no frame.
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
