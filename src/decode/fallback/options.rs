//! Options: what ffmpeg's decoders are told, so that what is measured is what was coded.
//!
//! A decoder is made for playback: by default some of them change the level, fold channels or choose
//! one of two. Every private option of the audio decoders of ffmpeg 5.1 was looked at
//! (`ffmpeg -h decoder=NAME`):
//!
//! | decoder | option | default | here |
//! |---|---|---|---|
//! | ac3, eac3 | `drc_scale` | 1: compresses as the stream suggests | 0: the range that was coded |
//! | ac3, eac3 | `target_level` | 0: dialogue level is not applied | default |
//! | ac3, eac3 | `heavy_compr` | off | default |
//! | ac3, eac3 | `cons_noisegen` | off: the noise of empty bands begins with a fixed seed | default: a file is decoded from its start, so the noise is the same at each run |
//! | ac3, eac3, dca, truehd, mlp | `downmix` | none | default: every channel |
//! | aac | `dual_mono_mode` | auto: one of two languages if the stream says so | both |
//! | aac, dca, `dolby_e` | `channel_order` | by position | default: weights go by position |
//! | dca | `core_only` | off | default: with extensions, lossless ones too |
//! | mp1, mp2 | the decoder itself | in integers, cut off at full scale | in floats: `mp1float`, `mp2float` |
//! | opus, libopus | `apply_phase_inv` | on | default: it is part of what was coded |
//! | libopus, `libfdk_aac` | gain and DRC of the library | – | ffmpeg prefers its own decoders |
//! | s302m | `non_pcm_mode` | data that is no PCM is decoded or dropped | default |
//! | evrc, `g723_1` | `postfilter` | on | default: part of the standard's decoder |
//! | g722 | `bits_per_codeword` | 8 | default |
//! | alac, flac | `extra_bits_bug`, `use_buggy_lpc` | off | default |
//! | ape | `max_samples` | 4608 | default: how much is decoded at a time |
//! | tta | `password` | none | default |
//!
//! HE-AAC is decoded with its upper half and its stereo (SBR, PS), DSD as float PCM at an eighth of
//! its rate without a gain of 6 dB. No option is needed for that.
//!
//! Of the options of every file, `err_detect crccheck` has a damaged frame noticed where frames carry
//! a checksum, `discardcorrupt` leaves out what a transport stream marks as damaged or cut, and one
//! thread has the same damage give the same bytes everywhere.

/// For every decoder.
pub(super) const ALWAYS: [&str; 6] =
    ["-err_detect", "crccheck", "-fflags", "+discardcorrupt", "-threads", "1"];

/// Whether a codec is decoded to floats, whatever ffprobe says that its default decoder makes.
pub(super) fn is_float(codec: &str) -> bool {
    matches!(codec, "mp1" | "mp2" | "mp3")
}

/// For the decoder of a codec, as pairs of option and value. A decoder of an older or a smaller
/// ffmpeg may not have them.
pub(super) fn of_codec(codec: &str) -> &'static [&'static str] {
    match codec {
        "ac3" | "eac3" => &["-drc_scale", "0"],
        "mp1" => &["-c:a", "mp1float"],
        "mp2" => &["-c:a", "mp2float"],
        "aac" | "aac_latm" => &["-dual_mono_mode", "both"],
        _ => &[],
    }
}
