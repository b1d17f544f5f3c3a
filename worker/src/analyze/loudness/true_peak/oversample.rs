//! Oversample: interpolates between samples with a polyphase low-pass filter.
//!
//! ```text
//!   x[n−11] … x[n−1] x[n]          4 × 12 products per sample below 96 kHz,
//!      └──── phase 0…3 ───┘        3 × 24 below 192 kHz, none above
//! ```
//!
//! The standard allows twice the rate for 96 kHz, which reads a tone at a quarter of the sample
//! rate up to 0.69 dB too low; cases 21 and 23 of Tech 3341 then fail by 0.06 dB.
//!
//! Every sum is taken in a fixed order, oldest sample first, and several sums in parallel, so
//! vector instructions do not change the result. Sums that cannot exceed the largest known value
//! are skipped, which does not change the result either.

use multiversion::multiversion;

/// BS.1770-5, Annex 2: the 48 coefficients for 4 times the rate, by phase, newest sample first.
/// Phases 2 and 3 are phases 1 and 0 reversed.
const QUARTERS: [[f64; 12]; 4] = {
    let first = [
        0.001_708_984_375,
        0.010_986_328_125,
        -0.019_653_320_312_5,
        0.033_203_125,
        -0.059_448_242_187_5,
        0.137_329_101_562_5,
        0.972_167_968_75,
        -0.102_294_921_875,
        0.047_607_421_875,
        -0.026_611_328_125,
        0.014_892_578_125,
        -0.008_300_781_25,
    ];
    let second = [
        -0.029_174_804_687_5,
        0.029_296_875,
        -0.051_757_812_5,
        0.089_111_328_125,
        -0.166_503_906_25,
        0.465_087_890_625,
        0.779_785_156_25,
        -0.200_317_382_812_5,
        0.101_562_5,
        -0.058_227_539_062_5,
        0.033_081_054_687_5,
        -0.018_920_898_437_5,
    ];
    [first, second, backwards(second), backwards(first)]
};

/// cos(π·m/48) for m from 1 to 23, for a Hann window.
const COSINES: [f64; 23] = [
    0.997_858_923_238_603_5,
    0.991_444_861_373_810_4,
    0.980_785_280_403_230_4,
    0.965_925_826_289_068_3,
    0.946_930_129_495_105_7,
    0.923_879_532_511_286_7,
    0.896_872_741_532_688_4,
    0.866_025_403_784_438_7,
    0.831_469_612_302_545_2,
    0.793_353_340_291_235_2,
    0.751_839_807_478_977_4,
    std::f64::consts::FRAC_1_SQRT_2,
    0.659_345_815_100_068_8,
    0.608_761_429_008_720_7,
    0.555_570_233_019_602_4,
    0.500_000_000_000_000_1,
    0.442_288_690_219_001_25,
    0.382_683_432_365_089_84,
    0.321_439_465_303_161_7,
    0.258_819_045_102_520_74,
    0.195_090_322_016_128_33,
    0.130_526_192_220_051_7,
    0.065_403_129_230_143_27,
];

/// As in libebur128, but at 4 times the rate instead of 2: a sinc under a Hann window of ±12
/// samples. The fourth phase is the samples themselves; the second is libebur128's only one.
const FINE: [[f64; 24]; 3] = [between(1), between(2), between(3)];

/// The phase that is `quarters` quarters of a sample after a sample.
const fn between(quarters: usize) -> [f64; 24] {
    let (mut phase, mut at) = ([0.0; 24], 0);
    while at < 12 {
        phase[at] = windowed_sinc(48 - quarters - 4 * at);
        phase[12 + at] = windowed_sinc(quarters + 4 * at);
        at += 1;
    }
    phase
}

/// Value at a distance of `quarters` quarters of a sample: 1 to 47, except whole samples.
#[expect(clippy::cast_precision_loss, reason = "at most 47")]
const fn windowed_sinc(quarters: usize) -> f64 {
    let magnitude = if quarters.is_multiple_of(2) { 1.0 } else { std::f64::consts::FRAC_1_SQRT_2 };
    let sine = if quarters % 8 < 4 { magnitude } else { -magnitude };
    let cosine = match quarters {
        ..24 => COSINES[quarters - 1],
        24 => 0.0,
        _ => -COSINES[47 - quarters],
    };
    sine / (std::f64::consts::FRAC_PI_4 * quarters as f64) * 0.5 * (1.0 + cosine)
}

const fn backwards(phase: [f64; 12]) -> [f64; 12] {
    let mut other = phase;
    let mut at = 0;
    while at < 12 {
        other[at] = phase[11 - at];
        at += 1;
    }
    other
}

/// Upper bound of a sum, as a multiple of the largest sample, with a margin for rounding.
const fn gain<const TAPS: usize>(phases: &[[f64; TAPS]]) -> f64 {
    let (mut largest, mut phase) = (0.0, 0);
    while phase < phases.len() {
        let (mut sum, mut at) = (0.0, 0);
        while at < TAPS {
            sum += phases[phase][at].abs();
            at += 1;
        }
        largest = if sum > largest { sum } else { largest };
        phase += 1;
    }
    largest * 1.000_001
}

const QUARTERS_GAIN: f64 = gain(&QUARTERS);
const FINE_GAIN: f64 = gain(&FINE);

/// Upper bound of a true peak, as a multiple of the largest sample.
pub(super) const GAIN: f64 = QUARTERS_GAIN.max(FINE_GAIN);

/// Number of samples before the current one that the filter for a rate needs.
pub(super) fn context(sample_rate: u32) -> usize {
    match sample_rate {
        0..96_000 => QUARTERS[0].len() - 1,
        96_000..192_000 => FINE[0].len() - 1,
        _ => 0,
    }
}

/// The largest magnitude between the samples of one channel if it exceeds `known`, else `known`.
/// Only values with their whole [`context`] count.
pub(super) fn largest(sample_rate: u32, samples: &[f64], known: f64) -> f64 {
    match sample_rate {
        0..96_000 => largest_of(samples, &QUARTERS, QUARTERS_GAIN, known),
        96_000..192_000 => largest_of(samples, &FINE, FINE_GAIN, known),
        _ => known,
    }
}

/// Sums in parallel.
const LANES: usize = 8;
/// Sums that are skipped together.
const BLOCK: usize = 256;

fn largest_of<const TAPS: usize>(
    samples: &[f64],
    phases: &[[f64; TAPS]],
    gain: f64,
    known: f64,
) -> f64 {
    let mut largest = known;
    let mut start = 0;
    while start + TAPS <= samples.len() {
        let end = samples.len().min(start + BLOCK + TAPS - 1);
        let block = &samples[start..end];
        if magnitude(block) * gain > largest {
            for phase in phases {
                largest = largest.max(filtered(block, phase));
            }
        }
        start += BLOCK;
    }
    largest
}

/// The largest |x|.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn magnitude(samples: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (whole, rest) = samples.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |largest, x| largest.max(x.abs()))
}

/// Largest magnitude of the output of one phase.
#[multiversion(targets("x86_64+avx2"))]
fn filtered<const TAPS: usize>(samples: &[f64], phase: &[f64; TAPS]) -> f64 {
    let sums = samples.len() + 1 - TAPS;
    let mut lanes = [0.0_f64; LANES];
    let mut at = 0;
    while at + LANES <= sums {
        let mut sum = [0.0_f64; LANES];
        for (back, coefficient) in phase.iter().rev().enumerate() {
            let window = &samples[at + back..at + back + LANES];
            for (sum, x) in sum.iter_mut().zip(window) {
                *sum += coefficient * x;
            }
        }
        for (lane, x) in lanes.iter_mut().zip(sum) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
        at += LANES;
    }
    let rest = (at..sums).map(|at| one(&samples[at..at + TAPS], phase).abs());
    rest.chain(lanes).fold(0.0, f64::max)
}

/// One output value, by definition.
#[inline]
fn one<const TAPS: usize>(window: &[f64], phase: &[f64; TAPS]) -> f64 {
    phase.iter().rev().zip(window).fold(0.0, |sum, (coefficient, x)| sum + coefficient * x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Without skipping and parallel sums.
    fn reference<const TAPS: usize>(samples: &[f64], phases: &[[f64; TAPS]]) -> f64 {
        let windows = samples.windows(TAPS);
        let sums = windows.flat_map(|window| phases.iter().map(|phase| one(window, phase).abs()));
        sums.fold(0.0, f64::max)
    }

    #[test]
    fn phases_have_the_gain_of_the_standard_for_a_constant() {
        for (phase, expected) in QUARTERS.iter().zip([1.001_587, 0.973_022, 0.973_022, 1.001_587]) {
            let sum: f64 = phase.iter().sum();
            assert!((sum - expected).abs() < 1e-6, "{sum}");
        }
        for phase in &FINE {
            let sum: f64 = phase.iter().sum();
            assert!((sum - 1.0).abs() < 0.002, "{sum}");
        }
    }

    #[test]
    fn window_is_a_hann_window() {
        for (m, cosine) in (1..24).zip(COSINES) {
            let angle = std::f64::consts::PI * f64::from(m) / 48.0;
            assert!((cosine - angle.cos()).abs() < 1e-15, "{m}");
        }
    }

    proptest! {
        #[test]
        fn skipping_and_parallel_sums_change_no_bit(
            quiet in prop::collection::vec(-0.01_f64..0.01, 0..900),
            loud in prop::collection::vec(-1.0_f64..1.0, 0..300),
            known in 0.0_f64..1.5,
        ) {
            let samples = [quiet.clone(), loud, quiet].concat();
            for (rate, between) in [
                (44_100, reference(&samples, &QUARTERS)),
                (96_000, reference(&samples, &FINE)),
                (192_000, 0.0),
            ] {
                let found = largest(rate, &samples, known);
                prop_assert_eq!(found.to_bits(), between.max(known).to_bits());
            }
        }
    }
}
