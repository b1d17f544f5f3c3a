//! Product sums: Σl, Σr, Σl², Σr², Σlr over frames, and the figures that follow from them.

use std::ops::AddAssign;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::decibels;
use crate::pcm::PcmFormat;

/// The sums, exact in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProductSums {
    pub(super) frames: u64,
    pub(super) left: i128,
    pub(super) right: i128,
    pub(super) left_left: i128,
    pub(super) right_right: i128,
    pub(super) left_right: i128,
}

impl ProductSums {
    /// Sums over frames of both channels.
    pub(super) fn of(left: &[i32], right: &[i32]) -> Self {
        let [left_sum, right_sum] = [left, right].map(|samples| sum(samples).into());
        Self {
            frames: left.len().min(right.len()) as u64,
            left: left_sum,
            right: right_sum,
            left_left: product(left, left),
            right_right: product(right, right),
            left_right: product(left, right),
        }
    }

    /// Pearson correlation; `None` if a channel is constant.
    pub(super) fn correlation(&self) -> Option<f64> {
        let shared = self.covariance(self.left_right, self.left, self.right);
        let left = self.covariance(self.left_left, self.left, self.left);
        let right = self.covariance(self.right_right, self.right, self.right);
        (left > 0.0 && right > 0.0).then(|| (shared / (left * right).sqrt()).clamp(-1.0, 1.0))
    }

    /// n·Σxy − Σx·Σy, in integers unless they overflow (more than a day at 32 bits).
    fn covariance(&self, products: i128, one: i128, other: i128) -> f64 {
        let frames = i128::from(self.frames);
        let exact = frames
            .checked_mul(products)
            .zip(one.checked_mul(other))
            .and_then(|(products, means)| products.checked_sub(means));
        exact.map_or_else(
            || rounded(frames) * rounded(products) - rounded(one) * rounded(other),
            rounded,
        )
    }

    /// Power of l − r relative to l + r.
    pub(super) fn side_to_mid_db(&self) -> Option<f64> {
        let both = self.left_left.saturating_add(self.right_right);
        let twice = self.left_right.saturating_mul(2);
        let (side, mid) = (both.saturating_sub(twice), both.saturating_add(twice));
        (mid > 0).then(|| decibels::of_power(rounded(side) / rounded(mid))).flatten()
    }

    /// Power of l relative to r.
    pub(super) fn imbalance_db(&self) -> Option<f64> {
        let [left, right] = [self.left_left, self.right_right].map(rounded);
        (right > 0.0).then(|| decibels::of_power(left / right)).flatten()
    }

    /// Whether the mean square of both channels is at least −70 dBFS.
    pub(super) fn is_audible(&self, format: PcmFormat) -> bool {
        let full_scale = i128::from(format.full_scale());
        let squares = self.left_left.saturating_add(self.right_right);
        let limit = full_scale * full_scale * 2 * i128::from(self.frames);
        self.frames > 0 && squares.saturating_mul(10_000_000) >= limit
    }

    /// Whether so many frames can have these sums.
    pub(super) fn is_possible(&self, frames: u64, format: PcmFormat) -> bool {
        let full_scale = u128::from(format.full_scale());
        let most = full_scale * u128::from(frames);
        let power = most * full_scale;
        self.frames == frames
            && [self.left, self.right].iter().all(|sum| sum.unsigned_abs() <= most)
            && [self.left_left, self.right_right].iter().all(|sum| *sum >= 0)
            && [self.left_left, self.right_right, self.left_right]
                .iter()
                .all(|sum| sum.unsigned_abs() <= power)
    }
}

impl AddAssign for ProductSums {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.left += other.left;
        self.right += other.right;
        self.left_left += other.left_left;
        self.right_right += other.right_right;
        self.left_right += other.left_right;
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest, on every system")]
fn rounded(sum: i128) -> f64 {
    sum as f64
}

#[multiversion(targets("x86_64+avx2"))]
fn sum(samples: &[i32]) -> i64 {
    samples.iter().map(|&sample| i64::from(sample)).sum()
}

/// Σxy of at most 2³¹ samples, in two halves, since the sum of four products can already overflow
/// 64 bits.
#[multiversion(targets("x86_64+avx2"))]
fn product(one: &[i32], other: &[i32]) -> i128 {
    let (mut low, mut high) = (0_i64, 0_i64);
    for (&one, &other) in one.iter().zip(other) {
        let product = i64::from(one) * i64::from(other);
        low += product & 0xffff_ffff;
        high += product >> 32;
    }
    i128::from(low) + (i128::from(high) << 32)
}
