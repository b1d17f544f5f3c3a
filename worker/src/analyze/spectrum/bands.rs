//! Bands: average spectrum in third-octave bands (IEC 61260-1).
//!
//! Each bin is as wide as the bin spacing, and a band contains its share of each bin, so all bands
//! together have the power of the audio between the lowest and the highest band. Below about 100 Hz
//! a bin is wider than a band, and neighbouring bands have nearly the same level.

use serde::Serialize;

use crate::decibels;

/// One band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Nominal centre frequency.
    pub centre_hz: f64,
    /// Mean power relative to a full-scale square wave; `None` if it is zero.
    pub level_dbfs: Option<f64>,
}

/// Nominal centre frequencies; the first is the 16th band below 1 kHz.
const CENTRES: [f64; 30] = [
    25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0, 250.0, 315.0, 400.0, 500.0,
    630.0, 800.0, 1000.0, 1250.0, 1600.0, 2000.0, 2500.0, 3150.0, 4000.0, 5000.0, 6300.0, 8000.0,
    10_000.0, 12_500.0, 16_000.0, 20_000.0,
];

/// The bands that end below half the sample rate. A full-scale sine has the power 1 in its bin.
/// Empty if there are no powers.
pub(super) fn of(powers: &[f64], hz_per_bin: f64) -> Vec<Band> {
    #[expect(clippy::cast_precision_loss, reason = "at most 1025")]
    let middle = |bin: usize| bin as f64;
    let end = middle(powers.len().saturating_sub(1));
    let band = |(place, &centre_hz): (i32, &f64)| {
        // 1000 Hz · 10^(place / 10), ± half a place, in bins.
        let edge =
            |half| decibels::power_of_ten(3.0 + (f64::from(place) + half) / 10.0) / hz_per_bin;
        let (low, high) = (edge(-0.5), edge(0.5));
        let share = |bin: usize| {
            let (from, to) = (middle(bin) - 0.5, middle(bin) + 0.5);
            (to.min(high) - from.max(low)).max(0.0)
        };
        // A Hann window spreads a sine over three bins with a sum of 1.5, and a sine has the power
        // 1/2.
        let power: f64 = powers.iter().enumerate().map(|(bin, power)| power * share(bin)).sum();
        (high <= end).then(|| Band { centre_hz, level_dbfs: decibels::of_power(power / 3.0) })
    };
    (-16..).zip(&CENTRES).map_while(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_at(band: &Band, hz: f64) -> bool {
        (band.centre_hz - hz).abs() < 0.1
    }

    #[test]
    fn white_noise_rises_by_one_decibel_per_band() {
        let bands = of(&vec![3e-6; 1025], 44_100.0 / 2048.0);
        assert_eq!(bands.len(), 29, "20 kHz ends at 22,387 Hz, above half the rate");
        for two in bands.windows(2) {
            let [one, next] = [two[0], two[1]].map(|band| band.level_dbfs.unwrap());
            assert!((next - one - 1.0).abs() < 1e-9, "{two:?}");
        }
        // 23.08 % of 1 kHz, in bins of 21.5 Hz with 1e-6 each.
        let at_1_khz = bands.iter().find(|band| is_at(band, 1000.0)).unwrap();
        let expected = 10.0
            * (1e-6 * 1000.0 * (10_f64.powf(0.05) - 10_f64.powf(-0.05)) / 44_100.0 * 2048.0)
                .log10();
        assert!((at_1_khz.level_dbfs.unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn sine_is_in_one_band_with_its_power() {
        let mut powers = vec![0.0; 1025];
        (powers[99], powers[100], powers[101]) = (0.25, 1.0, 0.25);
        let bands = of(&powers, 20.0);
        for band in bands {
            let expected = is_at(&band, 2000.0).then_some(10.0 * 0.5_f64.log10());
            assert_eq!(band.level_dbfs, expected, "{} Hz", band.centre_hz);
        }
    }

    #[test]
    fn low_rates_have_fewer_bands() {
        assert_eq!(of(&[], 20.0), []);
        let centres: Vec<_> =
            of(&vec![1.0; 1025], 8000.0 / 2048.0).iter().map(|band| band.centre_hz).collect();
        assert_eq!(centres.last(), Some(&3150.0));
    }
}
