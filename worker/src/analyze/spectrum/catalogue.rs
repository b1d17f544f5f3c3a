//! What the figures of the spectrum are called and what they mean.

use crate::analyze::{Metric, group};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "spectral_centroid_hz",
        title: "Centroid",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Where the middle of the spectrum is: Σ f·|X| / Σ |X|, the mean over frames \
                     above −70 dBFS. Frames are of 2048 samples under Hann's window, every 512, \
                     and |X|² is the mean over channels.",
        source: "librosa.feature.spectral_centroid, center=False",
        range: "0 to half the rate",
        reading: "How bright it sounds: speech has 1000 to 3000, a full mix 1500 to 4000, noise a \
                  quarter of the rate.",
    },
    Metric {
        key: "spectral_rolloff_hz",
        title: "Roll-off",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "The frequency below which 85 % of all |X| lie, the mean over the same frames.",
        source: "librosa.feature.spectral_rolloff, center=False",
        range: "0 to half the rate",
        reading: "As the centroid, but more about the top: low for voices and old recordings, high \
                  for cymbals and noise.",
    },
    Metric {
        key: "spectral_flatness",
        title: "Flatness",
        unit: "",
        decimals: 4,
        groups: &[&group::SPECTRUM],
        definition: "The geometric mean of |X|² over the arithmetic one, no bin below 1e-10, the \
                     mean over the same frames.",
        source: "librosa.feature.spectral_flatness, center=False",
        range: "0 to 1",
        reading: "0 is a tone, about 0.56 white noise, most music is below 0.05. A recording that \
                  is nearly all noise shows here.",
    },
    Metric {
        key: "bandwidth_hz",
        title: "Bandwidth",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Up to where there is sound: the frequency from which on the average spectrum is \
                     flat, within 3 dB of its level in the last 5 % below half the rate (medians of \
                     300 Hz), if the 1 kHz below is 8 dB or more above that; else from which on, \
                     above 3 kHz, it is 45 dB or more lower (medians of 1 kHz, 300 Hz apart); there, \
                     where it has fallen by half, or of the latter by 12 dB. Half the rate if there is no such fall, or only one \
                     above 94 % of half the rate, where the filters of converters are.",
        source: "none; spectrograms are looked at for the same",
        range: "above 1000, to half the rate",
        reading: "A lossless file that ends at 16,000 to 17,000 was an MP3 of 128 kbit/s, at 19,000 to \
                  20,500 one of 192 to 320 or Opus; at 4000, 8000 or 11,000 it was made from a lower \
                  rate. It cannot tell encoders that code up to the end (AAC from 192 kbit/s on, MP3 \
                  V0, Vorbis from q6 on), a file that was mixed or dithered with noise afterwards, or \
                  a recording without any sound up there.",
    },
    Metric {
        key: "cutoff_depth_db",
        title: "Cut-off",
        unit: "dB",
        decimals: 1,
        groups: &[&group::SPECTRUM],
        definition: "By how much the average spectrum falls at bandwidth_hz.",
        source: "none",
        range: "8 and above; not defined where there is no such fall",
        reading: "Any figure deserves a look: nothing but rounding noise is left above bandwidth_hz. \
                  The deeper, the less an accident.",
    },
    Metric {
        key: "spectrum_bands",
        title: "Third octaves",
        unit: "",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "How many bands of a third of an octave there are from 25 Hz to 20 kHz below half \
                     the rate; their levels, the mean power over all frames and channels with a \
                     full-scale square wave at 0, are under `spectrum_bands` in JSON.",
        source: "IEC 61260-1, bands to the base of ten; the mean of SciPy's spectrogram",
        range: "1 to 30; not defined below 2048 samples",
        reading: "The long-term average spectrum: pink noise is flat in it, music falls by 3 dB an \
                  octave or more towards the top. Below 100 Hz it is coarser than its bands.",
    },
];
