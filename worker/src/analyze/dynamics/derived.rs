//! Derived: figures that are computed from the results of several analyzers.
//!
//! They have no partial of their own, so they depend on chunking no more than their inputs do.

use crate::analyze::loudness::album::Share;
use crate::analyze::loudness::ebu_r128;
use crate::analyze::registry::AllFeatures;
use crate::analyze::{AnalysisSettings, Analyzers, Details, Metric, group};
use crate::decibels;
use crate::pcm::PcmFormat;

/// 100 ms steps in a short-term window.
const SHORT_TERM: usize = 30;

pub(crate) const METRICS: &[Metric] = &[
    Metric {
        key: "plr",
        title: "Peak to loudness",
        unit: "dB",
        decimals: 2,
        groups: &[&group::DYNAMICS, &group::LOUDNESS],
        definition: "Peak-to-loudness ratio: true_peak_dbtp − integrated_lufs.",
        source: "AES TD1004.1.15-10; peak − integrated of ffmpeg's ebur128",
        range: "about 3 to 30",
        reading: "Below 8 a master is heavily limited, 8 to 12 is usual in pop, above 15 it was \
                  hardly limited. A change of the volume does not change it.",
    },
    Metric {
        key: "psr",
        title: "Peak to short-term",
        unit: "dB",
        decimals: 2,
        groups: &[&group::DYNAMICS, &group::LOUDNESS],
        definition: "Smallest peak-to-short-term-loudness ratio: of 3 s windows that start every \
                     100 ms, the true peak within the window minus its loudness, over the windows \
                     that pass the gate of loudness_range_lu.",
        source: "AES convention paper 9842 (Shepherd, Grimm, Tollerton, 2017)",
        range: "about 3 to 30",
        reading: "How hard the densest passage was limited. Below 8 it is likely to sound strained \
                  on any playback system.",
    },
];

/// Enables the analyzers that the requested metrics are computed from.
pub(in crate::analyze) fn require(
    analyzers: &mut Analyzers,
    settings: &AnalysisSettings,
    is_asked: impl Fn(&str) -> bool,
) {
    if settings.timelines || settings.album {
        analyzers.loudness.get_or_insert_with(|| settings.into());
    }
    if settings.album {
        analyzers.true_peak.get_or_insert_with(|| settings.into());
    }
    if is_asked("plr") || is_asked("psr") {
        analyzers.loudness.get_or_insert_with(|| settings.into());
        analyzers.true_peak.get_or_insert_with(|| settings.into()).is_timed = is_asked("psr");
    }
}

/// The figures, in the order of [`METRICS`].
pub(in crate::analyze) fn figures(finished: &AllFeatures) -> [Option<f64>; 2] {
    let AllFeatures { loudness: Some(loudness), true_peak: Some(peaks), .. } = finished else {
        return [None; 2];
    };
    let true_peak = decibels::of_power(peaks.true_peak * peaks.true_peak);
    let plr = true_peak.zip(loudness.integrated_lufs).map(|(peak, integrated)| peak - integrated);
    [plr, psr(loudness, &peaks.every_100_ms)]
}

/// The share of the file in its album, if albums are requested and the file has a loudness.
pub(in crate::analyze) fn details(
    analyzers: &Analyzers,
    finished: AllFeatures,
    format: PcmFormat,
) -> Details {
    let is_wanted = analyzers.loudness.as_ref().is_some_and(|loudness| loudness.is_of_album);
    let share = match finished {
        AllFeatures { loudness: Some(loudness), true_peak: Some(peaks), .. }
            if is_wanted && ebu_r128::RATES.contains(&format.sample_rate) =>
        {
            Some(Share::new(loudness, peaks.true_peak, peaks.sample_peak))
        }
        _ => None,
    };
    Details { share, ..Details::default() }
}

fn psr(loudness: &ebu_r128::Figures, peaks: &[f64]) -> Option<f64> {
    let gate = loudness.range_gate?;
    let windows = loudness.short_term_powers.iter().zip(peaks.windows(SHORT_TERM));
    windows
        .filter(|(power, _)| **power >= gate)
        .filter_map(|(&power, peaks)| {
            let peak = peaks.iter().copied().fold(0.0, f64::max);
            decibels::of_power(peak * peak)
                .zip(ebu_r128::loudness(power))
                .map(|(peak, loudness)| peak - loudness)
        })
        .min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::analyze::METRICS as CATALOGUE;
    use crate::analyze::testing::signals::{bytes, format};
    use crate::pcm::Pcm;

    const RATE: u32 = 48_000;

    fn measured(samples: &[f64]) -> [Option<f64>; 2] {
        let analyzers = Analyzers::select(&["plr", "psr"], &AnalysisSettings::default()).unwrap();
        let format = format(RATE, 1);
        let bytes = bytes(samples);
        let partials = analyzers.analyze(Pcm::new(format, 0, &bytes));
        let features = analyzers.finish(partials, format);
        ["plr", "psr"].map(|key| features.get(key))
    }

    /// A 997 Hz tone at these levels, 10 s each, with a full-scale click in the second.
    fn tone(levels: &[f64]) -> Vec<f64> {
        let mut samples = Vec::new();
        for &level in levels {
            samples.extend(
                (0..10 * RATE)
                    .map(|n| level * (TAU * 997.0 * f64::from(n) / f64::from(RATE)).sin()),
            );
        }
        samples
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64, tolerance: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < tolerance), "{found:?}");
    }

    #[test]
    fn ratios_of_a_tone_are_peak_to_power() {
        // 997 Hz at 0 dBFS in one channel is −3.01 LUFS: at every level 3.01 below the peak.
        for level in [1.0, 0.1, 0.5] {
            let [plr, psr] = measured(&tone(&[level]));
            near(plr, 3.01, 0.02);
            near(psr, 3.01, 0.02);
        }
    }

    #[test]
    fn psr_is_that_of_the_densest_window() {
        // A full-scale click raises the peak of the file by 20 dB, but that of few windows only.
        let mut samples = tone(&[0.1, 0.1, 0.1]);
        samples[5 * RATE as usize] = 1.0;
        let [plr, psr] = measured(&samples);
        near(plr, 23.01, 0.1);
        near(psr, 3.01, 0.02);
        // A passage below the gate does not count: silence has no meaningful ratio.
        let [_, psr] = measured(&[tone(&[0.1]), vec![1e-5; 5 * RATE as usize]].concat());
        near(psr, 3.01, 0.02);
    }

    #[test]
    fn ratios_are_undefined_without_loudness() {
        assert_eq!(measured(&[]), [None; 2]);
        assert_eq!(measured(&vec![0.0; 4 * RATE as usize]), [None; 2]);
        // Less than 3 s have no short-term loudness.
        let [plr, psr] = measured(&tone(&[0.5])[..2 * RATE as usize]);
        assert!(plr.is_some() && psr.is_none());
    }

    #[test]
    fn only_required_analyzers_run() {
        let settings = AnalysisSettings::default();
        let of = |keys: &[&str]| Analyzers::select(keys, &settings).unwrap();
        let plr = of(&["plr"]);
        assert!(plr.loudness.is_some() && plr.level.is_none());
        assert!(!plr.true_peak.unwrap().is_timed && of(&["psr"]).true_peak.unwrap().is_timed);
        assert_eq!(of(&["max_dbfs"]).true_peak, None);
        assert!(METRICS.iter().all(|metric| CATALOGUE.contains(metric)));
    }
}
