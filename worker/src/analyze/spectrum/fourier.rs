//! Fourier: power spectra of four frames at once.
//!
//! ```text
//!   2048 samples, windowed ─▶ 1024 complex values ─▶ five radix-4 stages ─▶ 1025 powers
//! ```
//!
//! The four frames are computed in parallel lanes that do not affect each other, so neither vector
//! instructions nor the other frames change the result. Sums have a fixed order, and sines are
//! computed by this program and not by the system.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use multiversion::multiversion;

use crate::decibels;

/// Samples of a frame.
pub(super) const FRAME: usize = 2048;
/// Bins of the spectrum, from 0 Hz to half the sample rate.
pub(super) const BINS: usize = FRAME / 2 + 1;
/// Sum of the squares of the window.
pub(super) const WINDOW_ENERGY: f64 = 768.0;
/// Frames that are transformed in parallel.
pub(super) const LANES: usize = 4;
/// Complex values per frame.
const PAIRS: usize = FRAME / 2;

/// One value for each of the frames.
pub(super) type Lanes = [f64; LANES];

/// Tables for the transform.
struct Plan {
    /// Periodic Hann window.
    window: Vec<f64>,
    /// cos and −sin of multiples of 1/2048 turn.
    turns: Vec<[f64; 2]>,
    /// Index of each bin after the stages.
    bin_order: Vec<usize>,
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    #[expect(clippy::cast_precision_loss, reason = "at most 2048")]
    let angle = |at: usize| TAU * at as f64 / FRAME as f64;
    let window = (0..FRAME).map(|at| 0.5 - 0.5 * decibels::cosine(angle(at))).collect();
    let turn = |at| [decibels::cosine(angle(at)), -decibels::sine(angle(at))];
    Plan {
        window,
        turns: (0..FRAME).map(turn).collect(),
        bin_order: (0..PAIRS).map(digit_reversed).collect(),
    }
});

/// Reverses the base-4 digits.
fn digit_reversed(bin: usize) -> usize {
    let (mut place, mut rest, mut size) = (0, bin, PAIRS);
    while size > 1 {
        (place, rest, size) = (place * 4 + rest % 4, rest / 4, size / 4);
    }
    place
}

/// Buffers for transforms.
pub(super) struct Transform {
    real: Vec<Lanes>,
    imaginary: Vec<Lanes>,
}

impl Transform {
    /// Empty buffers.
    pub(super) fn new() -> Self {
        Self { real: vec![[0.0; LANES]; PAIRS], imaginary: vec![[0.0; LANES]; PAIRS] }
    }

    /// Adds the power spectra of the frames that begin at `starts`, in one channel of interleaved
    /// samples with `stride` channels.
    pub(super) fn add_powers(
        &mut self,
        samples: &[f64],
        starts: [usize; LANES],
        channel: usize,
        stride: usize,
        powers: &mut [Lanes],
    ) {
        let plan = &*PLAN;
        let Self { real, imaginary } = self;
        for (lane, start) in starts.into_iter().enumerate() {
            let frame = samples[start * stride + channel..].iter().step_by(stride);
            let mut weighted = frame.zip(&plan.window).map(|(x, weight)| x * weight);
            for (real, imaginary) in real.iter_mut().zip(imaginary.iter_mut()) {
                real[lane] = weighted.next().unwrap_or(0.0);
                imaginary[lane] = weighted.next().unwrap_or(0.0);
            }
        }
        rounds(real, imaginary, &plan.turns);
        add_powers(real, imaginary, &plan.turns, &plan.bin_order, powers);
    }
}

/// In-place complex transform; bins are left in [`digit_reversed`] order.
#[multiversion(targets("x86_64+avx2"))]
fn rounds(real: &mut [Lanes], imaginary: &mut [Lanes], turns: &[[f64; 2]]) {
    scalar::rounds(real, imaginary, turns);
}

/// Separates the spectra of even and odd samples, combines them, and adds the powers.
#[multiversion(targets("x86_64+avx2"))]
fn add_powers(
    real: &[Lanes],
    imaginary: &[Lanes],
    turns: &[[f64; 2]],
    bin_order: &[usize],
    powers: &mut [Lanes],
) {
    scalar::add_powers(real, imaginary, turns, bin_order, powers);
}

/// Scalar version, compiled for any processor; the vector versions must be equal to it.
mod scalar {
    #![expect(clippy::inline_always, reason = "to be compiled for the processor of the caller")]
    #![expect(clippy::many_single_char_names, reason = "as the formulas have them")]

    use super::{FRAME, LANES, Lanes, PAIRS};

    #[inline(always)]
    pub(super) fn rounds(real: &mut [Lanes], imaginary: &mut [Lanes], turns: &[[f64; 2]]) {
        let mut size = PAIRS;
        while size > 1 {
            let quarter = size / 4;
            let step = FRAME / size;
            for (real, imaginary) in
                real.chunks_exact_mut(size).zip(imaginary.chunks_exact_mut(size))
            {
                let [(r0, r1, r2, r3), (i0, i1, i2, i3)] = [real, imaginary].map(|all| {
                    let (low, high) = all.split_at_mut(2 * quarter);
                    let ((a, b), (c, d)) = (low.split_at_mut(quarter), high.split_at_mut(quarter));
                    (a, b, c, d)
                });
                for at in 0..quarter {
                    let [w1, w2, w3] = [1, 2, 3].map(|times| turns[times * at * step]);
                    for lane in 0..LANES {
                        let [a, b, c, d] = [&r0, &r1, &r2, &r3].map(|of| of[at][lane]);
                        let [e, f, g, h] = [&i0, &i1, &i2, &i3].map(|of| of[at][lane]);
                        let (even, even_i) = (a + c, e + g);
                        let (odd, odd_i) = (a - c, e - g);
                        let (sum, sum_i) = (b + d, f + h);
                        let (turned, turned_i) = (f - h, d - b);
                        r0[at][lane] = even + sum;
                        i0[at][lane] = even_i + sum_i;
                        let (x, y) = (odd + turned, odd_i + turned_i);
                        r1[at][lane] = x * w1[0] - y * w1[1];
                        i1[at][lane] = x * w1[1] + y * w1[0];
                        let (x, y) = (even - sum, even_i - sum_i);
                        r2[at][lane] = x * w2[0] - y * w2[1];
                        i2[at][lane] = x * w2[1] + y * w2[0];
                        let (x, y) = (odd - turned, odd_i - turned_i);
                        r3[at][lane] = x * w3[0] - y * w3[1];
                        i3[at][lane] = x * w3[1] + y * w3[0];
                    }
                }
            }
            size = quarter;
        }
    }

    #[inline(always)]
    pub(super) fn add_powers(
        real: &[Lanes],
        imaginary: &[Lanes],
        turns: &[[f64; 2]],
        bin_order: &[usize],
        powers: &mut [Lanes],
    ) {
        for lane in 0..LANES {
            let (sum, difference) =
                (real[0][lane] + imaginary[0][lane], real[0][lane] - imaginary[0][lane]);
            powers[0][lane] += sum * sum;
            powers[PAIRS][lane] += difference * difference;
        }
        for bin in 1..PAIRS / 2 {
            let mirror = PAIRS - bin;
            let [here, there] = [bin_order[bin], bin_order[mirror]];
            let [cos, sin] = turns[bin];
            let (mut low, mut high) = (powers[bin], powers[mirror]);
            for lane in 0..LANES {
                let (a, b) = (real[here][lane], imaginary[here][lane]);
                let (c, d) = (real[there][lane], imaginary[there][lane]);
                let (even, even_i) = (0.5 * (a + c), 0.5 * (b - d));
                let (odd, odd_i) = (0.5 * (b + d), 0.5 * (c - a));
                let (turned, turned_i) = (odd * cos - odd_i * sin, odd * sin + odd_i * cos);
                let (x, y) = (even + turned, even_i + turned_i);
                low[lane] += x * x + y * y;
                let (x, y) = (even - turned, even_i - turned_i);
                high[lane] += x * x + y * y;
            }
            (powers[bin], powers[mirror]) = (low, high);
        }
        let middle = bin_order[PAIRS / 2];
        for lane in 0..LANES {
            let (x, y) = (real[middle][lane], imaginary[middle][lane]);
            powers[PAIRS / 2][lane] += x * x + y * y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::testing::signals::varying_noise;

    /// The definition.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn reference(frame: &[f64], bin: usize) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, x) in frame.iter().enumerate() {
            let window = 0.5 - 0.5 * (TAU * at as f64 / FRAME as f64).cos();
            let angle = TAU * (at * bin % FRAME) as f64 / FRAME as f64;
            real += x * window * angle.cos();
            imaginary -= x * window * angle.sin();
        }
        real * real + imaginary * imaginary
    }

    #[test]
    fn powers_equal_the_definition() {
        let samples = varying_noise(3, FRAME + 900, 3);
        let starts = [0, 1, 512, 900];
        let mut powers = vec![[0.0; LANES]; BINS];
        Transform::new().add_powers(&samples, starts, 1, 3, &mut powers);
        for (lane, start) in starts.into_iter().enumerate() {
            let frame: Vec<f64> =
                samples[start * 3 + 1..].iter().step_by(3).take(FRAME).copied().collect();
            for bin in (0..BINS).step_by(37).chain([1, 511, 512, 513, 1023, 1024]) {
                let (found, expected) = (powers[bin][lane], reference(&frame, bin));
                assert!(
                    (found - expected).abs() < 1e-9 * (1.0 + expected),
                    "{bin}: {found}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn vector_and_scalar_versions_give_the_same_bits() {
        let plan = &*PLAN;
        let pairs = |seed| {
            let samples = varying_noise(seed, PAIRS, LANES);
            samples.as_chunks::<LANES>().0.to_vec()
        };
        let twice = |of: [Vec<Lanes>; 3]| [of.clone(), of];
        let [mut fast, mut reference] = twice([pairs(1), pairs(2), vec![[0.5; LANES]; BINS]]);
        let [real, imaginary, powers] = &mut fast;
        rounds(real, imaginary, &plan.turns);
        add_powers(real, imaginary, &plan.turns, &plan.bin_order, powers);
        let [real, imaginary, powers] = &mut reference;
        scalar::rounds(real, imaginary, &plan.turns);
        scalar::add_powers(real, imaginary, &plan.turns, &plan.bin_order, powers);
        let bits = |of: &[Vec<Lanes>; 3]| {
            of.iter().flatten().flatten().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert!(bits(&fast) == bits(&reference));
    }

    #[test]
    fn other_lanes_do_not_change_a_frame() {
        let samples = varying_noise(5, 2 * FRAME, 1);
        let of = |starts| {
            let mut powers = vec![[0.0; LANES]; BINS];
            Transform::new().add_powers(&samples, starts, 0, 1, &mut powers);
            powers
        };
        let (one, other) = (of([7, 7, 7, 7]), of([1900, 0, 7, 55]));
        assert!(one.iter().zip(&other).all(|(one, other)| one[0].to_bits() == other[2].to_bits()));
    }
}
