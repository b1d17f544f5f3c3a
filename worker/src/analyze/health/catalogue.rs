//! Metrics of the group `health`.

use crate::analyze::{Metric, group};

pub(in crate::analyze) const METRICS: &[Metric] = &[
    Metric {
        key: "declared_frames",
        title: "Declared frames",
        unit: "frames",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Number of frames that the file declares, read before it is decoded; null if \
                     it declares none.",
        source: "the headers of the file, as ffprobe's duration_ts",
        range: "0 and above",
        reading: "If it differs from `frames` of `format`, which are counted, the file is \
                  truncated or its header was never completed.",
    },
    Metric {
        key: "decode_errors",
        title: "Decode errors",
        unit: "places",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Number of sections of the file that could not be decoded and were skipped: \
                     damaged frames, and data between frames that is not a tag. Findings give the \
                     position of the first thousand in the audio and in the file; their value is \
                     the length in bytes. null if ffmpeg decodes the file.",
        source: "the errors that `flac -t` and ffmpeg report, each position once",
        range: "0 and above",
        reading: "0: no errors. Otherwise the file was damaged after it was made.",
    },
    Metric {
        key: "checksum_matches",
        title: "Checksum matches",
        unit: "",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Whether the decoded audio has the MD5 of the original that a FLAC file \
                     stores: 1 if it does, 0 if not; null if the file stores none.",
        source: "`flac -t`; RFC 9639 §8.2",
        range: "0 or 1",
        reading: "0: the audio is not bit for bit what was encoded.",
    },
    Metric {
        key: "file_bytes",
        title: "File size",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Size of the file in bytes.",
        source: "the file system",
        range: "1 and above",
        reading: "The sum of bytes_used, bytes_discarded and trailing_bytes, where those are \
                  known.",
    },
    Metric {
        key: "bytes_used",
        title: "Bytes used",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes of the file that are headers, tags, padding (zeros next to a tag or at \
                     either end) or decoded audio: file_bytes − bytes_discarded − trailing_bytes; \
                     null if one of these is.",
        source: "none",
        range: "0 to file_bytes",
        reading: "Equal to file_bytes in an intact file.",
    },
    Metric {
        key: "bytes_discarded",
        title: "Bytes discarded",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes between the header and the end of the audio that could not be decoded: \
                     those of all decode_errors and of a truncated last frame, which has a finding \
                     of this kind. null where the decoder does not see them (compressed audio in \
                     CAF, AIFF or WAV, files that ffmpeg decodes, truncated MP4) and where the \
                     format changes within the file.",
        source: "`flac -t` and ffmpeg report them one by one, without a total",
        range: "0 to file_bytes",
        reading: "0: an intact file. A few hundred at the very end are a recording that stopped in \
                  the middle of a frame.",
    },
    Metric {
        key: "trailing_bytes",
        title: "Trailing data",
        unit: "bytes",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Bytes after the audio that are neither part of its container, nor a tag (ID3, \
                     APE, Lyrics3), nor zeros. A finding gives the position. null where the \
                     decoder does not see them, as for bytes_discarded.",
        source: "none",
        range: "0 to file_bytes",
        reading: "0 is usual. Anything else was appended by a program that does not know the \
                  format, or is hidden there.",
    },
    Metric {
        key: "extension_matches",
        title: "Extension matches",
        unit: "",
        decimals: 0,
        groups: &[&group::HEALTH],
        definition: "Whether the extension of the file name is one of the detected format: 1 or 0; \
                     null if it is not the extension of any audio format.",
        source: "the first bytes of the file and `audiopool formats`",
        range: "0 or 1",
        reading: "0: many programs refuse or misread the file until it is renamed.",
    },
];
