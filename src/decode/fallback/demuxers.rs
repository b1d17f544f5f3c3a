//! Demuxers: which of ffmpeg's demuxers may read what the first bytes say.
//!
//! A demuxer that reads a recognised format is believed however sure ffmpeg is of it: a short AC-3
//! file has too few frames for a high score. Any other must be certain by the content alone, since
//! ffmpeg takes a file of any content for G.729 if its name ends in `.bit`.

use crate::decode::probe::magic::Kind;

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

/// Names of the demuxers for a kind; none for what ffmpeg cannot read or what has no kind.
pub(super) const fn demuxers(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Wav => &["wav"],
        Kind::Aiff => &["aiff"],
        Kind::Flac => &["flac"],
        Kind::Ogg => &["ogg"],
        Kind::Mp4 => &["mov"],
        Kind::Matroska => &["matroska"],
        Kind::Caf => &["caf"],
        Kind::MpegAudio => &["mp3"],
        Kind::Adts => &["aac"],
        Kind::Loas => &["loas"],
        Kind::WavPack => &["wv"],
        Kind::MonkeysAudio => &["ape"],
        Kind::TrueAudio => &["tta"],
        Kind::Musepack => &["mpc", "mpc8"],
        Kind::Asf => &["asf"],
        Kind::Ac3 => &["ac3", "eac3"],
        Kind::TrueHd => &["truehd", "mlp"],
        Kind::Dts => &["dts", "dtshd"],
        Kind::Dsd => &["dsf", "iff"],
        Kind::Au => &["au"],
        Kind::Amr => &["amr"],
        Kind::Tak => &["tak"],
        Kind::Wave64 => &["w64"],
        Kind::Shorten => &["shn"],
        Kind::RealMedia => &["rm"],
        Kind::Voc => &["voc"],
        Kind::Avi => &["avi"],
        Kind::Flv => &["flv"],
        Kind::MpegSystem => &["mpegts", "mpeg"],
        Kind::Mxf => &["mxf"],
        Kind::Xwma => &["xwma"],
        Kind::Qcp => &["qcp"],
        Kind::Nist => &["nistsphere"],
        Kind::Riff | Kind::OptimFrog | Kind::Other => &[],
    }
}

/// Whether what this demuxer reads may be believed. `score` is ffmpeg's, if it is known, and
/// `is_recognised` whether the first bytes, and not only the name, say that it is of this kind.
pub(super) fn is_believed(
    demuxer: &str,
    score: Option<u32>,
    kind: Kind,
    is_recognised: bool,
) -> bool {
    if REFUSED.contains(&demuxer) || demuxer.ends_with("_pipe") {
        return false;
    }
    // These may begin anywhere, and then the name says where to look.
    let may_be_named = matches!(kind, Kind::Ac3 | Kind::Dts | Kind::MpegSystem);
    let is_expected = (is_recognised || may_be_named) && demuxers(kind).contains(&demuxer);
    is_expected || score.is_some_and(|score| score >= CERTAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recognised_format_needs_no_score_and_anything_else_a_certain_one() {
        assert!(is_believed("ac3", Some(1), Kind::Ac3, true));
        assert!(is_believed("mpegts", None, Kind::MpegSystem, true));
        assert!(!is_believed("g729", Some(50), Kind::MpegAudio, true));
        assert!(!is_believed("mp3", Some(50), Kind::MpegAudio, false));
        assert!(is_believed("ac3", Some(50), Kind::Ac3, false));
        assert!(is_believed("nut", Some(100), Kind::Other, true));
        assert!(!is_believed("aptx", Some(50), Kind::Other, true));
        assert!(!is_believed("nut", None, Kind::Other, true));
    }

    #[test]
    fn playlists_and_pictures_are_never_believed() {
        for name in ["hls", "concat", "image2", "png_pipe", "tty"] {
            assert!(!is_believed(name, Some(100), Kind::Other, true), "{name}");
        }
    }
}
