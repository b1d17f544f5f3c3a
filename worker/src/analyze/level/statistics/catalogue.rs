//! Metrics that are computed from the sums.

use crate::analyze::{Metric, group};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "rms_dbfs",
        title: "RMS",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "Root mean square of all samples of all channels: 20·log10(√(Σx²/n) / full \
                     scale). A full-scale sine is −3.01, a full-scale square wave 0.",
        source: "ffmpeg astats `RMS level dB` and SoX stats `RMS lev dB`, both overall",
        range: "−186.6 to 0",
        reading: "The average level of the signal, silence included. Released music is at −20 to \
                  −8, speech at −30 to −18. There is no frequency weighting, so this is not \
                  loudness.",
    },
    Metric {
        key: "rms_aes17_dbfs",
        title: "RMS (AES17)",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "rms_dbfs + 20·log10(√2): RMS by the convention in which a full-scale sine is \
                     at 0 dBFS.",
        source: "AES17",
        range: "−183.6 to +3.01",
        reading: "The RMS that meters calibrated to a sine show. Compare it only with values of \
                  the same convention.",
    },
    Metric {
        key: "crest_factor_db",
        title: "Crest factor",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "Ratio of the largest magnitude to the RMS, over all channels: 20·log10(max|x| \
                     / √(Σx²/n)).",
        source: "none for all channels together; for one channel, `Crest factor` of SoX stats and \
                 ffmpeg astats",
        range: "0 and above",
        reading: "A square wave has 0, a sine 3, heavily compressed music 6 to 9, natural \
                  recordings 14 to 20. Low values indicate limiting or clipping.",
    },
    Metric {
        key: "dc_offset",
        title: "DC offset",
        unit: "FS",
        decimals: 6,
        groups: &[&group::LEVEL],
        definition: "Mean of the samples of a channel relative to full scale, for the channel \
                     whose mean is farthest from zero.",
        source: "ffmpeg astats and SoX stats `DC offset`, both overall",
        range: "−1 to 1",
        reading: "Should be 0. From ±0.001 on, edits may click and headroom is lost. The cause is \
                  a converter or a unipolar signal.",
    },
    Metric {
        key: "peak_count",
        title: "Samples at peak",
        unit: "",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "Number of samples of all channels that have the largest magnitude.",
        source: "none; SoX's `Pk count` counts positive and negative peaks separately",
        range: "0 to the number of samples",
        reading: "One or two in a natural recording. Hundreds indicate a limiter or clipping, even \
                  if the level was lowered afterwards.",
    },
    Metric {
        key: "bit_depth_used",
        title: "Bits used",
        unit: "bit",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "Bits per sample, without the lowest bits that are zero in every sample of \
                     every channel. Floats are measured as 32-bit integers. Not defined for lossy \
                     codecs.",
        source: "the second number of `Bit depth` of ffmpeg astats and of `Bit-depth` of SoX stats",
        range: "0 to 32",
        reading: "16 in a 24-bit file: the recording was made with 16 bits, or went through a \
                  16-bit stage. 0 is digital silence.",
    },
    Metric {
        key: "zero_crossing_rate",
        title: "Zero crossings",
        unit: "",
        decimals: 4,
        groups: &[&group::LEVEL],
        definition: "Share of the pairs of neighbouring samples of a channel in which one is \
                     negative and the other is not, over all channels.",
        source: "librosa's zero_crossings(pad=False), over the whole file",
        range: "0 to 1",
        reading: "Twice the frequency of a tone divided by the sample rate. Low in speech and \
                  bass, near 0.5 in white noise, 0 in a signal that never changes its sign.",
    },
];
