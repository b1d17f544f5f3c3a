//! Pages: the intact pages of a file, and what lies between them.
//!
//! ```text
//! │ OggS … CRC ✓ │ OggS … CRC ✗ ▒▒▒▒▒▒▒ │ OggS … CRC ✓ │ tag
//!                └─ gap ────────────────┘              └ rest
//! ```
//!
//! RFC 3533 §6.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

use crate::decode::accounting::tags;

/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// The longest page: a header, 255 segments, and 255 bytes in each.
pub(super) const LONGEST: usize = HEADER + 255 + 255 * 255;
/// Bytes of damaged pages that are searched for others from their second byte on, beside twice
/// those of the file so far. The damaged pages behind that are skipped as a whole, so that the time
/// stays linear where a page seems to begin at every byte.
const MOST_SEARCHED: u64 = 16 * 1024 * 1024;
/// A header up to its table of segments, and where its fields are.
const HEADER: usize = 27;
const FLAGS: usize = 5;
const GRANULE: usize = 6;
const SERIAL: usize = 14;
const SEQUENCE: usize = 18;
const CHECKSUM: usize = 22;
const SEGMENTS: usize = 26;

/// An intact page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    /// Where it begins in the file.
    pub(super) byte: u64,
    bytes: &'a [u8],
}

impl<'a> Page<'a> {
    fn field<const LENGTH: usize>(&self, at: usize) -> [u8; LENGTH] {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; LENGTH])
    }

    fn has_flag(&self, flag: u8) -> bool {
        self.field::<1>(FLAGS)[0] & flag != 0
    }

    /// Whether its first packet began on an earlier page.
    pub(super) fn is_continued(&self) -> bool {
        self.has_flag(1)
    }

    /// Whether it is the first page of its stream.
    pub(super) fn begins(&self) -> bool {
        self.has_flag(2)
    }

    /// Whether it is the last page of its stream.
    pub(super) fn ends(&self) -> bool {
        self.has_flag(4)
    }

    /// The position in the audio at its end; `None` if no packet ends on it.
    pub(super) fn granule(&self) -> Option<i64> {
        Some(i64::from_le_bytes(self.field(GRANULE))).filter(|granule| *granule != -1)
    }

    /// The stream that it belongs to.
    pub(super) fn serial(&self) -> u32 {
        u32::from_le_bytes(self.field(SERIAL))
    }

    /// Its number in its stream.
    pub(super) fn sequence(&self) -> u32 {
        u32::from_le_bytes(self.field(SEQUENCE))
    }

    /// Lengths of its segments.
    pub(super) fn segments(&self) -> &'a [u8] {
        let count = usize::from(self.field::<1>(SEGMENTS)[0]);
        self.bytes.get(HEADER..HEADER + count).unwrap_or_default()
    }

    /// Bytes of it.
    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Its first packet, as far as it is on this page.
    pub(super) fn first_packet(&self) -> &'a [u8] {
        let segments = self.segments();
        let whole = segments.iter().take_while(|segment| **segment == u8::MAX).count();
        let length = segments.iter().take(whole + 1).map(|segment| usize::from(*segment)).sum();
        self.content().get(..length).unwrap_or_default()
    }

    /// Where its content begins, from its first byte on.
    pub(super) fn content_at(&self) -> usize {
        HEADER + self.segments().len()
    }

    /// Its packets, or parts of packets.
    pub(super) fn content(&self) -> &'a [u8] {
        self.bytes.get(self.content_at()..).unwrap_or_default()
    }
}

/// Goes through the pages of a file.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    length: u64,
    /// The next page, in `buffer` and the byte of the file.
    at: usize,
    position: u64,
    buffer: Vec<u8>,
    is_at_end: bool,
    /// Bytes passed over since the last intact page: from which on.
    gap: Option<u64>,
    /// Bytes of pages that turned out to be damaged.
    searched: u64,
    /// Why reading ended before the end of the file.
    failure: Option<std::io::Error>,
}

/// What lies behind the last intact page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    /// A page that is complete and damaged; empty if there is none.
    pub(super) damaged: Range<u64>,
    /// What else is no tag; empty if nothing is.
    pub(super) range: Range<u64>,
    /// Whether that is a page that is cut short.
    pub(super) is_cut: bool,
}

impl Pages {
    /// The pages from byte `start` on.
    pub(super) fn new(file: File, length: u64, start: u64) -> Self {
        Self {
            file,
            length,
            at: 0,
            position: start,
            buffer: Vec::new(),
            is_at_end: false,
            gap: None,
            searched: 0,
            failure: None,
        }
    }

    /// The file, to be read from another place.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// The next intact page, and what was passed over before it: empty if nothing was.
    pub(super) fn next(&mut self) -> Option<(Range<u64>, Page<'_>)> {
        let length = loop {
            if self.buffer.len() - self.at < LONGEST && !self.is_at_end {
                self.fill();
                continue;
            }
            let bytes = &self.buffer[self.at..];
            if bytes.is_empty() {
                return None;
            }
            let length = page_length(bytes);
            if let Some(length) = length.filter(|length| is_intact(&bytes[..*length])) {
                break length;
            }
            self.pass(length);
        };
        let gap = match self.gap.take() {
            Some(from) => tags::lost(&mut self.file, from..self.position),
            None => self.position..self.position,
        };
        let (at, byte) = (self.at, self.position);
        self.at += length;
        self.position += length as u64;
        Some((gap, Page { byte, bytes: &self.buffer[at..at + length] }))
    }

    /// Passes over bytes that are no intact page: to the next that may begin one.
    fn pass(&mut self, length: Option<usize>) {
        self.gap = self.gap.or(Some(self.position));
        let length = length.unwrap_or(0);
        self.searched = self.searched.saturating_add(length as u64);
        let bytes = &self.buffer[self.at..];
        let is_expensive = self.searched > MOST_SEARCHED.saturating_add(2 * self.position);
        let passed = if is_expensive && length > 0 {
            length
        } else {
            let next = bytes[1..].windows(4).position(|four| four == b"OggS");
            // The last bytes may be the beginning of a mark.
            next.map_or(bytes.len().saturating_sub(3).max(1), |offset| offset + 1)
        };
        self.at += passed;
        self.position += passed as u64;
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let (from, before) = (self.position + self.buffer.len() as u64, self.buffer.len());
        let read = self
            .file
            .seek(SeekFrom::Start(from))
            .and_then(|_| (&mut self.file).take(READ as u64).read_to_end(&mut self.buffer));
        if let Err(error) = read {
            self.failure = Some(error);
        }
        self.is_at_end = self.failure.is_some() || self.buffer.len() == before;
    }

    /// The byte behind the last page.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Why reading ended before the end of the file, if it did.
    pub(super) fn failure(&self) -> Option<&std::io::Error> {
        self.failure.as_ref()
    }

    /// What lies behind the last intact page, once there are no more. `None` if the file is not as
    /// long as it was.
    pub(super) fn rest(&mut self) -> Option<Rest> {
        let from = self.gap.unwrap_or(self.position);
        if self.failure.is_some() || self.position != self.length {
            return None;
        }
        let range = tags::foreign(&mut self.file, from..self.length);
        let mut head = Vec::new();
        if self.file.seek(SeekFrom::Start(range.start)).is_ok() {
            drop((&mut self.file).take(LONGEST as u64).read_to_end(&mut head));
        }
        head.truncate(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
        let end = self.length..self.length;
        if page_length(&head).is_some() {
            return Some(Rest { damaged: range, range: end, is_cut: false });
        }
        let is_cut = !range.is_empty() && (head.starts_with(b"OggS\0") || is_start(&head));
        Some(Rest { damaged: end, range, is_cut })
    }
}

/// The length of the page that `bytes` begin with, if one does and all of it is there.
fn page_length(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(SEGMENTS).filter(|_| bytes.starts_with(b"OggS\0"))?);
    let sizes = bytes.get(HEADER..HEADER + segments)?;
    let length = HEADER + segments + sizes.iter().map(|size| usize::from(*size)).sum::<usize>();
    (length <= bytes.len()).then_some(length)
}

/// Whether a page of which only these bytes are there may begin like this.
fn is_start(head: &[u8]) -> bool {
    (1..=4).contains(&head.len()) && b"OggS".starts_with(head)
}

/// Whether a page has the checksum that it says, which is made with zeros in its place.
fn is_intact(page: &[u8]) -> bool {
    page.get(CHECKSUM..).and_then(<[u8]>::first_chunk) == Some(&checksum(page).to_le_bytes())
}

fn checksum(page: &[u8]) -> u32 {
    let (head, rest) = page.split_at(CHECKSUM.min(page.len()));
    let mut sum = Crc32::new(0);
    for part in [head, &[0; 4], rest.get(4..).unwrap_or_default()] {
        sum.process_buf_bytes(part);
    }
    sum.crc()
}

/// Pages for tests.
#[cfg(test)]
pub(super) mod made {
    use super::{CHECKSUM, checksum};

    pub(in super::super) const CONTINUED: u8 = 1;

    /// A page of stream 7 with one packet.
    pub(in super::super) fn page(flags: u8, granule: i64, content: &[u8]) -> Vec<u8> {
        let size = u8::try_from(content.len()).expect("a short packet");
        of_segments(flags, granule, 0, &[size], content)
    }

    /// A page with these segments.
    pub(in super::super) fn of_segments(
        flags: u8,
        granule: i64,
        sequence: u32,
        segments: &[u8],
        content: &[u8],
    ) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend(granule.to_le_bytes());
        page.extend(7_u32.to_le_bytes());
        page.extend(sequence.to_le_bytes());
        page.extend([0; 4]);
        page.push(u8::try_from(segments.len()).expect("255 segments at most"));
        page.extend(segments);
        page.extend(content);
        let sum = checksum(&page);
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
        page
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::made::page;
    use super::*;

    fn pages(bytes: &[u8]) -> Pages {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("room");
        Pages::new(file, bytes.len() as u64, 0)
    }

    /// Gaps and where the page behind each begins, and what is left in the end.
    fn account(bytes: &[u8]) -> (Vec<(Range<u64>, u64)>, Rest) {
        let mut pages = pages(bytes);
        let mut gaps = Vec::new();
        while let Some((gap, page)) = pages.next() {
            if !gap.is_empty() {
                gaps.push((gap, page.byte));
            }
        }
        (gaps, pages.rest().expect("as long as it was"))
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/traps/long.ogg");
        let bytes = std::fs::read(path).expect("a fixture");
        let end = bytes.len() as u64;
        let nothing = Rest { damaged: end..end, range: end..end, is_cut: false };
        assert_eq!(account(&bytes), (vec![], nothing));
    }

    #[test]
    fn bytes_that_are_no_intact_page_are_a_gap() {
        let mut damaged = page(0, 3000, &[5; 99]);
        damaged[50] ^= 1;
        let long = vec![9; 600_000];
        let whole =
            [page(2, 0, b"a"), page(0, 1000, b"b"), damaged, page(0, 4000, b"c"), long].concat();
        let bytes = [whole.clone(), page(4, 5000, b"d"), b"junk".to_vec()].concat();
        let (of_damaged, of_long) = (2 * 29..2 * 29 + 127, 3 * 29 + 127..whole.len() as u64);
        let (gaps, rest) = account(&bytes);
        let expected = [(of_damaged.clone(), of_damaged.end), (of_long.clone(), of_long.end)];
        assert_eq!(gaps, expected);
        let end = bytes.len() as u64;
        assert_eq!((rest.range, rest.is_cut), (end - 4..end, false));
    }

    #[test]
    fn a_last_page_that_is_cut_short_is_not_foreign_data() {
        let last = page(4, 2000, &[1; 200]);
        for left in [1, 4, 27, 30, 200] {
            let bytes = [&page(2, 0, b"a")[..], &page(0, 1000, b"b"), &last[..left]].concat();
            let (gaps, rest) = account(&bytes);
            assert!(gaps.is_empty() && rest.damaged.is_empty());
            assert_eq!((rest.range, rest.is_cut), (58..bytes.len() as u64, true));
        }
    }

    #[test]
    fn a_last_page_that_is_complete_and_damaged_is_not_cut_short() {
        let mut last = page(4, 2000, &[1; 200]);
        last[100] ^= 1;
        let bytes = [page(2, 0, b"a"), page(0, 1000, b"b"), last].concat();
        let (_, rest) = account(&bytes);
        assert_eq!((rest.damaged, rest.is_cut), (58..bytes.len() as u64, false));
        assert!(rest.range.is_empty());
    }

    #[test]
    fn pages_that_seem_to_begin_everywhere_take_linear_time() {
        // Each of these says that it is as long as a page can be.
        let mark = [&b"OggS\0"[..], &[0; 21], &[255; 256]].concat();
        let bytes = [page(2, 0, b"a"), mark.repeat(200_000)].concat();
        let mut pages = pages(&bytes);
        while pages.next().is_some() {}
        assert!(pages.searched <= MOST_SEARCHED + 3 * bytes.len() as u64);
        assert!(pages.rest().is_some());
    }

    #[test]
    fn a_file_that_became_shorter_has_no_rest() {
        let mut pages = pages(&page(2, 0, b"a"));
        pages.length += 1;
        while pages.next().is_some() {}
        assert_eq!(pages.rest(), None);
    }
}
