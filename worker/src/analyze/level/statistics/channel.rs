//! Channel: the sums of one channel of a span, and their merge.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use super::FrameSpan;

/// Sums of one channel of a non-empty span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) sum: i128,
    pub(super) squares: u128,
    /// Bitwise OR of all samples: trailing zeros are bits that no sample uses.
    pub(super) bits: u32,
    pub(super) largest: u32,
    /// Number of samples with the largest magnitude.
    pub(super) at_largest: u64,
    /// Number of samples whose sign (negative or not) differs from the sample before.
    pub(super) sign_changes: u64,
    pub(super) begins_negative: bool,
    pub(super) ends_negative: bool,
}

impl Channel {
    pub(super) fn of(samples: &[i32]) -> Self {
        let (sum, squares, bits, largest) = totals(samples);
        let negative = |sample: Option<&i32>| sample.is_some_and(|&sample| sample < 0);
        Self {
            sum: sum.into(),
            squares,
            bits,
            largest,
            at_largest: occurrences(samples, largest),
            sign_changes: sign_changes(samples),
            begins_negative: negative(samples.first()),
            ends_negative: negative(samples.last()),
        }
    }

    pub(super) fn merged(&self, next: &Self) -> Self {
        let largest = self.largest.max(next.largest);
        let at = |channel: &Self| if channel.largest == largest { channel.at_largest } else { 0 };
        let boundary = u64::from(self.ends_negative != next.begins_negative);
        Self {
            sum: self.sum.saturating_add(next.sum),
            squares: self.squares.saturating_add(next.squares),
            bits: self.bits | next.bits,
            largest,
            at_largest: at(self).saturating_add(at(next)),
            sign_changes: self
                .sign_changes
                .saturating_add(next.sign_changes)
                .saturating_add(boundary),
            begins_negative: self.begins_negative,
            ends_negative: next.ends_negative,
        }
    }

    pub(super) fn is_possible(&self, span: &FrameSpan) -> bool {
        let frames = span.frame_count();
        let full_scale = u128::from(span.format.full_scale());
        let most = full_scale * u128::from(frames);
        self.sum.unsigned_abs() <= most
            && self.squares <= most * full_scale
            && u128::from(self.largest) <= full_scale
            && (1..=frames).contains(&self.at_largest)
            && self.sign_changes < frames
    }
}

/// Σx, Σx², OR and largest magnitude of at most 2³¹ samples.
#[multiversion(targets("x86_64+avx2"))]
fn totals(samples: &[i32]) -> (i64, u128, u32, u32) {
    let (mut sum, mut low, mut high, mut bits, mut largest) = (0_i64, 0_u64, 0_u64, 0_u32, 0_u32);
    for &sample in samples {
        let magnitude = sample.unsigned_abs();
        let square = u64::from(magnitude) * u64::from(magnitude);
        sum += i64::from(sample);
        low += square & 0xffff_ffff;
        high += square >> 32;
        bits |= sample.cast_unsigned();
        largest = largest.max(magnitude);
    }
    (sum, u128::from(low) + (u128::from(high) << 32), bits, largest)
}

#[multiversion(targets("x86_64+avx2"))]
fn occurrences(samples: &[i32], magnitude: u32) -> u64 {
    let mut count = 0;
    for some in samples.chunks(1 << 16) {
        let mut of_these = 0_u32;
        for sample in some {
            of_these += u32::from(sample.unsigned_abs() == magnitude);
        }
        count += u64::from(of_these);
    }
    count
}

#[multiversion(targets("x86_64+avx2"))]
fn sign_changes(samples: &[i32]) -> u64 {
    let Some((_, behind)) = samples.split_first() else { return 0 };
    let changes = |(one, other): (&i32, &i32)| u64::from((one ^ other) < 0);
    samples.iter().zip(behind).map(changes).sum()
}
