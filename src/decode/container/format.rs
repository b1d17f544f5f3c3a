//! Format: one row of the table of formats, as each container describes itself.

/// Who decodes a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoding {
    /// This program, always.
    BuiltIn,
    /// This program for the codecs that are listed, an installed `ffmpeg` for others.
    BuiltInOrFfmpeg,
    /// An installed `ffmpeg` program.
    Ffmpeg,
}

impl Decoding {
    /// For a table: `built in`, `built in, others via ffmpeg` or `via ffmpeg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::BuiltInOrFfmpeg => "built in, others via ffmpeg",
            Self::Ffmpeg => "via ffmpeg",
        }
    }
}

/// One row of the table of formats.
#[derive(Clone, Copy, Debug)]
pub struct FormatRow {
    /// The container, as a person calls it.
    pub name: &'static str,
    /// The codecs in it that are decoded.
    pub codecs: &'static str,
    /// File name extensions, lower case, without a dot.
    pub extensions: &'static [&'static str],
    /// Who decodes it.
    pub decoding: Decoding,
    pub(in crate::decode) kind: Kind,
    /// First bytes by which a file is recognised, where they alone decide.
    pub(in crate::decode) markers: &'static [&'static [u8]],
    /// Names of ffmpeg's demuxers that may read it.
    pub(in crate::decode) ffmpeg: &'static [&'static str],
}

impl FormatRow {
    pub(in crate::decode) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The container in a record.
    pub(in crate::decode) const fn container(&self) -> &'static str {
        self.kind.0
    }
}

/// A container, by its name in a record: `wav`, `flac`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Kind(pub(in crate::decode) &'static str);

/// Containers that are treated apart somewhere; any other is known by its row alone.
impl Kind {
    pub(in crate::decode) const WAV: Self = Self("wav");
    pub(in crate::decode) const AIFF: Self = Self("aiff");
    pub(in crate::decode) const NIST: Self = Self("nist");
    pub(in crate::decode) const FLAC: Self = Self("flac");
    pub(in crate::decode) const MPEG_AUDIO: Self = Self("mp3");
    pub(in crate::decode) const ADTS: Self = Self("adts");
    pub(in crate::decode) const LOAS: Self = Self("loas");
    pub(in crate::decode) const MP4: Self = Self("mp4");
    pub(in crate::decode) const MATROSKA: Self = Self("mkv");
    pub(in crate::decode) const ASF: Self = Self("asf");
    pub(in crate::decode) const AC3: Self = Self("ac3");
    pub(in crate::decode) const TRUE_HD: Self = Self("truehd");
    pub(in crate::decode) const DTS: Self = Self("dts");
    pub(in crate::decode) const DSD: Self = Self("dsd");
    pub(in crate::decode) const XWMA: Self = Self("xwma");
    pub(in crate::decode) const QCP: Self = Self("qcp");
    pub(in crate::decode) const RIFF: Self = Self("riff");
    pub(in crate::decode) const AVI: Self = Self("avi");
    pub(in crate::decode) const MPEG_SYSTEM: Self = Self("mpeg");
    /// What only ffmpeg recognises.
    pub(in crate::decode) const OTHER: Self = Self("other");
}
