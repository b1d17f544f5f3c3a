//! Formats: what can be decoded, and which file names are looked for in directories.

use std::path::Path;

/// A container that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Name of the container.
    pub name: &'static str,
    /// Extensions of its files, in lower case.
    pub extensions: &'static [&'static str],
    /// The codecs that are decoded in it.
    pub codecs: &'static str,
}

/// Every container that can be decoded.
pub const FORMATS: &[Format] = &[
    Format {
        name: "WAV, RF64",
        extensions: &["wav", "wave", "bwf", "rf64"],
        codecs: "PCM, ADPCM, A-law, µ-law",
    },
    Format { name: "AIFF, AIFF-C", extensions: &["aif", "aiff", "aifc"], codecs: "PCM" },
    Format { name: "CAF", extensions: &["caf"], codecs: "PCM, ALAC" },
    Format { name: "FLAC", extensions: &["flac"], codecs: "FLAC" },
    Format {
        name: "MPEG audio",
        extensions: &["mp1", "mp2", "mp3", "mpa"],
        codecs: "MP1, MP2, MP3",
    },
    Format { name: "ADTS", extensions: &["aac", "adts"], codecs: "AAC-LC" },
    Format {
        name: "MP4, QuickTime",
        extensions: &["m4a", "m4b", "m4r", "mp4", "mov"],
        codecs: "AAC-LC, ALAC, MP3, FLAC, Opus",
    },
    Format { name: "Ogg", extensions: &["ogg", "oga", "opus"], codecs: "Vorbis, Opus, FLAC" },
    Format {
        name: "Matroska, WebM",
        extensions: &["mkv", "mka", "webm"],
        codecs: "Vorbis, Opus, FLAC, AAC-LC, MP3, PCM",
    },
];

/// Whether a file of this name is looked at when its directory was given; case does not matter.
pub fn is_audio_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        let known = FORMATS.iter().flat_map(|format| format.extensions);
        known.into_iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_known_in_any_case_and_never_by_the_bare_name() {
        for name in ["a.wav", "a/b.FLAC", "x.y.Mp3", ".hidden.opus"] {
            assert!(is_audio_name(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "wav", ".wav", "a.wav.part", "flac/readme"] {
            assert!(!is_audio_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn no_extension_is_listed_twice() {
        let mut all: Vec<_> = FORMATS.iter().flat_map(|format| format.extensions).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
