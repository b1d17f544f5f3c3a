//! Window: a file read once, from front to back, with some of it in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// Bytes kept before the place that is looked at.
const KEPT: usize = 64 * 1024;

/// Bytes of a file up to some end.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    end: u64,
    buffer: Vec<u8>,
    /// The byte of the file at which `buffer` begins.
    base: u64,
    error: Option<std::io::Error>,
}

impl Window {
    /// The bytes `range` of a file.
    pub(super) fn new(file: File, range: Range<u64>) -> Self {
        Self { file, end: range.end, buffer: Vec::new(), base: range.start, error: None }
    }

    /// The byte behind the last.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The file, to look at tags in it.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// What went wrong when the file was read, once.
    pub(super) fn take_error(&mut self) -> Option<std::io::Error> {
        self.error.take()
    }

    /// The bytes from `at` on: at least `wanted`, unless the file ends before.
    pub(super) fn bytes(&mut self, at: u64, wanted: usize) -> &[u8] {
        let wanted = wanted.min(usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX));
        if at < self.base {
            // Only the search for a frame goes back, and seldom so far.
            self.buffer.clear();
            self.base = at;
        }
        let mut offset = usize::try_from(at - self.base).unwrap_or(usize::MAX);
        if self.buffer.len().saturating_sub(offset) < wanted {
            if offset > self.buffer.len() {
                self.buffer.clear();
                self.base = at;
            } else {
                let dropped = offset.saturating_sub(KEPT);
                self.buffer.drain(..dropped);
                self.base += dropped as u64;
            }
            offset = usize::try_from(at - self.base).unwrap_or(usize::MAX);
            let from = self.base + self.buffer.len() as u64;
            let missing = (wanted + offset).saturating_sub(self.buffer.len()).max(READ) as u64;
            let missing = missing.min(self.end.saturating_sub(from));
            let read = self
                .file
                .seek(SeekFrom::Start(from))
                .and_then(|_| (&mut self.file).take(missing).read_to_end(&mut self.buffer));
            match read {
                Ok(read) if (read as u64) < missing => self.end = from + read as u64,
                Ok(_) => {}
                Err(error) => {
                    self.end = self.base + self.buffer.len() as u64;
                    self.error = Some(error);
                }
            }
        }
        self.buffer.get(offset..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn any_place_of_the_range_can_be_looked_at() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("room");
        let mut window = Window::new(file, 10..900_000);
        for (at, wanted) in [(10, 4), (500_000, 300_000), (499_000, 8), (20, 100), (899_990, 50)] {
            let found = window.bytes(at as u64, wanted).to_vec();
            assert!(found.len() >= wanted.min(900_000 - at), "{at}");
            assert!(bytes[at..900_000].starts_with(&found), "{at}");
        }
        assert!(window.bytes(900_000, 4).is_empty());
        assert!(window.bytes(2_000_000, 4).is_empty());
    }

    #[test]
    fn a_file_that_became_shorter_ends_where_it_ends() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[7; 100]).expect("room");
        let mut window = Window::new(file, 0..1000);
        assert_eq!(window.bytes(90, 50), [7; 10]);
        assert_eq!(window.end(), 100);
    }
}
