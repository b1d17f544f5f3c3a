//! Demux: the walk from cluster to cluster.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use audiopool_worker::analyze::Damage;

use super::block;
use super::codec::Coded;
use super::ebml::{Element, Next, Reader, signed};
use super::encoding::{self, Encoding};
use super::find::Finder;
use super::head::Head;
use super::ids;
use super::track::Track;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::codec::aac;
use crate::decode::codec::packet::{Lost, Packet, Setup};
use crate::decode::engine::Demux;
use crate::record::WarningKind;

/// The most bytes that a block of audio may have.
const MAX_BLOCK: u64 = 64 << 20;

/// Cuts a Matroska file into packets.
#[derive(Debug)]
pub(in crate::decode) struct Matroska {
    reader: Reader,
    track: u64,
    encodings: Vec<Encoding>,
    coded: Coded,
    setup: Arc<Setup>,
    /// The byte behind the segment, if its size is known and right.
    segment_end: Option<u64>,
    place: Place,
    finder: Finder,
    /// Packets of the block that was read last.
    packets: VecDeque<Packet>,
    lost: Option<Lost>,
    end: Option<End>,
}

/// What is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The children of the segment.
    Segment,
    /// Those of a cluster, with the byte behind it, if that is known.
    Cluster(Option<u64>),
}

impl Place {
    /// The byte behind a cluster, if that is known.
    fn cluster_end(self) -> Option<u64> {
        match self {
            Self::Segment => None,
            Self::Cluster(end) => end,
        }
    }
}

/// How the walk ended.
#[derive(Clone, Copy, Debug)]
enum End {
    /// In front of what is no part of the segment, at this byte; perhaps nothing.
    Behind(u64),
    /// Within what begins at this byte.
    Within(u64),
}

/// Where a block lies, and how much of it is padding.
#[derive(Clone, Copy, Debug)]
struct Placed {
    element: Element,
    /// Nanoseconds; padding at the start is negative.
    padding: i64,
}

impl Matroska {
    pub(super) fn new(mut reader: Reader, head: &Head, track: &Track, coded: Coded) -> Self {
        reader.seek(head.audio);
        let setup = Arc::new(Setup::new(coded.params.clone()));
        Self {
            reader,
            track: track.number,
            encodings: track.encodings.clone().unwrap_or_default(),
            coded,
            setup,
            segment_end: head.segment_end,
            place: Place::Segment,
            finder: Finder::new(head.tracks.numbers()),
            packets: VecDeque::new(),
            lost: None,
            end: None,
        }
    }

    /// The decoder that all packets are for.
    pub(super) const fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// Data of the first packets: as many as it takes to examine AAC.
    pub(super) fn first_packets(&mut self) -> Vec<Box<[u8]>> {
        // What is noticed here is noticed again by the walk that counts.
        let mut findings = Findings::default();
        let packets = std::iter::from_fn(|| self.next(&mut findings));
        packets.take(aac::EXAMINED).map(|packet| packet.data).collect()
    }

    pub(super) fn into_reader(self) -> Reader {
        self.reader
    }

    /// Goes one element further.
    fn step(&mut self, findings: &mut Findings) -> io::Result<()> {
        let at = self.reader.position();
        if self.place.cluster_end().is_some_and(|end| at >= end) {
            self.place = Place::Segment;
        }
        if self.limit().is_some_and(|end| at >= end) {
            self.place = Place::Segment;
            return self.leave_segment(at, findings);
        }
        match self.reader.header()? {
            Next::Element(element) => self.element(&element),
            Next::Invalid => self.lose_way(at),
            Next::Cut => {
                self.end = Some(End::Within(at));
                Ok(())
            }
            Next::End => {
                self.end =
                    Some(if self.limit().is_some() { End::Within(at) } else { End::Behind(at) });
                Ok(())
            }
        }
    }

    /// What follows a segment of known size: more of it, if that size is wrong.
    fn leave_segment(&mut self, at: u64, findings: &mut Findings) -> io::Result<()> {
        let next = self.reader.header()?;
        let goes_on = matches!(next, Next::Element(element) if ids::is_of_segment(element.id)
            && element.end().is_none_or(|end| end <= self.reader.end()));
        if goes_on {
            let message = format!("the segment should end at byte {at}, but there is more of it");
            findings.note(WarningKind::LengthMismatch, None, Some(at), message);
            self.segment_end = None;
        } else {
            self.end = Some(End::Behind(at));
        }
        Ok(())
    }

    fn element(&mut self, element: &Element) -> io::Result<()> {
        match element.id {
            ids::EBML | ids::SEGMENT => self.end = Some(End::Behind(element.start)),
            ids::CLUSTER => {
                self.place = Place::Cluster(element.end());
                self.reader.seek(element.content);
            }
            id if ids::is_of_segment(id) => {
                self.place = Place::Segment;
                return self.skip(element);
            }
            ids::SIMPLE_BLOCK => {
                let Some(end) = self.end_of(element)? else { return Ok(()) };
                self.block(&Placed { element: *element, padding: 0 })?;
                self.reader.seek(end);
            }
            ids::BLOCK_GROUP => {
                let Some(end) = self.end_of(element)? else { return Ok(()) };
                self.group(element, end)?;
                self.reader.seek(end);
            }
            id if ids::is_of_cluster(id) || ids::is_global(id) => return self.skip(element),
            _ => return self.pass_over(element),
        }
        Ok(())
    }

    /// The byte behind what is gone through at present, if it is known.
    fn limit(&self) -> Option<u64> {
        self.place.cluster_end().or(self.segment_end)
    }

    /// The byte behind an element that lies within its parent and the file; `None` where it does
    /// not, and the walk has gone on or ended.
    fn end_of(&mut self, element: &Element) -> io::Result<Option<u64>> {
        let end = element.end();
        let fits = end.filter(|&end| self.limit().is_none_or(|limit| end <= limit));
        match fits {
            Some(end) if end <= self.reader.end() => return Ok(Some(end)),
            // The file ends within it, unless its size is damaged and there is more behind it.
            Some(_) => match self.find(element.content)? {
                Some(found) => self.go_on_at(element.start, found),
                None => self.end = Some(End::Within(element.start)),
            },
            None => self.lose_way(element.start)?,
        }
        Ok(None)
    }

    fn skip(&mut self, element: &Element) -> io::Result<()> {
        if let Some(end) = self.end_of(element)? {
            self.reader.seek(end);
        }
        Ok(())
    }

    /// An element that Matroska does not know: a damaged one, of which nothing else is lost if
    /// another follows it.
    fn pass_over(&mut self, element: &Element) -> io::Result<()> {
        let limit = self.limit().unwrap_or(u64::MAX).min(self.reader.end());
        if let Some(end) = element.end().filter(|&end| end <= limit) {
            self.reader.seek(end);
            let is_followed = end == limit
                || matches!(self.reader.header()?, Next::Element(next)
                    if ids::is_of_cluster(next.id) || ids::is_of_segment(next.id)
                        || ids::is_global(next.id));
            if is_followed {
                self.lose(element.start, end, None);
                return Ok(());
            }
        }
        self.lose_way(element.start)
    }

    /// Looks for the next element that is intact, behind byte `at`, which is none.
    fn lose_way(&mut self, at: u64) -> io::Result<()> {
        if let Some(found) = self.find(at + 1)? {
            self.go_on_at(at, found);
            return Ok(());
        }
        match self.segment_end {
            Some(end) if end > self.reader.end() => self.end = Some(End::Within(at)),
            Some(end) => {
                self.lose(at, end, None);
                self.place = Place::Segment;
                self.reader.seek(end);
            }
            None => self.end = Some(End::Behind(at)),
        }
        Ok(())
    }

    fn find(&mut self, from: u64) -> io::Result<Option<u64>> {
        // Blocks are in clusters alone.
        let end = match self.place {
            Place::Segment => 0,
            Place::Cluster(_) => self.limit().unwrap_or(u64::MAX).min(self.reader.end()),
        };
        self.finder.next(&mut self.reader, from, end)
    }

    fn go_on_at(&mut self, lost_from: u64, found: u64) {
        self.lose(lost_from, found, None);
        self.reader.seek(found);
    }

    /// Notes what no packet can be made of, with what was lost right before it.
    fn lose(&mut self, from: u64, to: u64, what: Option<&str>) {
        let length = to.saturating_sub(from);
        if let Some(lost) = &mut self.lost {
            lost.bytes = lost.bytes.map(|bytes| bytes.saturating_add(length));
            return;
        }
        let what = what.map_or_else(
            || format!("{length} bytes from byte {from} on are no element of Matroska").into(),
            Into::into,
        );
        self.lost = Some(Lost { byte: Some(from), bytes: Some(length), what });
    }

    /// A block, and how much of it is padding. `end` is the byte behind the group.
    fn group(&mut self, group: &Element, end: u64) -> io::Result<()> {
        let mut placed = None;
        let mut padding = 0;
        self.reader.seek(group.content);
        while self.reader.position() < end {
            let at = self.reader.position();
            let next = self.reader.header()?;
            let Next::Element(child) = next else {
                self.lose(at, end, None);
                break;
            };
            let Some(behind) = child.end().filter(|&behind| behind <= end) else {
                self.lose(at, end, None);
                break;
            };
            if child.id == ids::BLOCK {
                placed = Some(child);
                self.reader.seek(child.content);
                let track = block::track_of(self.reader.ahead(8)?);
                if track.is_some_and(|track| track != self.track) {
                    return Ok(());
                }
            } else if child.id == ids::DISCARD_PADDING && child.size.is_some_and(|size| size <= 8) {
                padding = signed(&self.reader.content(&child)?).unwrap_or(0);
            }
            self.reader.seek(behind);
        }
        match placed {
            Some(element) => self.block(&Placed { element, padding }),
            None => Ok(()),
        }
    }

    /// Makes packets of a block, if it is one of our track.
    fn block(&mut self, placed: &Placed) -> io::Result<()> {
        let element = &placed.element;
        self.reader.seek(element.content);
        let size = element.size.unwrap_or(0);
        let end = element.content.saturating_add(size);
        let length = usize::try_from(size).map_or(8, |size| size.min(8));
        match block::track_of(self.reader.ahead(length)?) {
            Some(track) if track != self.track => return Ok(()),
            Some(_) if size <= MAX_BLOCK => {}
            Some(_) => {
                self.lose(element.start, end, Some("a block is longer than any"));
                return Ok(());
            }
            None => {
                self.lose(element.start, end, Some("a block has no track"));
                return Ok(());
            }
        }
        let data = self.reader.content(element)?;
        let frames = match block::frames_of(&data) {
            Ok(frames) => frames,
            Err(what) => {
                self.lose(element.start, end, Some(what));
                return Ok(());
            }
        };
        let last = frames.len() - 1;
        for (index, frame) in frames.into_iter().enumerate() {
            if frame.is_empty() {
                continue;
            }
            let byte = element.content + frame.start as u64;
            let bytes = frame.len() as u64;
            let data = &data[frame];
            let data = if self.encodings.is_empty() {
                data.into()
            } else if let Some(data) = encoding::unpack(&self.encodings, data) {
                data.into_boxed_slice()
            } else {
                self.lose(byte, byte + bytes, Some("a packed frame cannot be unpacked"));
                continue;
            };
            self.push(data, byte, bytes, index == 0, index == last, placed.padding);
        }
        Ok(())
    }

    fn push(
        &mut self,
        data: Box<[u8]>,
        byte: u64,
        bytes: u64,
        is_first: bool,
        is_last: bool,
        padding: i64,
    ) {
        let frames = self.coded.frames_in(padding.unsigned_abs(), &data);
        self.packets.push_back(Packet {
            frames: self.coded.frames_of(&data),
            trim_start: if is_first && padding < 0 { frames } else { 0 },
            trim_end: if is_last && padding > 0 { frames } else { 0 },
            byte: Some(byte),
            bytes,
            lost: self.lost.take(),
            setup: self.setup.clone(),
            data,
        });
    }
}

impl Demux for Matroska {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return Some(packet);
            }
            if self.end.is_some() {
                return None;
            }
            if let Err(error) = self.step(findings) {
                let message = format!("reading failed in the middle of the file: {error}");
                findings.note(WarningKind::Truncated, None, None, message);
                self.end = Some(End::Within(self.reader.position()));
            }
        }
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if let Some(lost) = self.lost.take() {
            let damage = Damage { frame: frames, byte: lost.byte, bytes: lost.bytes };
            findings.damage(damage, &lost.what);
        }
        if findings.has(WarningKind::FormatChange) {
            return;
        }
        findings.account_for_all_bytes();
        let file_end = self.reader.end();
        match self.end {
            Some(End::Within(at)) => {
                let message = match self.segment_end.filter(|&end| end > file_end) {
                    Some(end) => format!("the file ends at byte {file_end} of {end}"),
                    None => "the file ends in the middle of the audio".to_owned(),
                };
                findings.note(WarningKind::Truncated, Some(frames), Some(at), message);
                findings.rest(frames, at..file_end, true);
            }
            Some(End::Behind(at)) => {
                let rest = tags::foreign(self.reader.file(), at..file_end);
                findings.rest(frames, rest, false);
            }
            None => {}
        }
    }
}
