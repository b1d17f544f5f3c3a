//! Metrics of the group `spectrum`.

use crate::analyze::{Metric, group};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "spectral_centroid_hz",
        title: "Centroid",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Centroid of the spectrum, Σ f·|X| / Σ |X|, averaged over frames above −70 \
                     dBFS. Frames have 2048 samples under a Hann window and start every 512 \
                     samples; |X|² is averaged over the channels.",
        source: "librosa.feature.spectral_centroid, center=False",
        range: "0 to half the sample rate",
        reading: "Brightness of the sound. Speech has 1000 to 3000, a full mix 1500 to 4000, noise \
                  a quarter of the sample rate.",
    },
    Metric {
        key: "spectral_rolloff_hz",
        title: "Roll-off",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Frequency below which 85 % of the sum of |X| lies, averaged over the frames \
                     of spectral_centroid_hz.",
        source: "librosa.feature.spectral_rolloff, center=False",
        range: "0 to half the sample rate",
        reading: "Similar to the centroid, but more sensitive to high frequencies: low for voices \
                  and old recordings, high for cymbals and noise.",
    },
    Metric {
        key: "spectral_flatness",
        title: "Flatness",
        unit: "",
        decimals: 4,
        groups: &[&group::SPECTRUM],
        definition: "Geometric mean of |X|² divided by its arithmetic mean, with no bin below \
                     1e-10, averaged over the frames of spectral_centroid_hz.",
        source: "librosa.feature.spectral_flatness, center=False",
        range: "0 to 1",
        reading: "0 is a tone, about 0.56 white noise. Most music is below 0.05. High values \
                  identify a recording that is nearly all noise.",
    },
    Metric {
        key: "bandwidth_hz",
        title: "Bandwidth",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Frequency at which the average spectrum ends. First, the highest fall of 45 \
                     dB or more above 3 kHz is looked for (medians of 1 kHz, 300 Hz apart); the \
                     end is where the level has fallen by 12 dB. If there is none, the start of a \
                     flat floor is looked for: medians of 300 Hz stay within 3 dB of the level of \
                     the last 5 % below half the sample rate, and the 1 kHz below is 8 dB or more \
                     above that; the end is where the level has fallen by half. Half the sample \
                     rate if neither is found, or only above 94 % of it, where the filters of \
                     converters are.",
        source: "none; spectrograms are looked at for the same",
        range: "above 1000, to half the sample rate",
        reading: "A lossless file that ends at 16,000 to 17,000 was once an MP3 of 128 kbit/s, at \
                  19,000 to 20,500 an MP3 of 192 to 320 kbit/s or Opus; at 4000, 8000 or 11,000 it \
                  was made from a lower sample rate. It does not detect encoders that code up to \
                  the end (AAC from 192 kbit/s on, MP3 V0, Vorbis from q6 on), files that were \
                  mixed or dithered with noise afterwards, or recordings without any sound at high \
                  frequencies.",
    },
    Metric {
        key: "cutoff_depth_db",
        title: "Cut-off depth",
        unit: "dB",
        decimals: 1,
        groups: &[&group::SPECTRUM],
        definition: "Fall of the average spectrum at bandwidth_hz.",
        source: "none",
        range: "8 and above; not defined if there is no such fall",
        reading: "Any value is worth checking: above bandwidth_hz only rounding noise is left. The \
                  deeper the fall, the less likely it is accidental.",
    },
    Metric {
        key: "spectrum_bands",
        title: "Third-octave bands",
        unit: "",
        decimals: 0,
        groups: &[&group::SPECTRUM],
        definition: "Number of third-octave bands from 25 Hz to 20 kHz that lie below half the \
                     sample rate. Their levels are listed under `spectrum_bands` in JSON: the mean \
                     power over all frames and channels, a full-scale square wave being 0 dBFS.",
        source: "IEC 61260-1, base-ten bands; the mean of SciPy's spectrogram",
        range: "1 to 30; not defined below 2048 samples",
        reading: "The long-term average spectrum. Pink noise is flat in it; music falls by 3 dB \
                  per octave or more towards high frequencies. Below 100 Hz the resolution of the \
                  spectrum is coarser than the bands.",
    },
];
