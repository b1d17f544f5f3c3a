//! Matroska: the padding at the end of a track, which Symphonia reads and throws away.
//!
//! An encoder fills up its last packet; `DiscardPadding` beside the last block says by how much.
//! This seeks from element to element to the last cluster and looks there, and nowhere else:
//!
//! ```text
//! EBML │ Segment ─┬─ … ─┬─ Cluster ─┬─ … ─┬─ Cluster ─┬─ SimpleBlock …
//!                                                     └─ BlockGroup ─┬─ Block
//!                                                                    └─ DiscardPadding
//! ```
//!
//! RFC 9559 §5.1.3.5.7.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const DISCARD_PADDING: u32 = 0x75a2;
/// Elements that are gone through on one level.
const MAX_ELEMENTS: usize = 1 << 20;

/// Nanoseconds of padding behind the last block of a track; 0 if nothing is said. `start` is the
/// byte at which the file begins.
pub(super) fn end_padding(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    track: u32,
) -> u64 {
    let segment = elements(file, start..file_length, SEGMENT);
    let Some(segment) = segment.into_iter().next() else { return 0 };
    let clusters = elements(file, segment, CLUSTER);
    let Some(last) = clusters.into_iter().next_back() else { return 0 };
    let groups = elements(file, last, BLOCK_GROUP);
    groups
        .into_iter()
        .rev()
        .find_map(|group| {
            let block = elements(file, group.clone(), BLOCK).into_iter().next()?;
            let (number, _) = coded_size(file, block.start)?;
            if number != u64::from(track) {
                return None;
            }
            let padding = elements(file, group, DISCARD_PADDING).into_iter().next();
            Some(padding.map_or(0, |padding| nanoseconds(file, padding)))
        })
        .unwrap_or(0)
}

/// The contents of the elements within `range` with the id `wanted`. Ends where it cannot go on.
fn elements(file: &mut (impl Read + Seek), range: Range<u64>, wanted: u32) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let mut at = range.start;
    for _ in 0..MAX_ELEMENTS {
        let Some((id, content)) = element(file, at, range.end) else { break };
        at = content.end;
        if id == wanted {
            found.push(content);
        }
        if at >= range.end {
            break;
        }
    }
    found
}

/// The element at byte `at`: its id and where its content lies. One of unknown size, as live
/// streams have, reaches to the end.
fn element(file: &mut (impl Read + Seek), at: u64, end: u64) -> Option<(u32, Range<u64>)> {
    let first = read_byte(file, at)?;
    let id_length = u64::from(first.leading_zeros()) + 1;
    if id_length > 4 || at >= end {
        return None;
    }
    let mut id = u32::from(first);
    for offset in 1..id_length {
        id = id << 8 | u32::from(read_byte(file, at + offset)?);
    }
    let (size, size_length) = coded_size(file, at + id_length)?;
    let start = at.checked_add(id_length + size_length)?;
    let is_unknown = size == (1 << (7 * size_length)) - 1;
    let stop = if is_unknown { end } else { start.checked_add(size)?.min(end) };
    (start <= stop).then_some((id, start..stop))
}

/// A number in EBML's code for sizes, and the bytes it takes.
fn coded_size(file: &mut (impl Read + Seek), at: u64) -> Option<(u64, u64)> {
    let first = read_byte(file, at)?;
    let length = u64::from(first.leading_zeros()) + 1;
    if length > 8 {
        return None;
    }
    let mut size = u64::from(first) & ((1 << (8 - length)) - 1);
    for offset in 1..length {
        size = size << 8 | u64::from(read_byte(file, at + offset)?);
    }
    Some((size, length))
}

/// A signed number of nanoseconds; one that is negative, which would add audio, is 0.
fn nanoseconds(file: &mut (impl Read + Seek), content: Range<u64>) -> u64 {
    let length = content.end - content.start;
    if !(1..=8).contains(&length) {
        return 0;
    }
    let mut value: u64 = 0;
    for at in content.clone() {
        let Some(byte) = read_byte(file, at) else { return 0 };
        if at == content.start && byte >= 0x80 {
            return 0;
        }
        value = value << 8 | u64::from(byte);
    }
    value
}

fn read_byte(file: &mut (impl Read + Seek), at: u64) -> Option<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut byte).ok()?;
    Some(byte[0])
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn element_of(id: u32, content: &[u8]) -> Vec<u8> {
        let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
        let size = u16::try_from(content.len()).expect("a small element") | 0x4000;
        [&id, size.to_be_bytes().as_slice(), content].concat()
    }

    fn group(track: u8, padding: Option<&[u8]>) -> Vec<u8> {
        let block = element_of(BLOCK, &[0x80 | track, 0, 0, 0, 1, 2, 3]);
        let padding = padding.map(|bytes| element_of(DISCARD_PADDING, bytes)).unwrap_or_default();
        element_of(BLOCK_GROUP, &[block, padding].concat())
    }

    fn file(clusters: &[Vec<u8>]) -> Vec<u8> {
        let clusters: Vec<u8> =
            clusters.iter().flat_map(|cluster| element_of(CLUSTER, cluster)).collect();
        [element_of(0x1a45_dfa3, b"head"), element_of(SEGMENT, &clusters)].concat()
    }

    fn padding(file: &[u8], track: u32) -> u64 {
        end_padding(&mut Cursor::new(file), 0, file.len() as u64, track)
    }

    #[test]
    fn the_last_block_of_the_track_counts() {
        let first = group(1, Some(&[0x7f]));
        let last = [group(1, Some(&[1, 0])), group(2, Some(&[5])), element_of(0xa3, b"simple")];
        let file = file(&[first, last.concat()]);
        assert_eq!(padding(&file, 1), 256);
        assert_eq!(padding(&file, 2), 5);
        assert_eq!(padding(&file, 3), 0);
    }

    #[test]
    fn no_padding_and_negative_padding_are_none() {
        assert_eq!(padding(&file(&[group(1, None)]), 1), 0);
        assert_eq!(padding(&file(&[group(1, Some(&[0xff, 0]))]), 1), 0);
        assert_eq!(padding(&file(&[]), 1), 0);
    }

    #[test]
    fn a_cut_file_has_none() {
        let file = file(&[group(1, Some(&[1, 0]))]);
        for length in 0..file.len() - 1 {
            assert_eq!(padding(&file[..length], 1), 0, "{length} bytes");
        }
    }
}
