//! Which file names are looked for in directories.

use std::path::Path;

use crate::decode::EXTENSIONS;

/// Whether a file of this name is looked at when its directory was given; case does not matter.
pub fn is_audio_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension))
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
}
