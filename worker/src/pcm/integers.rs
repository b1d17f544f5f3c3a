//! Integers: the samples as integers, as pydub processes them.
//!
//! Level and silence are defined on integers, so that every sum is exact and does not depend on the
//! chunking. Integer sources keep their width. Other samples are converted as the decoder in front
//! of pydub does:
//!
//! | samples            | seen as | how                                         |
//! |--------------------|---------|---------------------------------------------|
//! | U8                 | 8 bit   | minus 128                                   |
//! | S16                | 16 bit  | unchanged, not copied                       |
//! | S24                | 32 bit  | times 256; pydub's low byte of ones is not repeated |
//! | S32                | 32 bit  | unchanged, not copied                       |
//! | floats, lossy      | 16 bit  | clip(round half even(x · 2¹⁵)), NaN is 0    |
//! | floats, not lossy  | 32 bit  | clip(round half even(x · 2³¹)), NaN is 0    |

use std::borrow::Cow;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::{PcmFormat, SampleFormat, vector};

/// Interleaved samples as signed integers of 8, 16 or 32 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integers<'a> {
    /// Full scale 128.
    Bits8(Cow<'a, [i8]>),
    /// Full scale 32 768.
    Bits16(Cow<'a, [i16]>),
    /// Full scale 2 147 483 648.
    Bits32(Cow<'a, [i32]>),
}

/// Magnitudes of non-zero samples, in steps of their own width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extremes {
    /// The smallest, at least 1.
    pub smallest: u32,
    /// The largest, at most full scale.
    pub largest: u32,
}

impl PcmFormat {
    /// Width of the [`Integers`] that samples of this format become: 8, 16 or 32 bits.
    pub const fn integer_bits(&self) -> u32 {
        match self.sample_format {
            SampleFormat::U8 => 8,
            SampleFormat::S16 => 16,
            SampleFormat::F32 | SampleFormat::F64 if self.lossy => 16,
            SampleFormat::S24 | SampleFormat::S32 | SampleFormat::F32 | SampleFormat::F64 => 32,
        }
    }

    /// Magnitude of the most negative integer, which is 0 dBFS: 128, 2¹⁵ or 2³¹.
    pub const fn full_scale(&self) -> u32 {
        1 << (self.integer_bits() - 1)
    }
}

impl<'a> Integers<'a> {
    /// Reads or converts samples; an incomplete last one is dropped.
    pub(super) fn of(format: PcmFormat, bytes: &'a [u8]) -> Self {
        match (format.sample_format, format.lossy) {
            (SampleFormat::U8, _) => {
                Self::Bits8(vector::convert(bytes, |[x]| (x ^ 0x80).cast_signed()).into())
            }
            (SampleFormat::S16, _) => Self::Bits16(in_place(bytes, i16::from_le_bytes)),
            (SampleFormat::S24, _) => Self::Bits32(vector::widen_24(bytes).into()),
            (SampleFormat::S32, _) => Self::Bits32(in_place(bytes, i32::from_le_bytes)),
            (SampleFormat::F32, true) => {
                Self::Bits16(vector::convert(bytes, |x| quantize_16(f32::from_le_bytes(x))).into())
            }
            (SampleFormat::F64, true) => Self::Bits16(
                vector::convert(bytes, |x| quantize_16_wide(f64::from_le_bytes(x))).into(),
            ),
            (SampleFormat::F32, false) => Self::Bits32(
                vector::convert(bytes, |x| quantize_32(f32::from_le_bytes(x).into())).into(),
            ),
            (SampleFormat::F64, false) => {
                Self::Bits32(vector::convert(bytes, |x| quantize_32(f64::from_le_bytes(x))).into())
            }
        }
    }

    /// The samples as 32-bit integers, in steps of their own width.
    pub fn widened(&self) -> Cow<'_, [i32]> {
        match self {
            Self::Bits8(samples) => samples.iter().copied().map(i32::from).collect(),
            Self::Bits16(samples) => samples.iter().copied().map(i32::from).collect(),
            Self::Bits32(samples) => Cow::Borrowed(samples),
        }
    }

    /// The samples of one channel as 32-bit integers, in steps of their own width.
    pub fn channel(&self, channel: usize, channels: usize) -> Vec<i32> {
        match self {
            Self::Bits8(samples) => vector::channel(samples, channel, channels),
            Self::Bits16(samples) => vector::channel(samples, channel, channels),
            Self::Bits32(samples) => vector::channel(samples, channel, channels),
        }
    }

    /// Largest and smallest magnitude of the non-zero samples; `None` if there are none.
    pub fn extremes(&self) -> Option<Extremes> {
        let (largest, below_smallest) = match self {
            Self::Bits8(samples) => vector::extremes(samples),
            Self::Bits16(samples) => vector::extremes(samples),
            Self::Bits32(samples) => vector::extremes(samples),
        };
        (largest > 0).then(|| Extremes { smallest: below_smallest + 1, largest })
    }

    /// Σx² of each section; sections end at `ends`, the first starts at 0.
    pub fn sums_of_squares(&self, ends: &[usize]) -> Vec<u128> {
        match self {
            Self::Bits8(samples) => vector::sums_of_squares(samples, ends),
            Self::Bits16(samples) => vector::sums_of_squares(samples, ends),
            Self::Bits32(samples) => vector::sums_of_squares(samples, ends),
        }
    }
}

/// The bytes as integers, without a copy if they are aligned.
fn in_place<T: Pod + Default, const WIDTH: usize>(
    bytes: &[u8],
    decode: impl Fn([u8; WIDTH]) -> T,
) -> Cow<'_, [T]> {
    let whole = &bytes[..bytes.len() - bytes.len() % WIDTH];
    match bytemuck::try_cast_slice(whole) {
        Ok(samples) if cfg!(target_endian = "little") => Cow::Borrowed(samples),
        _ => vector::convert(bytes, decode).into(),
    }
}

/// `(x * 32_768.0).round_ties_even() as i16`, with instructions that every x86-64 has.
#[inline]
fn quantize_16(x: f32) -> i16 {
    /// 1.5 · 2²³: a sum with it has no fraction bits, so the addition rounds, and its lowest bits
    /// are the integer in two's complement.
    const ROUNDING: f32 = 12_582_912.0;
    let scaled = if x.is_nan() { 0.0 } else { (x * 32_768.0).clamp(-32_768.0, 32_767.0) };
    let [low, high, ..] = (scaled + ROUNDING).to_bits().to_le_bytes();
    i16::from_le_bytes([low, high])
}

/// [`quantize_16`] for doubles.
#[inline]
fn quantize_16_wide(x: f64) -> i16 {
    let [low, high, ..] = rounded(x, 32_768.0).to_le_bytes();
    i16::from_le_bytes([low, high])
}

/// `(x * 2_147_483_648.0).round_ties_even() as i32`, in the same way.
#[inline]
fn quantize_32(x: f64) -> i32 {
    rounded(x, 2_147_483_648.0)
}

/// `clip(round_half_even(x · full_scale))`, at most 32 bits wide.
#[inline]
fn rounded(x: f64, full_scale: f64) -> i32 {
    /// 1.5 · 2⁵²; see [`quantize_16`].
    const ROUNDING: f64 = 6_755_399_441_055_744.0;
    let scaled =
        if x.is_nan() { 0.0 } else { (x * full_scale).clamp(-full_scale, full_scale - 1.0) };
    let [b0, b1, b2, b3, ..] = (scaled + ROUNDING).to_bits().to_le_bytes();
    i32::from_le_bytes([b0, b1, b2, b3])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pcm::Pcm;

    fn integers(sample_format: SampleFormat, lossy: bool, bytes: &[u8]) -> Vec<i64> {
        let format = PcmFormat { lossy, ..PcmFormat::new(sample_format, 8000, 1) };
        let pcm = Pcm::new(format, 0, bytes);
        pcm.integers().widened().iter().map(|&x| x.into()).collect()
    }

    #[test]
    fn channels_are_extracted_from_interleaved_samples() {
        let samples: Vec<i16> =
            (0..100).map(|at| at * 331 - 16_384).map(|x: i32| i16::try_from(x).unwrap()).collect();
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        for (channels, count) in [(1, 1), (2, 2), (3, 3), (6, 6)] {
            let format = PcmFormat::new(SampleFormat::S16, 8000, channels);
            let pcm = Pcm::new(format, 0, &bytes[..bytes.len() / (2 * count) * (2 * count)]);
            for channel in 0..count {
                let expected: Vec<i32> =
                    samples.chunks_exact(count).map(|frame| i32::from(frame[channel])).collect();
                assert_eq!(pcm.integers().channel(channel, count), expected);
            }
        }
    }

    #[test]
    fn integers_keep_their_value() {
        assert_eq!(integers(SampleFormat::U8, false, &[0, 128, 255]), [-128, 0, 127]);
        assert_eq!(integers(SampleFormat::S16, false, &[0, 0x80, 0xff, 0x7f]), [-32_768, 32_767]);
        assert_eq!(
            integers(SampleFormat::S24, false, &[0xff, 0xff, 0xff, 0, 0, 0x80, 1, 0, 0].repeat(3)),
            [-256, i64::from(i32::MIN), 256].repeat(3)
        );
        assert_eq!(
            integers(SampleFormat::S32, false, &[0, 0, 0, 0x80, 1, 0, 0, 0]),
            [i64::from(i32::MIN), 1]
        );
    }

    #[test]
    fn unaligned_samples_are_read_correctly() {
        let bytes: Vec<u8> = (0..=40).collect();
        for (format, width) in [(SampleFormat::S16, 2), (SampleFormat::S32, 4)] {
            let expected: Vec<i64> = bytes[1..41]
                .chunks(width)
                .map(|x| x.iter().rev().fold(0, |value, &byte| value << 8 | i64::from(byte)))
                .collect();
            assert_eq!(integers(format, false, &bytes[1..41]), expected);
            let aligned = bytes[1..41].to_vec();
            assert_eq!(integers(format, false, &aligned), expected);
        }
    }

    #[test]
    fn floats_clip_round_half_to_even_and_are_never_nan() {
        let step = 1.0 / 32_768.0;
        let samples: [f32; 8] =
            [0.5 * step, 1.5 * step, -0.5 * step, -2.5 * step, 1.0, -9.0, f32::INFINITY, f32::NAN];
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        let expected = [0, 2, 0, -2, 32_767, -32_768, 32_767, 0];
        assert_eq!(integers(SampleFormat::F32, true, &bytes), expected);
        let wide: Vec<u8> = samples.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
        assert_eq!(integers(SampleFormat::F64, true, &wide), expected);

        let max = i64::from(i32::MAX);
        let expected = [32_768, 98_304, -32_768, -163_840, max, -max - 1, max, 0];
        assert_eq!(integers(SampleFormat::F32, false, &bytes), expected);
        assert_eq!(integers(SampleFormat::F64, false, &wide), expected);
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_possible_truncation, reason = "`as` from a float saturates; NaN is 0")]
        fn rounding_equals_the_formula(bits in any::<u32>(), small in -1.1_f64..1.1) {
            for x in [f32::from_bits(bits), small as f32] {
                prop_assert_eq!(quantize_16(x), (x * 32_768.0).round_ties_even() as i16);
            }
            for x in [f64::from(f32::from_bits(bits)), small, small * 1e-9] {
                prop_assert_eq!(quantize_16_wide(x), (x * 32_768.0).round_ties_even() as i16);
                prop_assert_eq!(quantize_32(x), (x * 2_147_483_648.0).round_ties_even() as i32);
            }
        }
    }
}
