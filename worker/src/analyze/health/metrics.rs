//! The figures of health in the catalogue.

use crate::analyze::{Metric, group};

pub(in crate::analyze) const METRICS: &[Metric] = &[
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
        definition: "How many stretches of the file could not be decoded and were left out: frames \
                     that are damaged, and what lies between frames and is no tag. Findings tell \
                     where the first thousand are, in the audio and in the file; their value is the \
                     length in bytes. null where ffmpeg decodes.",
        source: "the errors that `flac -t` and ffmpeg report, each place once",
        range: "0 and above",
        reading: "0 is a sound file. Anything else was damaged after it was made.",
    },
    Metric {
        key: "checksum_matches",
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
    Metric {
        key: "file_bytes",
        title: "File size",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "The length of the file.",
        source: "the file system",
        range: "1 and above",
        reading: "It is the sum of the next three, where those can be told.",
    },
    Metric {
        key: "bytes_used",
        title: "Bytes used",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes of the file that are headers, tags, padding (zeros beside a tag or at \
                     either end), or audio that was decoded: \
                     file_bytes − bytes_discarded − trailing_bytes; null where one of these is.",
        source: "none",
        range: "0 to file_bytes",
        reading: "All of a sound file.",
    },
    Metric {
        key: "bytes_discarded",
        title: "Bytes discarded",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes between the header and the end of the audio of which no audio could be \
                     made: those of all decode_errors, and of a last frame that is cut short, which \
                     a finding of this kind tells of. null where the decoder does not see them \
                     (what is compressed in CAF, AIFF or WAV, whatever ffmpeg decodes, and an MP4 that is \
                     cut short) and where the format changes within the file.",
        source: "`flac -t` and ffmpeg tell of them one by one and do not add them up",
        range: "0 to file_bytes",
        reading: "0 is a sound file. A few hundred at the very end are a recording that was broken \
                  off in the middle of a frame.",
    },
    Metric {
        key: "trailing_bytes",
        title: "Trailing data",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes behind the audio that are neither a part of its container, nor a tag \
                     (ID3, APE, Lyrics3), nor zeros. A finding tells where they begin. null where \
                     the decoder does not see them, as of bytes_discarded.",
        source: "none",
        range: "0 to file_bytes",
        reading: "0 is usual. Anything else was joined to the file by a program that does not know \
                  the format, or is hidden there.",
    },
    Metric {
        key: "extension_matches",
        title: "Extension matches",
        unit: "",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Whether the name ends as names of what the file is do: 1 or 0; null where it \
                     ends like that of no audio.",
        source: "the first bytes of the file and `audiopool formats`",
        range: "0 or 1",
        reading: "0 is a file that many programs will refuse or misread until it is renamed.",
    },
];
