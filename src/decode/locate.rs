//! Locate: where in the file the packets lie that a demuxer delivers.
//!
//! Symphonia's demuxers of MPEG audio pass over whatever is no frame, and say nothing. Their packets
//! are bytes of the file as they lie in it, so each is looked for behind the one before:
//!
//! ```text
//! │ frame │ frame │ ▒▒▒▒ │ frame │        almost always it is right there; if not, what lies
//!         at ──────▶ gap ─┘               between was left out
//! ```
//!
//! A second handle reads the file, since the first is where its demuxer wants it to be.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use memchr::memmem;

use super::{mpeg, tags};

/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// Bytes before the data of a packet that belong to it: the header of ADTS, with its CRC or without.
const MOST_HEADER: usize = 9;

/// What is before the data of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing: the data begins with its header.
    Mpeg,
    /// A header that was taken off.
    Adts,
}

/// Looks for packets.
#[derive(Debug)]
pub(super) struct Locator {
    file: File,
    length: u64,
    framing: Framing,
    start: u64,
    /// The byte behind the last packet.
    position: u64,
    /// Bytes of the file from `base` on.
    buffer: Vec<u8>,
    base: u64,
    /// A packet was not to be found, so nothing can be said any more.
    is_lost: bool,
}

/// Where a packet lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// With its header.
    pub(super) bytes: Range<u64>,
    /// What is before it and neither a packet nor a tag; empty if nothing is.
    pub(super) gap: Range<u64>,
}

impl Locator {
    /// Packets lie from byte `start` on.
    pub(super) fn new(file: File, length: u64, start: u64, framing: Framing) -> Self {
        let buffer = Vec::new();
        Self { file, length, framing, start, position: start, buffer, base: start, is_lost: false }
    }

    /// Where the next packet lies, of which this is the data.
    pub(super) fn find(&mut self, data: &[u8]) -> Option<Located> {
        if self.is_lost {
            return None;
        }
        let Some(bytes) = self.search(data) else {
            self.is_lost = true;
            return None;
        };
        let from = std::mem::replace(&mut self.position, bytes.end);
        let gap = if bytes.start <= from {
            from..from
        } else if from == self.start {
            // Zeros before the first frame are the padding of what is before it.
            self.foreign(from..bytes.start)
        } else {
            let lost = tags::lost(&mut self.file, from..bytes.start);
            self.without_tag_frame(lost)
        };
        Some(Located { bytes, gap })
    }

    /// What lies behind the last packet and is no tag; `None` if that is not known.
    pub(super) fn rest(&mut self) -> Option<Range<u64>> {
        (!self.is_lost).then(|| self.foreign(self.position..self.length))
    }

    /// Whether a frame begins at that byte, of which some may be missing.
    pub(super) fn is_frame(&mut self, byte: u64) -> bool {
        let is_short = self.length - byte.min(self.length) < 4;
        match (self.framing, self.head(byte)) {
            (_, [0xff, ..]) if is_short => true,
            (Framing::Mpeg, head) => mpeg::FrameHeader::read(&head).is_some(),
            (Framing::Adts, head) => is_adts(&head),
        }
    }

    /// The bytes of the packet with that data.
    fn search(&mut self, data: &[u8]) -> Option<Range<u64>> {
        // Linear, even where a gap is made of what nearly is the packet.
        let wanted = data.len() + MOST_HEADER;
        let mut from = self.position;
        loop {
            let bytes = self.bytes_from(from, wanted);
            if let Some(offset) = memmem::find(bytes, data) {
                let found = from + offset as u64;
                return Some(found - self.header(found)..found + data.len() as u64);
            }
            if bytes.len() < wanted {
                return None;
            }
            from += (bytes.len() - data.len()) as u64;
        }
    }

    /// The length of the header before the data at byte `found`.
    fn header(&self, found: u64) -> u64 {
        let of_length = |length: u64, has_crc: bool| {
            let start = found.checked_sub(length).filter(|start| *start >= self.position)?;
            let at = usize::try_from(start.checked_sub(self.base)?).ok()?;
            let header = self.buffer.get(at..)?;
            (is_adts(header) && (header[1] & 1 == 0) == has_crc).then_some(length)
        };
        match self.framing {
            Framing::Mpeg => 0,
            Framing::Adts => of_length(7, false).or_else(|| of_length(9, true)).unwrap_or(0),
        }
    }

    /// The bytes of the file from `from` on that are there, so many at least, unless it ends before.
    fn bytes_from(&mut self, from: u64, wanted: usize) -> &[u8] {
        let skipped = |base: u64| usize::try_from(from - base).unwrap_or(usize::MAX);
        if self.buffer.len().saturating_sub(skipped(self.base)) < wanted {
            // A header may lie before the data that is looked for.
            let behind = skipped(self.base).saturating_sub(MOST_HEADER).min(self.buffer.len());
            self.buffer.drain(..behind);
            self.base += behind as u64;
            let end = self.base + self.buffer.len() as u64;
            // What cannot be read is not found.
            if self.file.seek(SeekFrom::Start(end)).is_ok() {
                let read = READ.max(wanted) as u64;
                drop((&mut self.file).take(read).read_to_end(&mut self.buffer));
            }
        }
        self.buffer.get(skipped(self.base)..).unwrap_or_default()
    }

    /// What of `range` is no tag, and no frame that only holds one.
    fn foreign(&mut self, range: Range<u64>) -> Range<u64> {
        let left = tags::foreign(&mut self.file, range);
        self.without_tag_frame(left)
    }

    /// What of it is left behind a frame that only holds a tag, if it begins with one.
    fn without_tag_frame(&mut self, mut left: Range<u64>) -> Range<u64> {
        if self.framing == Framing::Mpeg {
            let length = (!left.is_empty()).then(|| mpeg::tag_frame(&self.head(left.start)));
            if let Some(length) = length.flatten().filter(|length| *length <= left.end - left.start)
            {
                left = tags::foreign(&mut self.file, left.start + length..left.end);
            }
        }
        left
    }

    fn head(&mut self, byte: u64) -> [u8; 64] {
        let mut head = [0; 64];
        if self.file.seek(SeekFrom::Start(byte)).is_ok() {
            let mut full = 0;
            while let Ok(read @ 1..) = self.file.read(&mut head[full..]) {
                full += read;
            }
        }
        head
    }
}

fn is_adts(header: &[u8]) -> bool {
    matches!(header, [0xff, second, ..] if second & 0xf6 == 0xf0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn locator(bytes: &[u8], framing: Framing) -> Locator {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("room");
        Locator::new(file, bytes.len() as u64, 0, framing)
    }

    #[test]
    fn packets_are_found_one_behind_the_other_and_what_is_between_them_is_told() {
        let (junk, zeros) = (vec![7; 300_000], vec![0; 5]);
        let frame = |of: u8| [vec![0xff, 0xfb, 0x90, 0x04], vec![of; 413]].concat();
        let bytes = [
            &b"ab"[..],
            &frame(1),
            &zeros,
            &frame(1),
            &junk,
            &frame(2),
            b"ID3\x04\0\0\0\0\0\0",
            b"?",
        ]
        .concat();
        let mut locator = locator(&bytes, Framing::Mpeg);
        let mut expect = |data: &[u8], bytes: Range<u64>, gap: Range<u64>| {
            assert_eq!(locator.find(data), Some(Located { bytes, gap }));
        };
        expect(&frame(1), 2..419, 0..2);
        expect(&frame(1), 424..841, 419..424);
        expect(&frame(2), 300_841..301_258, 841..300_841);
        assert_eq!(locator.rest(), Some(301_268..301_269));
        assert!(locator.is_frame(424) && !locator.is_frame(425));
        // What is nowhere in the file says that the demuxer reads something else.
        assert_eq!(locator.find(&frame(3)), None);
        assert_eq!(locator.find(&frame(2)), None);
        assert_eq!(locator.rest(), None);
    }

    #[test]
    fn a_frame_that_only_holds_a_tag_is_no_gap() {
        let mut tag = vec![0; 417];
        tag[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x04]);
        tag[36..40].copy_from_slice(b"Info");
        tag[400] = 1;
        let frame = [vec![0xff, 0xfb, 0x90, 0x04], vec![9; 413]].concat();
        let mut locator = locator(&[&tag[..], b"!", &frame].concat(), Framing::Mpeg);
        let found = locator.find(&frame).expect("there");
        assert_eq!((found.bytes, found.gap), (418..835, 417..418));
    }

    #[test]
    fn the_header_of_adts_belongs_to_its_packet() {
        let plain = [&[0xff, 0xf1, 0, 0, 0, 0, 0][..], b"data"].concat();
        let with_crc = [&[0xff, 0xf0, 0, 0, 0, 0, 0, 1, 2][..], b"more"].concat();
        let mut locator = locator(&[plain, with_crc].concat(), Framing::Adts);
        assert_eq!(locator.find(b"data").map(|found| found.bytes), Some(0..11));
        assert_eq!(
            locator.find(b"more").map(|found| (found.bytes, found.gap)),
            Some((11..24, 11..11))
        );
    }
}
