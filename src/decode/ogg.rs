//! Ogg: the pages of a file, whole or not.
//!
//! Symphonia passes over pages whose checksum is wrong, and over whatever lies between pages, and
//! says nothing. This goes through the same file beside it and only looks at pages:
//!
//! ```text
//! │ OggS … CRC ✓ │ OggS … CRC ✗ ▒▒▒▒▒▒▒ │ OggS … CRC ✓ │ tag
//!                └─ left out ───────────┘
//! ```
//!
//! Where that is in the audio is told by the pages themselves: each says which frame it ends with.
//! RFC 3533.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use audiopool_worker::analyze::Health;
use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

use super::tags;

/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// The longest page: a header, 255 segments, and 255 bytes in each.
const LONGEST: usize = 27 + 255 + 255 * 255;
/// Bytes of pages that are none, beside twice those of the file, for which sums are made.
const MOST_WASTED: u64 = 16 * 1024 * 1024;
/// Where its parts are in a header.
const FLAGS: usize = 5;
const GRANULE: usize = 6;
const SERIAL: usize = 14;
const CHECKSUM: usize = 22;
/// How the first packet of a stream of audio begins.
const AUDIO: [&[u8]; 4] = [b"\x01vorbis", OPUS, b"\x7fFLAC", b"Speex   "];
const OPUS: &[u8] = b"OpusHead";

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
    /// The logical stream that is listened to, none before the first of a link of the chain.
    serial: Option<u32>,
    /// Frames of the links before, and of this one by its pages, which begin to count somewhere.
    chained: u64,
    granule: u64,
    origin: u64,
    /// What is being passed over: from which byte on.
    gap: Option<u64>,
    gaps: Vec<(u64, Range<u64>)>,
    further: Further,
    /// Bytes that were summed up for pages that are none, and whether there were too many.
    wasted: u64,
    is_lost: bool,
}

/// What is only counted, behind the first thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Further {
    pub(super) gaps: u64,
    pub(super) bytes: u64,
}

/// What was found in all of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// What lies between pages or is a damaged one, with the frame before which it is.
    pub(super) gaps: Vec<(u64, Range<u64>)>,
    /// Those behind the first thousand.
    pub(super) further: Further,
    /// What lies behind the last whole page and is no tag; empty if nothing does.
    pub(super) rest: Range<u64>,
    /// Whether that is a page that is cut short.
    pub(super) is_cut: bool,
}

impl Pages {
    /// Pages from byte `start` on; frames are those of the logical stream `serial`, of which `origin`
    /// were before the file began.
    pub(super) fn new(file: File, length: u64, start: u64, serial: u32, origin: u64) -> Self {
        Self {
            file,
            length,
            at: 0,
            position: start,
            buffer: Vec::new(),
            is_at_end: false,
            serial: Some(serial),
            chained: 0,
            granule: 0,
            origin,
            gap: None,
            gaps: Vec::new(),
            further: Further::default(),
            wasted: 0,
            is_lost: false,
        }
    }

    /// Goes on through some 256 KiB; `false` at the end of the file.
    pub(super) fn go_on(&mut self) -> bool {
        if self.is_lost || (self.is_at_end && self.at >= self.buffer.len()) {
            return false;
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let from = self.position + self.buffer.len() as u64;
        let before = self.buffer.len();
        // What cannot be read is not there.
        if self.file.seek(SeekFrom::Start(from)).is_ok() {
            drop((&mut self.file).take(READ as u64).read_to_end(&mut self.buffer));
        }
        self.is_at_end = self.buffer.len() == before;
        while self.buffer.len() - self.at >= LONGEST
            || (self.is_at_end && self.at < self.buffer.len())
        {
            self.take_page();
            if self.is_lost {
                return false;
            }
        }
        true
    }

    /// All that was found, if the file is as long as it was; goes through what is left of it.
    pub(super) fn account(mut self) -> Option<Account> {
        while self.go_on() {}
        let from = self.gap.unwrap_or(self.position);
        let is_whole = self.position == self.length;
        let mut rest = tags::foreign(&mut self.file, from..self.length);
        let mut head = Vec::new();
        if self.file.seek(SeekFrom::Start(rest.start)).is_ok() {
            drop((&mut self.file).take(LONGEST as u64).read_to_end(&mut head));
        }
        head.truncate(usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX));
        if page_length(&head).is_some() {
            // All of the page is there, and it is damaged.
            self.note(rest);
            rest = self.length..self.length;
        }
        let is_cut = !rest.is_empty() && (head.starts_with(b"OggS\0") || is_start(&head));
        let account = Account { gaps: self.gaps, further: self.further, rest, is_cut };
        (is_whole && !self.is_lost).then_some(account)
    }

    /// Takes the page that is next, or passes over a byte and more that are none.
    fn take_page(&mut self) {
        let bytes = &self.buffer[self.at..];
        let length = page_length(bytes);
        let intact = length.filter(|length| is_intact(&bytes[..*length]));
        let passed = if let Some(length) = intact {
            let head = Head::of(&bytes[..length]);
            if let Some(from) = self.gap.take() {
                self.note(from..self.position);
            }
            self.follow(&head);
            length
        } else {
            self.gap = self.gap.or(Some(self.position));
            // Marks in a damaged page cost a sum each; so many are there on purpose.
            self.wasted = self.wasted.saturating_add(length.unwrap_or(0) as u64);
            self.is_lost = self.wasted > MOST_WASTED.saturating_add(2 * self.position);
            let next = bytes[1..].windows(4).position(|four| four == b"OggS");
            // The last bytes may be the beginning of a mark.
            next.map_or(bytes.len().saturating_sub(3).max(1), |offset| offset + 1)
        };
        self.at += passed;
        self.position += passed as u64;
    }

    /// Keeps in step with the stream that is heard.
    fn follow(&mut self, page: &Head) {
        if page.begins && self.granule > 0 {
            // Another link of the chain, whose streams need not be those of the one before.
            self.chained = self.heard();
            (self.granule, self.origin, self.serial) = (0, 0, None);
        }
        if page.begins && page.is_audio {
            self.serial = self.serial.or(page.serial);
        }
        if page.serial != self.serial {
            return;
        }
        if page.begins {
            self.origin = self.origin.saturating_add(page.not_heard);
        } else if page.granule != u64::MAX {
            self.granule = page.granule;
        }
    }

    fn note(&mut self, gap: Range<u64>) {
        let gap = tags::lost(&mut self.file, gap);
        if self.gaps.len() == Health::MOST {
            self.further.gaps += u64::from(!gap.is_empty());
            self.further.bytes += gap.end - gap.start;
        } else if !gap.is_empty() {
            self.gaps.push((self.heard(), gap));
        }
    }

    /// Frames that are heard before the page that is next.
    fn heard(&self) -> u64 {
        self.chained.saturating_add(self.granule.saturating_sub(self.origin))
    }
}

/// The length of the page that `bytes` begin with, if one does and all of it is there.
fn page_length(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(26).filter(|_| bytes.starts_with(b"OggS\0"))?);
    let sizes = bytes.get(27..27 + segments)?;
    let length = 27 + segments + sizes.iter().map(|size| usize::from(*size)).sum::<usize>();
    (length <= bytes.len()).then_some(length)
}

/// Whether a page of which only these bytes are there may begin like this.
fn is_start(head: &[u8]) -> bool {
    (1..=4).contains(&head.len()) && b"OggS".starts_with(head)
}

/// Whether a page has the checksum that it says, which is made with zeros in its place.
fn is_intact(page: &[u8]) -> bool {
    u64::from(checksum(page)) == number_at::<4>(page, CHECKSUM)
}

fn checksum(page: &[u8]) -> u32 {
    let mut sum = Crc32::new(0);
    for part in [&page[..CHECKSUM], &[0; 4], &page[CHECKSUM + 4..]] {
        sum.process_buf_bytes(part);
    }
    sum.crc()
}

/// What an intact page says.
#[derive(Debug)]
struct Head {
    /// Its logical stream.
    serial: Option<u32>,
    /// The frame that it ends with; all ones if no packet ends in it.
    granule: u64,
    /// Whether it is the first of its stream.
    begins: bool,
    /// Whether that is audio.
    is_audio: bool,
    /// Frames that are counted and not heard: pages of Opus count its pre-skip (RFC 7845, 4.2).
    not_heard: u64,
}

impl Head {
    fn of(page: &[u8]) -> Self {
        let first_packet = &page[27 + usize::from(page[26])..];
        let is_opus = first_packet.starts_with(OPUS) && first_packet.len() >= 12;
        Self {
            serial: u32::try_from(number_at::<4>(page, SERIAL)).ok(),
            granule: number_at::<8>(page, GRANULE),
            begins: page[FLAGS] & 2 != 0,
            is_audio: AUDIO.iter().any(|one| first_packet.starts_with(one)),
            not_heard: if is_opus { number_at::<2>(first_packet, 10) } else { 0 },
        }
    }
}

fn number_at<const LENGTH: usize>(page: &[u8], at: usize) -> u64 {
    page[at..at + LENGTH].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const VORBIS: &[u8] = b"\x01vorbis";

    fn page(flags: u8, granule: u64, content: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend(granule.to_le_bytes());
        page.extend(7_u32.to_le_bytes());
        page.extend([0; 8]);
        let size = u8::try_from(content.len()).expect("short");
        page.extend([1, size]);
        page.extend(content);
        let sum = checksum(&page);
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
        page
    }

    fn account(bytes: &[u8]) -> Account {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("room");
        Pages::new(file, bytes.len() as u64, 0, 7, 0).account().expect("as long as it was")
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/traps/long.ogg");
        let bytes = std::fs::read(path).expect("a fixture");
        let length = page_length(&bytes).expect("a page");
        assert!(is_intact(&bytes[..length]));
        let end = bytes.len() as u64;
        let nothing = Account { rest: end..end, ..Account::default() };
        assert_eq!(account(&bytes), nothing);
    }

    #[test]
    fn what_is_no_intact_page_is_told_with_its_frame() {
        let mut damaged = page(0, 3000, &[5; 99]);
        damaged[50] ^= 1;
        let long = vec![9; 600_000];
        let whole =
            [page(2, 0, b"a"), page(0, 1000, b"b"), damaged, page(0, 4000, b"c"), long].concat();
        let bytes = [whole.clone(), page(4, 5000, b"d"), b"junk".to_vec()].concat();
        let [page, end] = [29, bytes.len() as u64];
        assert_eq!(
            account(&bytes),
            Account {
                gaps: vec![
                    (1000, 2 * page..2 * page + 127),
                    (4000, 3 * page + 127..3 * page + 600_127)
                ],
                rest: end - 4..end,
                ..Account::default()
            }
        );
    }

    #[test]
    fn a_last_page_that_is_cut_short_is_no_foreign_data() {
        let last = page(4, 2000, &[1; 200]);
        for left in [1, 4, 27, 30, 200] {
            let bytes = [&page(2, 0, b"a")[..], &page(0, 1000, b"b"), &last[..left]].concat();
            let end = bytes.len() as u64;
            let expected = Account { rest: 58..end, is_cut: true, ..Account::default() };
            assert_eq!(account(&bytes), expected);
        }
    }

    #[test]
    fn a_last_page_that_is_all_there_is_damaged_and_not_cut_short() {
        let mut last = page(4, 2000, &[1; 200]);
        last[100] ^= 1;
        let bytes = [page(2, 0, b"a"), page(0, 1000, b"b"), last].concat();
        let end = bytes.len() as u64;
        let gaps = vec![(1000, 58..end)];
        assert_eq!(account(&bytes), Account { gaps, rest: end..end, ..Account::default() });
    }

    #[test]
    fn what_looks_like_pages_everywhere_is_given_up_in_time() {
        // Each of these says that it is as long as a page can be.
        let mark = [&b"OggS\0"[..], &[0; 21], &[255; 256]].concat();
        let bytes = [page(2, 0, b"a"), mark.repeat(20_000)].concat();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("room");
        let mut pages = Pages::new(file, bytes.len() as u64, 0, 7, 0);
        while pages.go_on() {}
        assert!(pages.wasted <= MOST_WASTED + 2 * bytes.len() as u64 + LONGEST as u64);
        assert_eq!(pages.account(), None);
    }

    #[test]
    fn a_thousand_gaps_are_kept_and_the_others_counted() {
        let piece = [&b"junk"[..], &page(0, 1000, b"b")].concat();
        let found = account(&piece.repeat(1500));
        assert_eq!(found.gaps.len(), 1000);
        assert_eq!(found.further, Further { gaps: 500, bytes: 2000 });
    }

    #[test]
    fn frames_that_cannot_be_are_no_more_than_the_most() {
        let most = u64::MAX - 1;
        let streams =
            [page(2, 0, b"a"), page(4, most, b"b"), page(2, 0, VORBIS), page(0, most, b"d")];
        let bytes = [streams.concat(), b"??".to_vec(), page(4, 900, b"e")].concat();
        assert_eq!(account(&bytes).gaps, [(u64::MAX, 122..124)]);
    }

    #[test]
    fn frames_of_chained_streams_add_up() {
        // What is not heard has the number that the audio had in the link before, which has another.
        let of_8 = |flags, granule, content| {
            let mut page = page(flags, granule, content);
            page[SERIAL] = 8;
            page[CHECKSUM..CHECKSUM + 4].fill(0);
            let sum = checksum(&page);
            page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
            page
        };
        let video = |flags, granule| page(flags, granule, b"\x80theora");
        let opus = [&b"OpusHead\x01\x02"[..], &300_u16.to_le_bytes()].concat();
        let streams = [
            page(2, 0, b"a"),
            page(4, 1000, b"b"),
            // The next link begins with a stream that is not heard.
            video(2, 0),
            of_8(2, 0, &opus),
            video(0, 1 << 40),
            of_8(0, 800, b"d"),
        ]
        .concat();
        let at = streams.len() as u64;
        let bytes = [streams, b"??".to_vec(), of_8(4, 900, b"e")].concat();
        assert_eq!(account(&bytes).gaps, [(1500, at..at + 2)]);
    }
}
