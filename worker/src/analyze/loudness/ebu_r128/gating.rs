//! Gating: computes the loudness figures from the energies of all hops of a file.
//!
//! Each window starts at a hop and is summed anew, in a fixed order, so rounding errors do not
//! accumulate. Blocks of BS.1770 and windows of Tech 3342 start every 100 ms. The largest momentary
//! and short-term loudness are searched every 10 ms: with 100 ms, a burst of 400 ms could fall
//! between two windows and read 0.22 LU too low.

use super::Figures;
use super::kweighting::hop_start;
use crate::decibels::of_power;

/// −70 LUFS as the power of a window.
const ABSOLUTE_GATE: f64 = 1.172_465_304_582_296_3e-7;
/// Hops per momentary window and gating block, per short-term window, and per 100 ms step.
const MOMENTARY: usize = 40;
const SHORT_TERM: usize = 300;
const STEP: usize = 10;

/// Figures of a file with these hop energies.
pub(super) fn figures(hops: &[f64], rate: u32) -> Figures {
    let steps: Vec<f64> = hops.windows(STEP).map(|hops| hops.iter().sum()).collect();
    let blocks = powers(&steps, rate, MOMENTARY, STEP);
    let integrated = integrated(&blocks);
    let short_term_powers = powers(&steps, rate, SHORT_TERM, STEP);
    let range_gate = range_gate(&short_term_powers);
    let [low, high] = range(&short_term_powers);
    Figures {
        integrated_lufs: integrated,
        momentary_max_lufs: largest(&powers(&steps, rate, MOMENTARY, 1)),
        short_term_max_lufs: largest(&powers(&steps, rate, SHORT_TERM, 1)),
        loudness_range_lu: low.zip(high).map(|(low, high)| high - low),
        loudness_range_low_lufs: low,
        loudness_range_high_lufs: high,
        replaygain_track_gain_db: integrated.map(|integrated| -18.0 - integrated),
        loudness_target_deviation_lu: None,
        momentary_powers: blocks,
        short_term_powers,
        range_gate,
        timelines: Vec::new(),
    }
}

/// Integrated loudness of blocks with these powers, in any order.
pub(crate) fn integrated(blocks: &[f64]) -> Option<f64> {
    mean(&gated(blocks)).and_then(loudness)
}

/// Lower and upper end of the loudness range of windows with these powers, in any order.
pub(crate) fn range(windows: &[f64]) -> [Option<f64>; 2] {
    let Some(gate) = range_gate(windows) else { return [None; 2] };
    let mut audible: Vec<f64> = windows.iter().copied().filter(|&power| power >= gate).collect();
    audible.sort_by(f64::total_cmp);
    [10, 95].map(|percent| {
        let at = (audible.len().checked_sub(1)? * percent + 50) / 100;
        loudness(audible[at])
    })
}

/// Whether a block or window is above the absolute gate.
pub(crate) fn is_audible(power: f64) -> bool {
    power >= ABSOLUTE_GATE
}

/// Loudness of a K-weighted mean square, in LUFS.
pub(crate) fn loudness(power: f64) -> Option<f64> {
    of_power(power).map(|level| level - 0.691)
}

fn largest(powers: &[f64]) -> Option<f64> {
    loudness(powers.iter().copied().fold(0.0, f64::max))
}

/// Mean square of every window of `length` hops that starts at a multiple of `stride` hops.
#[expect(clippy::cast_precision_loss, reason = "a window has few frames")]
fn powers(steps: &[f64], rate: u32, length: usize, stride: usize) -> Vec<f64> {
    let starts = (steps.len() + STEP).saturating_sub(length);
    let power = |start: usize| {
        let energy: f64 = steps[start..].iter().step_by(STEP).take(length / STEP).sum();
        let frame = |hop: usize| hop_start(rate, hop as u64);
        energy / (frame(start + length) - frame(start)) as f64
    };
    (0..starts).step_by(stride).map(power).collect()
}

/// BS.1770: blocks above −70 LUFS, and of those the ones above their mean minus 10 LU.
fn gated(blocks: &[f64]) -> Vec<f64> {
    let above = |gate: f64| blocks.iter().copied().filter(move |&block| block > gate);
    let Some(mean) = mean(&above(ABSOLUTE_GATE).collect::<Vec<_>>()) else { return Vec::new() };
    above(ABSOLUTE_GATE.max(mean / 10.0)).collect()
}

/// Tech 3342: gate at the mean minus 20 LU of the windows of at least −70 LUFS.
fn range_gate(windows: &[f64]) -> Option<f64> {
    let audible = windows.iter().copied().filter(|&window| window >= ABSOLUTE_GATE);
    mean(&audible.collect::<Vec<_>>()).map(|mean| ABSOLUTE_GATE.max(mean / 100.0))
}

/// Sums in ascending order, so that the order of the powers, for example of the files of an album,
/// does not change the result.
#[expect(clippy::cast_precision_loss, reason = "2⁵³ windows are longer than any file")]
fn mean(powers: &[f64]) -> Option<f64> {
    let mut powers = powers.to_vec();
    powers.sort_by(f64::total_cmp);
    (!powers.is_empty()).then(|| powers.iter().sum::<f64>() / powers.len() as f64)
}
