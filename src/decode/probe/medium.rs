//! Medium: whether an existing file holds something that a report must not replace.
//!
//! A report replaces the file of its name. `audiopool analyze -o *.wav` names a recording of the user
//! by mistake, so every writer checks the file first.

use std::fs::File;
use std::io;
use std::path::Path;

use super::formats::{row_of, row_of_extension};
use super::magic::{self, Content};

/// What a regular file holds, for a person, if its first bytes are audio or another medium (an
/// image, an archive, a program), or if its name is that of audio and its content is not text.
pub fn medium_in(path: &Path) -> io::Result<Option<String>> {
    let head = magic::read_head(&mut File::open(path)?)?;
    let named = path.extension().and_then(|name| name.to_str()).and_then(row_of_extension);
    Ok(match (head.content, named) {
        // A report may begin with the letters of a marker: `DSD albums/01.flac`.
        (Content::Audio(_), _) if head.start == 0 && magic::is_text(&head.bytes) => None,
        (Content::Audio(kind), _) => Some(format!("audio ({})", row_of(kind).name)),
        (Content::Other(what), _) => {
            Some(what.split_once([';', ',']).map_or(what, |(what, _)| what).to_owned())
        }
        (Content::Unknown, Some(row)) if !head.bytes.is_empty() => {
            Some(format!("data and is named like audio ({})", row.name))
        }
        (Content::Text | Content::Unknown, _) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, content: &[u8], expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert_eq!(medium_in(&path).unwrap().as_deref(), expected, "{name}");
    }

    #[test]
    fn first_bytes_of_a_medium_are_told_and_reports_are_not() {
        check("r.json", b"RIFF\x24\0\0\0WAVEfmt ", Some("audio (WAV, RF64, BW64)"));
        check("r.json", b"ID3\x04\0\0\0\0\0\x02\0\0\xff\xfb\x90\x64", Some("audio (MPEG audio)"));
        check("r.json", b"\x89PNG\r\n", Some("a PNG image"));
        check("r.json", b"PK\x03\x04", Some("a ZIP archive"));
        check("r.json", b"AUDPOOLP\x02\0\0\0", Some("stored partials of audiopool"));
        check("r.json", b"{\"audiopool\":\"0.1.0\"}", None);
        check("r.dat", b"\x02\0\0\0\0\0\0\0\x80\x3e\0\0", None);
        check("r.json", b"", None);
    }

    #[test]
    fn a_report_whose_first_path_is_spelled_like_a_marker_is_text() {
        check("r.txt", "DSD albums/01.flac\n  flac · 44100 Hz\n".as_bytes(), None);
        check("r.csv", b"MAC tones/a.wav,ok\n", None);
    }

    #[test]
    fn unknown_bytes_count_where_the_name_is_that_of_audio() {
        let expected = Some("data and is named like audio (MPEG audio)");
        check("a.mp3", b"\0\0\0\0", expected);
        check("a.bin", b"\0\0\0\0", None);
        check("a.mp3", b"a report\n", None);
        check("a.mp3", b"", None);
    }
}
