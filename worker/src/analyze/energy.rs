//! Energy: exact sums of squares.
//!
//! The inner loops are as plain as they can be, because plain loops are what the compiler turns
//! into vector instructions: no branch, no early exit, one addition per sample. Integer sums have
//! the same value in every order, so that it may.

use crate::pcm::Integers;

/// A sample whose squares can be summed.
pub(crate) trait Square: Copy {
    /// Σx², exactly. At most 2³² samples.
    fn energy(samples: &[Self]) -> u128;
}

impl Square for i8 {
    fn energy(samples: &[Self]) -> u128 {
        let square = |&x: &Self| u32::from(x.unsigned_abs()) * u32::from(x.unsigned_abs());
        samples.iter().map(|x| u64::from(square(x))).sum::<u64>().into()
    }
}

impl Square for i16 {
    fn energy(samples: &[Self]) -> u128 {
        let square = |&x: &Self| (i32::from(x) * i32::from(x)).cast_unsigned();
        samples.iter().map(|x| u64::from(square(x))).sum::<u64>().into()
    }
}

impl Square for i32 {
    /// In two halves, since four squares already fill 64 bits.
    fn energy(samples: &[Self]) -> u128 {
        let (mut low, mut high) = (0, 0);
        for x in samples {
            let magnitude = u64::from(x.unsigned_abs());
            let square = magnitude * magnitude;
            low += square & 0xffff_ffff;
            high += square >> 32;
        }
        u128::from(low) + (u128::from(high) << 32)
    }
}

/// Σx² over all samples of all channels, exactly.
pub fn sum_of_squares(samples: &Integers<'_>) -> u128 {
    match samples {
        Integers::Bits8(samples) => Square::energy(samples),
        Integers::Bits16(samples) => Square::energy(samples),
        Integers::Bits32(samples) => Square::energy(samples),
    }
}
