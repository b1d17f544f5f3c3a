//! Metrics of the group `stereo`.

use crate::analyze::{Metric, group};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "correlation",
        title: "Correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Pearson correlation of the first two channels, over the whole file.",
        source: "numpy.corrcoef",
        range: "−1 to 1",
        reading: "1 is mono, 0 unrelated channels, −1 one channel with inverted polarity. Music \
                  has 0.3 to 0.9. Below 0, bass and voice lose level in a mono downmix.",
    },
    Metric {
        key: "correlation_min",
        title: "Minimum correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Lowest correlation of any 100 ms window above −70 dBFS.",
        source: "numpy.corrcoef",
        range: "−1 to 1",
        reading: "Near −1, one channel is inverted for a moment at least, which may be an effect.",
    },
    Metric {
        key: "negative_correlation_share",
        title: "Negative correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is below 0.",
        source: "numpy.corrcoef",
        range: "0 to 1",
        reading: "A few hundredths are wide stereo. More than half of the file indicates a fault.",
    },
    Metric {
        key: "phase_inverted_share",
        title: "Phase inverted",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is −0.95 or \
                     less.",
        source: "none; broadcasters call it phase reversal",
        range: "0 to 1",
        reading: "Near 1, one channel has inverted polarity, and the two cancel in a mono downmix.",
    },
    Metric {
        key: "mono_share",
        title: "Mono in stereo",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is 0.9995 or \
                     more: except for their level, both channels are the same.",
        source: "essentia's FalseStereoDetector, which has the same threshold",
        range: "0 to 1",
        reading: "1 is a mono recording in a stereo file; one channel would be enough.",
    },
    Metric {
        key: "side_to_mid_db",
        title: "Side to mid",
        unit: "dB",
        decimals: 2,
        groups: &[&group::STEREO],
        definition: "Power of the side signal (left − right) relative to the mid signal (left + \
                     right), over the whole file: 10·log10(Σ(l − r)² / Σ(l + r)²).",
        source: "none; SoX's oops and ffmpeg's stereotools produce the two signals",
        range: "−∞ (both channels are the same, sample by sample) and above",
        reading: "Stereo width. −20 is narrow, −6 wide. Above 0 the side signal is stronger than \
                  the mid signal.",
    },
    Metric {
        key: "channel_imbalance_db",
        title: "Channel imbalance",
        unit: "dB",
        decimals: 2,
        groups: &[&group::STEREO],
        definition: "Power of the first channel relative to the second: 10·log10(Σl² / Σr²).",
        source: "difference of the channels' RMS in ffmpeg astats and SoX stats",
        range: "any; above 0 the left channel is louder; not defined if one channel is silent",
        reading: "Within ±1 it is balanced. From ±3 on, the image is audibly off centre.",
    },
];
