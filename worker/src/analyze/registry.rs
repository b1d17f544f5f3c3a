//! Registry: all analyzers under one roof, one line each.
//!
//! The line makes a field in [`Analyzers`] (what to run), in [`Partials`] (what comes back) and
//! the metrics in [`METRICS`] (what it is called). Partials are merged field by field, so that
//! mixing up two analyzers is not an error case: it cannot be written.

use serde::{Deserialize, Serialize};

use super::activity::{non_silence, silence_runs};
use super::damage::{
    clicks, clipping, dead_channels, dropouts, edges, flat_tops, hum, noise, repeats,
};
use super::dynamics::{derived, dr14};
use super::level::{entropy, extremes, histogram, short_rms, sums};
use super::loudness::{ebu_r128, true_peak};
use super::{
    AnalysisSettings, Analyzer, Features, Metric, Stretch, health, spectrum, stereo, waveform,
};
use crate::pcm::{Pcm, PcmFormat};
use procpool::board;

/// Bytes of PCM that every analyzer has seen before the next ones are looked at, so that all but
/// the first find them in the processor's cache. By the law of the analyzers no figure depends on
/// it.
const PIECE: usize = 128 * 1024;

/// Metrics were asked for by a name that the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`")]
pub struct UnknownMetric(pub String);

macro_rules! analyzers {
    ($( $(#[$doc:meta])* $field:ident: $analyzer:ty, )+) => {
        /// The analyzers to run, with their settings; those that are `None` do not run.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Analyzers {
            $( $(#[$doc])* pub $field: Option<$analyzer>, )+
        }

        /// Their partials of one stretch; `None` where the analyzer does not run. The default is
        /// that of no analyzer; that of no audio is [`Analyzers::identity`].
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Partials {
            $( $(#[$doc])* pub $field: Option<<$analyzer as Analyzer>::Partial>, )+
        }

        /// The catalogue, in report order.
        pub static METRICS: &[Metric] = &concatenated::<
            { 0 $( + <$analyzer as Analyzer>::METRICS.len() )+ + derived::METRICS.len() + health::METRICS.len() }
        >(&[ $( <$analyzer as Analyzer>::METRICS, )+ derived::METRICS, health::METRICS ]);

        /// The features of the analyzers that ran, for what is derived from several.
        pub(super) struct Finished {
            $( pub(super) $field: Option<<$analyzer as Analyzer>::Feature>, )+
        }

        impl Analyzers {
            /// The analyzers that make the metrics with these keys.
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

            /// Each analyzer with nothing beside it, and its name.
            pub fn one_by_one(settings: &AnalysisSettings) -> Vec<(&'static str, Self)> {
                vec![ $( (stringify!($field), Self {
                    $field: Some(settings.into()),
                    ..Self::default()
                }), )+ ]
            }

            /// Whether the partials of these are enough for the figures of those others.
            pub fn covers(&self, others: &Self) -> bool {
                let mut others = others.clone();
                // What it is told concerns the last stage alone.
                if let (Some(one), Some(other)) = (&self.loudness, &mut others.loudness) {
                    other.clone_from(one);
                }
                // Peaks of every 100 ms come with the peak of all.
                if let (Some(one), Some(other)) = (&self.true_peak, &mut others.true_peak) {
                    other.is_timed |= one.is_timed;
                }
                true $( && (others.$field.is_none() || others.$field == self.$field) )+
            }

            /// The partials of no audio: merged with others, they change nothing.
            pub fn identity(&self) -> Partials {
                Partials { $( $field: self.$field.as_ref().map(|_| Default::default()), )+ }
            }

            /// Joins the partials of two neighbouring stretches, `first` before `next`.
            #[must_use]
            pub fn merge(&self, first: Partials, next: Partials) -> Partials {
                Partials {
                    $( $field: self.$field.as_ref().map(|analyzer| {
                        let [first, next] = [first.$field, next.$field].map(Option::unwrap_or_default);
                        analyzer.merge(first, next)
                    }), )+
                }
            }

            /// Turns the partials of a whole file into its figures.
            pub fn finish(&self, whole: Partials, format: PcmFormat) -> Features {
                let mut features = Features::default();
                let finished = Finished {
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
                        board::stage(stringify!($field));
                        analyzer.analyze(piece)
                    }), )+
                }
            }
        }

        impl Partials {
            /// Whether these can be the partials of that stretch; for whatever another process
            /// sent, before it is merged. Says what is wrong otherwise.
            pub fn check(&self, analyzers: &Analyzers, stretch: &Stretch) -> Result<(), String> {
                $( match (&analyzers.$field, &self.$field) {
                    (Some(analyzer), Some(partial)) => analyzer
                        .check(partial, stretch)
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
    /// Time that is not silent.
    non_silence: non_silence::NonSilence,
    /// Where no sample is loud.
    silence_runs: silence_runs::SilenceRuns,
    /// RMS and what else follows from sums.
    sums: sums::Sums,
    /// The loudest and the quietest moment.
    short_rms: short_rms::ShortRms,
    /// How many samples are near full scale.
    histogram: histogram::Histogram,
    /// How evenly the scale is used.
    entropy: entropy::Entropy,
    /// How loud it is heard.
    loudness: ebu_r128::Loudness,
    /// The wave between the samples.
    true_peak: true_peak::TruePeak,
    /// Waves that were cut off.
    clipping: clipping::Clipping,
    /// The same, and turned down afterwards.
    flat_tops: flat_tops::FlatTops,
    /// Holes in the wave.
    dropouts: dropouts::Dropouts,
    /// What does not belong to the wave around it.
    clicks: clicks::Clicks,
    /// What comes twice in a row.
    repeats: repeats::Repeats,
    /// Where it begins and ends.
    edges: edges::Edges,
    /// Channels that nothing comes out of.
    dead_channels: dead_channels::DeadChannels,
    /// The mains in it.
    hum: hum::Hum,
    /// What is left in the pauses.
    noise: noise::Noise,
    /// What left and right have to do with each other.
    stereo: stereo::Stereo,
    /// Which frequencies there are.
    spectrum: spectrum::Spectrum,
    /// How far the peaks are above what is loud.
    dr14: dr14::Dr14,
    /// What it is drawn by.
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

/// The lists one after the other, at compile time.
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
    fn the_catalogue_is_in_report_order_and_has_no_key_twice() {
        let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
        assert_eq!(keys[..3], ["max_dbfs", "min_dbfs", "non_silence_seconds"]);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }

    #[test]
    fn only_what_is_asked_for_runs() {
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
    fn partials_are_enough_for_what_they_are_of() {
        let of = |keys: &[&str]| Analyzers::select(keys, &AnalysisSettings::default()).unwrap();
        assert!(all().covers(&all()) && all().covers(&of(&[])) && !of(&[]).covers(&all()));
        assert!(of(&["psr"]).covers(&of(&["true_peak_dbtp", "integrated_lufs"])));
        assert!(!of(&["plr"]).covers(&of(&["psr"])));
        let settings = AnalysisSettings { min_silence_ms: 99, ..AnalysisSettings::default() };
        let other = Analyzers::select(&["non_silence_seconds"], &settings).unwrap();
        assert!(!all().covers(&other));
    }

    #[test]
    fn no_audio_has_figures_but_no_levels() {
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
    fn partials_of_other_analyzers_are_refused() {
        let sound = Sound::mono_16(8000, vec![1; 80]);
        let stretch = Stretch::from(sound.pcm());
        let good = all().analyze(sound.pcm());
        assert_eq!(good.check(&all(), &stretch), Ok(()));
        let missing = Partials { level: None, ..good.clone() };
        assert_eq!(missing.check(&all(), &stretch), Err("level: missing".into()));
        let fewer = Analyzers { level: None, ..all() };
        assert_eq!(good.check(&fewer, &stretch), Err("level: unasked".into()));
        let other = Stretch { frames: 0..79, ..stretch };
        assert!(good.check(&all(), &other).unwrap_err().starts_with("level: "));
    }

    #[test]
    fn pieces_change_nothing() {
        // 4 s are more than one piece, and pieces are cut between milliseconds of 44.1 frames.
        let saw = (0..4 * 44_100).map(|at| if at % 30_000 < 9000 { at % 99 } else { at % 20_000 });
        let sound = Sound::mono_16(44_100, saw.collect());
        assert!(all().analyze(sound.pcm()) == all().analyze_piece(sound.pcm()));
    }

    proptest! {
        #[test]
        fn partials_survive_the_wire_and_any_cut(
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
