//! Foreign: the formats that only an installed ffmpeg decodes.

use crate::decode::container::format::{Decoding, FormatRow, Kind};

/// Their rows: name in a record, name, codecs, extensions, markers, demuxers of ffmpeg.
pub(super) const FOREIGN: &[FormatRow] = &[
    row(Kind("wavpack"), "WavPack", "WavPack", &["wv"], &[b"wvpk"], &["wv"]),
    row(Kind("ape"), "Monkey's Audio", "Monkey's Audio", &["ape"], &[b"MAC ", b"MACF"], &["ape"]),
    row(Kind("tta"), "True Audio", "TTA", &["tta"], &[b"TTA1", b"TTA2"], &["tta"]),
    row(
        Kind("musepack"),
        "Musepack",
        "Musepack",
        &["mpc", "mp+"],
        &[b"MPCK", b"MP+"],
        &["mpc", "mpc8"],
    ),
    row(
        Kind::ASF,
        "Windows Media (ASF)",
        "WMA",
        &["wma", "asf", "wmv"],
        &[b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"],
        &["asf"],
    ),
    row(
        Kind::AC3,
        "AC-3, E-AC-3",
        "AC-3, E-AC-3",
        &["ac3", "eac3", "ec3"],
        &[b"\x0b\x77"],
        &["ac3", "eac3"],
    ),
    row(
        Kind::TRUE_HD,
        "TrueHD, MLP",
        "TrueHD, MLP",
        &["thd", "truehd", "mlp"],
        &[],
        &["truehd", "mlp"],
    ),
    row(
        Kind::DTS,
        "DTS",
        "DTS",
        &["dts", "dtshd"],
        &[b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8"],
        &["dts", "dtshd"],
    ),
    row(
        Kind::DSD,
        "DSD (DSF, DFF)",
        "DSD, as float PCM at an eighth of its rate",
        &["dsf", "dff"],
        &[b"DSD ", b"FRM8"],
        &["dsf", "iff"],
    ),
    row(Kind("amr"), "AMR", "AMR-NB, AMR-WB", &["amr", "awb"], &[b"#!AMR"], &["amr"]),
    row(Kind("tak"), "TAK", "TAK", &["tak"], &[b"tBaK"], &["tak"]),
    row(Kind::XWMA, "xWMA", "WMA", &["xwma"], &[], &["xwma"]),
    row(Kind::QCP, "QCP", "QCELP", &["qcp"], &[], &["qcp"]),
    row(Kind("shn"), "Shorten", "Shorten", &["shn"], &[b"ajkg"], &["shn"]),
    row(
        Kind("rm"),
        "RealAudio",
        "RealAudio",
        &["ra", "rm", "rmvb"],
        &[b".RMF", b".ra\xfd"],
        &["rm"],
    ),
    row(Kind("voc"), "Creative Voice", "PCM, ADPCM", &["voc"], &[b"Creative Voice File"], &["voc"]),
    row(Kind::RIFF, "RIFF", "the audio stream", &[], &[], &[]),
    row(Kind::AVI, "AVI", "the audio stream", &["avi"], &[], &["avi"]),
    row(Kind("flv"), "Flash Video", "the audio stream", &["flv"], &[b"FLV\x01"], &["flv"]),
    row(
        Kind::MPEG_SYSTEM,
        "MPEG program or transport stream",
        "the audio stream",
        &["ts", "m2ts", "m2t", "mts", "tp", "trp", "mpg", "mpeg", "m2p", "vob"],
        &[b"\x00\x00\x01\xba"],
        &["mpegts", "mpeg"],
    ),
    row(
        Kind("mxf"),
        "MXF",
        "the audio stream",
        &["mxf"],
        &[b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02"],
        &["mxf"],
    ),
    row(Kind("ofr"), "OptimFROG", "none so far", &["ofr"], &[b"OFR "], &[]),
    row(
        Kind::OTHER,
        "others",
        "whatever ffmpeg recognises by the content",
        &["nut", "oma", "aa3", "wtv", "8svx", "iff", "mmf", "ircam", "sf", "sox", "vqf"],
        &[],
        &[],
    ),
];

const fn row(
    kind: Kind,
    name: &'static str,
    codecs: &'static str,
    extensions: &'static [&'static str],
    markers: &'static [&'static [u8]],
    ffmpeg: &'static [&'static str],
) -> FormatRow {
    FormatRow { name, codecs, extensions, decoding: Decoding::Ffmpeg, kind, markers, ffmpeg }
}
