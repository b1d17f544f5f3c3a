//! Fragments: the boxes of the file one by one, and the samples of those that are fragments.
//!
//! ```text
//! moof ─┬─ mfhd
//!       └─ traf ─┬─ tfhd     which track; from where places are counted
//!                └─ trun     samples that lie one behind the other
//! ```
//!
//! A fragment may lie before its audio or behind it. ISO 14496-12 §8.8.

use std::ops::Range;

use super::boxes::{Atom, Reader, Table};
use super::chunks::{Run, Sizes};
use super::movie::Defaults;

/// The boxes of a file.
#[derive(Clone, Debug)]
pub(super) struct TopLevel {
    reader: Reader,
    rest: Range<u64>,
    /// Where the last box ends, or the file in it.
    end: u64,
    /// Whether the last box is one of audio or its index and is cut short.
    is_cut: bool,
}

impl TopLevel {
    /// The boxes from byte `start` on.
    pub(super) fn new(reader: &Reader, start: u64) -> Self {
        let reader = reader.of_tables();
        let rest = start..reader.length();
        Self { reader, rest, end: start, is_cut: false }
    }

    pub(super) fn next(&mut self) -> Option<Atom> {
        let found = self.reader.next_box(&mut self.rest)?;
        // A tag may lie behind the boxes, whose first bytes would be a size.
        let is_name = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | 0xa9);
        if !found.name.iter().all(is_name) {
            self.rest = self.end..self.end;
            return None;
        }
        let length = self.reader.length();
        let is_whole = found.content.end <= length;
        self.is_cut = !is_whole && matches!(&found.name, b"mdat" | b"moof" | b"moov");
        if is_whole || self.is_cut {
            self.end = found.content.end.min(length);
        } else {
            // No box of audio: it may be anything.
            self.end = length;
        }
        Some(found)
    }

    /// Where the boxes end, and whether the last one is cut short.
    pub(super) const fn end(&self) -> (u64, bool) {
        (self.end, self.is_cut)
    }
}

/// The samples of one track in all fragments.
#[derive(Debug)]
pub(super) struct Fragments {
    boxes: TopLevel,
    reader: Reader,
    start: u64,
    track: u32,
    defaults: Defaults,
    fragment: Option<Fragment>,
}

/// A `moof` box, as far as it has been read.
#[derive(Debug)]
struct Fragment {
    start: u64,
    rest: Range<u64>,
    /// Where the samples of the track before end.
    data: u64,
    track: Option<OfTrack>,
}

/// A `traf` box, as far as it has been read.
#[derive(Debug)]
struct OfTrack {
    rest: Range<u64>,
    is_ours: bool,
    defaults: Defaults,
    base: u64,
    /// Where the samples before end.
    data: u64,
}

impl Fragments {
    pub(super) fn new(reader: &Reader, start: u64, track: u32, defaults: Defaults) -> Self {
        let boxes = TopLevel::new(reader, start);
        Self { boxes, reader: reader.of_tables(), start, track, defaults, fragment: None }
    }

    /// The next samples that lie one behind the other; `None` at the end of the file.
    pub(super) fn next_run(&mut self) -> Option<Run> {
        loop {
            let Some(fragment) = &mut self.fragment else {
                let found = self.boxes.next()?;
                if &found.name == b"moof" {
                    let (start, rest) = (found.start, found.content);
                    self.fragment = Some(Fragment { start, rest, data: start, track: None });
                }
                continue;
            };
            let Some(track) = &mut fragment.track else {
                let end = fragment.rest.end;
                let Some(found) = self.reader.next_box(&mut fragment.rest) else {
                    self.fragment = None;
                    continue;
                };
                if &found.name == b"traf" {
                    let rest = found.content.start..found.content.end.min(end);
                    let places = (fragment.start, fragment.data, self.start);
                    fragment.track =
                        OfTrack::open(&mut self.reader, rest, places, self.track, self.defaults);
                }
                continue;
            };
            let end = track.rest.end;
            let Some(found) = self.reader.next_box(&mut track.rest) else {
                fragment.data = track.data;
                fragment.track = None;
                continue;
            };
            let content = found.content.start..found.content.end.min(end);
            if &found.name == b"trun"
                && let Some(run) = track.run(&mut self.reader, &content)
                && track.is_ours
            {
                return Some(run);
            }
        }
    }

    /// Where the boxes end, and whether the last one is cut short.
    pub(super) const fn end(&self) -> (u64, bool) {
        self.boxes.end()
    }
}

impl OfTrack {
    /// Reads `tfhd`. `places` are where the fragment begins, where the samples before end, and from
    /// where places in the file are counted.
    fn open(
        reader: &mut Reader,
        rest: Range<u64>,
        (fragment, data, start): (u64, u64, u64),
        track: u32,
        mut defaults: Defaults,
    ) -> Option<Self> {
        let tfhd = reader.find(&rest, *b"tfhd")?;
        let flags = reader.u32(tfhd.start)?;
        let is_ours = reader.u32(tfhd.start + 4)? == track;
        let mut at = tfhd.start + 8;
        let mut base = if flags & 0x02_0000 == 0 { data } else { fragment };
        if flags & 1 != 0 {
            base = u64::from_be_bytes(reader.array(at)?).saturating_add(start);
            at += 8;
        }
        let fields =
            [(2, &mut defaults.description), (8, &mut defaults.duration), (16, &mut defaults.size)];
        for (flag, field) in fields {
            if flags & flag != 0 {
                *field = reader.u32(at)?;
                at += 4;
            }
        }
        Some(Self { rest, is_ours, defaults, base, data: base })
    }

    /// Reads `trun`.
    fn run(&mut self, reader: &mut Reader, content: &Range<u64>) -> Option<Run> {
        let [_, _, high, low] = reader.array(content.start)?;
        let flags = u16::from_be_bytes([high, low]);
        let count = u64::from(reader.u32(content.start + 4)?);
        let mut at = content.start + 8;
        if flags & 1 != 0 {
            let offset = i32::from_be_bytes(reader.array(at)?);
            self.data = self.base.checked_add_signed(offset.into())?;
            at += 4;
        }
        at += if flags & 4 == 0 { 0 } else { 4 };
        let width = [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| flags & **flag != 0).count();
        let width = 4 * width as u64;
        let before = if flags & 0x100 == 0 { 0 } else { 4 };
        let entry = usize::try_from(self.defaults.description.saturating_sub(1)).ok()?;
        let from = self.data;
        let (left, sizes, bytes) = if flags & 0x200 == 0 {
            let held = (content.end.saturating_sub(at)).checked_div(width);
            let left = held.map_or(count, |held| count.min(held));
            let size = u64::from(self.defaults.size);
            (left, Sizes::Fixed(size), left.saturating_mul(size))
        } else {
            let table = Table::new(reader, &(at..content.end), width, count);
            let (left, mut sum) = (table.left(), 0_u64);
            let mut all = table.clone();
            while let Some(size) = listed(&mut all, before) {
                sum = sum.saturating_add(size);
            }
            (left, Sizes::Listed(table, before), sum)
        };
        self.data = self.data.saturating_add(bytes);
        Some(Run { at: from, left, sizes, entry })
    }
}

/// The next size in the list of a run, behind so many bytes of each entry (0 or 4).
pub(super) fn listed(table: &mut Table, before: usize) -> Option<u64> {
    let size = if before == 0 {
        table.next()?
    } else {
        let [_, _, _, _, size @ ..] = table.next::<8>()?;
        size
    };
    Some(u32::from_be_bytes(size).into())
}
