//! Magic: what the first bytes say a file is.
//!
//! A `WavPack` or Monkey's Audio file contains the header of the WAV file that it was made from, and
//! decoding it as WAV gives noise. So only the first bytes count, after `ID3v2` tags, and formats that
//! are not decoded here are recognised as well.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::formats::formats;
use crate::decode::codec::flac::StreamInfo;
use crate::decode::container::format::{FormatRow, Kind};

/// Bytes that are looked at: two transport stream packets and then some.
const HEAD: usize = 4096;
/// More `ID3v2` tags than any tagging program stacked by mistake.
const MAX_ID3_TAGS: usize = 8;

/// What a file is, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Content {
    /// A container for audio.
    Audio(Kind),
    /// Something else that is known: its name, with an article.
    Other(&'static str),
    /// Printable text.
    Text,
    /// Nothing that is known.
    Unknown,
}

/// The beginning of a file.
#[derive(Debug)]
pub(in crate::decode) struct Head {
    /// Where the content begins, behind `ID3v2` tags.
    pub(in crate::decode) start: u64,
    /// The first bytes from `start` on.
    pub(in crate::decode) bytes: Vec<u8>,
    /// What they say.
    pub(in crate::decode) content: Content,
}

/// Reads the beginning of a file; leaves its position anywhere.
pub(in crate::decode) fn read_head(file: &mut File) -> io::Result<Head> {
    let mut start = 0;
    let mut bytes = read_at(file, start)?;
    for _ in 0..MAX_ID3_TAGS {
        let Some(length) = id3v2_length(&bytes) else { break };
        start += length;
        bytes = read_at(file, start)?;
    }
    let content = match recognise(&bytes) {
        // Only MPEG audio is customarily tagged so; padding or the rest of a picture may follow.
        Content::Unknown | Content::Text | Content::Other(_) if start > 0 => {
            Content::Audio(Kind::MPEG_AUDIO)
        }
        content => content,
    };
    Ok(Head { start, bytes, content })
}

fn read_at(file: &mut File, start: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Length of the `ID3v2` tag that `bytes` begin with, header and footer included.
fn id3v2_length(bytes: &[u8]) -> Option<u64> {
    let header = bytes.get(..10)?;
    let sizes = &header[6..10];
    if &header[..3] != b"ID3" || header[3] == 0xff || sizes.iter().any(|&byte| byte >= 0x80) {
        return None;
    }
    let size = sizes.iter().fold(0, |size, &byte| size << 7 | u64::from(byte));
    let footer = if header[5] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

/// First bytes of what holds no audio, and its name.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x00\x05\x16\x07", "an AppleDouble file, which holds what macOS keeps beside a file"),
    (b"\x00\x05\x16\x00", "an AppleSingle file, which wraps another one"),
    (b"MThd", "a MIDI file, which holds notes and no sound"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"AUDPOOLP", "stored partials of audiopool, for `audiopool merge`"),
];

/// Atoms with which an ISO or `QuickTime` file may begin.
const MP4_ATOMS: &[&[u8; 4]] =
    &[b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"];

/// What a file that begins with `bytes` is.
pub(in crate::decode) fn recognise(bytes: &[u8]) -> Content {
    if let Some(form) = form_of(bytes, *b"RIFF").or_else(|| form_of(bytes, *b"RIFX")) {
        return match form {
            b"WAVE" => Content::Audio(Kind::WAV),
            b"AVI " => Content::Audio(Kind::AVI),
            b"XWMA" => Content::Audio(Kind::XWMA),
            b"QLCM" => Content::Audio(Kind::QCP),
            b"CDXA" => Content::Audio(Kind::MPEG_SYSTEM),
            b"RMID" => Content::Other("a MIDI file, which holds notes and no sound"),
            b"sfbk" => Content::Other("a SoundFont, which holds instruments and no recording"),
            b"DLS " => Content::Other("a DLS file, which holds instruments and no recording"),
            b"WEBP" => Content::Other("a WebP image"),
            b"ACON" => Content::Other("an animated cursor"),
            b"PAL " => Content::Other("a palette of colours"),
            b"RDIB" => Content::Other("a bitmap image"),
            _ => Content::Audio(Kind::RIFF),
        };
    }
    if let Some(b"AIFF" | b"AIFC") = form_of(bytes, *b"FORM") {
        return Content::Audio(Kind::AIFF);
    }
    let is_marked = |row: &&FormatRow| row.markers.iter().any(|marker| bytes.starts_with(marker));
    if let Some(row) = formats().iter().find(is_marked) {
        return Content::Audio(row.kind);
    }
    if let Some((_, what)) = OTHERS.iter().find(|(marker, _)| bytes.starts_with(marker)) {
        return Content::Other(what);
    }
    if bytes.get(4..8).is_some_and(|atom| MP4_ATOMS.iter().any(|known| atom == *known)) {
        return Content::Audio(Kind::MP4);
    }
    if is_transport_stream(bytes) {
        return Content::Audio(Kind::MPEG_SYSTEM);
    }
    if matches!(bytes.get(4..8), Some([0xf8, 0x72, 0x6f, 0xba | 0xbb])) {
        return Content::Audio(Kind::TRUE_HD);
    }
    match *bytes {
        // The sync code of ADTS, too; the checksum tells.
        [0xff, 0xf8 | 0xf9, ..] if StreamInfo::block_of_frame(bytes).is_some() => {
            Content::Audio(Kind::FLAC)
        }
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Content::Audio(Kind::ADTS),
        [0xff, second, third, ..]
            if second & 0xe0 == 0xe0
                && second & 0x18 != 0x08
                && second & 0x06 != 0
                && third & 0xf0 != 0xf0
                && third & 0x0c != 0x0c =>
        {
            Content::Audio(Kind::MPEG_AUDIO)
        }
        [0x56, second @ 0xe0..=0xff, third, ..] if is_loas(bytes, second, third) => {
            Content::Audio(Kind::LOAS)
        }
        _ if is_text(bytes) => Content::Text,
        _ => Content::Unknown,
    }
}

/// Whether a frame of LOAS, whose length these bytes tell, is followed by another.
fn is_loas(bytes: &[u8], second: u8, third: u8) -> bool {
    let length = 3 + (usize::from(second & 0x1f) << 8 | usize::from(third));
    // Of a longer frame, the next is not among these bytes: the demuxer looks there.
    bytes.get(length..length + 2).is_none_or(|next| next[0] == 0x56 && next[1] >= 0xe0)
}

/// Whether these are packets of an MPEG transport stream, each with its sync byte: of 188 bytes, of
/// 192 with a time stamp before each (M2TS), or of 204 with a checksum behind each. The first may be
/// cut, since a recording begins anywhere.
fn is_transport_stream(bytes: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    const PACKETS: usize = 5;
    // Three whole packets from the first byte on are a file that was cut short.
    if bytes.len() > 376 && [0, 188, 376].iter().all(|&at| bytes[at] == SYNC) {
        return true;
    }
    [188, 192, 204].iter().any(|&packet| {
        let begins = |at: usize| {
            let syncs = bytes[at..].iter().step_by(packet);
            syncs.len() >= PACKETS && syncs.copied().all(|byte| byte == SYNC)
        };
        (0..packet.min(bytes.len())).any(begins)
    })
}

/// The form of an IFF-like file that begins with `marker`.
fn form_of(bytes: &[u8], marker: [u8; 4]) -> Option<&[u8; 4]> {
    if bytes.starts_with(&marker) { bytes.get(8..12)?.try_into().ok() } else { None }
}

/// Whether they are printable text. The last character may be cut.
pub(in crate::decode) fn is_text(bytes: &[u8]) -> bool {
    // A character may be cut in two at the end of what was read.
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty() && whole.chars().all(|c| !c.is_control() || "\t\n\r\x0c\x1b".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Content) {
        assert_eq!(recognise(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn the_beginning_decides_not_what_is_embedded() {
        check(b"wvpk\x10\x20\x30\x40 ... RIFF....WAVEfmt ", Content::Audio(Kind("wavpack")));
        check(b"MAC \x96\x0f\x00\x00 ... RIFF....WAVEfmt ", Content::Audio(Kind("ape")));
        check(b"RIFF\x24\x00\x00\x00WAVEfmt ", Content::Audio(Kind::WAV));
        check(b"RIFF\x24\x00\x00\x00AVI LIST", Content::Audio(Kind::AVI));
        check(b"RIFF\x24\x00\x00\x00QLCMfmt ", Content::Audio(Kind::QCP));
        check(b"RIFF\x24\x00\x00\x00ABCDfmt ", Content::Audio(Kind::RIFF));
        check(b"FORM\x00\x00\x00\x00AIFCFVER", Content::Audio(Kind::AIFF));
        check(b"\x00\x00\x00\x20ftypM4A ", Content::Audio(Kind::MP4));
    }

    #[test]
    fn sync_words_of_mpeg_audio_and_adts_differ_in_the_layer() {
        check(b"\xff\xfb\x90\x64", Content::Audio(Kind::MPEG_AUDIO));
        check(b"\xff\xf3\x40\xc4", Content::Audio(Kind::MPEG_AUDIO));
        check(b"\xff\xf1\x50\x80", Content::Audio(Kind::ADTS));
        check(b"\xff\xf9\x50\x80", Content::Audio(Kind::ADTS));
        // Reserved version, bad bit rate, bad sample rate; a JPEG image.
        check(b"\xff\xeb\x90\x64", Content::Unknown);
        check(b"\xff\xfb\xf0\x64", Content::Unknown);
        check(b"\xff\xfb\x9c\x64", Content::Unknown);
        check(b"\xff\xd8\xff\xe0", Content::Other("a JPEG image"));
    }

    #[test]
    fn transport_streams_are_recognised_by_their_packets() {
        for (packet, before) in [(188, 0), (188, 100), (192, 4), (204, 0)] {
            let mut bytes = vec![0xff; 4096];
            bytes[before..].iter_mut().step_by(packet).for_each(|byte| *byte = 0x47);
            check(&bytes, Content::Audio(Kind::MPEG_SYSTEM));
            bytes[before + 2 * packet] = 0;
            assert_ne!(recognise(&bytes), Content::Audio(Kind::MPEG_SYSTEM), "{packet}");
        }
    }

    #[test]
    fn text_is_called_text_even_if_a_character_is_cut() {
        check("Wörter\n".as_bytes(), Content::Text);
        check(&"Wö".as_bytes()[..2], Content::Text);
        check(b"\x00\x01\x02\x03", Content::Unknown);
        check(b"", Content::Unknown);
    }

    #[test]
    fn an_id3v2_tag_knows_its_length() {
        assert_eq!(id3v2_length(b"ID3\x04\x00\x00\x00\x00\x01\x02rest"), Some(10 + 130));
        assert_eq!(id3v2_length(b"ID3\x04\x00\x10\x00\x00\x00\x00rest"), Some(20));
        assert_eq!(id3v2_length(b"ID3\x04\x00\x00\x00\x00\x81\x02rest"), None);
        assert_eq!(id3v2_length(b"ID3"), None);
    }
}
