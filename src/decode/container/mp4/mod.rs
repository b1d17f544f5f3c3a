//! MP4: ISO base media files, `QuickTime` films, and what else is built of their boxes.
//!
//! One audio track is taken: the first that is enabled. Its samples come from the tables of the
//! index ([`chunks`]) and then from fragments ([`fragments`]), each track by itself, so a file that
//! is cut short gives what is there of this one:
//!
//! ```text
//! ftyp │ moov: where the samples lie │ mdat: v a v a v a │ moof │ mdat: v a │ …
//!                                            └───┴───┴──── runs ─────────┘
//! ```
//!
//! Which decoded frames belong to the recording, [`edits`] say, or a tag of iTunes; times are
//! counted in the rate of the decoder.

mod boxes;
mod chunks;
mod description;
mod edits;
mod entry;
mod fragments;
mod layout;
mod movie;
mod open;
mod pcm;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use audiopool_worker::analyze::Damage;

use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::codec::packet::{Lost, Packet};
use crate::decode::engine::Demux;
use crate::record::WarningKind;
use boxes::Reader;
use chunks::{Chunks, Run, Sizes};
use description::Entry;
use fragments::{Fragments, listed};

/// Bytes of PCM in one packet.
const PIECE: u64 = 64 * 1024;
/// The longest packet that is believed.
const MAX_PACKET: u64 = 16 << 20;
/// Bytes of samples for each byte of the file: beyond that, tables repeat what they say.
const MAX_SHARE: u64 = 4;

/// The packets of one track.
#[derive(Debug)]
pub(super) struct Mp4 {
    reader: Reader,
    entries: Vec<Entry>,
    /// Frames of a usual packet.
    usual: u64,
    chunks: Option<Chunks>,
    fragments: Fragments,
    run: Option<Run>,
    linear: Option<Linear>,
    /// Bytes that samples may yet have.
    budget: u64,
    /// What is missing since the last packet.
    missing: Option<Missing>,
    /// Whether a sample is not, or not all, in the file.
    is_short: bool,
    has_samples: bool,
    ended: bool,
    declared: Arc<OnceLock<Declared>>,
}

/// PCM that lies in one piece.
#[derive(Debug)]
struct Linear {
    bytes: Range<u64>,
    entry: usize,
    /// Bytes of a frame.
    frame: u64,
    /// The part of the next frame that the file holds, if it ends before the samples do.
    cut: Option<Range<u64>>,
}

/// A sample that cannot be read.
#[derive(Clone, Debug)]
struct Missing {
    /// The part of it that the file holds.
    bytes: Range<u64>,
    what: String,
    /// Whether the file ends before it does.
    is_outside: bool,
}

/// What the file says that its audio comes to.
#[derive(Clone, Copy, Debug)]
struct Declared {
    frames: u64,
    /// How many more or fewer are no contradiction.
    tolerance: u64,
}

impl Mp4 {
    fn next_run(&mut self) -> Option<Run> {
        if let Some(chunks) = &mut self.chunks {
            if let Some(run) = chunks.next_run() {
                return Some(run);
            }
            self.chunks = None;
        }
        self.fragments.next_run()
    }

    /// The next sample, or the next ones of PCM: their bytes, and what describes them.
    fn next_sample(&mut self) -> Option<(Range<u64>, usize)> {
        loop {
            let Some(run) = self.run.as_mut().filter(|run| run.left > 0) else {
                let run = self.next_run()?;
                self.run = Some(run);
                continue;
            };
            let (at, entry) = (run.at, run.entry);
            let is_linear = self.entries.get(entry).is_some_and(|entry| entry.frame.is_some());
            let (size, count) = match &mut run.sizes {
                Sizes::Fixed(0) => (Some(0), run.left),
                Sizes::Fixed(size) if is_linear => (size.checked_mul(run.left), run.left),
                Sizes::Fixed(size) => (Some(*size), 1),
                Sizes::OfTrack => (self.chunks.as_mut().and_then(Chunks::next_size), 1),
                Sizes::Listed(table, before) => (listed(table, *before), 1),
            };
            let Some(size) = size else {
                self.run = None;
                continue;
            };
            run.left -= count;
            run.at = at.saturating_add(size);
            if size > 0 {
                self.has_samples = true;
                return Some((at..at.saturating_add(size), entry));
            }
        }
    }

    /// Notes a sample that cannot be read.
    fn miss(&mut self, bytes: Range<u64>, is_outside: bool, what: impl Into<String>) {
        self.is_short |= is_outside;
        self.missing.get_or_insert_with(|| Missing { bytes, is_outside, what: what.into() });
    }

    /// Notes that the file ends within a sample, of which it holds `bytes`. The rest of the run is
    /// further outside.
    fn miss_rest(&mut self, bytes: Range<u64>) {
        self.miss(bytes, true, "a sample lies outside the file");
        if let Some(Run { left, sizes: Sizes::OfTrack, .. }) = self.run.take()
            && let Some(chunks) = &mut self.chunks
        {
            chunks.skip_sizes(left);
        }
    }

    /// The packet at `bytes`.
    fn packet(&mut self, bytes: Range<u64>, entry: usize, frames: u64) -> Option<Packet> {
        let setup = self.entries.get(entry)?.setup.clone();
        let length = usize::try_from(bytes.end - bytes.start).ok()?;
        let data: Box<[u8]> = self.reader.bytes(bytes.start, length).into();
        if data.len() < length {
            // It has lost its end since it was opened.
            self.miss_rest(bytes.start..bytes.start + data.len() as u64);
            return None;
        }
        let lost = self.missing.take().map(|missing| Lost {
            byte: Some(missing.bytes.start),
            bytes: Some(missing.bytes.end - missing.bytes.start),
            what: missing.what.into(),
        });
        Some(Packet {
            frames,
            trim_start: 0,
            trim_end: 0,
            byte: Some(bytes.start),
            bytes: length as u64,
            lost,
            setup,
            data,
        })
    }

    /// The next piece of PCM that lies in one piece.
    fn next_piece(&mut self) -> Option<Packet> {
        let Linear { bytes, entry, frame, cut } = self.linear.take()?;
        let frames = ((bytes.end - bytes.start) / frame).min((PIECE / frame).max(1));
        if frames == 0 {
            if let Some(cut) = cut {
                self.miss_rest(cut);
            }
            return None;
        }
        let end = bytes.start + frames * frame;
        self.linear = Some(Linear { bytes: end..bytes.end, entry, frame, cut });
        self.packet(bytes.start..end, entry, frames)
    }

    /// Makes a packet of samples, or of the first of them; `None` if there is none to be made.
    fn begin(&mut self, bytes: Range<u64>, entry: usize) -> Option<Packet> {
        let length = self.reader.length();
        let there = bytes.start.min(length)..bytes.end.min(length);
        let (size, held) = (bytes.end - bytes.start, there.end - there.start);
        let Some(Entry { frame, .. }) = self.entries.get(entry) else {
            self.miss(there, false, "nothing describes how a sample is coded");
            return None;
        };
        if let Some(frame) = *frame {
            let whole = there.start + (held - held % frame);
            let cut = (held < size).then_some(whole..there.end);
            self.linear = Some(Linear { bytes: there.start..whole, entry, frame, cut });
            return self.next_piece();
        }
        if held < size {
            self.miss_rest(there);
            return None;
        }
        if size > MAX_PACKET {
            self.miss(bytes, false, format!("a sample has {size} bytes, more than any packet has"));
            return None;
        }
        // Packets that are large for what they should come to are not gathered.
        self.packet(bytes, entry, self.usual.max(size / 16))
    }
}

impl Demux for Mp4 {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        while !self.ended {
            if let Some(packet) = self.next_piece() {
                return Some(packet);
            }
            let Some((bytes, entry)) = self.next_sample() else { break };
            let there = bytes.end.min(self.reader.length()).saturating_sub(bytes.start);
            let Some(budget) = self.budget.checked_sub(there) else {
                let message =
                    "the index names the same bytes again and again; the rest was not read";
                findings.note(WarningKind::LengthMismatch, None, Some(bytes.start), message);
                self.ended = true;
                return None;
            };
            self.budget = budget;
            if let Some(packet) = self.begin(bytes, entry) {
                return Some(packet);
            }
        }
        self.ended = true;
        None
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        let length = self.reader.length();
        if let Some(Missing { bytes, what, is_outside }) = self.missing.take() {
            let held = bytes.end - bytes.start;
            if is_outside {
                findings.cut(frames, bytes.start, held);
            } else {
                let damage = Damage { frame: frames, byte: Some(bytes.start), bytes: Some(held) };
                findings.damage(damage, &what);
            }
        }
        let (end, is_cut) = self.fragments.end();
        if let Some(failure) = self.reader.failure() {
            let message = format!("reading failed in the middle of the file: {failure}");
            findings.note(WarningKind::Truncated, Some(frames), None, message);
        } else if self.is_short {
            let message = "the file ends in the middle of the audio, or its index is wrong";
            findings.note(WarningKind::Truncated, Some(frames), Some(length), message);
        } else if is_cut {
            let message = "the file ends in the middle of its media";
            findings.note(WarningKind::Truncated, Some(frames), Some(length), message);
        }
        if findings.has(WarningKind::LengthMismatch) {
            return;
        }
        findings.account_for_all_bytes();
        let rest = tags::foreign(&mut &**self.reader.file(), end..length);
        findings.trail(rest.start, rest.end - rest.start);
        let is_damaged =
            findings.has(WarningKind::Truncated) || findings.has(WarningKind::DecodeErrors);
        let declared = self.declared.get().filter(|_| !is_damaged);
        if let Some(Declared { frames: declared, .. }) =
            declared.filter(|declared| frames.abs_diff(declared.frames) > declared.tolerance)
        {
            let message = format!("the file declares {declared} frames, there are {frames}");
            findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
        } else if frames == 0 && self.has_samples && !is_damaged {
            let message = "the file has packets of audio, but no frame of it is left";
            findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
        }
    }
}
