//! Movie: what the `moov` box says of the tracks, without their tables.
//!
//! ```text
//! moov ─┬─ mvhd                 time scale of the movie: lengths of edits
//!       ├─ trak ─┬─ tkhd        number, whether it is enabled
//!       │        ├─ edts ─ elst edits
//!       │        └─ mdia ─┬─ mdhd          time scale of the media: starts of edits
//!       │                 ├─ hdlr          audio, video, …
//!       │                 └─ minf ─ stbl   tables of samples
//!       ├─ mvex ─ trex        what the samples of fragments have in common
//!       └─ udta ─ meta ─ ilst ─ ----     iTunSMPB
//! ```
//!
//! ISO 14496-12 §8.

use std::ops::Range;

use super::boxes::{Atom, Reader};

/// Tracks that are looked at.
const MAX_TRACKS: usize = 4096;

/// What the `moov` box says.
#[derive(Debug)]
pub(super) struct Movie {
    /// Ticks of a second in which edits are long.
    pub(super) scale: u32,
    pub(super) tracks: Vec<Track>,
    /// Whether every track could be read.
    pub(super) is_understood: bool,
    /// Whether it says that fragments follow.
    pub(super) has_fragments: bool,
    pub(super) gapless: Option<Gapless>,
    content: Range<u64>,
}

/// One track.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) is_enabled: bool,
    pub(super) is_audio: bool,
    /// Ticks of a second in which its samples are long.
    pub(super) scale: u32,
    /// The content of `elst`.
    pub(super) edits: Option<Range<u64>>,
    /// The content of `stbl`.
    pub(super) tables: Range<u64>,
}

/// What the samples of a track's fragments have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
}

/// Frames of the encoder, as iTunes notes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gapless {
    pub(super) delay: u64,
    pub(super) length: u64,
}

impl Movie {
    /// Reads the content of a `moov` box; `None` if it says nothing of any track.
    pub(super) fn read(reader: &mut Reader, content: Range<u64>) -> Option<Self> {
        let content = content.start..content.end.min(reader.length());
        let scale = reader.find(&content, *b"mvhd").and_then(|mvhd| scale_in(reader, &mvhd));
        let mut tracks = Vec::new();
        let mut rest = content.clone();
        let (mut has_fragments, mut is_understood) = (false, true);
        while let Some(Atom { name, content: inner, .. }) = reader.next_box(&mut rest) {
            let inner = inner.start..inner.end.min(content.end);
            match &name {
                b"trak" => {
                    let track = Track::read(reader, &inner).filter(|_| tracks.len() < MAX_TRACKS);
                    is_understood &= track.is_some();
                    tracks.extend(track);
                }
                b"mvex" => has_fragments = true,
                _ => {}
            }
        }
        let gapless = gapless_in(reader, &content);
        // Without a time scale of the movie, lengths of edits are in that of most programs.
        let scale = scale.unwrap_or(1000);
        (!tracks.is_empty()).then_some(Self {
            scale,
            tracks,
            is_understood,
            has_fragments,
            gapless,
            content,
        })
    }

    /// The audio track to measure and the number of audio tracks: the first that is enabled, else
    /// the first.
    pub(super) fn audio(&self) -> Option<(&Track, usize)> {
        let audio = || self.tracks.iter().filter(|track| track.is_audio);
        let track = audio().find(|track| track.is_enabled).or_else(|| audio().next())?;
        Some((track, audio().count()))
    }

    /// What the samples of the fragments of a track have in common.
    pub(super) fn defaults(&self, reader: &mut Reader, track: u32) -> Defaults {
        let Some(mut rest) = reader.find(&self.content, *b"mvex") else {
            return Defaults { description: 1, ..Defaults::default() };
        };
        while let Some(found) = reader.next_box(&mut rest) {
            let at = found.content.start + 4;
            if &found.name == b"trex" && reader.u32(at) == Some(track) {
                let mut field = |index: u64| reader.u32(at + 4 * index).unwrap_or(0);
                return Defaults { description: field(1), duration: field(2), size: field(3) };
            }
        }
        Defaults { description: 1, ..Defaults::default() }
    }
}

impl Track {
    fn read(reader: &mut Reader, content: &Range<u64>) -> Option<Self> {
        let tkhd = reader.find(content, *b"tkhd")?;
        let [version, _, _, flags] = reader.array(tkhd.start)?;
        let id = reader.u32(tkhd.start + if version == 1 { 20 } else { 12 })?;
        let media = reader.find(content, *b"mdia")?;
        let scale = reader.find(&media, *b"mdhd").and_then(|mdhd| scale_in(reader, &mdhd));
        let handler = reader.find(&media, *b"hdlr")?;
        let is_audio = reader.array(handler.start + 8) == Some(*b"soun");
        let info = reader.find(&media, *b"minf")?;
        let tables = reader.find(&info, *b"stbl")?;
        let edits = reader.find(content, *b"edts").and_then(|edits| reader.find(&edits, *b"elst"));
        let scale = scale.unwrap_or(0);
        Some(Self { id, is_enabled: flags & 1 != 0, is_audio, scale, edits, tables })
    }
}

/// The time scale in an `mvhd` or `mdhd` box: behind two times, which version 1 writes in 64 bits.
fn scale_in(reader: &mut Reader, content: &Range<u64>) -> Option<u32> {
    let [version] = reader.array(content.start)?;
    let at = content.start + if version == 1 { 20 } else { 12 };
    reader.u32(at).filter(|&scale| scale > 0)
}

/// What iTunes notes of the frames of its encoder, in a tag of text.
fn gapless_in(reader: &mut Reader, movie: &Range<u64>) -> Option<Gapless> {
    let user = reader.find(movie, *b"udta")?;
    let mut meta = reader.find(&user, *b"meta")?;
    // In QuickTime, no version stands before the first box.
    if reader.array(meta.start + 4) != Some(*b"hdlr") {
        meta.start += 4;
    }
    let list = reader.find(&meta, *b"ilst")?;
    let mut rest = list.clone();
    while let Some(Atom { name, content, .. }) = reader.next_box(&mut rest) {
        let content = content.start..content.end.min(list.end);
        if &name == b"----"
            && let Some(name) = reader.find(&content, *b"name")
            && reader.array(name.start + 4) == Some(*b"iTunSMPB")
            && let Some(data) = reader.find(&content, *b"data")
        {
            let text = data.start + 8..data.end;
            let length = usize::try_from(text.end.saturating_sub(text.start)).ok()?.min(256);
            return Gapless::read(reader.bytes(text.start, length));
        }
    }
    None
}

impl Gapless {
    /// Reads the text of the tag: hexadecimal numbers of which the second to the fourth are the
    /// delay, the padding and the length.
    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut numbers =
            text.split_ascii_whitespace().map(|number| u64::from_str_radix(number, 16).ok());
        let (delay, length) = (numbers.nth(1)??, numbers.nth(1)??);
        (length > 0).then_some(Self { delay, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn itunes_notes_delay_and_length_in_hexadecimal() {
        let text = b" 00000000 00000840 000001CA 00000000003F31F6 00000000 00000000";
        assert_eq!(Gapless::read(text), Some(Gapless { delay: 2112, length: 4_141_558 }));
        for text in [&b" 00000000 00000840 000001CA"[..], b" 0 x 0 1", b" 0 1 2 0", b"\xff"] {
            assert_eq!(Gapless::read(text), None);
        }
    }
}
