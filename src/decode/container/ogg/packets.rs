//! Packets of one stream, put together from the segments of its pages. RFC 3533 §5.

use super::page::Page;

/// The longest packet that is kept: more than a frame of FLAC can be.
const LONGEST: usize = 16 * 1024 * 1024;
/// What is kept of a longer one.
const BEGINNING: usize = 64;

/// A packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Where it begins in the file.
    pub(super) byte: u64,
    /// Its bytes, or the first few of them if there are too many.
    pub(super) data: Vec<u8>,
    /// How many it has.
    pub(super) length: u64,
}

impl Whole {
    fn at(byte: u64) -> Self {
        Self { byte, data: Vec::new(), length: 0 }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.length <= LONGEST as u64 {
            self.data.extend_from_slice(bytes);
        } else {
            self.data.truncate(BEGINNING);
            self.data.shrink_to_fit();
        }
    }

    /// Whether all of its bytes were kept.
    pub(super) fn is_complete(&self) -> bool {
        self.length == self.data.len() as u64
    }
}

/// Puts packets together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The sequence number of the next page.
    expected: Option<u32>,
    /// A packet that goes on with the next page.
    partial: Option<Whole>,
}

/// What a page comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Assembled {
    /// The packets that end on it.
    pub(super) packets: Vec<Whole>,
    /// Why it does not follow the page before; `None` if it does.
    pub(super) broken: Option<String>,
}

impl Assembler {
    /// Takes in the next page of the stream.
    pub(super) fn take(&mut self, page: &Page<'_>) -> Assembled {
        let mut assembled = Assembled::default();
        let number = page.sequence();
        if let Some(expected) = self.expected.filter(|expected| *expected != number) {
            let what = match number.checked_sub(expected) {
                Some(1) => "a page is missing".to_owned(),
                Some(missing) => format!("{missing} pages are missing"),
                None => format!("page {number} stands where page {expected} should be"),
            };
            assembled.broken = Some(what);
            self.partial = None;
        } else if self.partial.is_some() && !page.is_continued() {
            assembled.broken = Some("a packet ends in its middle".to_owned());
            self.partial = None;
        }
        self.expected = Some(number.wrapping_add(1));

        // The rest of a packet of which the beginning is lost.
        let mut is_headless = page.is_continued() && self.partial.is_none();
        let (mut content, mut byte) = (page.content(), page.byte + page.content_at() as u64);
        for segment in page.segments() {
            let (bytes, rest) = content.split_at(usize::from(*segment).min(content.len()));
            content = rest;
            let is_end = *segment < u8::MAX;
            if is_headless {
                is_headless = !is_end;
            } else {
                let packet = self.partial.get_or_insert_with(|| Whole::at(byte));
                packet.append(bytes);
                if is_end {
                    assembled.packets.extend(self.partial.take());
                }
            }
            byte += bytes.len() as u64;
        }
        assembled
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::decode::container::ogg::page::Pages;
    use crate::decode::container::ogg::page::made::{CONTINUED, of_segments};

    fn assembled(pages: &[Vec<u8>]) -> Vec<Assembled> {
        let bytes = pages.concat();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("room");
        let mut pages = Pages::new(file, bytes.len() as u64, 0);
        let mut assembler = Assembler::default();
        let mut all = Vec::new();
        while let Some((_, page)) = pages.next() {
            all.push(assembler.take(&page));
        }
        all
    }

    /// Where each packet begins, and how long it is.
    fn packets(of: &Assembled) -> Vec<(u64, u64)> {
        of.packets.iter().map(|packet| (packet.byte, packet.length)).collect()
    }

    #[test]
    fn packets_go_on_over_pages() {
        let first = of_segments(0, 0, 5, &[3, 255, 0, 255], &[1; 3 + 255 + 255]);
        let second = of_segments(CONTINUED, -1, 6, &[255], &[2; 255]);
        let third = of_segments(CONTINUED, 0, 7, &[7, 0, 2], &[3; 9]);
        let length = first.len() as u64;
        let found = assembled(&[first, second, third.clone()]);
        assert_eq!(packets(&found[0]), [(31, 3), (34, 255)]);
        assert_eq!(packets(&found[1]), []);
        let end = length + 283 + third.len() as u64;
        assert_eq!(packets(&found[2]), [(31 + 258, 517), (end - 2, 0), (end - 2, 2)]);
        assert!(found.iter().all(|one| one.broken.is_none()));
        assert!(found[2].packets.iter().all(Whole::is_complete));
    }

    #[test]
    fn what_is_left_of_a_packet_without_its_beginning_is_dropped() {
        let first = of_segments(0, 0, 5, &[255], &[1; 255]);
        let later = of_segments(CONTINUED, 0, 9, &[255, 7, 4], &[2; 255 + 7 + 4]);
        let found = assembled(&[first.clone(), later.clone()]);
        assert_eq!(found[1].broken.as_deref(), Some("3 pages are missing"));
        assert_eq!(found[1].packets.len(), 1);
        assert_eq!(found[1].packets[0].data, [2; 4]);
        // The first page of a file may be anywhere in its stream.
        let found = assembled(&[later]);
        assert_eq!((found[0].packets.len(), &found[0].broken), (1, &None));

        let fresh = of_segments(0, 0, 6, &[4], &[3; 4]);
        let found = assembled(&[first.clone(), fresh]);
        assert_eq!(found[1].broken.as_deref(), Some("a packet ends in its middle"));
        assert_eq!(found[1].packets[0].data, [3; 4]);

        let found = assembled(&[first.clone(), first]);
        assert_eq!(found[1].broken.as_deref(), Some("page 5 stands where page 6 should be"));
    }

    #[test]
    fn of_a_packet_that_is_too_long_the_beginning_is_kept() {
        let (mut packet, page) = (Whole::at(9), vec![1; 65_025]);
        for _ in 0..=LONGEST / 65_025 {
            packet.append(&page);
        }
        assert!(!packet.is_complete());
        assert_eq!(packet.data.len(), BEGINNING);
        packet.append(&page);
        assert_eq!(packet.data.len(), BEGINNING);
    }
}
