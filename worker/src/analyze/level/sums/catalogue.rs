//! Catalogue: what the sums are made into, and what one may read out of it.

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
        reading: "The average strength of the signal, silence included. Music as sold is at −20 \
                  to −8, speech at −30 to −18. It weighs no frequency, so it is not loudness.",
    },
    Metric {
        key: "rms_aes17_dbfs",
        title: "RMS (AES17)",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "rms_dbfs + 20·log10(√2): the same by the convention in which a full-scale \
                     sine is at 0 dBFS.",
        source: "AES17",
        range: "−183.6 to +3.01",
        reading: "What a programme shows that counts RMS against a sine. Compare it only with \
                  figures of the same convention.",
    },
    Metric {
        key: "crest_factor_db",
        title: "Crest factor",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "Largest magnitude over RMS, of all channels: 20·log10(max|x| / √(Σx²/n)).",
        source: "none overall; of one channel, SoX's and astats' `Crest factor`",
        range: "0 and above",
        reading: "A square wave has 0, a sine 3, heavily compressed music 6 to 9, natural \
                  recordings 14 to 20. Low figures tell of limiting or clipping.",
    },
    Metric {
        key: "dc_offset",
        title: "DC offset",
        unit: "FS",
        decimals: 6,
        groups: &[&group::LEVEL],
        definition: "Mean of the samples of a channel over full scale, of the channel where it is \
                     farthest from zero.",
        source: "ffmpeg astats and SoX stats `DC offset`, both overall",
        range: "−1 to 1",
        reading: "Should be 0. From 0.001 on, edits may click and headroom is lost; the cause is \
                  a converter, or a unipolar signal.",
    },
    Metric {
        key: "peak_count",
        title: "At the peak",
        unit: "",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "How many samples of all channels have the largest magnitude.",
        source: "none; SoX's `Pk count` looks at positive and negative peaks by themselves",
        range: "0 to the number of samples",
        reading: "One or two in a natural recording. Hundreds tell of a limiter or of clipping, \
                  even where the level was lowered afterwards.",
    },
    Metric {
        key: "bit_depth_used",
        title: "Bits used",
        unit: "bit",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "Bits of a sample without the lowest ones that are zero in every sample of \
                     every channel; floats as 32 bit integers. Not defined for lossy codecs.",
        source: "the second number of ffmpeg astats' `Bit depth` and SoX's `Bit-depth`",
        range: "0 to 32",
        reading: "16 in a 24 bit file: the recording was made with, or went through, 16 bits. 0 \
                  is digital silence.",
    },
    Metric {
        key: "zero_crossing_rate",
        title: "Zero crossings",
        unit: "",
        decimals: 4,
        groups: &[&group::LEVEL],
        definition: "Share of neighbouring samples of a channel of which one is negative and the \
                     other is not, over all channels.",
        source: "librosa's zero_crossings(pad=False), over the whole file",
        range: "0 to 1",
        reading: "Twice the frequency of a tone over the sample rate. Low in speech and bass, \
                  near 0.5 in white noise; 0 in a signal that stays on one side.",
    },
];
