//! Health: whether a file is what it says it is. Told by whoever decodes it: no analyzer sees it in
//! the samples, and no cut changes it.

use serde::{Deserialize, Serialize};

use super::{Metric, group};

/// What the decoding of a file says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Frames that the file says it has, if it says.
    pub declared_frames: Option<u64>,
    /// Stretches that could not be decoded and were left out.
    pub decode_errors: u64,
    /// Whether the audio has the checksum that the file holds, if it holds one and it was compared.
    pub checksum_matches: Option<bool>,
}

/// The figure for which all audio has to be summed up while it is decoded.
pub const CHECKSUM: &str = "checksum_matches";

pub(super) const METRICS: &[Metric] = &[
    Metric {
        key: "declared_frames",
        title: "Declared frames",
        unit: "frames",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "How many frames the file says it has, before it is decoded; null where it does \
                     not say.",
        source: "the headers of the file, as of ffprobe's duration_ts",
        range: "0 and above",
        reading: "Other than the `frames` of `format`, which were counted: the file was cut short, or \
                  its header was never completed.",
    },
    Metric {
        key: "decode_errors",
        title: "Decode errors",
        unit: "places",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "How many stretches of the file could not be decoded and were left out; \
                     `warnings` say where the first one is.",
        source: "the errors that `flac -t` and ffmpeg report, each place once",
        range: "0 and above",
        reading: "0 is a sound file. Anything else was damaged after it was made.",
    },
    Metric {
        key: CHECKSUM,
        title: "Checksum matches",
        unit: "",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Whether the decoded audio has the MD5 that a FLAC file holds of its original: 1 \
                     if it does, 0 if not; null where there is none.",
        source: "`flac -t`; RFC 9639 §8.2",
        range: "0 or 1",
        reading: "0 is audio that is not, bit for bit, what was once encoded.",
    },
];

impl Health {
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 frames, 6000 years at 48 kHz")]
    pub(super) fn figures(self) -> impl Iterator<Item = Option<f64>> {
        [
            self.declared_frames.map(|frames| frames as f64),
            Some(self.decode_errors as f64),
            self.checksum_matches.map(|matches| f64::from(u8::from(matches))),
        ]
        .into_iter()
    }
}
