//! Repeats: a stretch that comes twice or three times in a row, the same to the last bit.
//!
//! ```text
//!    ╭╮  ╭─╮╱╲ ╭─╮╱╲ ╭──       a buffer that was played again: from n on, every frame is that of
//!   ╱  ╲╱  ┊     ┊     ┊       L frames before, for at least L frames and less than 3 L
//!          └──L──┴─ n ─┘
//! ```
//!
//! What repeats more often is a tone, and what hardly changes from frame to frame is silence. Frames
//! are compared by 32 bits of a hash, of which a partial keeps as many from either end as it takes to
//! judge a place. Where a place may be is found by marks: frames at which the hash of the last 16
//! ends in zeros, and which an equal mark went before.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::places::{Place, Places};
use crate::analyze::damage::finder::Found;
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, Metric, Region, Stretch, group, joined,
};
use crate::pcm::{Pcm, PcmFormat};

/// Frames of which a mark has the hash.
const MARK: usize = 16;
/// Of the hash of a mark, these bits are zero.
const MARK_BITS: u32 = 0b111;
/// Where the last mark is remembered, by bits of its hash.
const SLOTS: usize = 1 << 12;
/// The fewest frames that are called a repeat.
const FEWEST: u64 = 64;

/// Looks for repeats; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {}

/// The repeats of one stretch; nothing if it has no audio.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<Piece>);

/// A stretch, its ends open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    stretch: Stretch,
    /// The hashes of its first frames, or of all.
    head: Vec<u32>,
    /// Those of its last ones.
    tail: Vec<u32>,
    /// The value is L.
    found: Places,
}

/// How long a repeat may be, and what it takes to judge a place.
#[derive(Clone, Copy)]
struct Rule {
    shortest: usize,
    longest: usize,
}

impl Rule {
    /// From 5 to 100 ms.
    fn of(format: PcmFormat) -> Self {
        let rate = u64::from(format.sample_rate);
        let frames = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX);
        Self { shortest: frames((rate / 200).max(FEWEST)), longest: frames(rate / 10) }
    }

    /// Frames before a place.
    fn before(self) -> usize {
        self.longest + MARK + 1
    }

    /// Frames from a place on.
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
    type Feature = Found;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial(None);
        }
        let stretch = Stretch::from(chunk);
        let rule = Rule::of(stretch.format);
        let hashes = hashes(chunk.bytes(), stretch.format.frame_width());
        let mut found = Places::default();
        let judged = rule.before()..hashes.len().saturating_sub(rule.behind());
        look(&mut found, &hashes, judged, stretch.frames.start, rule);
        let kept = hashes.len().min(rule.kept());
        let [head, tail] = [&hashes[..kept], &hashes[hashes.len() - kept..]].map(<[u32]>::to_vec);
        Partial(Some(Piece { stretch, head, tail, found }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, Piece::join))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Found {
        let Some(piece) = whole.0 else { return Found::default() };
        let ms =
            |frames: u64| Region::of_frames(&(0..frames), format.sample_rate).end_seconds * 1e3;
        let finding = |place: &Place| Finding {
            kind: METRICS[0].key,
            channel: None,
            region: Region::of_frames(
                &(place.frame..place.frame + place.frames),
                format.sample_rate,
            ),
            value: Some(ms(place.value)),
            threshold: Some(5.0),
            byte: None,
        };
        Found {
            count: Some(piece.found.count()),
            largest: Some(ms(piece.found.largest())),
            findings: piece.found.kept().iter().map(finding).collect(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count, far below 2⁵³")]
    fn figures(found: &Found) -> impl Iterator<Item = Option<f64>> {
        [found.count.map(|count| count as f64), found.largest].into_iter()
    }

    fn details(found: &Found) -> Details {
        Details { findings: found.findings.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let piece = match &partial.0 {
            None if stretch.frame_count() == 0 => return Ok(()),
            Some(piece) if stretch.frame_count() > 0 && piece.stretch == *stretch => piece,
            _ => return Err("of another stretch".into()),
        };
        let most = Rule::of(stretch.format).kept();
        let kept = usize::try_from(stretch.frame_count()).unwrap_or(most).min(most);
        let possible = [piece.head.len(), piece.tail.len()] == [kept, kept]
            && piece.found.is_possible(&stretch.frames);
        if possible { Ok(()) } else { Err("impossible repeats".into()) }
    }
}

impl Piece {
    fn join(mut self, next: Self) -> Self {
        let rule = Rule::of(self.stretch.format);
        let (before, kept) = (self.tail.len(), rule.kept());
        let known = [&self.tail[..], &next.head].concat();
        // Of what is known, only the places that neither side could judge.
        let [has, next_has] = [&self.stretch, &next.stretch]
            .map(|stretch| usize::try_from(stretch.frame_count()).unwrap_or(usize::MAX));
        let start = if has > before {
            before - rule.behind()
        } else {
            rule.before().max(before.saturating_sub(rule.behind()))
        };
        let end = known.len().saturating_sub(rule.behind()).min(before + rule.before());
        let first_frame = next.stretch.frames.start - before as u64;
        look(&mut self.found, &known, start..end, first_frame, rule);
        self.found.append(next.found);
        if has < kept {
            self.head = known[..known.len().min(kept)].to_vec();
        }
        self.tail = if next_has < kept {
            known[known.len() - known.len().min(kept)..].to_vec()
        } else {
            next.tail
        };
        self.stretch.frames.end = next.stretch.frames.end;
        self
    }
}

/// Finds the repeats that begin in `judged`, places in these hashes, the first of which is that of
/// the frame.
fn look(found: &mut Places, hashes: &[u32], judged: Range<usize>, first_frame: u64, rule: Rule) {
    if judged.is_empty() || rule.longest < rule.shortest {
        return;
    }
    // The marks that can tell of a place lie within a repeat's length behind it.
    let from = judged.start - rule.before();
    let to = hashes.len().min(judged.end + rule.longest);
    let mut slots = vec![(0_u32, usize::MAX); SLOTS];
    let mut mark = 0_u32;
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (at, hash) in (from..).zip(&hashes[from..to]) {
        mark = (mark << 2).wrapping_add(*hash);
        if (mark >> 29) & MARK_BITS != 0 || at < from + MARK {
            continue;
        }
        let slot = &mut slots[usize::try_from(mark >> 4).unwrap_or(0) % SLOTS];
        let (known, before) = std::mem::replace(slot, (mark, at));
        if known != mark || before == usize::MAX {
            continue;
        }
        let lag = at - before;
        if !(rule.shortest..=rule.longest).contains(&lag) {
            continue;
        }
        let Some(start) = start_of(hashes, at, lag) else { continue };
        // Its mark is of frames of the repeat alone.
        if judged.contains(&start) && (start + MARK..start + lag).contains(&at) {
            places.push((start, lag));
        }
    }
    places.sort_unstable();
    places.dedup();
    let mut last = None;
    for (start, lag) in places {
        let run = run(hashes, start, lag);
        if last != Some(start) && (lag..3 * lag).contains(&run) && changes(hashes, start, lag) {
            last = Some(start);
            let frame = first_frame + start as u64;
            found.push(Place { frame, frames: run as u64, value: lag as u64 });
        }
    }
}

/// Where the frames begin that are those of `lag` before, backwards from `at`; nothing if that is
/// further than a repeat goes back, or not known.
fn start_of(hashes: &[u32], at: usize, lag: usize) -> Option<usize> {
    let least = at.saturating_sub(lag).max(lag);
    (least..=at).rev().find(|&at| hashes[at] != hashes[at - lag]).map(|differs| differs + 1)
}

/// How many frames from there on are those of `lag` before; at most three times as many.
fn run(hashes: &[u32], start: usize, lag: usize) -> usize {
    let end = hashes.len().min(start + 3 * lag);
    let pairs = hashes[start..end].iter().zip(&hashes[start - lag..]);
    pairs.take_while(|(one, other)| one == other).count()
}

/// Whether half of the frames that are repeated differ from the one before.
fn changes(hashes: &[u32], start: usize, lag: usize) -> bool {
    let block = &hashes[start - lag..start];
    let changes = block.windows(2).filter(|two| two[0] != two[1]).count();
    2 * changes >= lag
}

/// 32 bits of each frame.
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
    use crate::analyze::testing::waves::{bytes, cuts, expect_the_law, format, wandering};

    fn repeats(samples: &[f64], rate: u32) -> Vec<(u64, u64, u64)> {
        let (format, bytes) = (format(rate, 1), bytes(samples));
        let Partial(piece) = Repeats {}.analyze(Pcm::new(format, 0, &bytes));
        let places = piece.map(|piece| piece.found).unwrap_or_default();
        places.kept().iter().map(|place| (place.frame, place.frames, place.value)).collect()
    }

    /// With a stretch put in again behind itself, so many times.
    fn again(samples: &[f64], block: Range<usize>, times: usize) -> Vec<f64> {
        let (before, behind) = samples.split_at(block.end);
        [before, &samples[block].repeat(times), behind].concat()
    }

    #[test]
    fn a_buffer_that_is_played_again_is_a_repeat() {
        let clean = wandering(1, 9000, 1);
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
    fn tones_and_silence_are_none() {
        let tone: Vec<f64> = (0..9000).map(|at| f64::from(at % 100) / 100.0).collect();
        assert_eq!(repeats(&tone, 8000), []);
        assert_eq!(repeats(&vec![0.0; 9000], 8000), []);
        // Two ticks in silence.
        let mut ticks = vec![0.0; 9000];
        (ticks[4000], ticks[4300]) = (0.5, 0.5);
        assert_eq!(repeats(&ticks, 8000), []);
        assert_eq!(repeats(&wandering(1, 900, 1), 300), []);
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let samples = bytes(&again(&wandering(1, 9000, 1), 3000..3300, 1));
        let pcm = Pcm::new(format(8000, 1), 0, &samples);
        let (good, stretch) = (Repeats {}.analyze(pcm), Stretch::from(pcm));
        assert_eq!(Repeats {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Piece); 4] = [
            |piece| piece.stretch.frames.end += 1,
            |piece| piece.head.truncate(9),
            |piece| piece.tail.clear(),
            |piece| piece.found.push(Place { frame: 7, frames: 1, value: 5 }),
        ];
        for (number, harm) in sick.into_iter().enumerate() {
            let mut partial = good.clone();
            harm(partial.0.as_mut().expect("a piece"));
            assert!(Repeats {}.check(&partial, &stretch).is_err(), "harm {number}");
        }
        Repeats {}.check(&Partial(None), &stretch).unwrap_err();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_cut_gives_the_same_repeats(
            seed: u64,
            channels in 1_u16..=2,
            blocks in prop::collection::vec((0_usize..7000, 60_usize..220, 1_usize..4), 0..4),
            cuts in cuts(),
        ) {
            let mut samples = wandering(seed, 8000, channels.into());
            for (start, len, times) in blocks {
                let [start, end] = [start, start + len].map(|at| at * usize::from(channels));
                samples = again(&samples, start..end, times);
            }
            let bytes = bytes(&samples);
            expect_the_law(&Repeats {}, Pcm::new(format(2000, channels), 0, &bytes), &cuts);
        }
    }
}
