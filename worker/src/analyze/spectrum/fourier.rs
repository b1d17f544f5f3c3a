//! Fourier: the power spectra of four frames at once.
//!
//! ```text
//!   2048 samples, windowed ─▶ 1024 pairs ─▶ five rounds by fours ─▶ 1025 powers
//! ```
//!
//! The four are computed side by side, each as if it were alone: so a vector of the processor
//! changes no bit, and neither does who the other three are. All sums are taken in one order, sines
//! come from this program and not from the system.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use multiversion::multiversion;

use crate::decibels;

/// Samples of a frame.
pub(super) const FRAME: usize = 2048;
/// Bins of its spectrum, from 0 Hz to half the rate.
pub(super) const BINS: usize = FRAME / 2 + 1;
/// The squares of the window, summed.
pub(super) const WINDOW_ENERGY: f64 = 768.0;
/// Frames that are transformed together.
pub(super) const LANES: usize = 4;
/// Pairs of samples.
const PAIRS: usize = FRAME / 2;

/// One number of each of the frames.
pub(super) type Lanes = [f64; LANES];

/// Sines and places that every transform needs.
struct Plan {
    /// Hann's, periodic.
    window: Vec<f64>,
    /// cos and −sin of so many 2048ths of a turn.
    turns: Vec<[f64; 2]>,
    /// Where the rounds leave each bin.
    places: Vec<usize>,
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    #[expect(clippy::cast_precision_loss, reason = "at most 2048")]
    let angle = |at: usize| TAU * at as f64 / FRAME as f64;
    let window = (0..FRAME).map(|at| 0.5 - 0.5 * decibels::cosine(angle(at))).collect();
    let turn = |at| [decibels::cosine(angle(at)), -decibels::sine(angle(at))];
    Plan { window, turns: (0..FRAME).map(turn).collect(), places: (0..PAIRS).map(place).collect() }
});

/// The digits to the base of four, backwards.
fn place(bin: usize) -> usize {
    let (mut place, mut rest, mut size) = (0, bin, PAIRS);
    while size > 1 {
        (place, rest, size) = (place * 4 + rest % 4, rest / 4, size / 4);
    }
    place
}

/// Room for one transform after another.
pub(super) struct Transform {
    real: Vec<Lanes>,
    imaginary: Vec<Lanes>,
}

impl Transform {
    /// Room, not yet used.
    pub(super) fn new() -> Self {
        Self { real: vec![[0.0; LANES]; PAIRS], imaginary: vec![[0.0; LANES]; PAIRS] }
    }

    /// Adds the power spectra of frames that begin at `starts` in interleaved samples, of one
    /// channel of `stride`.
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
        add_powers(real, imaginary, &plan.turns, &plan.places, powers);
    }
}

/// The complex transform of the pairs, in place; bins are left in the order of [`place`].
#[multiversion(targets("x86_64+avx2"))]
fn rounds(real: &mut [Lanes], imaginary: &mut [Lanes], turns: &[[f64; 2]]) {
    plain::rounds(real, imaginary, turns);
}

/// Takes even and odd samples apart and adds up what both have in each bin.
#[multiversion(targets("x86_64+avx2"))]
fn add_powers(
    real: &[Lanes],
    imaginary: &[Lanes],
    turns: &[[f64; 2]],
    places: &[usize],
    powers: &mut [Lanes],
) {
    plain::add_powers(real, imaginary, turns, places, powers);
}

/// The same for any processor: what the vectors are compared with.
mod plain {
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
        places: &[usize],
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
            let [here, there] = [places[bin], places[mirror]];
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
        let middle = places[PAIRS / 2];
        for lane in 0..LANES {
            let (x, y) = (real[middle][lane], imaginary[middle][lane]);
            powers[PAIRS / 2][lane] += x * x + y * y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::testing::waves::wandering;

    /// The sum that defines it.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn plainly(frame: &[f64], bin: usize) -> f64 {
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
    fn powers_are_those_of_the_sum_that_defines_them() {
        let samples = wandering(3, FRAME + 900, 3);
        let starts = [0, 1, 512, 900];
        let mut powers = vec![[0.0; LANES]; BINS];
        Transform::new().add_powers(&samples, starts, 1, 3, &mut powers);
        for (lane, start) in starts.into_iter().enumerate() {
            let frame: Vec<f64> =
                samples[start * 3 + 1..].iter().step_by(3).take(FRAME).copied().collect();
            for bin in (0..BINS).step_by(37).chain([1, 511, 512, 513, 1023, 1024]) {
                let (found, expected) = (powers[bin][lane], plainly(&frame, bin));
                assert!(
                    (found - expected).abs() < 1e-9 * (1.0 + expected),
                    "{bin}: {found}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn a_vector_changes_no_bit() {
        let plan = &*PLAN;
        let pairs = |seed| {
            let samples = wandering(seed, PAIRS, LANES);
            samples.as_chunks::<LANES>().0.to_vec()
        };
        let twice = |of: [Vec<Lanes>; 3]| [of.clone(), of];
        let [mut fast, mut plainly] = twice([pairs(1), pairs(2), vec![[0.5; LANES]; BINS]]);
        let [real, imaginary, powers] = &mut fast;
        rounds(real, imaginary, &plan.turns);
        add_powers(real, imaginary, &plan.turns, &plan.places, powers);
        let [real, imaginary, powers] = &mut plainly;
        plain::rounds(real, imaginary, &plan.turns);
        plain::add_powers(real, imaginary, &plan.turns, &plan.places, powers);
        let bits = |of: &[Vec<Lanes>; 3]| {
            of.iter().flatten().flatten().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert!(bits(&fast) == bits(&plainly));
    }

    #[test]
    fn the_others_change_no_bit() {
        let samples = wandering(5, 2 * FRAME, 1);
        let of = |starts| {
            let mut powers = vec![[0.0; LANES]; BINS];
            Transform::new().add_powers(&samples, starts, 0, 1, &mut powers);
            powers
        };
        let (one, other) = (of([7, 7, 7, 7]), of([1900, 0, 7, 55]));
        assert!(one.iter().zip(&other).all(|(one, other)| one[0].to_bits() == other[2].to_bits()));
    }
}
