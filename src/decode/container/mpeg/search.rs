//! Search: which of the bytes that look like the header of a frame really begin one.
//!
//! Headers are short, and what looks like one is found in any data. A frame is real if others of the
//! same format follow it where its length says, or if the audio ends there.

use std::ops::Range;

use memchr::memchr;

use super::frame::{Format, Framing, Header, MOST_FREE, MOST_HEADER};
use super::window::Window;

/// Bytes searched at a time.
const BLOCK: usize = 64 * 1024;
/// Frames that must follow one that is found in the middle of something else.
pub(super) const MOST_FOLLOWING: u32 = 3;
/// Headers of the free format, not at the start, whose length is looked for.
const MOST_FREE_TRIES: u32 = 64;

/// The first frame that is found, and how its like are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) framing: Framing,
    pub(super) header: Header,
    pub(super) free: Option<usize>,
    pub(super) at: u64,
}

/// What a frame must be to be searched for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    format: Option<Format>,
    /// Bytes of a frame of the free format, if they are known.
    free: Option<usize>,
    /// Frames that must follow.
    following: u32,
}

impl Wanted {
    pub(super) const fn any(following: u32) -> Self {
        Self { format: None, free: None, following }
    }

    pub(super) const fn of(format: Format, free: Option<usize>, following: u32) -> Self {
        Self { format: Some(format), free, following }
    }
}

/// The search for frames.
pub(super) struct Search<'a> {
    window: &'a mut Window,
    /// The byte at which audio should begin: what looks like a frame there needs less proof.
    start: u64,
    /// Headers of the free format whose length was looked for.
    free_tries: u32,
}

impl<'a> Search<'a> {
    /// Looks for the first frame of a file, whose audio should begin at byte `start`.
    pub(super) const fn from_start(window: &'a mut Window, start: u64) -> Self {
        Self { window, start, free_tries: 0 }
    }

    /// Looks for further frames.
    pub(super) const fn within(window: &'a mut Window) -> Self {
        Self::from_start(window, u64::MAX)
    }

    /// The first real frame of one of `framings` before byte `end`.
    pub(super) fn first(&mut self, framings: &[Framing], end: u64) -> Option<Found> {
        let start = self.start;
        let mut at_start =
            framings.iter().filter_map(|&framing| self.real(start, framing, Wanted::any(1)));
        if let found @ Some(_) = at_start.next() {
            return found;
        }
        let wanted = [Wanted::any(MOST_FOLLOWING)];
        let found = framings
            .iter()
            .filter_map(|&framing| self.next(start..end, framing, &wanted))
            .min_by_key(|found| found.at)?;
        // Now that the format is known, less is proof for what is before.
        let Found { framing, header, free, .. } = found;
        let earlier = Wanted::of(header.format, free, 0);
        let earlier = self
            .real(start, framing, earlier)
            .or_else(|| self.next(start..found.at, framing, &[Wanted { following: 1, ..earlier }]));
        Some(earlier.unwrap_or(found))
    }

    /// The first real frame in `range` that is one of those wanted.
    pub(super) fn next(
        &mut self,
        range: Range<u64>,
        framing: Framing,
        wanted: &[Wanted],
    ) -> Option<Found> {
        let mut at = range.start;
        while at < range.end {
            let bytes = self.window.bytes(at, BLOCK);
            if bytes.is_empty() {
                return None;
            }
            match memchr(framing.first_byte(), bytes) {
                None => at += bytes.len() as u64,
                Some(offset) => {
                    at += offset as u64;
                    if at < range.end
                        && let found @ Some(_) =
                            wanted.iter().find_map(|wanted| self.real(at, framing, *wanted))
                    {
                        return found;
                    }
                    at += 1;
                }
            }
        }
        None
    }

    /// The frame at byte `at`, if it is one that is wanted: enough of its format follow it, or the
    /// audio ends before.
    pub(super) fn real(&mut self, at: u64, framing: Framing, wanted: Wanted) -> Option<Found> {
        let Wanted { format, free, following } = wanted;
        let header = Header::read(self.window.bytes(at, MOST_HEADER), framing)?;
        if format.is_some_and(|format| format != header.format) {
            return None;
        }
        let free = match (header.length, free) {
            (None, None) => Some(self.free_length(at, header, framing)?),
            (_, free) => free,
        };
        let mut next = at + header.length_in(free)? as u64;
        for _ in 0..following {
            if self.is_end(next) {
                break;
            }
            let follower = Header::read(self.window.bytes(next, MOST_HEADER), framing)?;
            if follower.format != header.format {
                return None;
            }
            next += follower.length_in(free)? as u64;
        }
        Some(Found { framing, header, free, at })
    }

    /// Bytes of the frames of the free format, without padding, of which one begins at `at`: two
    /// more must follow at that distance, or one with which the audio ends.
    fn free_length(&mut self, at: u64, header: Header, framing: Framing) -> Option<usize> {
        if at != self.start {
            self.free_tries += 1;
            if self.free_tries > MOST_FREE_TRIES {
                return None;
            }
        }
        let bytes = self.window.bytes(at, MOST_FREE).to_vec();
        let bytes = &bytes[..bytes.len().min(MOST_FREE)];
        let is_like = |other: &Header| other.format == header.format && other.length.is_none();
        let mut from = MOST_HEADER;
        while let Some(found) = bytes.get(from..).and_then(|rest| memchr(0xff, rest)) {
            let distance = from + found;
            from = distance + 1;
            let follower = Header::read(&bytes[distance..], framing).filter(is_like);
            let (Some(follower), Some(length)) = (follower, distance.checked_sub(header.padding))
            else {
                continue;
            };
            let third = at + (distance + length + follower.padding) as u64;
            let another = Header::read(self.window.bytes(third, MOST_HEADER), framing);
            if self.is_end(third) || another.as_ref().is_some_and(is_like) {
                return Some(length);
            }
        }
        None
    }

    /// Whether the audio ends at byte `at`: the file does, or a tag begins.
    pub(super) fn is_end(&mut self, at: u64) -> bool {
        if at >= self.window.end() {
            return at == self.window.end();
        }
        let bytes = self.window.bytes(at, 16);
        [&b"TAG"[..], b"ID3", b"APETAGEX", b"LYRICSBEGIN", &[0; 16]]
            .iter()
            .any(|tag| bytes.starts_with(tag))
    }
}
