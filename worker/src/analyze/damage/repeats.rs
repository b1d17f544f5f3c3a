//! Repeats: blocks that occur two or three times in a row, bit-identical in all channels.
//!
//! ```text
//!    ╭╮  ╭─╮╱╲ ╭─╮╱╲ ╭──       a buffer that was played again: from n on, each frame equals the frame L
//!   ╱  ╲╱  ┊     ┊     ┊       frames before, for at least L and less than 3 L frames
//!          └──L──┴─ n ─┘
//! ```
//!
//! A block that repeats more often is a tone; one that hardly changes from frame to frame is
//! silence. Frames are compared by a 32-bit hash. A partial keeps as many hashes at each end as the
//! test of one position needs. Candidates are found by anchors: frames at which the hash of the
//! last 16 frames ends in zeros and equals that of an earlier anchor.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::{Location, Locations};
use crate::analyze::damage::detector::Detections;
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, FrameSpan, Metric, Region, group, merge_options,
};
use crate::pcm::{Pcm, PcmFormat};

/// Frames in the hash of an anchor.
const ANCHOR_FRAMES: usize = 16;
/// Bits that are zero in the hash of an anchor.
const ANCHOR_BITS: u32 = 0b111;
/// Size of the table of last anchors, by bits of their hash.
const SLOTS: usize = 1 << 12;
/// Minimum length of a repeat, in frames.
const MIN_FRAMES: u64 = 64;

/// Detects repeats; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {}

/// Repeats of one span; `None` if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

/// State of a non-empty span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// Hashes of its first frames, or of all.
    head: Vec<u32>,
    /// Hashes of its last frames, or of all.
    tail: Vec<u32>,
    /// The value of a location is L.
    found: Locations,
}

/// Lengths of a repeat, and the context that the test of a position needs.
#[derive(Clone, Copy)]
struct RepeatLimits {
    shortest: usize,
    longest: usize,
}

impl RepeatLimits {
    /// From 5 to 100 ms.
    fn of(format: PcmFormat) -> Self {
        let rate = u64::from(format.sample_rate);
        let frames = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX);
        Self { shortest: frames((rate / 200).max(MIN_FRAMES)), longest: frames(rate / 10) }
    }

    /// Frames before a position.
    fn before(self) -> usize {
        self.longest + ANCHOR_FRAMES + 1
    }

    /// Frames from a position on.
    fn behind(self) -> usize {
        3 * self.longest + 1
    }

    fn kept(self) -> usize {
        self.before() + self.behind()
    }
}

impl From<&AnalysisSettings> for Repeats {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Repeats {
    type Partial = Partial;
    type Feature = Detections;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial(None);
        }
        let span = FrameSpan::from(chunk);
        let limits = RepeatLimits::of(span.format);
        let hashes = hashes(chunk.bytes(), span.format.frame_width());
        let mut found = Locations::default();
        let judged = limits.before()..hashes.len().saturating_sub(limits.behind());
        search(&mut found, &hashes, judged, span.frames.start, limits);
        let kept = hashes.len().min(limits.kept());
        let [head, tail] = [&hashes[..kept], &hashes[hashes.len() - kept..]].map(<[u32]>::to_vec);
        Partial(Some(SpanState { span, head, tail, found }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, SpanState::join))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Detections {
        let Some(state) = whole.0 else { return Detections::default() };
        let ms =
            |frames: u64| Region::of_frames(&(0..frames), format.sample_rate).end_seconds * 1e3;
        let finding = |location: &Location| Finding {
            kind: METRICS[0].key,
            channel: None,
            region: Region::of_frames(
                &(location.frame..location.frame + location.frames),
                format.sample_rate,
            ),
            value: Some(ms(location.value)),
            threshold: Some(5.0),
            byte: None,
        };
        Detections {
            count: Some(state.found.count()),
            largest: Some(ms(state.found.largest())),
            findings: state.found.kept().iter().map(finding).collect(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count, far below 2⁵³")]
    fn figures(found: &Detections) -> impl Iterator<Item = Option<f64>> {
        [found.count.map(|count| count as f64), found.largest].into_iter()
    }

    fn details(found: &Detections) -> Details {
        Details { findings: found.findings.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let state = match &partial.0 {
            None if span.frame_count() == 0 => return Ok(()),
            Some(state) if span.frame_count() > 0 && state.span == *span => state,
            _ => return Err("of another span".into()),
        };
        let most = RepeatLimits::of(span.format).kept();
        let kept = usize::try_from(span.frame_count()).unwrap_or(most).min(most);
        let possible = [state.head.len(), state.tail.len()] == [kept, kept]
            && state.found.is_possible(&span.frames);
        if possible { Ok(()) } else { Err("impossible repeats".into()) }
    }
}

impl SpanState {
    fn join(mut self, next: Self) -> Self {
        let limits = RepeatLimits::of(self.span.format);
        let (before, kept) = (self.tail.len(), limits.kept());
        let known = [&self.tail[..], &next.head].concat();
        // Of the known hashes, only the positions that neither side could test.
        let [has, next_has] = [&self.span, &next.span]
            .map(|span| usize::try_from(span.frame_count()).unwrap_or(usize::MAX));
        let start = if has > before {
            before - limits.behind()
        } else {
            limits.before().max(before.saturating_sub(limits.behind()))
        };
        let end = known.len().saturating_sub(limits.behind()).min(before + limits.before());
        let first_frame = next.span.frames.start - before as u64;
        search(&mut self.found, &known, start..end, first_frame, limits);
        self.found.append(next.found);
        if has < kept {
            self.head = known[..known.len().min(kept)].to_vec();
        }
        self.tail = if next_has < kept {
            known[known.len() - known.len().min(kept)..].to_vec()
        } else {
            next.tail
        };
        self.span.frames.end = next.span.frames.end;
        self
    }
}

/// Finds the repeats that start in `judged`, indices into `hashes`, which start at `first_frame`.
fn search(
    found: &mut Locations,
    hashes: &[u32],
    judged: Range<usize>,
    first_frame: u64,
    limits: RepeatLimits,
) {
    if judged.is_empty() || limits.longest < limits.shortest {
        return;
    }
    // Anchors that indicate a position lie within one length of a repeat after it.
    let from = judged.start - limits.before();
    let to = hashes.len().min(judged.end + limits.longest);
    let mut slots = vec![(0_u32, usize::MAX); SLOTS];
    let mut anchor = 0_u32;
    let mut locations: Vec<(usize, usize)> = Vec::new();
    for (at, hash) in (from..).zip(&hashes[from..to]) {
        anchor = (anchor << 2).wrapping_add(*hash);
        if (anchor >> 29) & ANCHOR_BITS != 0 || at < from + ANCHOR_FRAMES {
            continue;
        }
        let slot = &mut slots[usize::try_from(anchor >> 4).unwrap_or(0) % SLOTS];
        let (known, before) = std::mem::replace(slot, (anchor, at));
        if known != anchor || before == usize::MAX {
            continue;
        }
        let lag = at - before;
        if !(limits.shortest..=limits.longest).contains(&lag) {
            continue;
        }
        let Some(start) = start_of(hashes, at, lag) else { continue };
        // The hash of the anchor covers only frames of the repeat.
        if judged.contains(&start) && (start + ANCHOR_FRAMES..start + lag).contains(&at) {
            locations.push((start, lag));
        }
    }
    locations.sort_unstable();
    locations.dedup();
    let mut last = None;
    for (start, lag) in locations {
        let run = run(hashes, start, lag);
        if last != Some(start) && (lag..3 * lag).contains(&run) && changes(hashes, start, lag) {
            last = Some(start);
            let frame = first_frame + start as u64;
            found.push(Location { frame, frames: run as u64, value: lag as u64 });
        }
    }
}

/// Start of the frames that equal those `lag` before, searched backwards from `at`; `None` if it is
/// further back than one `lag`, or unknown.
fn start_of(hashes: &[u32], at: usize, lag: usize) -> Option<usize> {
    let least = at.saturating_sub(lag).max(lag);
    (least..=at).rev().find(|&at| hashes[at] != hashes[at - lag]).map(|differs| differs + 1)
}

/// Number of frames from `start` on that equal those `lag` before; at most 3 · `lag`.
fn run(hashes: &[u32], start: usize, lag: usize) -> usize {
    let end = hashes.len().min(start + 3 * lag);
    let pairs = hashes[start..end].iter().zip(&hashes[start - lag..]);
    pairs.take_while(|(one, other)| one == other).count()
}

/// Whether at least half of the frames of the block differ from the frame before.
fn changes(hashes: &[u32], start: usize, lag: usize) -> bool {
    let block = &hashes[start - lag..start];
    let changes = block.windows(2).filter(|two| two[0] != two[1]).count();
    2 * changes >= lag
}

/// A 32-bit hash of each frame.
fn hashes(bytes: &[u8], width: usize) -> Vec<u32> {
    match width {
        1 => fixed::<1>(bytes),
        2 => fixed::<2>(bytes),
        3 => fixed::<3>(bytes),
        4 => fixed::<4>(bytes),
        6 => fixed::<6>(bytes),
        8 => fixed::<8>(bytes),
        _ => bytes.chunks_exact(width).map(hash).collect(),
    }
}

fn fixed<const WIDTH: usize>(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|frame| hash(frame)).collect()
}

#[inline]
fn hash(frame: &[u8]) -> u32 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for word in frame.chunks(8) {
        let mut eight = [0; 8];
        eight[..word.len()].copy_from_slice(word);
        state = (state ^ u64::from_le_bytes(eight)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        state ^= state >> 32;
    }
    let [.., a, b, c, d] = state.wrapping_mul(0xD6E8_FEB8_6659_FD93).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

const METRICS: &[Metric] = &[
    Metric {
        key: "repeats",
        title: "Repeats",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of blocks of 5 to 100 ms, and of 64 frames or more, that occur two or \
                     three times in a row, bit-identical in all channels, where at least half of \
                     the frames of the block differ from the frame before. Findings give the \
                     position of the repetition; their value is the length of the block in ms.",
        source: "none",
        range: "0 and above",
        reading: "0: none. Each is a buffer that was played again because the next one was late, \
                  or a CD that skipped. A block that occurs more often counts as a tone.",
    },
    Metric {
        key: "longest_repeat_ms",
        title: "Longest repeat",
        unit: "ms",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "Length of the longest block of repeats, counted once.",
        source: "none",
        range: "0, or 5 to 100",
        reading: "Often the length of a buffer: 11.6 ms are 512 frames at 44.1 kHz.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::signals::{
        assert_chunking_invariance, bytes, cuts, format, varying_noise,
    };

    fn repeats(samples: &[f64], rate: u32) -> Vec<(u64, u64, u64)> {
        let (format, bytes) = (format(rate, 1), bytes(samples));
        let Partial(state) = Repeats {}.analyze(Pcm::new(format, 0, &bytes));
        let locations = state.map(|state| state.found).unwrap_or_default();
        locations
            .kept()
            .iter()
            .map(|location| (location.frame, location.frames, location.value))
            .collect()
    }

    /// Repeats a block of samples in place.
    fn again(samples: &[f64], block: Range<usize>, times: usize) -> Vec<f64> {
        let (before, behind) = samples.split_at(block.end);
        [before, &samples[block].repeat(times), behind].concat()
    }

    #[test]
    fn repeated_buffer_is_detected() {
        let clean = varying_noise(1, 9000, 1);
        assert_eq!(repeats(&clean, 8000), []);
        for len in [64, 100, 512, 800] {
            let twice = again(&clean, 3000..3000 + len, 1);
            assert_eq!(repeats(&twice, 8000), [(3000 + len as u64, len as u64, len as u64)]);
            let thrice = again(&clean, 3000..3000 + len, 2);
            assert_eq!(repeats(&thrice, 8000), [(3000 + len as u64, 2 * len as u64, len as u64)]);
        }
        // Too short, too long, too often.
        assert_eq!(repeats(&again(&clean, 3000..3063, 1), 8000), []);
        assert_eq!(repeats(&again(&clean, 3000..3801, 1), 8000), []);
        assert_eq!(repeats(&again(&clean, 3000..3100, 3), 8000), []);
    }

    #[test]
    fn tones_and_silence_are_not_repeats() {
        let tone: Vec<f64> = (0..9000).map(|at| f64::from(at % 100) / 100.0).collect();
        assert_eq!(repeats(&tone, 8000), []);
        assert_eq!(repeats(&vec![0.0; 9000], 8000), []);
        // Two ticks in silence.
        let mut ticks = vec![0.0; 9000];
        (ticks[4000], ticks[4300]) = (0.5, 0.5);
        assert_eq!(repeats(&ticks, 8000), []);
        assert_eq!(repeats(&varying_noise(1, 900, 1), 300), []);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let samples = bytes(&again(&varying_noise(1, 9000, 1), 3000..3300, 1));
        let pcm = Pcm::new(format(8000, 1), 0, &samples);
        let (good, span) = (Repeats {}.analyze(pcm), FrameSpan::from(pcm));
        assert_eq!(Repeats {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut SpanState); 4] = [
            |state| state.span.frames.end += 1,
            |state| state.head.truncate(9),
            |state| state.tail.clear(),
            |state| state.found.push(Location { frame: 7, frames: 1, value: 5 }),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(Repeats {}.check(&partial, &span).is_err(), "corruption {number}");
        }
        Repeats {}.check(&Partial(None), &span).unwrap_err();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn repeats_do_not_depend_on_chunking(
            seed: u64,
            channels in 1_u16..=2,
            blocks in prop::collection::vec((0_usize..7000, 60_usize..220, 1_usize..4), 0..4),
            cuts in cuts(),
        ) {
            let mut samples = varying_noise(seed, 8000, channels.into());
            for (start, len, times) in blocks {
                let [start, end] = [start, start + len].map(|at| at * usize::from(channels));
                samples = again(&samples, start..end, times);
            }
            let bytes = bytes(&samples);
            assert_chunking_invariance(&Repeats {}, Pcm::new(format(2000, channels), 0, &bytes), &cuts);
        }
    }
}
