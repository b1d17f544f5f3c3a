//! Boxes and tables: reading them from the file as they are needed.
//!
//! ```text
//! │ size │ name │ content … │ size │ name │ content … │
//!   size 1: 64 bits behind the name; size 0: to the end of what it is in
//! ```
//!
//! Nothing is held in memory beyond one block of the file per reader, so a table that declares
//! billions of entries costs nothing, and one that holds them is read once. ISO 14496-12 §4.2.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of boxes and tables that are read at a time.
const BLOCK: usize = 8 * 1024;

/// Reads a file at any place, through one block of it.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    file: Arc<File>,
    length: u64,
    block: usize,
    /// Bytes of the file from `base` on.
    buffer: Vec<u8>,
    base: u64,
    /// Why the file could not be read, the first time.
    failure: Option<String>,
}

impl Reader {
    /// Reads a file of `length` bytes, `block` bytes at a time.
    pub(super) const fn new(file: Arc<File>, length: u64, block: usize) -> Self {
        Self { file, length, block, buffer: Vec::new(), base: 0, failure: None }
    }

    /// Reads boxes and tables of the same file.
    pub(super) fn of_tables(&self) -> Self {
        Self::new(self.file.clone(), self.length, BLOCK)
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Why the file could not be read, if that happened.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The bytes from `at` on: `wanted` of them, or fewer where the file ends before.
    pub(super) fn bytes(&mut self, at: u64, wanted: usize) -> &[u8] {
        let there = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = wanted.min(there);
        let has = |reader: &Self| {
            let from = usize::try_from(at.checked_sub(reader.base)?).ok()?;
            let end = from.checked_add(wanted)?;
            (end <= reader.buffer.len()).then_some(from..end)
        };
        if has(self).is_none() {
            self.load(at, wanted.max(self.block.min(there)));
        }
        match has(self) {
            Some(range) => &self.buffer[range],
            // The file has lost its end since it was opened, or cannot be read.
            None if at == self.base => &self.buffer[..self.buffer.len().min(wanted)],
            None => &[],
        }
    }

    fn load(&mut self, at: u64, wanted: usize) {
        self.buffer.clear();
        self.base = at;
        let mut file = &*self.file;
        let read = file
            .seek(SeekFrom::Start(at))
            .and_then(|_| file.take(wanted as u64).read_to_end(&mut self.buffer));
        if let Err(error) = read {
            self.failure.get_or_insert_with(|| error.to_string());
        }
    }

    /// The bytes at `at`, if all of them are there.
    pub(super) fn array<const LENGTH: usize>(&mut self, at: u64) -> Option<[u8; LENGTH]> {
        self.bytes(at, LENGTH).first_chunk().copied()
    }

    /// The bytes at `at`, as a big-endian number.
    pub(super) fn u32(&mut self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// The first box of `rest`, which then begins behind it; `None` at the end or where none can
    /// be. The content of a box that is cut short ends where it says that it does.
    pub(super) fn next_box(&mut self, rest: &mut Range<u64>) -> Option<Atom> {
        let start = rest.start;
        if start.checked_add(8)? > rest.end {
            return None;
        }
        let [s0, s1, s2, s3, name @ ..] = self.array::<8>(start)?;
        let (header, size) = match u64::from(u32::from_be_bytes([s0, s1, s2, s3])) {
            0 => (8, rest.end - start),
            1 => (16, u64::from_be_bytes(self.array(start + 8)?)),
            size => (8, size),
        };
        if size < header {
            return None;
        }
        let end = start.checked_add(size)?;
        rest.start = end;
        Some(Atom { name, start, content: start + header..end })
    }

    /// The content of the first box `name` within `range`, as far as it lies within it.
    pub(super) fn find(&mut self, range: &Range<u64>, name: [u8; 4]) -> Option<Range<u64>> {
        let mut rest = range.clone();
        while let Some(found) = self.next_box(&mut rest) {
            if found.name == name {
                return Some(found.content.start..found.content.end.min(range.end));
            }
        }
        None
    }
}

/// One box.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub(super) name: [u8; 4],
    /// Where its header begins.
    pub(super) start: u64,
    pub(super) content: Range<u64>,
}

/// The entries of a table, from the first to the last.
#[derive(Clone, Debug)]
pub(super) struct Table {
    reader: Reader,
    at: u64,
    width: u64,
    left: u64,
}

impl Table {
    /// The `count` entries of `width` bytes at the start of `range`, as many as lie within it.
    pub(super) fn new(reader: &Reader, range: &Range<u64>, width: u64, count: u64) -> Self {
        let end = range.end.min(reader.length());
        let held = end.saturating_sub(range.start) / width.max(1);
        Self { reader: reader.of_tables(), at: range.start, width, left: count.min(held) }
    }

    /// The table of a box that holds a version, flags, the number of entries and the entries.
    pub(super) fn of_box(reader: &mut Reader, content: &Range<u64>, width: u64) -> Option<Self> {
        let count = reader.u32(content.start.checked_add(4)?)?;
        let entries = content.start + 8..content.end;
        Some(Self::new(reader, &entries, width, count.into()))
    }

    /// Entries yet to be read.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// The first `LENGTH` bytes of the next entry.
    pub(super) fn next<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.reader.array(self.at);
        self.at += self.width;
        entry
    }

    /// Passes over entries.
    pub(super) fn skip(&mut self, count: u64) {
        let count = count.min(self.left);
        self.left -= count;
        self.at += count * self.width;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn reader(bytes: &[u8]) -> Reader {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("room");
        Reader::new(Arc::new(file), bytes.len() as u64, 16)
    }

    #[test]
    fn boxes_follow_one_another_in_three_sizes() {
        let bytes = [
            &b"\0\0\0\x0afreeab"[..],
            b"\0\0\0\x01wide\0\0\0\0\0\0\0\x12cd",
            b"\0\0\0\0mdat",
            &[7; 40],
        ]
        .concat();
        let mut reader = reader(&bytes);
        let mut rest = 0..bytes.len() as u64;
        let mut next = || reader.next_box(&mut rest).map(|one| (one.name, one.start, one.content));
        assert_eq!(next(), Some((*b"free", 0, 8..10)));
        assert_eq!(next(), Some((*b"wide", 10, 26..28)));
        assert_eq!(next(), Some((*b"mdat", 28, 36..76)));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_box_that_is_smaller_than_its_header_or_ends_nowhere_is_none() {
        for bytes in [&b"\0\0\0\x07free"[..], b"\0\0\0\x01wide\0\0\0\0\0\0\0\x0f", b"\0\0\0\x10fr"]
        {
            let mut rest = 0..bytes.len() as u64;
            assert!(reader(bytes).next_box(&mut rest).is_none(), "{bytes:?}");
        }
        let bytes = [&b"\0\0\0\x01wide"[..], &[0xff; 8]].concat();
        assert!(reader(&bytes).next_box(&mut (0..16)).is_some());
        assert!(reader(&[&[0; 8][..], &bytes].concat()).next_box(&mut (8..24)).is_none());
    }

    #[test]
    fn a_table_ends_where_its_box_does_whatever_it_declares() {
        let bytes = [&[0; 4][..], &[0xff; 4], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9]].concat();
        let mut reader = reader(&bytes);
        let mut table = Table::of_box(&mut reader, &(0..21), 4).expect("a table");
        assert_eq!(table.left(), 3);
        assert_eq!(table.next(), Some([0, 0, 0, 1]));
        table.skip(1);
        assert_eq!(table.next(), Some([0, 0, 0, 3]));
        assert_eq!(table.next::<4>(), None);
        table.skip(9);
        assert_eq!(table.left(), 0);
    }
}
