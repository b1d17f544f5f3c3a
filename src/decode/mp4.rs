//! MP4: the edit list, which Symphonia reads and throws away.
//!
//! An AAC encoder puts some 1024 or 2112 frames of delay before the audio; the edit list of the
//! track says where the recording begins and how long it is. This reads the few boxes that say so,
//! by seeking from box to box, and nothing else:
//!
//! ```text
//! moov ─┬─ mvhd                 time scale of the movie: lengths of edits
//!       └─ trak ─┬─ tkhd        which track this is
//!                ├─ edts ─ elst edits
//!                └─ mdia ─ mdhd time scale of the media: starts of edits
//! ```
//!
//! ISO 14496-12 §8.6.6.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Boxes that are looked at within one box.
const MAX_BOXES: usize = 65_536;

/// The stretch of a track that its edit list shows, in ticks of the media's time scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) media: Range<u64>,
    pub(super) time_scale: u32,
}

impl Edit {
    /// The stretch in frames at `sample_rate`.
    pub(super) fn frames(&self, sample_rate: u32) -> Range<u64> {
        let frames = |ticks: u64| {
            let frames = u128::from(ticks) * u128::from(sample_rate) / u128::from(self.time_scale);
            u64::try_from(frames).unwrap_or(u64::MAX)
        };
        let end = if self.media.end == u64::MAX { u64::MAX } else { frames(self.media.end) };
        frames(self.media.start)..end
    }
}

/// Reads what is shown of the track `track_id`; `None` if there is no edit list that cuts, or
/// nothing that can be read. `start` is the byte at which the MP4 begins.
pub(super) fn edit_of_track(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    track_id: u32,
) -> Option<Edit> {
    let moov = find(file, start..file_length, *b"moov")?;
    let mvhd = find(file, moov.clone(), *b"mvhd")?;
    let movie_scale = time_scale(file, mvhd)?;
    let mut rest = moov;
    for _ in 0..MAX_BOXES {
        let trak = find(file, rest.clone(), *b"trak")?;
        rest.start = trak.end;
        let tkhd = find(file, trak.clone(), *b"tkhd")?;
        if track_id_in(file, tkhd) != Some(track_id) {
            continue;
        }
        let mdia = find(file, trak.clone(), *b"mdia")?;
        let mdhd = find(file, mdia, *b"mdhd")?;
        let media_scale = time_scale(file, mdhd)?;
        let edts = find(file, trak, *b"edts")?;
        let elst = find(file, edts, *b"elst")?;
        return read_edits(file, elst, movie_scale, media_scale);
    }
    None
}

/// Where the last box ends: what is behind that is no box. If it is one of audio that is cut short,
/// that is where it says that it ends, and else nowhere behind the end of the file.
pub(super) fn end_of_boxes(file: &mut (impl Read + Seek), start: u64, file_length: u64) -> u64 {
    let mut at = start;
    for _ in 0..MAX_BOXES {
        let Some((kind, content)) = box_at(file, at..file_length) else { break };
        // A tag may lie behind the boxes, whose first bytes would be a size.
        if !kind.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | 0xa9)) {
            break;
        }
        if content.end > file_length {
            return if matches!(&kind, b"mdat" | b"moof") { content.end } else { file_length };
        }
        at = content.end;
    }
    at
}

/// The first box named `name` within `range`: the range of its content.
fn find(file: &mut (impl Read + Seek), range: Range<u64>, name: [u8; 4]) -> Option<Range<u64>> {
    let mut at = range.start;
    for _ in 0..MAX_BOXES {
        let (kind, content) = box_at(file, at..range.end)?;
        if kind == name {
            return Some(content.start..content.end.min(range.end));
        }
        at = content.end;
    }
    None
}

/// The name of the box that `range` begins with, and where its content is, as far as it says.
fn box_at(file: &mut (impl Read + Seek), range: Range<u64>) -> Option<([u8; 4], Range<u64>)> {
    let at = range.start;
    if at.checked_add(8)? > range.end {
        return None;
    }
    let [s0, s1, s2, s3, kind @ ..] = read::<8>(file, at)?;
    let (header, size) = match u64::from(u32::from_be_bytes([s0, s1, s2, s3])) {
        0 => (8, range.end - at),
        1 => (16, u64::from_be_bytes(read(file, at + 8)?)),
        size => (8, size),
    };
    if size < header {
        return None;
    }
    Some((kind, at + header..at.checked_add(size)?))
}

fn read<const LENGTH: usize>(file: &mut (impl Read + Seek), at: u64) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// The time scale in an `mvhd` or `mdhd` box: behind two times, which version 1 writes in 64 bits.
fn time_scale(file: &mut (impl Read + Seek), content: Range<u64>) -> Option<u32> {
    let [version, ..] = read::<4>(file, content.start)?;
    let at = content.start + if version == 1 { 20 } else { 12 };
    Some(u32::from_be_bytes(read(file, at)?)).filter(|&scale| scale > 0)
}

fn track_id_in(file: &mut (impl Read + Seek), tkhd: Range<u64>) -> Option<u32> {
    let [version, ..] = read::<4>(file, tkhd.start)?;
    let at = tkhd.start + if version == 1 { 20 } else { 12 };
    read(file, at).map(u32::from_be_bytes)
}

/// The one stretch that an edit list shows. Empty edits, which delay the start, add no audio.
/// Several stretches are rare (an editor that cuts without writing a new file); then only the
/// start of the first counts, and all that follows is kept.
fn read_edits(
    file: &mut (impl Read + Seek),
    elst: Range<u64>,
    movie_scale: u32,
    media_scale: u32,
) -> Option<Edit> {
    let [version, ..] = read::<4>(file, elst.start)?;
    let count = u32::from_be_bytes(read(file, elst.start + 4)?);
    let mut at = elst.start + 8;
    let mut shown: Option<Range<u64>> = None;
    for _ in 0..count.min(4096) {
        let (duration, media_time) = if version == 1 {
            let duration = u64::from_be_bytes(read(file, at)?);
            let media_time = i64::from_be_bytes(read(file, at + 8)?);
            at += 20;
            (duration, media_time)
        } else {
            let duration = u64::from(u32::from_be_bytes(read(file, at)?));
            let media_time = i64::from(i32::from_be_bytes(read(file, at + 4)?));
            at += 12;
            (duration, media_time)
        };
        let Ok(start) = u64::try_from(media_time) else { continue };
        if let Some(first) = shown {
            shown = Some(first.start..u64::MAX);
            break;
        }
        let ticks = u128::from(duration) * u128::from(media_scale);
        // Movie ticks are coarse, often milliseconds: to the nearest tick of the media.
        let length = (ticks + u128::from(movie_scale) / 2) / u128::from(movie_scale);
        let end = match u64::try_from(length) {
            Ok(length) if length > 0 => start.saturating_add(length),
            _ => u64::MAX,
        };
        shown = Some(start..end);
    }
    shown.map(|media| Edit { media, time_scale: media_scale })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + content.len()).expect("a small box");
        [&size.to_be_bytes(), &name, content].concat()
    }

    fn header(scale: u32) -> Vec<u8> {
        [&[0; 12], scale.to_be_bytes().as_slice(), &[0; 8]].concat()
    }

    fn track(id: u32, edits: &[(u32, i32)]) -> Vec<u8> {
        let mut elst = vec![0; 4];
        elst.extend(u32::try_from(edits.len()).expect("a few").to_be_bytes());
        for (duration, time) in edits {
            elst.extend(duration.to_be_bytes());
            elst.extend(time.to_be_bytes());
            elst.extend(0x1_0000_u32.to_be_bytes());
        }
        let tkhd = [&[0; 12], id.to_be_bytes().as_slice(), &[0; 68]].concat();
        let content = [
            boxed(*b"tkhd", &tkhd),
            boxed(*b"edts", &boxed(*b"elst", &elst)),
            boxed(*b"mdia", &boxed(*b"mdhd", &header(44_100))),
        ];
        boxed(*b"trak", &content.concat())
    }

    fn movie(tracks: &[Vec<u8>]) -> Vec<u8> {
        let moov = [boxed(*b"mvhd", &header(1000)), tracks.concat()].concat();
        [boxed(*b"ftyp", b"M4A "), boxed(*b"mdat", &[0; 100]), boxed(*b"moov", &moov)].concat()
    }

    fn frames(file: &[u8], track: u32) -> Option<Range<u64>> {
        edit_of_track(&mut Cursor::new(file), 0, file.len() as u64, track)
            .map(|edit| edit.frames(44_100))
    }

    #[test]
    fn the_edit_of_the_right_track() {
        let file = movie(&[track(1, &[(500, 0)]), track(2, &[(1000, 1024)])]);
        assert_eq!(frames(&file, 2), Some(1024..1024 + 44_100));
        assert_eq!(frames(&file, 1), Some(0..22_050));
        assert_eq!(frames(&file, 3), None);
    }

    #[test]
    fn an_empty_edit_adds_nothing_and_several_keep_the_rest() {
        assert_eq!(frames(&movie(&[track(1, &[(70, -1), (1000, 2112)])]), 1), Some(2112..46_212));
        assert_eq!(frames(&movie(&[track(1, &[(70, 5), (1000, 9)])]), 1), Some(5..u64::MAX));
        assert_eq!(frames(&movie(&[track(1, &[(0, 1024)])]), 1), Some(1024..u64::MAX));
        assert_eq!(frames(&movie(&[track(1, &[])]), 1), None);
    }

    #[test]
    fn a_cut_or_hostile_file_yields_none() {
        let file = movie(&[track(1, &[(1000, 1024)])]);
        for length in 0..file.len() - 60 {
            assert_eq!(frames(&file[..length], 1), None, "{length} bytes");
        }
        let mut endless = boxed(*b"free", &[]);
        endless[3] = 0;
        assert_eq!(frames(&endless, 1), None);
        assert_eq!(frames(&[0, 0, 0, 4, b'f', b'r', b'e', b'e'], 1), None);
    }
}
