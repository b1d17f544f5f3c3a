//! EBML: elements that consist of an id, a size and content. RFC 8794.
//!
//! ```text
//! 1A 45 DF A3 │ 9F          │ …
//! id, 1 to 4  │ size, 1 to 8 │ content
//! ```
//!
//! The number of leading zeros of the first byte tells how long an id or a size is. A size whose
//! bits are all ones is unknown: live streams write it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that are read from the file at a time.
const READ: usize = 128 * 1024;
/// The longest header of an element.
const MAX_HEADER: usize = 12;

/// An element as its header describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    /// The byte of the file at which it begins, and that of its content.
    pub(super) start: u64,
    pub(super) content: u64,
    /// Bytes of its content, if it says.
    pub(super) size: Option<u64>,
}

impl Element {
    /// The byte behind it, if it says.
    pub(super) fn end(&self) -> Option<u64> {
        self.content.checked_add(self.size?)
    }
}

/// What is at a position of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Element(Element),
    /// The end of the file.
    End,
    /// A header that the end of the file cuts.
    Cut,
    /// Bytes that are no header.
    Invalid,
}

/// Reads a file forward, and looks ahead in it.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    /// The length of the file when it was opened. Nothing behind it is read.
    end: u64,
    /// `buffer[at..]` are the next bytes; the buffer begins at byte `base` of the file, and the file
    /// stands behind it if `is_placed`.
    buffer: Vec<u8>,
    base: u64,
    at: usize,
    is_placed: bool,
}

impl Reader {
    pub(super) fn new(file: File, start: u64, end: u64) -> Self {
        Self { file, end, buffer: Vec::new(), base: start, at: 0, is_placed: false }
    }

    /// The byte of the file that comes next.
    pub(super) fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The length of the file.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// The file itself, at any position.
    pub(super) fn file(&mut self) -> &mut File {
        self.is_placed = false;
        &mut self.file
    }

    pub(super) fn seek(&mut self, to: u64) {
        let offset = to.checked_sub(self.base).and_then(|offset| usize::try_from(offset).ok());
        if let Some(offset) = offset.filter(|&offset| offset <= self.buffer.len()) {
            self.at = offset;
        } else {
            self.buffer.clear();
            (self.base, self.at, self.is_placed) = (to, 0, false);
        }
    }

    /// The next `length` bytes, which stay the next; fewer at the end of the file.
    pub(super) fn ahead(&mut self, length: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.at < length {
            self.buffer.drain(..self.at);
            self.base += self.at as u64;
            self.at = 0;
            let from = self.base + self.buffer.len() as u64;
            if !self.is_placed {
                self.file.seek(SeekFrom::Start(from))?;
                self.is_placed = true;
            }
            let wanted = (length - self.buffer.len()).max(READ) as u64;
            let wanted = wanted.min(self.end.saturating_sub(from));
            (&mut self.file).take(wanted).read_to_end(&mut self.buffer)?;
        }
        let last = self.buffer.len().min(self.at.saturating_add(length));
        Ok(&self.buffer[self.at..last])
    }

    /// The element whose header comes next. The position stays in front of it.
    pub(super) fn header(&mut self) -> io::Result<Next> {
        let start = self.position();
        let bytes = self.ahead(MAX_HEADER)?;
        if bytes.is_empty() {
            return Ok(Next::End);
        }
        Ok(match header_of(bytes) {
            Ok((id, size, length)) => {
                Next::Element(Element { id, start, content: start + length as u64, size })
            }
            Err(Flaw::Short) => Next::Cut,
            Err(Flaw::Invalid) => Next::Invalid,
        })
    }

    /// All of the content of `element`, which lies within the file and is read as a whole.
    pub(super) fn content(&mut self, element: &Element) -> io::Result<Vec<u8>> {
        self.seek(element.content);
        let length = usize::try_from(element.size.unwrap_or(0)).unwrap_or(usize::MAX);
        let content = self.ahead(length)?.to_vec();
        self.seek(element.content + content.len() as u64);
        if content.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(content) }
    }
}

/// Why bytes are no number in the code of EBML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They end too early.
    Short,
    Invalid,
}

/// The header at the start of `bytes`: id, size if it is known, and its own length.
pub(super) fn header_of(bytes: &[u8]) -> Result<(u32, Option<u64>, usize), Flaw> {
    let &first = bytes.first().ok_or(Flaw::Short)?;
    let id_length = first.leading_zeros() as usize + 1;
    if id_length > 4 {
        return Err(Flaw::Invalid);
    }
    let id = bytes.get(..id_length).ok_or(Flaw::Short)?;
    let id = id.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    let (size, size_length) = number_of(&bytes[id_length..])?;
    Ok((id, size, id_length + size_length))
}

/// The number at the start of `bytes`, and its length. `None` where all its bits are ones.
pub(super) fn number_of(bytes: &[u8]) -> Result<(Option<u64>, usize), Flaw> {
    let &first = bytes.first().ok_or(Flaw::Short)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return Err(Flaw::Invalid);
    }
    let bytes = bytes.get(..length).ok_or(Flaw::Short)?;
    let bits = (1 << (7 * length)) - 1;
    let value = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)) & bits;
    Ok(((value != bits).then_some(value), length))
}

/// The elements in `content`, as far as they are intact.
pub(super) fn elements(content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (id, size, length) = header_of(rest).ok()?;
        let end = length.checked_add(usize::try_from(size?).ok()?)?;
        let content = rest.get(length..end)?;
        rest = &rest[end..];
        Some((id, content))
    })
}

/// An unsigned integer.
pub(super) fn unsigned(content: &[u8]) -> Option<u64> {
    let is_number = content.len() <= 8;
    is_number.then(|| content.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// A signed integer.
pub(super) fn signed(content: &[u8]) -> Option<i64> {
    let start = if content.first().is_some_and(|&byte| byte >= 0x80) { -1 } else { 0 };
    let is_number = content.len() <= 8;
    is_number.then(|| content.iter().fold(start, |value, &byte| value << 8 | i64::from(byte)))
}

/// A floating-point number.
pub(super) fn float(content: &[u8]) -> Option<f64> {
    match content.len() {
        0 => Some(0.0),
        4 => content.first_chunk().map(|&bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => content.first_chunk().map(|&bytes| f64::from_be_bytes(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_with_every_length_of_id_and_size() {
        assert_eq!(header_of(&[0xa3, 0x81, 0]), Ok((0xa3, Some(1), 2)));
        assert_eq!(header_of(&[0x42, 0x86, 0x40, 2]), Ok((0x4286, Some(2), 4)));
        let cluster = [0x1f, 0x43, 0xb6, 0x75, 0x01, 0, 0, 0, 0, 0, 0, 9];
        assert_eq!(header_of(&cluster), Ok((0x1f43_b675, Some(9), 12)));
        assert_eq!(header_of(&cluster[..11]), Err(Flaw::Short));
        assert_eq!(header_of(&[0x1f, 0x43]), Err(Flaw::Short));
        assert_eq!(header_of(&[0x08, 0, 0, 0, 0, 0x81]), Err(Flaw::Invalid));
        assert_eq!(header_of(&[0xa3, 0]), Err(Flaw::Invalid));
    }

    #[test]
    fn sizes_of_ones_are_unknown() {
        assert_eq!(number_of(&[0xff]), Ok((None, 1)));
        assert_eq!(number_of(&[0x01, 255, 255, 255, 255, 255, 255, 255]), Ok((None, 8)));
        assert_eq!(number_of(&[0x7f, 0xff]), Ok((None, 2)));
        assert_eq!(number_of(&[0xfe]), Ok((Some(126), 1)));
    }

    #[test]
    fn numbers_of_any_length_are_read() {
        assert_eq!(unsigned(&[]), Some(0));
        assert_eq!(unsigned(&[1, 0]), Some(256));
        assert_eq!(unsigned(&[0; 9]), None);
        assert_eq!(signed(&[0xff, 0]), Some(-256));
        assert_eq!(signed(&[0x7f]), Some(127));
        assert_eq!(float(&44_100_f32.to_be_bytes()), Some(44_100.0));
        assert_eq!(float(&8000_f64.to_be_bytes()), Some(8000.0));
        assert_eq!(float(&[0; 3]), None);
    }

    #[test]
    fn elements_end_where_one_is_damaged() {
        let found: Vec<_> = elements(&[0xd7, 0x81, 5, 0xec, 0x80, 0x83, 0x85, 1]).collect();
        assert_eq!(found, [(0xd7, &[5][..]), (0xec, &[][..])]);
    }
}
