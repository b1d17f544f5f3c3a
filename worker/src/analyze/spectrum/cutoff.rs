//! Cut-off: where the average spectrum ends as if cut with a knife.
//!
//! ```text
//!   ▇▇▆▇▆▆▅▅▄▄▄▃▃▃
//!                 ▏                median of 1 kHz below against that above:
//!   ──────────────▁▁▁▁▁▁▁          20 dB and more are no instrument's
//! ```
//!
//! Encoders leave out what lies above 16 kHz or so, and whatever is made of their output keeps the
//! edge. Medians, because a whistle is no edge.

use crate::decibels;

/// What makes a fall an edge.
pub(super) const LEAST_DB: f64 = 20.0;
/// How far to look to each side, in Hz.
const WIDTH_HZ: f64 = 1000.0;
/// What lies between, in Hz: no filter is a wall.
const SLOPE_HZ: f64 = 300.0;
/// The least that must be left above, in Hz.
const LEFT_HZ: f64 = 200.0;

/// An edge of the spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cutoff {
    /// The bin at which the spectrum has ended.
    pub(super) bin: usize,
    /// By how much it falls there.
    pub(super) depth_db: f64,
}

/// The highest edge; `None` if the spectrum goes on to the end.
pub(super) fn highest(powers: &[f64], hz_per_bin: f64) -> Option<Cutoff> {
    let levels: Vec<f64> = powers
        .iter()
        .map(|&power| decibels::of_power(power).unwrap_or(QUIETEST_DB).max(QUIETEST_DB))
        .collect();
    let bins = |hz: f64| -> usize {
        (1..levels.len()).find(|&bin| in_hz(bin, hz_per_bin) >= hz).unwrap_or(levels.len())
    };
    let (width, slope, left) = (bins(WIDTH_HZ), bins(SLOPE_HZ), bins(LEFT_HZ));
    let depth = |bin: usize| {
        let below = median(&levels[bin - width..bin]);
        let above = median(&levels[bin + slope..levels.len().min(bin + slope + width)]);
        below - above
    };
    let places = width..(levels.len()).saturating_sub(slope + left);
    let mut steepest: Option<(usize, f64)> = None;
    for bin in places.rev() {
        let depth_db = depth(bin);
        match steepest {
            // Down the slope as long as it gets steeper, and not further than it is wide.
            Some((known, _)) if known - bin > width => break,
            Some((_, known_db)) if depth_db <= known_db => {}
            _ if depth_db >= LEAST_DB => steepest = Some((bin, depth_db)),
            _ => {}
        }
    }
    let (bin, depth_db) = steepest?;
    // Medians say that there is an edge; it is where the level is half way down for good.
    let half_way = median(&levels[bin - width..bin]) - depth_db / 2.0;
    let end = levels.len().min(bin + slope + width);
    let lasting = |bin: &usize| levels[bin - 1..=*bin].iter().all(|&level| level >= half_way);
    let last = (bin - width + 1..end).rev().find(lasting);
    Some(Cutoff { bin: last.map_or(bin, |last| last + 1), depth_db })
}

/// Below any converter's noise; a bin without power is as low.
const QUIETEST_DB: f64 = -150.0;

#[expect(clippy::cast_precision_loss, reason = "at most 1025")]
fn in_hz(bin: usize, hz_per_bin: f64) -> f64 {
    bin as f64 * hz_per_bin
}

fn median(levels: &[f64]) -> f64 {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(QUIETEST_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: f64 = 44_100.0 / 2048.0;

    fn spectrum(level_of: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..1025).map(|bin| 10_f64.powf(level_of(in_hz(bin, HZ)) / 10.0)).collect()
    }

    #[test]
    fn an_edge_is_found_where_it_is() {
        let cut = |at: f64| spectrum(move |hz| if hz < at { -60.0 - hz / 1000.0 } else { -126.0 });
        for at in [3000.0, 8000.0, 16_000.0, 20_000.0, 21_000.0] {
            let found = highest(&cut(at), HZ).unwrap();
            let hz = in_hz(found.bin, HZ);
            assert!((hz - at).abs() < 30.0, "{hz}, not {at}");
            assert!(found.depth_db > 35.0, "{found:?}");
        }
    }

    #[test]
    fn a_slope_or_a_whistle_is_no_edge() {
        assert_eq!(highest(&spectrum(|hz| -40.0 - hz / 250.0), HZ), None);
        let whistle = |hz: f64| if (hz - 15_734.0).abs() < 40.0 { -50.0 } else { -110.0 };
        assert_eq!(highest(&spectrum(whistle), HZ), None);
        assert_eq!(highest(&spectrum(|_| -2000.0), HZ), None);
        assert_eq!(highest(&[], HZ), None);
    }

    #[test]
    fn the_highest_of_two_edges_is_told() {
        let stairs = |hz: f64| match hz {
            ..4000.0 => -40.0,
            ..12_000.0 => -80.0,
            _ => -110.0,
        };
        let hz = in_hz(highest(&spectrum(stairs), HZ).unwrap().bin, HZ);
        assert!((hz - 12_000.0).abs() < 30.0, "{hz}");
    }
}
