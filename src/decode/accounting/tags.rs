//! Tags: what is customary around the audio of a file and is no damage, and what is left beside it.
//!
//! ```text
//!  ID3v2 │ APE │ zeros │ ???????????? │ Lyrics3 │ APE │ ID3v1
//!  └──── from the front ─┘  foreign     └─ from the back ──┘
//! ```
//!
//! Sources: id3.org (`ID3v1`; `ID3v2.4` §3.1), the specification of `APEv2`, Lyrics3 2.00.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes read at a time, in search of the end of zeros.
const READ: usize = 64 * 1024;
/// Tags at either side; more are no tags any more.
const MOST: usize = 64;

/// What of `range` is neither a tag nor padding; empty if nothing is, or if it cannot be read.
pub(in crate::decode) fn foreign(file: &mut (impl Read + Seek), range: Range<u64>) -> Range<u64> {
    // A file that grows meanwhile has been read beyond the end that it had.
    let (mut start, mut end) = (range.start, range.end.max(range.start));
    // Of zeros right before `start`: what is foreign behind them makes them so.
    let mut padding = 0;
    for _ in 0..MOST {
        let is_zero = bytes_at::<1>(file, start, end) == [0];
        let front = at_front(file, start..end).min(end.saturating_sub(start));
        start += front;
        if front > 0 {
            padding = if is_zero { front } else { 0 };
        }
        let back = at_back(file, start..end).min(end.saturating_sub(start));
        end -= back;
        if start >= end || (front == 0 && back == 0) {
            break;
        }
    }
    if start < end { start - padding..end } else { end..end }
}

/// What of `range`, between two frames, is no tag. Zeros alone are where audio was, and padding only
/// beside a tag or at either end of a file.
pub(in crate::decode) fn lost(file: &mut (impl Read + Seek), range: Range<u64>) -> Range<u64> {
    if is_zero(file, range.clone()) { range } else { foreign(file, range) }
}

/// Whether `range` holds zeros and nothing else.
pub(in crate::decode) fn is_zero(file: &mut (impl Read + Seek), range: Range<u64>) -> bool {
    zeros(file, range.clone()) == range.end.saturating_sub(range.start)
}

/// The length that the tag has with which `range` begins, by what it says; 0 if there is none.
pub(in crate::decode) fn length_at(file: &mut (impl Read + Seek), range: Range<u64>) -> u64 {
    let is_zero = bytes_at::<1>(file, range.start, range.end) == [0];
    if is_zero { 0 } else { at_front(file, range) }
}

/// The length of the tag or the zeros that `range` begins with.
fn at_front(file: &mut (impl Read + Seek), range: Range<u64>) -> u64 {
    let head: [u8; 32] = bytes_at(file, range.start, range.end);
    match &head {
        [b'I', b'D', b'3', 2..=4, _, flags, size @ .., _, _, _, _]
            if size.iter().take(4).all(|byte| *byte < 0x80) =>
        {
            let footer = if flags & 0x10 == 0 { 0 } else { 10 };
            10 + footer + size.iter().take(4).fold(0, |sum, byte| sum << 7 | u64::from(*byte))
        }
        [b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', ..] => 32 + ape_size(&head),
        [b'T', b'A', b'G', b'+', ..] => 227,
        [b'T', b'A', b'G', ..] => 128,
        [0, ..] => zeros(file, range),
        _ => 0,
    }
}

/// The length of the tag that `range` ends with.
fn at_back(file: &mut (impl Read + Seek), range: Range<u64>) -> u64 {
    let length = range.end - range.start;
    let mut last = |bytes: u64| -> Option<[u8; 32]> {
        Some(bytes_at(file, range.end - Some(bytes).filter(|bytes| *bytes <= length)?, range.end))
    };
    if last(128).is_some_and(|tag| tag.starts_with(b"TAG")) {
        return 128;
    }
    // Its size is that of what lies before the footer, and the footer.
    if let Some(footer) = last(32).filter(|tag| tag.starts_with(b"APETAGEX")) {
        let has_header = footer[23] & 0x80 != 0;
        return ape_size(&footer) + if has_header { 32 } else { 0 };
    }
    let lyrics = last(15).filter(|tag| tag[6..].starts_with(b"LYRICS200"));
    let size = lyrics.and_then(|tag| std::str::from_utf8(&tag[..6]).ok()?.parse::<u64>().ok());
    size.map_or(0, |size| size + 15)
}

/// The size that an APE header or footer tells: without the header, with the footer.
fn ape_size(tag: &[u8; 32]) -> u64 {
    tag[12..].first_chunk().map_or(0, |size| u64::from(u32::from_le_bytes(*size)))
}

/// Bytes of zero from the start of `range` on.
fn zeros(file: &mut (impl Read + Seek), range: Range<u64>) -> u64 {
    let length = range.end.saturating_sub(range.start);
    let mut block = vec![0; READ];
    let mut found = 0;
    while found < length && file.seek(SeekFrom::Start(range.start + found)).is_ok() {
        let wanted = usize::try_from(length - found).map_or(READ, |left| left.min(READ));
        let read = file.read(&mut block[..wanted]).unwrap_or(0);
        let zeros = block[..read].iter().take_while(|byte| **byte == 0).count();
        found += zeros as u64;
        if read == 0 || zeros < read {
            break;
        }
    }
    found
}

/// Bytes of the file from `at` on, and zeros where `end` or the file comes before.
fn bytes_at<const LENGTH: usize>(file: &mut (impl Read + Seek), at: u64, end: u64) -> [u8; LENGTH] {
    let mut bytes = Vec::with_capacity(LENGTH);
    let wanted = end.saturating_sub(at).min(LENGTH as u64);
    // What cannot be read is no tag.
    let read =
        file.seek(SeekFrom::Start(at)).and_then(|_| file.take(wanted).read_to_end(&mut bytes));
    if read.is_err() {
        bytes.clear();
        bytes.push(u8::MAX);
    }
    bytes.resize(LENGTH, 0);
    bytes.first_chunk().copied().unwrap_or([0; LENGTH])
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: Range<u64>) {
        let bytes = pieces.concat();
        let length = bytes.len() as u64;
        let found = foreign(&mut Cursor::new(bytes), 0..length);
        assert!(found == expected || (found.is_empty() && expected.is_empty()), "{found:?}");
    }

    fn id3v1() -> Vec<u8> {
        [b"TAG".to_vec(), vec![b'x'; 125]].concat()
    }

    fn id3v2(content: usize) -> Vec<u8> {
        let size = u8::try_from(content).expect("less than 128");
        [b"ID3\x04\0\0\0\0\0".to_vec(), vec![size], vec![b'y'; content]].concat()
    }

    fn ape(content: u8) -> Vec<u8> {
        let part = |flags: u8| {
            let mut part = b"APETAGEX\xd0\x07\0\0".to_vec();
            part.extend([content + 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, flags]);
            part.extend([0; 8]);
            part
        };
        [part(0xa0), vec![b'z'; content.into()], part(0x80)].concat()
    }

    #[test]
    fn zeros_between_frames_are_lost_unless_a_tag_is_there() {
        let check = |pieces: &[&[u8]], expected: Range<u64>| {
            let bytes = pieces.concat();
            let length = bytes.len() as u64;
            let found = lost(&mut Cursor::new(bytes), 0..length);
            assert!(found == expected || (found.is_empty() && expected.is_empty()), "{found:?}");
        };
        check(&[&vec![0; 70_000]], 0..70_000);
        check(&[&id3v1(), &[0; 9]], 0..0);
        check(&[&[0; 9], &id3v2(5)], 0..0);
        check(&[&[0; 9], b"junk"], 0..13);
        check(&[], 0..0);
    }

    #[test]
    fn tags_and_zeros_are_not_foreign() {
        check(&[], 0..0);
        check(&[&id3v1()], 128..128);
        check(&[&id3v2(100), &vec![0; 70_000], &ape(50), &id3v1()], 70_352..70_352);
        check(&[b"abc", b"LYRICSBEGININD0000200000021LYRICS200", &id3v1()], 0..3);
    }

    #[test]
    fn what_is_between_them_is() {
        check(&[b"junk"], 0..4);
        check(&[&id3v2(5), b"junk", &ape(9), &id3v1()], 15..19);
        check(&[&[0; 9], b"ju\0nk", &[0; 9]], 0..23);
        check(&[&id3v2(5), &[0; 9], b"junk"], 15..28);
        // A tag that is longer than what is there is all that is there.
        check(&[b"ID3\x04\0\0\0\0\x7f\x7f"], 10..10);
        check(&[b"ID3\x04\0\0\0\0\xff\x7f..."], 0..13);
    }
}
