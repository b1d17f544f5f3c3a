//! Chunks: where the tables of a track say that its samples lie.
//!
//! ```text
//! stco, co64   where each chunk begins            │ chunk 1: a a a │ … │ chunk 2: a a │
//! stsc         how many samples it has, and of which description
//! stsz, stz2   how long each sample is
//! stts         how many ticks each sample lasts
//! ```
//!
//! All four are read side by side as the samples are asked for. ISO 14496-12 §8.6 and §8.7.

use std::ops::Range;

use super::boxes::{Reader, Table};
use super::description::Entry;

/// Samples that lie one behind the other.
#[derive(Debug)]
pub(super) struct Run {
    /// The byte of the file at which the next one begins.
    pub(super) at: u64,
    /// Samples to come.
    pub(super) left: u64,
    pub(super) sizes: Sizes,
    /// Which entry describes them.
    pub(super) entry: usize,
}

/// How long the samples of a run are.
#[derive(Debug)]
pub(super) enum Sizes {
    /// All alike.
    Fixed(u64),
    /// As the table of the track says.
    OfTrack,
    /// As the run of a fragment lists them, behind so many bytes of each entry (0 or 4).
    Listed(Table, usize),
}

/// The chunks of a track.
#[derive(Debug)]
pub(super) struct Chunks {
    /// The byte of the file from which places are counted.
    start: u64,
    places: Table,
    is_wide: bool,
    map: Table,
    current: Mapped,
    next: Option<Mapped>,
    /// Chunks so far.
    number: u64,
    sizes: Lengths,
    /// Samples that are yet to come.
    left: u64,
    /// For each entry, the bytes of a frame where the table counts frames.
    frames: Vec<Option<u64>>,
}

/// From which chunk on, how many samples a chunk has, and what describes them.
#[derive(Clone, Copy, Debug)]
struct Mapped {
    first: u64,
    samples: u64,
    entry: usize,
}

/// The table of sizes.
#[derive(Debug)]
enum Lengths {
    Fixed(u64),
    Table { table: Table, bits: u8, half: Option<u8> },
}

/// What the table of durations comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Ticks of all samples.
    pub(super) total: u64,
    /// Ticks of the first sample.
    pub(super) first: u64,
    /// Whether each sample lasts one tick.
    pub(super) is_of_ones: bool,
}

impl Times {
    /// Reads `stts` among the tables of a track.
    pub(super) fn read(reader: &mut Reader, tables: &Range<u64>) -> Self {
        let stts = reader.find(tables, *b"stts");
        let table = stts.and_then(|stts| Table::of_box(reader, &stts, 8));
        let mut times = Self { is_of_ones: true, ..Self::default() };
        let Some(mut table) = table else { return Self::default() };
        while let Some([c0, c1, c2, c3, ticks @ ..]) = table.next::<8>() {
            let count = u64::from(u32::from_be_bytes([c0, c1, c2, c3]));
            let ticks = u64::from(u32::from_be_bytes(ticks));
            times.first = if times.total == 0 { ticks } else { times.first };
            times.total = times.total.saturating_add(count * ticks);
            times.is_of_ones &= ticks == 1;
        }
        times
    }
}

impl Chunks {
    /// Finds the tables among those of a track; `None` if one is missing.
    pub(super) fn open(
        reader: &mut Reader,
        tables: &Range<u64>,
        start: u64,
        times: Times,
        entries: &[Entry],
    ) -> Option<Self> {
        let (places, is_wide) = if let Some(stco) = reader.find(tables, *b"stco") {
            (Table::of_box(reader, &stco, 4)?, false)
        } else {
            let co64 = reader.find(tables, *b"co64")?;
            (Table::of_box(reader, &co64, 8)?, true)
        };
        let stsc = reader.find(tables, *b"stsc")?;
        let mut map = Table::of_box(reader, &stsc, 12)?;
        let next = Mapped::next(&mut map);
        let (sizes, left) = Lengths::open(reader, tables)?;
        // Old programs count frames of PCM as samples, and write 1 for their size.
        let counts_frames = |frame: &u64| match sizes {
            Lengths::Fixed(size) => size < *frame || times.is_of_ones,
            Lengths::Table { .. } => false,
        };
        let frames = entries.iter().map(|entry| entry.frame.filter(counts_frames)).collect();
        let current = Mapped { first: 0, samples: 0, entry: 0 };
        let number = 0;
        Some(Self { start, places, is_wide, map, current, next, number, sizes, left, frames })
    }

    /// The samples of the next chunk; `None` behind the last.
    pub(super) fn next_run(&mut self) -> Option<Run> {
        while self.left > 0 {
            let place = if self.is_wide {
                u64::from_be_bytes(self.places.next()?)
            } else {
                u32::from_be_bytes(self.places.next()?).into()
            };
            self.number += 1;
            while let Some(next) = self.next.filter(|next| next.first <= self.number) {
                self.current = next;
                self.next = Mapped::next(&mut self.map);
            }
            let samples = self.current.samples.min(self.left);
            if samples == 0 {
                continue;
            }
            self.left -= samples;
            let frame = self.frames.get(self.current.entry).copied().flatten();
            let sizes = match &self.sizes {
                Lengths::Fixed(size) => Sizes::Fixed(frame.unwrap_or(*size)),
                Lengths::Table { .. } => Sizes::OfTrack,
            };
            let at = self.start.saturating_add(place);
            return Some(Run { at, left: samples, sizes, entry: self.current.entry });
        }
        None
    }

    /// The size of the next sample of a run whose sizes are [of the track](Sizes::OfTrack).
    pub(super) fn next_size(&mut self) -> Option<u64> {
        match &mut self.sizes {
            Lengths::Fixed(size) => Some(*size),
            Lengths::Table { bits: 4, table, half } => {
                if let Some(low) = half.take() {
                    return Some(low.into());
                }
                let [two] = table.next()?;
                *half = Some(two & 15);
                Some((two >> 4).into())
            }
            Lengths::Table { bits: 8, table, .. } => table.next().map(|[size]| size.into()),
            Lengths::Table { bits: 16, table, .. } => {
                table.next().map(|size| u16::from_be_bytes(size).into())
            }
            Lengths::Table { table, .. } => {
                table.next().map(|size| u32::from_be_bytes(size).into())
            }
        }
    }

    /// Passes over the sizes of so many samples.
    pub(super) fn skip_sizes(&mut self, count: u64) {
        match &mut self.sizes {
            Lengths::Fixed(_) => {}
            Lengths::Table { bits: 4, table, half } => {
                let whole = count.saturating_sub(u64::from(half.is_some() && count > 0));
                if count > 0 {
                    *half = None;
                }
                table.skip(whole / 2);
                if whole % 2 == 1 {
                    *half = table.next().map(|[two]: [u8; 1]| two & 15);
                }
            }
            Lengths::Table { table, .. } => table.skip(count),
        }
    }
}

impl Mapped {
    fn next(map: &mut Table) -> Option<Self> {
        let [f0, f1, f2, f3, s0, s1, s2, s3, entry @ ..] = map.next::<12>()?;
        let entry = u32::from_be_bytes(entry).saturating_sub(1);
        Some(Self {
            first: u32::from_be_bytes([f0, f1, f2, f3]).into(),
            samples: u32::from_be_bytes([s0, s1, s2, s3]).into(),
            entry: usize::try_from(entry).unwrap_or(usize::MAX),
        })
    }
}

impl Lengths {
    /// The table of sizes and the number of samples.
    fn open(reader: &mut Reader, tables: &Range<u64>) -> Option<(Self, u64)> {
        if let Some(stsz) = reader.find(tables, *b"stsz") {
            let (size, count) = (reader.u32(stsz.start + 4)?, reader.u32(stsz.start + 8)?.into());
            if size > 0 {
                return Some((Self::Fixed(size.into()), count));
            }
            let table = Table::new(reader, &(stsz.start + 12..stsz.end), 4, count);
            let count = table.left();
            return Some((Self::Table { table, bits: 32, half: None }, count));
        }
        let stz2 = reader.find(tables, *b"stz2")?;
        let [_, _, _, bits, c0, c1, c2, c3] = reader.array(stz2.start + 4)?;
        let count = u64::from(u32::from_be_bytes([c0, c1, c2, c3]));
        let (width, entries) = match bits {
            4 => (1, count.div_ceil(2)),
            8 => (1, count),
            16 => (2, count),
            _ => return None,
        };
        let table = Table::new(reader, &(stz2.start + 12..stz2.end), width, entries);
        let held = if bits == 4 { table.left().saturating_mul(2) } else { table.left() };
        Some((Self::Table { table, bits, half: None }, count.min(held)))
    }
}
