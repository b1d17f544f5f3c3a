//! Metrics that are computed from the hop energies.

use super::TARGET_DEVIATION;
use crate::analyze::{Metric, group};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "integrated_lufs",
        title: "Integrated",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Integrated loudness of the whole file: K-weighted power of 400 ms blocks that \
                     start every 100 ms, gated at −70 LUFS and at 10 LU below the mean of the \
                     remaining blocks. Channels from 60° to 120° to the side are weighted by 1.41, \
                     the low-frequency channel by 0. The layout is the one that the file states, \
                     else WAV's default for the number of channels. Mono is measured as one \
                     loudspeaker; with --dual-mono as two, which is 3.01 LU louder.",
        source: "ITU-R BS.1770-5, EBU R128",
        range: "−70 to about +5",
        reading: "Perceived loudness of the whole programme. Broadcast in Europe requires −23, \
                  streaming services −14 to −16, podcasts −16. Released music is at −14 to −6.",
    },
    Metric {
        key: "momentary_max_lufs",
        title: "Momentary max",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Maximum momentary loudness: K-weighted power of the loudest 400 ms, not \
                     gated. Windows start every 10 ms.",
        source: "EBU Tech 3341",
        range: "up to about +10",
        reading: "The loudest moment, for example a shout or a bang. Far above integrated_lufs, a \
                  single event stands out.",
    },
    Metric {
        key: "short_term_max_lufs",
        title: "Short-term max",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Maximum short-term loudness: K-weighted power of the loudest 3 s, not gated. \
                     Windows start every 10 ms.",
        source: "EBU Tech 3341",
        range: "up to about +5",
        reading: "The loudest phrase. Rules for advertisements limit it, for example EBU R128 s1 \
                  to −18.",
    },
    Metric {
        key: "loudness_range_lu",
        title: "Loudness range",
        unit: "LU",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Difference between the 95th and the 10th percentile of short-term loudness: 3 \
                     s windows that start every 100 ms, gated at −70 LUFS and at 20 LU below the \
                     mean of the remaining windows.",
        source: "EBU Tech 3342; ffmpeg's ebur128 (libebur128 starts a window every second)",
        range: "0 and above",
        reading: "Below 5 the level hardly varies. Music for home listening has 6 to 15, film and \
                  orchestral music up to 25. It says little about less than a minute of audio.",
    },
    Metric {
        key: "loudness_range_low_lufs",
        title: "Loudness range low",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Lower end of loudness_range_lu: the 10th percentile.",
        source: "EBU Tech 3342",
        range: "−70 and above",
        reading: "Loudness of the quiet passages.",
    },
    Metric {
        key: "loudness_range_high_lufs",
        title: "Loudness range high",
        unit: "LUFS",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Upper end of loudness_range_lu: the 95th percentile.",
        source: "EBU Tech 3342",
        range: "−70 and above",
        reading: "Loudness of the loud passages, single bursts excluded.",
    },
    Metric {
        key: "replaygain_track_gain_db",
        title: "ReplayGain",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "Gain that a player applies to bring the file to −18 LUFS: −18 − \
                     integrated_lufs.",
        source: "ReplayGain 2.0, as loudgain and rsgain",
        range: "about −23 to +52",
        reading: "Negative for music that is louder than the reference, which most music is.",
    },
    Metric {
        key: TARGET_DEVIATION,
        title: "Deviation from target",
        unit: "LU",
        decimals: 2,
        groups: &[&group::LOUDNESS],
        definition: "integrated_lufs minus the loudness that --loudness-target gives. Only \
                     computed with that option.",
        source: "EBU R128, which allows ±0.5 and, where that is hard to achieve, ±1.0",
        range: "about −50 to +30",
        reading: "Positive: louder than the target; lower the gain by this amount to reach it. \
                  Negative: too quiet.",
    },
];
