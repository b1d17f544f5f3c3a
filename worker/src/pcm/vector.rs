//! Vector: loops over single samples.
//!
//! Nearly all time of the analysis is spent here. The loops are simple (no branch, no early exit,
//! one operation per sample), so that the compiler vectorizes them. `multiversion` compiles each
//! for every x86-64 and for AVX2, which is about three times as fast, and selects one at run time.
//! Integer sums and extremes do not depend on order, so both give the same bits.

use multiversion::multiversion;

/// A signed integer sample.
pub(super) trait Sample: Copy {
    /// The unsigned type of the same width, which can hold the magnitude of the most negative
    /// value.
    type Magnitude: Copy + Ord + Into<u32>;
    /// Zero, and the largest magnitude.
    const ENDS: [Self::Magnitude; 2];

    /// |x|.
    fn magnitude(self) -> Self::Magnitude;
    /// `magnitude` − 1; the largest value for zero.
    fn below(magnitude: Self::Magnitude) -> Self::Magnitude;
    /// Σx² of at most 2³² samples.
    fn sum_of_squares(samples: &[Self]) -> u128;
}

macro_rules! sample {
    ($sample:ty, $magnitude:ty, $sum_of_squares:expr) => {
        impl Sample for $sample {
            type Magnitude = $magnitude;
            const ENDS: [$magnitude; 2] = [<$magnitude>::MIN, <$magnitude>::MAX];

            #[inline]
            fn magnitude(self) -> $magnitude {
                self.unsigned_abs()
            }

            #[inline]
            fn below(magnitude: $magnitude) -> $magnitude {
                magnitude.wrapping_sub(1)
            }

            #[inline]
            fn sum_of_squares(samples: &[Self]) -> u128 {
                $sum_of_squares(samples)
            }
        }
    };
}

sample!(i8, u8, narrow_squares);
sample!(i16, u16, narrow_squares);
sample!(i32, u32, wide_squares);

#[inline]
fn narrow_squares<T: Copy + Into<i32>>(samples: &[T]) -> u128 {
    let square = |&x: &T| u64::from((x.into() * x.into()).cast_unsigned());
    samples.iter().map(square).sum::<u64>().into()
}

/// In two halves, since the sum of four squares can already overflow 64 bits.
#[inline]
fn wide_squares(samples: &[i32]) -> u128 {
    let (mut low, mut high) = (0, 0);
    for x in samples {
        let magnitude = u64::from(x.unsigned_abs());
        let square = magnitude * magnitude;
        low += square & 0xffff_ffff;
        high += square >> 32;
    }
    u128::from(low) + (u128::from(high) << 32)
}

/// The largest magnitude, and the smallest non-zero magnitude − 1. Zeros are excluded without a
/// branch, since `|x| - 1` wraps to the largest value.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn extremes<T: Sample>(samples: &[T]) -> (u32, u32) {
    let [mut largest, mut below_smallest] = T::ENDS;
    for &sample in samples {
        let magnitude = sample.magnitude();
        largest = largest.max(magnitude);
        below_smallest = below_smallest.min(T::below(magnitude));
    }
    (largest.into(), below_smallest.into())
}

/// Σx² of each section; sections end at `ends`, the first starts at 0. Ends are limited to the
/// samples.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn sums_of_squares<T: Sample>(samples: &[T], ends: &[usize]) -> Vec<u128> {
    let mut start = 0;
    let mut sum = |&end: &usize| {
        let end = end.clamp(start, samples.len());
        let sum = T::sum_of_squares(&samples[start..end]);
        start = end;
        sum
    };
    ends.iter().map(&mut sum).collect()
}

/// The samples of one channel, widened. Strides known at compile time become vector shuffles.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn channel<T: Copy + Into<i32>>(
    samples: &[T],
    channel: usize,
    channels: usize,
) -> Vec<i32> {
    match (channel, channels) {
        (0, 0..=1) => samples.iter().map(|&sample| sample.into()).collect(),
        (0, 2) => samples.as_chunks::<2>().0.iter().map(|&[left, _]| left.into()).collect(),
        (1, 2) => samples.as_chunks::<2>().0.iter().map(|&[_, right]| right.into()).collect(),
        _ => samples.iter().skip(channel).step_by(channels.max(1)).map(|&x| x.into()).collect(),
    }
}

/// Converts samples of `WIDTH` bytes; an incomplete last one is dropped.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn convert<T: Copy + Default, const WIDTH: usize>(
    bytes: &[u8],
    decode: impl Fn([u8; WIDTH]) -> T,
) -> Vec<T> {
    let (samples, _broken) = bytes.as_chunks::<WIDTH>();
    let mut converted = vec![T::default(); samples.len()];
    for (converted, &sample) in converted.iter_mut().zip(samples) {
        *converted = decode(sample);
    }
    converted
}

/// Widens 24-bit samples to 32 bits, times 256; four at a time, as three words.
pub(super) fn widen_24(bytes: &[u8]) -> Vec<i32> {
    let (fours, rest) = bytes.as_chunks::<12>();
    let widen = |[low, mid, high]: [u8; 3]| i32::from_le_bytes([0, low, mid, high]);
    let mut samples = Vec::with_capacity(bytes.len() / 3);
    for four in fours {
        let (words, _) = four.as_chunks::<4>();
        let [a, b, c] = [words[0], words[1], words[2]].map(u32::from_le_bytes);
        let four = [a << 8, (a >> 24 | b << 8) << 8, (b >> 16 | c << 16) << 8, c & !0xff];
        samples.extend(four.map(u32::cast_signed));
    }
    samples.extend(rest.as_chunks::<3>().0.iter().map(|&sample| widen(sample)));
    samples
}
