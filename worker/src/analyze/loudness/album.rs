//! Album: several files measured as one programme.
//!
//! ```text
//!   file 1 ─share─┐
//!   file 2 ─share─┼─▶ album ─▶ figures     gates and percentiles over the windows of all files
//!   file 3 ─share─┘
//! ```
//!
//! The figures of an album are not means of the figures of its files: the gates are computed from
//! the windows of all files. No window spans two files. The figures do not depend on the order of
//! the files, and those of an album of one file equal those of the file.
//!
//! Windows below the absolute gate never count and are not kept: one hour takes at most 576 kB.

use crate::analyze::loudness::ebu_r128::{self, integrated, is_audible, range};
use crate::analyze::{METRICS as CATALOGUE, Metric, group};
use crate::decibels;

/// What one file contributes to its album.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Powers of the 400 ms blocks above the absolute gate.
    pub(crate) blocks: Vec<f64>,
    /// Powers of the 3 s windows above the absolute gate.
    pub(crate) windows: Vec<f64>,
    pub(crate) momentary_max_lufs: Option<f64>,
    pub(crate) short_term_max_lufs: Option<f64>,
    pub(crate) true_peak: f64,
    pub(crate) sample_peak: f64,
}

/// The files of an album that were added so far; none by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Album {
    all: Share,
}

impl Share {
    /// The share of a file with these results.
    pub(crate) fn new(loudness: ebu_r128::Figures, true_peak: f64, sample_peak: f64) -> Self {
        let audible = |mut powers: Vec<f64>| {
            powers.retain(|&power| is_audible(power));
            powers.shrink_to_fit();
            powers
        };
        Self {
            blocks: audible(loudness.momentary_powers),
            windows: audible(loudness.short_term_powers),
            momentary_max_lufs: loudness.momentary_max_lufs,
            short_term_max_lufs: loudness.short_term_max_lufs,
            true_peak,
            sample_peak,
        }
    }
}

impl Album {
    /// Adds a file.
    pub fn add(&mut self, share: Share) {
        let all = &mut self.all;
        all.blocks.extend(share.blocks);
        all.windows.extend(share.windows);
        let louder = |one: Option<f64>, other| one.into_iter().chain(other).max_by(f64::total_cmp);
        all.momentary_max_lufs = louder(all.momentary_max_lufs, share.momentary_max_lufs);
        all.short_term_max_lufs = louder(all.short_term_max_lufs, share.short_term_max_lufs);
        all.true_peak = all.true_peak.max(share.true_peak);
        all.sample_peak = all.sample_peak.max(share.sample_peak);
    }

    /// The figures that files have too, under the same keys, followed by [`METRICS`].
    pub fn figures(&self, target_lufs: Option<f64>) -> Vec<(&'static Metric, Option<f64>)> {
        let all = &self.all;
        let whole = integrated(&all.blocks);
        let [low, high] = range(&all.windows);
        let level = |peak: f64| decibels::of_power(peak * peak);
        let mut figures = vec![
            ("integrated_lufs", whole),
            ("momentary_max_lufs", all.momentary_max_lufs),
            ("short_term_max_lufs", all.short_term_max_lufs),
            ("loudness_range_lu", low.zip(high).map(|(low, high)| high - low)),
            ("loudness_range_low_lufs", low),
            ("loudness_range_high_lufs", high),
        ];
        if let Some(target) = target_lufs {
            let deviation = whole.map(|whole| whole - target);
            figures.push((ebu_r128::TARGET_DEVIATION, deviation));
        }
        figures.extend([
            ("true_peak_dbtp", level(all.true_peak)),
            ("sample_peak_dbfs", level(all.sample_peak)),
            ("replaygain_album_gain_db", whole.map(|whole| -18.0 - whole)),
            ("replaygain_album_peak", (all.true_peak > 0.0).then_some(all.true_peak)),
        ]);
        let known = |key: &str| CATALOGUE.iter().chain(METRICS).find(|metric| metric.key == key);
        let with_metric = |(key, figure)| known(key).map(|metric| (metric, figure));
        figures.into_iter().filter_map(with_metric).collect()
    }
}

/// Metrics that only albums have.
pub static METRICS: &[Metric] = &[
    Metric {
        key: "replaygain_album_gain_db",
        title: "Album gain",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Gain that a player applies to every file of an album to bring the album to \
                     −18 LUFS: −18 − the integrated loudness of all its files together, gated over \
                     the whole album. Only with --album, and only for albums.",
        source: "ReplayGain 2.0, as loudgain and rsgain",
        range: "about −23 to +52",
        reading: "One gain for all files keeps quiet pieces quiet next to loud ones.",
    },
    Metric {
        key: "replaygain_album_peak",
        title: "Album peak",
        unit: "",
        decimals: 6,
        groups: &[&group::LOUDNESS],
        definition: "Largest true peak of the files of an album as a linear value; full scale is \
                     1. Only with --album, and only for albums.",
        source: "ReplayGain 2.0, as loudgain and rsgain",
        range: "0 and above",
        reading: "As replaygain_track_peak, for the gain of the album.",
    },
];

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ebur128::{EbuR128, Mode};
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::signals::{bytes, format, varying_noise};
    use crate::analyze::{AnalysisSettings, Analyzers};
    use crate::pcm::Pcm;

    /// Sample rate, channels and samples of a file.
    type File = (u32, u16, Vec<f64>);

    /// Share of a file, and its figures.
    fn measured((rate, channels, samples): &File) -> (Share, Vec<(&'static str, Option<f64>)>) {
        let settings = AnalysisSettings { album: true, ..AnalysisSettings::default() };
        let analyzers = Analyzers::select(&["loudness_range_lu"], &settings).unwrap();
        let format = format(*rate, *channels);
        let bytes = bytes(samples);
        let partials = analyzers.analyze(Pcm::new(format, 0, &bytes));
        let features = analyzers.finish(partials, format);
        let figures = features.iter().map(|(metric, figure)| (metric.key, figure)).collect();
        (features.into_details().share.expect("it was asked for"), figures)
    }

    fn album<'a>(files: impl IntoIterator<Item = &'a File>) -> Vec<(&'static str, Option<f64>)> {
        let mut album = Album::default();
        for file in files {
            album.add(measured(file).0);
        }
        album.figures(None).into_iter().map(|(metric, figure)| (metric.key, figure)).collect()
    }

    fn of(figures: &[(&'static str, Option<f64>)], key: &str) -> f64 {
        figures.iter().find(|(found, _)| *found == key).and_then(|(_, figure)| *figure).unwrap()
    }

    fn tone(rate: u32, seconds: u32, dbfs: f64) -> File {
        let amplitude = 10_f64.powf(dbfs / 20.0);
        let frames = 0..seconds * rate;
        let wave = frames.map(|n| amplitude * (TAU * 997.0 * f64::from(n) / f64::from(rate)).sin());
        (rate, 2, wave.flat_map(|x| [x, x]).collect())
    }

    #[test]
    fn gates_are_computed_over_all_files() {
        // Tech 3341, cases 3 and 4, and Tech 3342, case 1, with a file for each step.
        let parts = [(10, -72.0), (10, -36.0), (60, -23.0), (10, -36.0), (10, -72.0)];
        let files = parts.map(|(seconds, dbfs)| tone(48_000, seconds, dbfs));
        let figures = album(&files);
        assert!((of(&figures, "integrated_lufs") + 23.0).abs() < 0.1, "{figures:?}");
        assert!((of(&figures, "replaygain_album_gain_db") - 5.0).abs() < 0.1, "{figures:?}");
        // A mean of the files' loudness would differ.
        assert!((of(&measured(&files[1]).1, "integrated_lufs") + 36.0).abs() < 0.1);
        let range = album(&[tone(48_000, 20, -20.0), tone(44_100, 20, -30.0)]);
        assert!((of(&range, "loudness_range_lu") - 10.0).abs() < 0.1, "{range:?}");
    }

    /// Short-term loudness every 100 ms.
    fn windows_of_libebur128((rate, channels, samples): &File) -> Vec<f64> {
        let mut state = EbuR128::new(u32::from(*channels), *rate, Mode::S).unwrap();
        let step = usize::try_from(rate / 10).unwrap() * usize::from(*channels);
        let mut windows = Vec::new();
        for (place, piece) in samples.chunks_exact(step).enumerate() {
            state.add_frames_f64(piece).unwrap();
            if place >= 29 {
                windows.push(state.loudness_shortterm().unwrap());
            }
        }
        windows
    }

    #[test]
    fn albums_equal_libebur128() {
        let files: Vec<File> = [(48_000, 2, 400_000), (44_100, 1, 300_000), (8000, 2, 50_000)]
            .into_iter()
            .zip(1..)
            .map(|((rate, channels, frames), seed)| {
                (rate, channels, varying_noise(seed, frames, channels.into()))
            })
            .chain([tone(44_100, 5, -20.0), tone(48_000, 4, -34.0)])
            .collect();
        let states: Vec<_> = files
            .iter()
            .map(|(rate, channels, samples)| {
                let mode = Mode::I | Mode::LRA | Mode::SAMPLE_PEAK;
                let mut state = EbuR128::new(u32::from(*channels), *rate, mode).unwrap();
                state.add_frames_f64(samples).unwrap();
                state
            })
            .collect();
        let theirs = EbuR128::loudness_global_multiple(states.iter()).unwrap();
        let figures = album(&files);
        let ours = of(&figures, "integrated_lufs");
        assert!((ours - theirs).abs() < 1e-3, "{ours}, libebur128 {theirs}");
        // libebur128 computes the range from windows every second, Tech 3342 every 100 ms: this
        // uses its windows and this crate's gates.
        let windows: Vec<f64> = files.iter().flat_map(windows_of_libebur128).collect();
        let power = |loudness: f64| 10_f64.powf(loudness / 10.0);
        let audible: Vec<f64> = windows.into_iter().filter(|window| *window >= -70.0).collect();
        let sum: f64 = audible.iter().map(|window| power(*window)).sum();
        let gate = 10.0 * (sum / f64::from(u32::try_from(audible.len()).unwrap())).log10() - 20.0;
        let mut loud: Vec<f64> = audible.into_iter().filter(|window| *window >= gate).collect();
        loud.sort_by(f64::total_cmp);
        let [low, high] = [10, 95].map(|percent| loud[((loud.len() - 1) * percent + 50) / 100]);
        let ours = of(&figures, "loudness_range_lu");
        assert!((ours - (high - low)).abs() < 1e-2, "{ours}, libebur128 {high} to {low}");
        let peak = files.iter().flat_map(|(_, _, samples)| samples).map(|x| x.abs());
        let peak = 20.0 * peak.fold(0.0, f64::max).log10();
        assert!((of(&figures, "sample_peak_dbfs") - peak).abs() < 1e-9);
        assert!(of(&figures, "true_peak_dbtp") >= peak);
    }

    #[test]
    fn empty_files_do_not_change_an_album() {
        let (silence, nothing) = ((48_000, 2, vec![0.0; 400_000]), (48_000, 2, Vec::new()));
        let file = tone(48_000, 4, -20.0);
        assert_eq!(album([&silence, &file, &nothing]), album([&file]));
        assert!(album([]).iter().chain(&album([&silence])).all(|(_, figure)| figure.is_none()));
    }

    #[test]
    fn rates_below_8_khz_have_no_share() {
        let settings = AnalysisSettings { album: true, ..AnalysisSettings::default() };
        let analyzers = Analyzers::select(&[""; 0], &settings).unwrap();
        let format = format(7999, 1);
        let features = analyzers.finish(analyzers.identity(), format);
        assert_eq!(features.into_details().share, None);
    }

    #[test]
    fn target_is_compared_with_the_album() {
        let mut whole = Album::default();
        whole.add(measured(&tone(48_000, 4, -20.0)).0);
        let figures = whole.figures(Some(-23.0));
        let of = |key: &str| figures.iter().find(|(metric, _)| metric.key == key).unwrap().1;
        let expected = of("integrated_lufs").map(|found| found + 23.0);
        assert_eq!(of(ebu_r128::TARGET_DEVIATION), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn album_does_not_depend_on_file_order_and_one_file_equals_its_album(
            seeds in prop::collection::vec(any::<u64>(), 1..5),
            turn: prop::sample::Index,
        ) {
            let files: Vec<File> = seeds
                .iter()
                .map(|&seed| {
                    let rate = [8000, 8820, 11_025][usize::try_from(seed % 3).unwrap()];
                    (rate, 1, varying_noise(seed, 40_000, 1))
                })
                .collect();
            let in_order = album(&files);
            prop_assert_eq!(&album(files.iter().rev()), &in_order);
            let mut turned = files.clone();
            turned.rotate_left(turn.index(files.len()));
            prop_assert_eq!(&album(&turned), &in_order);

            let (_, alone) = measured(&files[0]);
            for (key, figure) in album([&files[0]]) {
                let key = key.replace("album", "track");
                let found = alone.iter().find(|(found, _)| *found == key);
                prop_assert_eq!(found.map(|(_, figure)| *figure), Some(figure), "{}", key);
            }
        }
    }
}
