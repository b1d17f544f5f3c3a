//! Shape: figures of single frames, and their sums over all frames.
//!
//! The figures of each frame are converted to integers before they are added, so the order of the
//! additions, and therefore the chunking, does not change a sum.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use super::fourier::{BINS, FRAME, LANES, Lanes, Transform, WINDOW_ENERGY};
use crate::decibels;

/// Mean square (−70 dBFS) below which the figures of a frame are not counted.
const GATE: f64 = 1e-7;
/// Minimum power of a bin, as in librosa's flatness.
const LEAST_POWER: f64 = 1e-10;
/// Share of the magnitudes below the roll-off.
const ROLL_OFF: f64 = 0.85;
/// Integer steps per bin in the sum of centroids.
const CENTROID_STEPS: f64 = 1_099_511_627_776.0;
/// Integer steps per 1 in the sum of flatnesses.
const FLATNESS_STEPS: f64 = 1_099_511_627_776.0;
/// Integer steps per full-scale sine in the sum of a bin's powers; powers of +36 dB and above
/// saturate.
const POWER_STEPS: f64 = 4_503_599_627_370_496.0;
/// Power of a full-scale sine in its bin.
const SINE_POWER: f64 = SAMPLES * SAMPLES / 16.0;

/// Samples per frame.
const SAMPLES: f64 = 2048.0;
/// Bins per spectrum.
const COUNT: f64 = 1025.0;

/// Sums over frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpectrumSums {
    /// Number of frames.
    pub(super) frames: u64,
    /// Number of frames above the gate, over which the next three are summed.
    pub(super) above_gate: u64,
    centroids: u128,
    roll_offs: u64,
    flatnesses: u128,
    /// Power of each bin over all frames; empty if there are none.
    powers: Vec<u128>,
}

/// Means over frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Means {
    /// In bins.
    pub(super) centroid: Option<f64>,
    /// In bins.
    pub(super) roll_off: Option<f64>,
    /// From 0 to 1.
    pub(super) flatness: Option<f64>,
    /// Power of each bin; a full-scale sine has 1. Empty if there are no frames.
    pub(super) powers: Vec<f64>,
}

/// Figures of the spectra of the parallel frames.
struct FrameShapes {
    energy: Lanes,
    /// Σ magnitude · bin.
    moment: Lanes,
    /// Σ power, with the minimum applied to each bin.
    floored: Lanes,
    /// Mean logarithm of these powers.
    logarithm: Lanes,
}

impl SpectrumSums {
    /// Adds the frames that begin at `starts` in interleaved samples.
    pub(super) fn add(&mut self, samples: &[f64], channels: usize, starts: &[usize]) {
        let mut transform = Transform::new();
        let mut powers = vec![[0.0; LANES]; BINS];
        let mut magnitudes = vec![[0.0; LANES]; BINS];
        for group in starts.chunks(LANES) {
            powers.fill([0.0; LANES]);
            let mut begin = [group[0]; LANES];
            begin[..group.len()].copy_from_slice(group);
            for channel in 0..channels {
                transform.add_powers(samples, begin, channel, channels, &mut powers);
            }
            #[expect(clippy::cast_precision_loss, reason = "16 bits of channels")]
            let shapes = frame_shapes(&mut powers, 1.0 / channels as f64, &mut magnitudes);
            self.powers.resize(BINS, 0);
            for (sum, powers) in self.powers.iter_mut().zip(&powers) {
                let steps = powers.map(|power| whole(power * (POWER_STEPS / SINE_POWER)));
                *sum += steps[..group.len()].iter().map(|&steps| u128::from(steps)).sum::<u128>();
            }
            for lane in 0..group.len() {
                self.count(&shapes, &magnitudes, lane);
            }
        }
    }

    /// Counts one frame, except for its powers.
    fn count(&mut self, shapes: &FrameShapes, so_far: &[Lanes], lane: usize) {
        self.frames += 1;
        if shapes.energy[lane] < GATE * WINDOW_ENERGY * SAMPLES {
            return;
        }
        let all = so_far[BINS - 1][lane];
        let roll_off = so_far.partition_point(|so_far| so_far[lane] < ROLL_OFF * all);
        let flatness =
            decibels::power_of_ten(shapes.logarithm[lane]) / (shapes.floored[lane] / COUNT);
        let centroid = (shapes.moment[lane] / all).min(SAMPLES / 2.0);
        self.above_gate += 1;
        self.centroids += u128::from(whole(centroid * CENTROID_STEPS));
        self.roll_offs += roll_off.min(BINS - 1) as u64;
        self.flatnesses += u128::from(whole(flatness.min(1.0) * FLATNESS_STEPS));
    }

    /// Adds other sums.
    pub(super) fn join(&mut self, next: Self) {
        self.frames += next.frames;
        self.above_gate += next.above_gate;
        self.centroids += next.centroids;
        self.roll_offs += next.roll_offs;
        self.flatnesses += next.flatnesses;
        if self.powers.is_empty() {
            self.powers = next.powers;
        } else {
            for (sum, next) in self.powers.iter_mut().zip(next.powers) {
                *sum += next;
            }
        }
    }

    /// Means over all frames.
    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    pub(super) fn means(&self) -> Means {
        let of_above_gate = |sum: f64| (self.above_gate > 0).then(|| sum / self.above_gate as f64);
        let steps = POWER_STEPS * self.frames as f64;
        Means {
            centroid: of_above_gate(self.centroids as f64 / CENTROID_STEPS),
            roll_off: of_above_gate(self.roll_offs as f64),
            flatness: of_above_gate(self.flatnesses as f64 / FLATNESS_STEPS),
            powers: self.powers.iter().map(|&sum| sum as f64 / steps).collect(),
        }
    }

    /// Whether these can be the sums of so many frames.
    pub(super) fn is_possible(&self, frames: u64) -> bool {
        let bins = if frames == 0 { 0 } else { BINS };
        let most = |each: u64| u128::from(self.above_gate) * u128::from(each);
        self.frames == frames
            && self.above_gate <= frames
            && self.powers.len() == bins
            && self.powers.iter().all(|&sum| sum <= u128::from(frames) * u128::from(u64::MAX))
            && self.centroids <= most((FRAME as u64 / 2) << 40)
            && u128::from(self.roll_offs) <= most(BINS as u64 - 1)
            && self.flatnesses <= most(1 << 40)
    }
}

/// Rounds to the nearest integer; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and nothing here is negative"
)]
fn whole(x: f64) -> u64 {
    (x + 0.5) as u64
}

/// Computes powers from sums over channels, and figures from powers; `magnitudes` receives the
/// cumulative sums of the magnitudes.
#[multiversion(targets("x86_64+avx2"))]
fn frame_shapes(powers: &mut [Lanes], of_each: f64, magnitudes: &mut [Lanes]) -> FrameShapes {
    scalar(powers, of_each, magnitudes)
}

/// Scalar version, compiled for any processor; the vector version must be equal to it.
#[inline(always)]
fn scalar(powers: &mut [Lanes], of_each: f64, magnitudes: &mut [Lanes]) -> FrameShapes {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    let (mut all, mut moment, mut energy, mut floored) =
        ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let mut exponents = [0_u64; LANES];
    // Mantissas are below 2: their product over half the bins fits a double.
    let mut products = [[1.0; LANES]; 2];
    let mut place = 0.0;
    #[expect(clippy::manual_memcpy, reason = "the sums of four frames, side by side")]
    for (bin, (power, so_far)) in powers.iter_mut().zip(magnitudes).enumerate() {
        let twice = if bin == 0 || bin == BINS - 1 { 1.0 } else { 2.0 };
        let product = &mut products[bin / (BINS / 2 + 1)];
        for lane in 0..LANES {
            power[lane] *= of_each;
            let magnitude = power[lane].sqrt();
            all[lane] += magnitude;
            so_far[lane] = all[lane];
            moment[lane] += magnitude * place;
            energy[lane] += twice * power[lane];
            let least = if power[lane] > LEAST_POWER { power[lane] } else { LEAST_POWER };
            floored[lane] += least;
            let bits = least.to_bits();
            exponents[lane] += (bits & EXPONENT) >> 52;
            product[lane] *= f64::from_bits((bits & !EXPONENT) | ONE);
        }
        place += 1.0;
    }
    let mut logarithm = [0.0; LANES];
    for lane in 0..LANES {
        #[expect(clippy::cast_precision_loss, reason = "at most 1025 · 2048")]
        let exponent = exponents[lane] as f64 - (BINS * 1023) as f64;
        let [low, high] = products.map(|product| decibels::of_power(product[lane]).unwrap_or(0.0));
        logarithm[lane] = (exponent * std::f64::consts::LOG10_2 + (low + high) / 10.0) / COUNT;
    }
    FrameShapes { energy, moment, floored, logarithm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::testing::signals::varying_noise;

    #[test]
    fn vector_and_scalar_versions_give_the_same_bits() {
        let some = varying_noise(11, BINS, LANES);
        let powers: Vec<Lanes> =
            some.as_chunks::<LANES>().0.iter().map(|of| of.map(|x| x * x * x * x)).collect();
        let [mut fast, mut slow] = [(); 2].map(|()| (powers.clone(), vec![[0.0; LANES]; BINS]));
        let fast_shapes = frame_shapes(&mut fast.0, 0.3, &mut fast.1);
        let slow_shapes = scalar(&mut slow.0, 0.3, &mut slow.1);
        let bits = |shapes: FrameShapes, (powers, magnitudes): &(Vec<Lanes>, Vec<Lanes>)| {
            let FrameShapes { energy, moment, floored, logarithm } = shapes;
            let sums = [energy, moment, floored, logarithm];
            let all = [&sums[..], powers, magnitudes].concat();
            all.into_iter().flatten().map(f64::to_bits).collect::<Vec<_>>()
        };
        assert!(bits(fast_shapes, &fast) == bits(slow_shapes, &slow));
    }
}
