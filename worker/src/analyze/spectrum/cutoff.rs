//! Cut-off: where the average spectrum ends, with only rounding noise above.
//!
//! ```text
//!   ▇▇▆▇▆▆▅▅▄▄▄▃▃▃
//!                 ▏                the level falls by 8 dB or more
//!   ──────────────▁▁▁▁▁▁▁          to a floor that is flat up to half the sample rate
//! ```
//!
//! Lossy encoders discard frequencies above 16 to 20 kHz; audio that was resampled has none above
//! half the lower rate. What is left there is rounding noise, which is flat, or nothing. A
//! recording that was never encoded has signal up to the filter of its converter, just below half
//! the sample rate, which is not counted as a cut-off. Medians are used so that single tones have
//! no effect.

use std::ops::Range;

use crate::decibels;

/// Minimum fall to the floor.
pub(super) const LEAST_DB: f64 = 8.0;
/// A fall within the width of a slope that no instrument has, and the lowest frequency of such a
/// fall.
const STEEP_DB: f64 = 45.0;
const STEEP_FROM_HZ: f64 = 3000.0;
/// Fall at the position of the edge.
const STEEP_EDGE_DB: f64 = 12.0;
/// Maximum variation of the level of the floor.
const FLAT_DB: f64 = 3.0;
/// The floor is measured from this fraction of half the sample rate on.
const FLOOR_FROM: f64 = 0.95;
/// Edges above this fraction of half the sample rate are those of converters.
const HIGHEST_EDGE: f64 = 0.94;
/// Width of the range that is compared with the floor, in Hz.
const WIDTH_HZ: f64 = 1000.0;
/// Width of a slope, and of the medians, in Hz.
const SLOPE_HZ: f64 = 300.0;

/// The end of the spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cutoff {
    /// First bin after the end.
    pub(super) bin: usize,
    /// Fall of the level.
    pub(super) depth_db: f64,
}

/// Finds the cut-off; `None` if there is none.
pub(super) fn find(powers: &[f64], hz_per_bin: f64) -> Option<Cutoff> {
    let levels: Vec<f64> = powers
        .iter()
        .map(|&power| decibels::of_power(power).unwrap_or(FLOOR_DB).max(FLOOR_DB))
        .collect();
    let count = levels.len();
    let part = |of: f64| (0..count).find(|&bin| in_bins(bin) >= of * in_bins(count));
    let bins = |hz: f64| (1..count).find(|&bin| in_bins(bin) * hz_per_bin >= hz).unwrap_or(count);
    let (width, slope) = (bins(WIDTH_HZ), bins(SLOPE_HZ));
    let floor = median(levels.get(part(FLOOR_FROM)?..count.checked_sub(1)?)?);
    let highest = part(HIGHEST_EDGE)?;
    let is_floor = |end: usize| (median(&levels[end - slope..end]) - floor).abs() <= FLAT_DB;
    let lowest = width + slope;
    if let Some(bin) = steep_fall(&levels, bins(STEEP_FROM_HZ).max(width)..highest, [width, slope])
    {
        return Some(bin);
    }
    let end = (lowest..count.saturating_sub(slope)).rev().find(|&end| !is_floor(end))?;
    let depth_db = median(&levels[end - lowest..end - slope]) - floor;
    let bin = edge(&levels, end - slope..end, floor + depth_db / 2.0);
    (depth_db >= LEAST_DB && bin <= highest).then_some(Cutoff { bin, depth_db })
}

/// The highest steep fall within `places`, whatever is above it.
fn steep_fall(levels: &[f64], places: Range<usize>, [width, slope]: [usize; 2]) -> Option<Cutoff> {
    let below = |bin: usize| median(&levels[bin - width..bin]);
    let above = |bin: usize| median(&levels[bin + slope..levels.len().min(bin + slope + width)]);
    let fall = |bin: usize| below(bin) - above(bin);
    let (start, end) = (places.start, places.end.min(levels.len().saturating_sub(2 * slope)));
    let highest = (start..end).rev().find(|&bin| fall(bin) >= STEEP_DB)?;
    // The steepest position, searched from the upper end of the fall.
    let steepest = |one: &usize, other: &usize| fall(*one).total_cmp(&fall(*other));
    let bin = (highest.saturating_sub(width).max(start)..=highest).max_by(steepest)?;
    let depth_db = fall(bin);
    let bin = edge(levels, bin - width..(bin + slope + width).min(end), below(bin) - STEEP_EDGE_DB);
    Some(Cutoff { bin, depth_db })
}

/// The bin after the last two consecutive bins within `places` that reach a level.
fn edge(levels: &[f64], places: Range<usize>, level: f64) -> usize {
    let start = places.start;
    let lasting = |bin: &usize| levels[bin - 1..=*bin].iter().all(|&found| found >= level);
    places.rev().find(lasting).map_or(start, |last| last + 1)
}

/// Below any converter's noise; also the level of a bin without power.
const FLOOR_DB: f64 = -150.0;

#[expect(clippy::cast_precision_loss, reason = "at most 1025")]
fn in_bins(bin: usize) -> f64 {
    bin as f64
}

fn median(levels: &[f64]) -> f64 {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(FLOOR_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: f64 = 44_100.0 / 2048.0;

    fn spectrum(level_of: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..1025).map(|bin| 10_f64.powf(level_of(in_bins(bin) * HZ) / 10.0)).collect()
    }

    #[test]
    fn edge_is_found_at_its_frequency() {
        let cut = |at: f64| spectrum(move |hz| if hz < at { -60.0 - hz / 1000.0 } else { -126.0 });
        for at in [3000.0, 8000.0, 16_000.0, 20_000.0] {
            let found = find(&cut(at), HZ).unwrap();
            let hz = in_bins(found.bin) * HZ;
            assert!((hz - at).abs() < 30.0, "{hz}, not {at}");
            assert!(found.depth_db > 35.0, "{found:?}");
        }
    }

    #[test]
    fn slope_and_single_tone_are_not_edges() {
        assert_eq!(find(&spectrum(|hz| -40.0 - hz / 250.0), HZ), None);
        let whistle = |hz: f64| if (hz - 15_734.0).abs() < 40.0 { -50.0 } else { -110.0 };
        assert_eq!(find(&spectrum(whistle), HZ), None);
        assert_eq!(find(&spectrum(|_| -2000.0), HZ), None);
        assert_eq!(find(&[], HZ), None);
    }

    #[test]
    fn quiet_band_has_a_cutoff_and_a_converter_filter_has_none() {
        // The level at 16 kHz is only 12 dB above the rounding noise of 16 bits.
        let quiet = |hz: f64| if hz < 16_000.0 { -114.0 } else { -126.4 };
        assert!((in_bins(find(&spectrum(quiet), HZ).unwrap().bin) * HZ - 16_000.0).abs() < 50.0);
        let converter = |hz: f64| if hz < 21_200.0 { -90.0 } else { -126.4 };
        assert_eq!(find(&spectrum(converter), HZ), None);
        // A band of an instrument that ends, above which room noise decreases.
        let synthesiser = |hz: f64| if hz < 9000.0 { -60.0 } else { -90.0 - hz / 1500.0 };
        assert_eq!(find(&spectrum(synthesiser), HZ), None);
    }

    #[test]
    fn cutoff_is_at_the_floor_and_not_at_a_lower_edge() {
        let stairs = |hz: f64| match hz {
            ..4000.0 => -40.0,
            ..12_000.0 => -80.0,
            _ => -110.0,
        };
        let hz = in_bins(find(&spectrum(stairs), HZ).unwrap().bin) * HZ;
        assert!((hz - 12_000.0).abs() < 30.0, "{hz}");
    }
}
