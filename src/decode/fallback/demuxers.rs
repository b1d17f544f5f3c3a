//! Demuxers: which of ffmpeg's demuxers may read what the first bytes say.
//!
//! A demuxer that reads a recognised format is believed however sure ffmpeg is of it: a short AC-3
//! file has too few frames for a high score. Any other must be certain by the content alone, since
//! ffmpeg takes a file of any content for G.729 if its name ends in `.bit`.

use crate::decode::container::format::{FormatRow, Kind};

/// More than ffmpeg gives for a matching file name extension (`AVPROBE_SCORE_EXTENSION`).
const CERTAIN: u32 = 51;

/// Demuxers that open further files or hold no sound of their own.
const REFUSED: &[&str] = &[
    "hls",
    "dash",
    "concat",
    "imf",
    "sdp",
    "rtsp",
    "image2",
    "image2pipe",
    "tty",
    "lavfi",
    "ffmetadata",
    "webm_dash_manifest",
];

/// Whether what this demuxer reads may be believed. `score` is ffmpeg's, if it is known, and
/// `is_recognised` whether the first bytes, and not only the name, say that it is of this kind.
pub(super) fn is_believed(
    demuxer: &str,
    score: Option<u32>,
    row: &FormatRow,
    is_recognised: bool,
) -> bool {
    if REFUSED.contains(&demuxer) || demuxer.ends_with("_pipe") {
        return false;
    }
    // These may begin anywhere, and then the name says where to look.
    let may_be_named = matches!(row.kind, Kind::AC3 | Kind::DTS | Kind::MPEG_SYSTEM);
    let is_expected = (is_recognised || may_be_named) && row.ffmpeg.contains(&demuxer);
    is_expected || score.is_some_and(|score| score >= CERTAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::probe::formats::row_of;

    #[test]
    fn a_recognised_format_needs_no_score_and_anything_else_a_certain_one() {
        assert!(is_believed("ac3", Some(1), row_of(Kind::AC3), true));
        assert!(is_believed("mpegts", None, row_of(Kind::MPEG_SYSTEM), true));
        assert!(!is_believed("g729", Some(50), row_of(Kind::MPEG_AUDIO), true));
        assert!(!is_believed("mp3", Some(50), row_of(Kind::MPEG_AUDIO), false));
        assert!(is_believed("ac3", Some(50), row_of(Kind::AC3), false));
        assert!(is_believed("nut", Some(100), row_of(Kind::OTHER), true));
        assert!(!is_believed("aptx", Some(50), row_of(Kind::OTHER), true));
        assert!(!is_believed("nut", None, row_of(Kind::OTHER), true));
    }

    #[test]
    fn playlists_and_pictures_are_never_believed() {
        for name in ["hls", "concat", "image2", "png_pipe", "tty"] {
            assert!(!is_believed(name, Some(100), row_of(Kind::OTHER), true), "{name}");
        }
    }
}
