//! Walk: from frame to frame, once through the file.
//!
//! ```text
//! ID3v2 │ junk │ frame │ frame │ ▒▒▒▒ │ frame │ ID3v2 │ frame │ fra   │ APE │ ID3v1
//!              └ the first real one    └ lost: one finding        └ cut
//! ```
//!
//! Headers are short, and what looks like one is found in any data. A frame is real if others of the
//! same format follow it where its length says, or if the audio ends there. Once the format is known,
//! a header in its place is enough.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use audiopool_worker::analyze::Damage;

use super::frame::{Format, Framing, Header, MOST_HEADER};
use super::search::{MOST_FOLLOWING, Search, Wanted};
use super::tag::Tag;
use super::window::Window;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::codec::aac::Latm;
use crate::decode::codec::packet::{Lost, Packet, Setup};
use crate::decode::engine::Demux;
use crate::record::WarningKind;

/// Bytes that are searched for the first frame.
const SEARCHED: u64 = 16 << 20;
/// Frames in a row of another format, after which the stream has changed.
const FOREIGN_FRAMES: u32 = 8;

/// The frames of a file.
#[derive(Debug)]
pub(super) struct Walk {
    window: Window,
    /// The length of the whole file.
    file_length: u64,
    framing: Framing,
    format: Format,
    /// Bytes of a frame of the free format, without padding.
    free: Option<usize>,
    /// Where the next frame should begin.
    at: u64,
    setup: Option<Arc<Setup>>,
    latm: Latm,
    /// Frames of audio after trimming that the file declares and means.
    exact: Option<u64>,
    lost: Option<Lost>,
    /// Frames of another format in a row, and where the first of them is.
    foreign: u32,
    foreign_at: u64,
    ended: bool,
}

impl Walk {
    /// Looks for the first real frame of `framings` within `range` of a file of `file_length` bytes.
    /// Gives the file back if there is none.
    pub(super) fn find(
        mut window: Window,
        range: Range<u64>,
        file_length: u64,
        framings: &[Framing],
    ) -> Result<Self, File> {
        let mut search = Search::from_start(&mut window, range.start);
        let found = search.first(framings, range.end.min(range.start + SEARCHED));
        let Some(found) = found else { return Err(window.into_file()) };
        let junk = tags::foreign(window.file(), range.start..found.at);
        let mut walk = Self {
            window,
            file_length,
            framing: found.framing,
            format: found.header.format,
            free: found.free,
            at: found.at,
            setup: None,
            latm: Latm::default(),
            exact: None,
            lost: None,
            foreign: 0,
            foreign_at: 0,
            ended: false,
        };
        walk.lose(junk);
        Ok(walk)
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The bytes of the first frames, at most `count`, without moving on.
    pub(super) fn first_frames(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut at = self.at;
        let mut frames = Vec::new();
        while frames.len() < count
            && let Some((_, length)) = self.frame_at(at)
            && let Some(frame) = self.window.bytes(at, length).get(..length)
        {
            frames.push(frame.to_vec());
            at += length as u64;
        }
        frames
    }

    /// Decides how its frames are decoded, and how many frames of audio there should be.
    pub(super) fn with_setup(mut self, setup: Arc<Setup>, exact: Option<u64>) -> Self {
        self.setup = Some(setup);
        self.exact = exact;
        self
    }

    /// The header at byte `at` and the length of its frame, if it is of the stream's format.
    fn frame_at(&mut self, at: u64) -> Option<(Header, usize)> {
        let header = Header::read(self.window.bytes(at, MOST_HEADER), self.framing)?;
        let length = header.length_in(self.free)?;
        (header.format == self.format).then_some((header, length))
    }

    /// Notes that a stretch is lost; it may be empty.
    fn lose(&mut self, gap: Range<u64>) {
        if gap.is_empty() {
            return;
        }
        let length = gap.end - gap.start;
        if let Some(lost) = &mut self.lost {
            lost.bytes = lost.bytes.map(|bytes| bytes + length);
            return;
        }
        let what = format!("{length} bytes from byte {} on are no frame", gap.start);
        let (byte, bytes) = (Some(gap.start), Some(length));
        self.lost = Some(Lost { byte, bytes, what: what.into() });
    }

    /// Whether the frame of `length` bytes at `at` is cut by another that begins within it: where.
    fn cut_by(&mut self, at: u64, length: usize) -> Option<u64> {
        let next = at + length as u64;
        if self.is_frame_or_tag(next) {
            return None;
        }
        let (framing, wanted) = (self.framing, Wanted::of(self.format, self.free, 2));
        let found = Search::within(&mut self.window).next(at + 1..next, framing, &[wanted]);
        found.map(|found| found.at)
    }

    /// Goes on behind whatever lies where a frame should begin. `false` if no frame follows.
    fn resynchronise(&mut self) -> bool {
        let (from, end) = (self.at, self.window.end());
        let wanted = [Wanted::of(self.format, self.free, 1), Wanted::any(MOST_FOLLOWING)];
        let mut search = Search::within(&mut self.window);
        let Some(found) = search.next(from..end, self.framing, &wanted) else { return false };
        let gap = tags::lost(self.window.file(), from..found.at);
        self.lose(gap);
        self.at = found.at;
        true
    }

    /// Whether a frame or another tag begins at byte `at`.
    fn is_frame_or_tag(&mut self, at: u64) -> bool {
        Header::read(self.window.bytes(at, MOST_HEADER), self.framing).is_some()
            || Search::within(&mut self.window).is_end(at)
    }

    /// Whether a frame of another format that is really one lies at `at`: its length.
    fn foreign_at(&mut self, at: u64) -> Option<(Format, usize)> {
        let mut search = Search::within(&mut self.window);
        let found = search.real(at, self.framing, Wanted::any(1))?;
        Some((found.header.format, found.header.length?))
    }

    /// Passes over a frame of another format; `false` where the stream has changed.
    fn pass_over(&mut self, format: Format, length: usize, findings: &mut Findings) -> bool {
        if self.foreign == 0 {
            self.foreign_at = self.at;
        }
        self.foreign += 1;
        if self.foreign == FOREIGN_FRAMES {
            let message =
                format!("the audio changes to {}; the rest was not analysed", format.name());
            findings.note(WarningKind::FormatChange, None, Some(self.foreign_at), message);
            self.lost = None;
            return false;
        }
        self.lose(self.at..self.at + length as u64);
        self.at += length as u64;
        true
    }

    /// The data of the frame, as its decoder wants it; `None` if there is none.
    fn data_of(&mut self, length: usize) -> Option<Box<[u8]>> {
        let frame = self.window.bytes(self.at, length).get(..length)?;
        match self.framing {
            Framing::Loas => self.latm.unwrap(frame),
            // A frame that only holds a tag, of the file or of one that was appended to it.
            Framing::Mpeg if Tag::read(frame).is_some() => None,
            Framing::Mpeg | Framing::Adts => Some(frame.into()),
        }
    }
}

impl Demux for Walk {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        let setup = self.setup.clone()?;
        while !self.ended {
            if let Some((header, length)) = self.frame_at(self.at) {
                if self.at + length as u64 > self.window.end() {
                    break;
                }
                if let Some(next) = self.cut_by(self.at, length) {
                    self.lose(self.at..next);
                    self.at = next;
                    continue;
                }
                self.foreign = 0;
                let (byte, data) = (self.at, self.data_of(length));
                self.at += length as u64;
                match data {
                    Some(data) => {
                        return Some(Packet {
                            data,
                            frames: header.frames,
                            trim_start: 0,
                            trim_end: 0,
                            byte: Some(byte),
                            bytes: length as u64,
                            lost: self.lost.take(),
                            setup,
                        });
                    }
                    None if self.framing == Framing::Loas => self.lose(byte..self.at),
                    None => {}
                }
            } else if let Some((format, length)) = self.foreign_at(self.at) {
                if !self.pass_over(format, length, findings) {
                    break;
                }
            } else {
                let end = self.window.end();
                let tag = tags::length_at(self.window.file(), self.at..end);
                let behind = self.at.saturating_add(tag);
                // A tag whose length is wrong may have frames in it.
                if tag > 0 && (behind == end || self.is_frame_or_tag(behind)) {
                    self.at = behind;
                } else if !self.resynchronise() {
                    break;
                }
            }
        }
        self.ended = true;
        None
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if let Some(lost) = self.lost.take() {
            let damage = Damage { frame: frames, byte: lost.byte, bytes: lost.bytes };
            findings.damage(damage, &lost.what);
        }
        if let Some(error) = self.window.take_error() {
            let message = format!("reading failed in the middle of the file: {error}");
            findings.note(WarningKind::Truncated, Some(frames), None, message);
        }
        if findings.has(WarningKind::FormatChange) {
            return;
        }
        let rest = tags::foreign(self.window.file(), self.at..self.file_length);
        let head = self.window.bytes(rest.start, MOST_HEADER);
        let is_short = head.len() < MOST_HEADER && head.first() == Some(&self.framing.first_byte());
        let is_cut = !rest.is_empty() && (is_short || self.frame_at(rest.start).is_some());
        if is_cut {
            let message = "the file ends in the middle of the audio";
            findings.note(WarningKind::Truncated, Some(frames), Some(rest.start), message);
        }
        if let Some(exact) = self.exact.filter(|&exact| exact != frames)
            && !findings.has(WarningKind::Truncated)
        {
            let kind =
                if frames < exact { WarningKind::Truncated } else { WarningKind::LengthMismatch };
            let message = format!("the file declares {exact} frames, there are {frames}");
            findings.note(kind, Some(frames), None, message);
        }
        findings.account_for_all_bytes();
        findings.rest(frames, rest, is_cut);
    }
}

#[cfg(test)]
mod tests;
