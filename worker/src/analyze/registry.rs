//! Registry: the list of all analyzers, one line each.
//!
//! The line defines a field in [`Analyzers`] (which analyzers run), a field in [`Partials`] (their
//! results) and the entries in [`METRICS`]. Partials are merged field by field, so the compiler
//! rules out that partials of different analyzers are mixed up.

use serde::{Deserialize, Serialize};

use super::activity::{non_silence, silence_runs};
use super::damage::{
    clicks, clipping, dead_channels, dropouts, edges, flat_tops, hum, noise, repeats,
};
use super::dynamics::{derived, dr14};
use super::level::{entropy, extremes, histogram, short_rms, statistics};
use super::loudness::{ebu_r128, true_peak};
use super::{
    AnalysisSettings, Analyzer, Features, FrameSpan, Metric, health, spectrum, stereo, waveform,
};
use crate::pcm::{Pcm, PcmFormat};
use procpool::status_page;

/// Bytes of PCM that all analyzers process before the next piece, so that the piece stays in the
/// processor's cache. By chunking invariance, no result depends on it.
const PIECE: usize = 128 * 1024;

/// A requested metric is not in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`")]
pub struct UnknownMetric(pub String);

macro_rules! analyzers {
    ($( $(#[$doc:meta])* $field:ident: $analyzer:ty, )+) => {
        /// The analyzers to run, with their settings; `None` does not run.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Analyzers {
            $( $(#[$doc])* pub $field: Option<$analyzer>, )+
        }

        /// Partials of one span; `None` where the analyzer does not run. The default is that of no
        /// analyzers; the partials of no audio are [`Analyzers::identity`].
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Partials {
            $( $(#[$doc])* pub $field: Option<<$analyzer as Analyzer>::Partial>, )+
        }

        /// The catalogue, in report order.
        pub static METRICS: &[Metric] = &concatenated::<
            { 0 $( + <$analyzer as Analyzer>::METRICS.len() )+ + derived::METRICS.len() + health::METRICS.len() }
        >(&[ $( <$analyzer as Analyzer>::METRICS, )+ derived::METRICS, health::METRICS ]);

        /// Features of the analyzers that ran, as input for derived figures.
        pub(super) struct AllFeatures {
            $( pub(super) $field: Option<<$analyzer as Analyzer>::Feature>, )+
        }

        impl Analyzers {
            /// The analyzers that compute the metrics with these keys.
            pub fn select<Key: AsRef<str>>(
                keys: &[Key],
                settings: &AnalysisSettings,
            ) -> Result<Self, UnknownMetric> {
                let known = |key: &&Key| METRICS.iter().any(|metric| metric.key == key.as_ref());
                if let Some(key) = keys.iter().find(|key| !known(key)) {
                    return Err(UnknownMetric(key.as_ref().to_owned()));
                }
                let asked = |metrics: &[Metric]| {
                    metrics.iter().any(|metric| keys.iter().any(|key| key.as_ref() == metric.key))
                };
                let mut analyzers = Self {
                    $( $field: asked(<$analyzer>::METRICS).then(|| settings.into()), )+
                };
                derived::require(&mut analyzers, settings, |metric| {
                    keys.iter().any(|key| key.as_ref() == metric)
                });
                Ok(analyzers)
            }

            /// Each analyzer alone, with its name.
            pub fn one_by_one(settings: &AnalysisSettings) -> Vec<(&'static str, Self)> {
                vec![ $( (stringify!($field), Self {
                    $field: Some(settings.into()),
                    ..Self::default()
                }), )+ ]
            }

            /// Whether partials of these analyzers contain those of `others`.
            pub fn covers(&self, others: &Self) -> bool {
                let mut others = others.clone();
                // Its settings apply only to `finish`.
                if let (Some(one), Some(other)) = (&self.loudness, &mut others.loudness) {
                    other.clone_from(one);
                }
                // A true peak per 100 ms includes the true peak of the file.
                if let (Some(one), Some(other)) = (&self.true_peak, &mut others.true_peak) {
                    other.is_timed |= one.is_timed;
                }
                true $( && (others.$field.is_none() || others.$field == self.$field) )+
            }

            /// The partials of no audio, which merging leaves unchanged.
            pub fn identity(&self) -> Partials {
                Partials { $( $field: self.$field.as_ref().map(|_| Default::default()), )+ }
            }

            /// Merges the partials of two neighbouring spans, `first` before `next`.
            #[must_use]
            pub fn merge(&self, first: Partials, next: Partials) -> Partials {
                Partials {
                    $( $field: self.$field.as_ref().map(|analyzer| {
                        let [first, next] = [first.$field, next.$field].map(Option::unwrap_or_default);
                        analyzer.merge(first, next)
                    }), )+
                }
            }

            /// Computes the figures from the partials of a whole file.
            pub fn finish(&self, whole: Partials, format: PcmFormat) -> Features {
                let mut features = Features::default();
                let finished = AllFeatures {
                    $( $field: self.$field.as_ref().map(|analyzer| {
                        analyzer.finish(whole.$field.unwrap_or_default(), format)
                    }), )+
                };
                $( if let Some(feature) = &finished.$field {
                    features.extend(<$analyzer>::METRICS, <$analyzer>::figures(feature));
                    features.append(<$analyzer>::details(feature));
                } )+
                features.extend(derived::METRICS, derived::figures(&finished).into_iter());
                features.append(derived::details(self, finished, format));
                features
            }

            fn analyze_piece(&self, piece: Pcm<'_>) -> Partials {
                Partials {
                    $( $field: self.$field.as_ref().map(|analyzer| {
                        status_page::stage(stringify!($field));
                        analyzer.analyze(piece)
                    }), )+
                }
            }
        }

        impl Partials {
            /// Checks that these can be the partials of a span, before partials of another process
            /// are merged. The error is the reason.
            pub fn check(&self, analyzers: &Analyzers, span: &FrameSpan) -> Result<(), String> {
                $( match (&analyzers.$field, &self.$field) {
                    (Some(analyzer), Some(partial)) => analyzer
                        .check(partial, span)
                        .map_err(|reason| format!("{}: {reason}", stringify!($field)))?,
                    (None, None) => {}
                    (Some(_), None) => return Err(concat!(stringify!($field), ": missing").into()),
                    (None, Some(_)) => return Err(concat!(stringify!($field), ": unasked").into()),
                } )+
                Ok(())
            }
        }
    };
}

analyzers! {
    /// Largest and smallest magnitude.
    level: extremes::Level,
    /// Non-silent time, by pydub's definition.
    non_silence: non_silence::NonSilence,
    /// Silence, by ffmpeg's definition.
    silence_runs: silence_runs::SilenceRuns,
    /// RMS and other statistics of the samples.
    sums: statistics::Statistics,
    /// RMS of the loudest and the quietest 50 ms.
    short_rms: short_rms::ShortRms,
    /// Histogram of samples near full scale.
    histogram: histogram::Histogram,
    /// Entropy of the magnitudes.
    entropy: entropy::Entropy,
    /// Loudness by BS.1770 and EBU R128.
    loudness: ebu_r128::Loudness,
    /// True peak.
    true_peak: true_peak::TruePeak,
    /// Clipping at full scale.
    clipping: clipping::Clipping,
    /// Clipping below full scale.
    flat_tops: flat_tops::FlatTops,
    /// Gaps of zeros.
    dropouts: dropouts::Dropouts,
    /// Outliers and steps.
    clicks: clicks::Clicks,
    /// Repeated buffers.
    repeats: repeats::Repeats,
    /// Audio that starts or ends at a level.
    edges: edges::Edges,
    /// Channels without signal.
    dead_channels: dead_channels::DeadChannels,
    /// Mains hum.
    hum: hum::Hum,
    /// Noise floor and signal-to-noise ratio.
    noise: noise::Noise,
    /// Correlation and balance of the first two channels.
    stereo: stereo::Stereo,
    /// Spectrum and bandwidth.
    spectrum: spectrum::Spectrum,
    /// DR14.
    dr14: dr14::Dr14,
    /// Waveform for display.
    waveform: waveform::Waveforms,
}

impl Analyzers {
    /// Measures one chunk.
    pub fn analyze(&self, chunk: Pcm<'_>) -> Partials {
        chunk
            .pieces(PIECE)
            .map(|piece| self.analyze_piece(piece))
            .fold(self.identity(), |so_far, piece| self.merge(so_far, piece))
    }
}

/// Concatenates the lists at compile time.
const fn concatenated<const COUNT: usize>(lists: &[&[Metric]]) -> [Metric; COUNT] {
    let mut all = [lists[0][0]; COUNT];
    let (mut list, mut place, mut filled) = (0, 0, 0);
    while list < lists.len() {
        if place < lists[list].len() {
            all[filled] = lists[list][place];
            (place, filled) = (place + 1, filled + 1);
        } else {
            (list, place) = (list + 1, 0);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use procpool::codec;
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};

    fn all() -> Analyzers {
        let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
        Analyzers::select(&keys, &AnalysisSettings::default()).unwrap()
    }

    #[test]
    fn catalogue_is_in_report_order_with_unique_keys() {
        let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
        assert_eq!(keys[..3], ["max_dbfs", "min_dbfs", "non_silence_seconds"]);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }

    #[test]
    fn only_requested_analyzers_run() {
        let settings = AnalysisSettings {
            silence_threshold_db: -40.0,
            min_silence_ms: 200,
            ..AnalysisSettings::default()
        };
        let sound = Sound::mono_16(8000, vec![16_384, 0, -1]);
        let figures = |keys: &[&str]| {
            let analyzers = Analyzers::select(keys, &settings).unwrap();
            let features = analyzers.finish(analyzers.analyze(sound.pcm()), sound.format);
            features.only(keys).iter().map(|(metric, _)| metric.key).collect::<Vec<_>>()
        };
        assert_eq!(figures(&["min_dbfs"]), ["min_dbfs"]);
        assert_eq!(figures(&["non_silence_seconds"]), ["non_silence_seconds"]);
        assert_eq!(figures(&["min_dbfs", "max_dbfs"]), ["max_dbfs", "min_dbfs"]);
        assert_eq!(figures(&[]), [""; 0]);

        let analyzers = Analyzers::select(&["non_silence_seconds"], &settings).unwrap();
        assert_eq!(analyzers.level, None);
        assert_eq!(analyzers.non_silence, Some((&settings).into()));
        assert_eq!(Analyzers::select(&["loud"], &settings), Err(UnknownMetric("loud".into())));
    }

    #[test]
    fn partials_cover_the_metrics_of_their_analyzers() {
        let of = |keys: &[&str]| Analyzers::select(keys, &AnalysisSettings::default()).unwrap();
        assert!(all().covers(&all()) && all().covers(&of(&[])) && !of(&[]).covers(&all()));
        assert!(of(&["psr"]).covers(&of(&["true_peak_dbtp", "integrated_lufs"])));
        assert!(!of(&["plr"]).covers(&of(&["psr"])));
        let settings = AnalysisSettings { min_silence_ms: 99, ..AnalysisSettings::default() };
        let other = Analyzers::select(&["non_silence_seconds"], &settings).unwrap();
        assert!(!all().covers(&other));
    }

    #[test]
    fn empty_audio_has_durations_but_no_levels() {
        let format = Sound::mono_16(8000, Vec::new()).format;
        let features = all().finish(all().identity(), format);
        for (metric, figure) in features.iter() {
            let is_time = metric.groups.contains(&&crate::analyze::group::ACTIVITY);
            let expected = is_time.then_some(0.0);
            assert_eq!(figure, expected, "{}", metric.key);
        }
        assert_eq!(all().analyze(Pcm::new(format, 7, &[])), all().identity());
    }

    #[test]
    fn partials_of_other_analyzers_are_rejected() {
        let sound = Sound::mono_16(8000, vec![1; 80]);
        let span = FrameSpan::from(sound.pcm());
        let good = all().analyze(sound.pcm());
        assert_eq!(good.check(&all(), &span), Ok(()));
        let missing = Partials { level: None, ..good.clone() };
        assert_eq!(missing.check(&all(), &span), Err("level: missing".into()));
        let fewer = Analyzers { level: None, ..all() };
        assert_eq!(good.check(&fewer, &span), Err("level: unasked".into()));
        let other = FrameSpan { frames: 0..79, ..span };
        assert!(good.check(&all(), &other).unwrap_err().starts_with("level: "));
    }

    #[test]
    fn pieces_do_not_change_partials() {
        // 4 s are more than one piece, and piece boundaries are between milliseconds of 44.1
        // frames.
        let saw = (0..4 * 44_100).map(|at| if at % 30_000 < 9000 { at % 99 } else { at % 20_000 });
        let sound = Sound::mono_16(44_100, saw.collect());
        assert!(all().analyze(sound.pcm()) == all().analyze_piece(sound.pcm()));
    }

    proptest! {
        #[test]
        fn partials_do_not_depend_on_serialization_or_chunking(
            sound in sound(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let analyzers = all();
            let merged = sound.cut(&cuts).into_iter().fold(analyzers.identity(), |so_far, chunk| {
                let sent = analyzers.analyze(chunk);
                let bytes = codec::encode(&sent).unwrap();
                let received: Partials = codec::decode(&bytes).unwrap();
                assert_eq!(received, sent);
                assert_eq!(received.check(&analyzers, &chunk.into()), Ok(()));
                analyzers.merge(so_far, received)
            });
            prop_assert_eq!(&merged, &analyzers.analyze(sound.pcm()));
            for (metric, figure) in analyzers.finish(merged, sound.format).iter() {
                prop_assert!(figure.is_none_or(f64::is_finite), "{}", metric.key);
            }
        }
    }
}
