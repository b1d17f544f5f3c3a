//! Extremes: largest and smallest non-zero magnitude over all channels.
//!
//! Minimum and maximum depend on neither order nor chunking. Magnitudes are integers
//! ([`Pcm::integers`]) and are converted to decibels once, at the end.

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, FrameSpan, Metric, group};
use crate::pcm::{Extremes, Pcm, PcmFormat};

/// Finds the extremes; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {}

/// Extremes of one span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    frames: u64,
    /// `None` if every sample is zero.
    extremes: Option<Extremes>,
}

/// The figures, in dBFS; `None` if every sample is zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakLevels {
    /// 20·log10(largest / full scale); 0.0 for the most negative sample.
    pub max_dbfs: Option<f64>,
    /// 20·log10(smallest / full scale).
    pub min_dbfs: Option<f64>,
}

impl From<&AnalysisSettings> for Level {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Level {
    type Partial = Partial;
    type Feature = PeakLevels;

    const METRICS: &'static [Metric] = &[
        Metric {
            key: "max_dbfs",
            title: "Peak",
            unit: "dBFS",
            decimals: 2,
            groups: &[&group::BASIC, &group::LEVEL],
            definition: "Largest sample magnitude in any channel: 20·log10(max|x| / full scale), \
                         as pydub's max_dBFS. The most negative integer is 0.0.",
            source: "pydub's max_dBFS",
            range: "−186.6 to 0",
            reading: "0 is the largest value that the format can hold and may indicate clipping. \
                      Far below 0, bits of the format are unused. Between the samples the waveform \
                      can be higher: see true_peak_dbtp.",
        },
        Metric {
            key: "min_dbfs",
            title: "Quietest",
            unit: "dBFS",
            decimals: 2,
            groups: &[&group::BASIC, &group::LEVEL],
            definition: "Smallest non-zero sample magnitude in any channel: 20·log10(min|x| / full \
                         scale).",
            source: "none; pydub has no such figure",
            range: "−186.6 to 0",
            reading: "Usually the smallest step of the format: −90.3 for 16 bits. A higher value \
                      indicates samples that were amplified, or a source with fewer bits.",
        },
    ];

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        Partial { frames: chunk.frames(), extremes: chunk.integers().extremes() }
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        let extremes = match (first.extremes, next.extremes) {
            (Some(first), Some(next)) => Some(Extremes {
                smallest: first.smallest.min(next.smallest),
                largest: first.largest.max(next.largest),
            }),
            (first, next) => first.or(next),
        };
        Partial { frames: first.frames.saturating_add(next.frames), extremes }
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> PeakLevels {
        let dbfs = |of: fn(Extremes) -> u32| format.dbfs(of(whole.extremes?));
        PeakLevels {
            max_dbfs: dbfs(|extremes| extremes.largest),
            min_dbfs: dbfs(|extremes| extremes.smallest),
        }
    }

    fn figures(levels: &PeakLevels) -> impl Iterator<Item = Option<f64>> {
        [levels.max_dbfs, levels.min_dbfs].into_iter()
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let frames = span.frame_count();
        if partial.frames != frames {
            return Err(format!("{} frames instead of {frames}", partial.frames));
        }
        match partial.extremes {
            Some(_) if frames == 0 => Err("extremes of no audio".into()),
            Some(Extremes { smallest, largest })
                if smallest == 0 || smallest > largest || largest > span.format.full_scale() =>
            {
                Err(format!("impossible magnitudes {smallest} and {largest}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::pcm::SampleFormat;

    fn levels(sample_format: SampleFormat, bytes: &[u8]) -> PeakLevels {
        let format = PcmFormat::new(sample_format, 8000, 1);
        Level {}.finish(Level {}.analyze(Pcm::new(format, 0, bytes)), format)
    }

    #[test]
    fn full_scale_is_the_most_negative_sample() {
        for (format, bytes) in [
            (SampleFormat::U8, [0].as_slice()),
            (SampleFormat::S16, &[0, 0x80]),
            (SampleFormat::S24, &[0, 0, 0x80]),
            (SampleFormat::S32, &[0, 0, 0, 0x80]),
            (SampleFormat::F32, &[0, 0, 0x80, 0xbf]),
        ] {
            let full = PeakLevels { max_dbfs: Some(0.0), min_dbfs: Some(0.0) };
            assert_eq!(levels(format, bytes), full, "{format:?}");
        }
        let most_positive = levels(SampleFormat::S16, &32_767_i16.to_le_bytes()).max_dbfs.unwrap();
        assert!((most_positive + 0.000_265).abs() < 1e-6);
    }

    #[test]
    fn silence_has_no_level() {
        let none = PeakLevels { max_dbfs: None, min_dbfs: None };
        assert_eq!(levels(SampleFormat::S16, &[]), none);
        assert_eq!(levels(SampleFormat::S16, &[0; 64]), none);
        assert_eq!(levels(SampleFormat::U8, &[128; 64]), none);
        assert_eq!(levels(SampleFormat::F32, &f32::NAN.to_le_bytes()), none);
    }

    #[test]
    fn zeros_do_not_count_as_smallest_magnitude() {
        let bytes: Vec<u8> = [0_i16, -2, 0, 1024].iter().flat_map(|x| x.to_le_bytes()).collect();
        let levels = levels(SampleFormat::S16, &bytes);
        assert_eq!(levels.max_dbfs, Some(20.0 * 0.03125_f64.log10()));
        assert_eq!(levels.min_dbfs, Some(20.0 * (2.0 / 32_768.0_f64).log10()));
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(8000, vec![5, 0, -7]);
        let span = FrameSpan::from(sound.pcm());
        let good = Level {}.analyze(sound.pcm());
        assert_eq!(Level {}.check(&good, &span), Ok(()));
        for (smallest, largest) in [(0, 7), (8, 7), (5, 32_769)] {
            let extremes = Some(Extremes { smallest, largest });
            Level {}.check(&Partial { extremes, ..good.clone() }, &span).unwrap_err();
        }
        Level {}.check(&Partial { frames: 2, ..good.clone() }, &span).unwrap_err();
        Level {}
            .check(&Partial { frames: 0, ..good }, &FrameSpan { frames: 0..0, ..span })
            .unwrap_err();
    }

    proptest! {
        #[test]
        fn extremes_do_not_depend_on_chunking(
            sound in sound(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let whole = Level {}.analyze(sound.pcm());
            let merged = sound.cut(&cuts).into_iter()
                .map(|chunk| Level {}.analyze(chunk))
                .fold(Partial::default(), |so_far, next| Level {}.merge(so_far, next));
            prop_assert_eq!(&merged, &whole);

            // Sorting, as an independent reference.
            let mut magnitudes: Vec<_> = sound.samples.iter().map(|x| x.unsigned_abs()).collect();
            magnitudes.retain(|&magnitude| magnitude > 0);
            magnitudes.sort_unstable();
            let found = whole.extremes.map(|extremes| (extremes.smallest, extremes.largest));
            prop_assert_eq!(found, magnitudes.first().copied().zip(magnitudes.last().copied()));
        }
    }
}
