//! Formats: the one table of what can be decoded, and how.
//!
//! `audiopool formats` prints it, directories are filtered by it, a wrong extension is noticed by
//! it, and a message names a format as it does.

use super::magic::Kind;

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
    /// What its first bytes are recognised as.
    kind: Kind,
    /// The container in a record.
    container: &'static str,
}

macro_rules! formats {
    ($($kind:ident $container:literal $name:literal, $decoding:ident, $codecs:literal, [$($extension:literal),*];)*) => {
        &[$(FormatRow {
            name: $name,
            codecs: $codecs,
            extensions: &[$($extension),*],
            decoding: Decoding::$decoding,
            kind: Kind::$kind,
            container: $container,
        }),*]
    };
}

const ROWS: &[FormatRow] = formats![
    Wav "wav" "WAV, RF64, BW64", BuiltInOrFfmpeg,
        "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law, ADPCM (Microsoft, IMA), MP3",
        ["wav", "wave", "bwf", "rf64", "bw64"];
    Wave64 "w64" "Sony Wave64", BuiltInOrFfmpeg, "as WAV", ["w64"];
    Aiff "aiff" "AIFF, AIFF-C", BuiltInOrFfmpeg,
        "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law, ADPCM (IMA)", ["aiff", "aif", "aifc", "aiffc", "afc"];
    Au "au" "Sun/NeXT audio", BuiltInOrFfmpeg,
        "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law", ["au", "snd"];
    Nist "nist" "NIST SPHERE", BuiltInOrFfmpeg, "PCM 8 to 32 bit, A-law, mu-law", ["sph", "nist"];
    Flac "flac" "FLAC", BuiltIn, "FLAC", ["flac", "fla"];
    Ogg "ogg" "Ogg", BuiltInOrFfmpeg, "Vorbis, Opus, FLAC", ["ogg", "oga", "ogv", "ogx", "opus", "spx", "oggflac"];
    MpegAudio "mp3" "MPEG audio", BuiltIn, "MP1, MP2, MP3", ["mp3", "mp2", "mp1", "mpga"];
    Adts "adts" "AAC (ADTS)", BuiltInOrFfmpeg, "AAC, HE-AAC", ["aac", "adts"];
    Loas "loas" "AAC (LOAS, LATM)", BuiltInOrFfmpeg, "AAC, HE-AAC", ["loas", "latm"];
    Mp4 "mp4" "MP4, QuickTime", BuiltInOrFfmpeg,
        "AAC, HE-AAC, ALAC, FLAC, Opus, MP1, MP2, MP3, PCM, A-law, mu-law",
        ["m4a", "m4b", "m4p", "m4r", "mp4", "mp4a", "m4v", "mov", "qt", "3gp", "3g2", "f4a", "f4v"];
    Matroska "mkv" "Matroska, WebM", BuiltInOrFfmpeg,
        "Vorbis, Opus, FLAC, AAC, HE-AAC, ALAC, MP3, PCM", ["mka", "mkv", "mk3d", "webm", "weba"];
    Caf "caf" "Core Audio", BuiltInOrFfmpeg,
        "PCM, A-law, mu-law, ADPCM (IMA), ALAC, AAC, HE-AAC, MP3", ["caf"];
    WavPack "wavpack" "WavPack", Ffmpeg, "WavPack", ["wv"];
    MonkeysAudio "ape" "Monkey's Audio", Ffmpeg, "Monkey's Audio", ["ape"];
    TrueAudio "tta" "True Audio", Ffmpeg, "TTA", ["tta"];
    Musepack "musepack" "Musepack", Ffmpeg, "Musepack", ["mpc", "mp+"];
    Asf "asf" "Windows Media (ASF)", Ffmpeg, "WMA", ["wma", "asf", "wmv"];
    Ac3 "ac3" "AC-3, E-AC-3", Ffmpeg, "AC-3, E-AC-3", ["ac3", "eac3", "ec3"];
    TrueHd "truehd" "TrueHD, MLP", Ffmpeg, "TrueHD, MLP", ["thd", "truehd", "mlp"];
    Dts "dts" "DTS", Ffmpeg, "DTS", ["dts", "dtshd"];
    Dsd "dsd" "DSD (DSF, DFF)", Ffmpeg, "DSD, as float PCM at an eighth of its rate", ["dsf", "dff"];
    Amr "amr" "AMR", Ffmpeg, "AMR-NB, AMR-WB", ["amr", "awb"];
    Tak "tak" "TAK", Ffmpeg, "TAK", ["tak"];
    Xwma "xwma" "xWMA", Ffmpeg, "WMA", ["xwma"];
    Qcp "qcp" "QCP", Ffmpeg, "QCELP", ["qcp"];
    Shorten "shn" "Shorten", Ffmpeg, "Shorten", ["shn"];
    RealMedia "rm" "RealAudio", Ffmpeg, "RealAudio", ["ra", "rm", "rmvb"];
    Voc "voc" "Creative Voice", Ffmpeg, "PCM, ADPCM", ["voc"];
    Riff "riff" "RIFF", Ffmpeg, "the audio stream", [];
    Avi "avi" "AVI", Ffmpeg, "the audio stream", ["avi"];
    Flv "flv" "Flash Video", Ffmpeg, "the audio stream", ["flv"];
    MpegSystem "mpeg" "MPEG program or transport stream", Ffmpeg, "the audio stream",
        ["ts", "m2ts", "m2t", "mts", "tp", "trp", "mpg", "mpeg", "m2p", "vob"];
    Mxf "mxf" "MXF", Ffmpeg, "the audio stream", ["mxf"];
    OptimFrog "ofr" "OptimFROG", Ffmpeg, "none so far", ["ofr"];
    Other "other" "others", Ffmpeg, "whatever ffmpeg recognises by the content",
        ["nut", "oma", "aa3", "wtv", "8svx", "iff", "mmf", "ircam", "sf", "sox", "vqf"];
];

/// The table of formats, those decoded by this program first.
pub fn formats() -> &'static [FormatRow] {
    ROWS
}

const EXTENSION_COUNT: usize = {
    let (mut row, mut count) = (0, 0);
    while row < ROWS.len() {
        count += ROWS[row].extensions.len();
        row += 1;
    }
    count
};

/// File name extensions of audio, lower case, without a dot: what is picked up from a directory.
pub const EXTENSIONS: &[&str] = &{
    let mut all = [""; EXTENSION_COUNT];
    let (mut row, mut count) = (0, 0);
    while row < ROWS.len() {
        let mut column = 0;
        while column < ROWS[row].extensions.len() {
            all[count] = ROWS[row].extensions[column];
            count += 1;
            column += 1;
        }
        row += 1;
    }
    all
};

/// The row of a container that was recognised.
pub(in crate::decode) fn row_of(kind: Kind) -> &'static FormatRow {
    // Every kind has a row: a test goes through them.
    ROWS.iter().find(|row| row.kind == kind).unwrap_or(&ROWS[0])
}

/// The row to which a file name extension belongs, in any case.
pub(in crate::decode) fn row_of_extension(extension: &str) -> Option<&'static FormatRow> {
    ROWS.iter().find(|row| row.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

impl FormatRow {
    pub(in crate::decode) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(in crate::decode) const fn container(&self) -> &'static str {
        self.container
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn extensions_are_lower_case_and_belong_to_one_row() {
        let mut seen = HashSet::new();
        for extension in EXTENSIONS {
            assert_eq!(*extension, extension.to_ascii_lowercase());
            assert!(seen.insert(extension), "{extension} is listed twice");
            let row = row_of_extension(&extension.to_ascii_uppercase()).expect("its own row");
            assert!(row.extensions.contains(extension));
        }
        assert_eq!(seen.len(), ROWS.iter().map(|row| row.extensions.len()).sum::<usize>());
    }

    #[test]
    fn every_kind_has_its_own_row() {
        let mut kinds = Vec::new();
        for row in ROWS {
            assert!(!kinds.contains(&row.kind), "{:?} has two rows", row.kind);
            assert_eq!(row_of(row.kind).name, row.name);
            kinds.push(row.kind);
        }
        assert_eq!(kinds.len(), Kind::Other as usize + 1, "a kind without a row");
    }
}
