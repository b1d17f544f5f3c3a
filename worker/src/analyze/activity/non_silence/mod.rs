//! Silence: the time that pydub's `detect_nonsilent(…, seek_step=1)` finds in the whole file.
//!
//! A window of `min_silence_ms` starts at every millisecond. It is silent if its RMS, *floored to
//! an integer*, is at most the threshold; what no silent window covers is the non-silent time.
//!
//! ```text
//!   milliseconds   ▂▅▃▁▁▁▁▁▁▂▇▅▁▁▁▆        window: 4 ms
//!   silent windows    └──┘
//!                      └──┘
//!                       └──┘               covered: 6 ms, non-silent: 10 ms
//! ```
//!
//! Windows are made of sums of squares, one for each millisecond, on a grid that begins with the
//! file and not with the chunk: so a window across a seam sums the same numbers as if there were
//! none. Within a chunk the windows are settled at once, and of them only what they cover is kept,
//! as ranges that do not touch. The sums are kept of a window's length at either end, for the windows that
//! only the neighbours can settle:
//!
//! ```text
//!   chunk n                     chunk n+1
//!   [head]···settled···[tail]   [head]···settled···[tail]
//!                         └─ seam ─┘
//! ```
//!
//! A cut need not fall on the grid: both chunks have the millisecond that it falls into, each with
//! the squares of its own frames, and the merge adds them up.
//!
//! A partial takes at most 34 · `min_silence_ms` + 80 bytes on the wire (18 · for 16 bit), and 18 for
//! each silence. To measure a chunk takes 16 bytes for each millisecond of it.
//!
//! The comparison is made in integers: `rms <= T` is `Σx² < (⌊T⌋ + 1)² · n`. pydub sums in doubles,
//! which is the same up to 2⁵³, that is for any usual window of 8 or 16 bit; beyond, ours is exact.

#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Region, Stretch, group, joined};
use crate::pcm::{Pcm, PcmFormat};

/// Measures the time that is not silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonSilence {
    /// A window with at most this RMS is silent, in dBFS.
    pub threshold_db: f64,
    /// Length of the window, and so of the shortest silence; at least 1, and 0 counts as 1.
    pub min_silence_ms: u32,
}

/// What is known of one stretch; nothing if it has no audio.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<Open>);

/// A stretch whose ends are still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    stretch: Stretch,
    /// Σx² of its first milliseconds: of as many as a window has, or of all if there are fewer.
    head: Vec<u128>,
    /// Σx² of its last milliseconds, likewise. The very last is usually incomplete.
    tail: Vec<u128>,
    /// What the silent windows within it cover, in milliseconds of the file.
    silent: Vec<Range<u64>>,
}

/// What is not silent, in milliseconds from the start of the file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonSilent(pub Vec<Range<u64>>);

impl NonSilent {
    /// How long it is in all.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.0.iter().map(|region| region.end - region.start).sum())
    }
}

impl From<&AnalysisSettings> for NonSilence {
    fn from(settings: &AnalysisSettings) -> Self {
        Self {
            threshold_db: settings.silence_threshold_db,
            min_silence_ms: settings.min_silence_ms,
        }
    }
}

impl Analyzer for NonSilence {
    type Partial = Partial;
    type Feature = NonSilent;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.frames() == 0 {
            return Partial(None);
        }
        let stretch = Stretch::from(chunk);
        let sums = chunk.integers().sums_of_squares(&stretch.ends());
        let open = sums.len().min(self.window_len());
        Partial(Some(Open {
            head: sums[..open].to_vec(),
            tail: sums[sums.len() - open..].to_vec(),
            silent: self.silent(
                stretch.format,
                &sums,
                stretch.milliseconds().start,
                self.starts(&stretch),
            ),
            stretch,
        }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, |first, next| self.join(first, next)))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> NonSilent {
        let Some(whole) = whole.0 else { return NonSilent::default() };
        let Stretch { format, ref frames } = whole.stretch;
        let length = format.len_ms(frames.end);
        let mut silent = whole.silent.clone();
        if length >= self.window() {
            // One window is left if the length was rounded up: it ends in zeros behind the audio.
            let left = self.starts(&whole.stretch).end..length + 1 - self.window();
            windows::cover(&mut silent, self.silent(format, &whole.tail, whole.tail_start(), left));
        }
        NonSilent(windows::uncovered(length, &silent))
    }

    #[expect(clippy::cast_precision_loss, reason = "2⁵³ milliseconds are 285 000 years")]
    fn figures(found: &NonSilent) -> impl Iterator<Item = Option<f64>> {
        let seconds = found.duration().as_millis() as f64 / 1000.0;
        [Some(seconds), Some(found.0.len() as f64)].into_iter()
    }

    fn details(found: &NonSilent) -> Details {
        let regions = found.0.iter().map(|region| Region::of_frames(region, 1000)).collect();
        Details { regions: vec![("non_silence_regions", regions)], ..Details::default() }
    }

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let open = match &partial.0 {
            None if stretch.frames.is_empty() => return Ok(()),
            Some(open) if !stretch.frames.is_empty() && open.stretch == *stretch => open,
            _ => return Err("of another stretch".into()),
        };
        let expected = self.open_len(stretch);
        if open.head.len() != expected || open.tail.len() != expected {
            let (head, tail) = (open.head.len(), open.tail.len());
            return Err(format!("{head} and {tail} sums instead of {expected}"));
        }
        let full_scale = u128::from(stretch.format.full_scale());
        let loudest = full_scale * full_scale * u128::from(stretch.sample_count());
        if open.head.iter().chain(&open.tail).any(|&sum| sum > loudest) {
            return Err("a sum of squares beyond full scale".into());
        }
        let (starts, window) = (self.starts(stretch), self.window());
        let possible = |silent: &Range<u64>| {
            let last = silent.end.checked_sub(window).filter(|last| *last >= silent.start);
            starts.contains(&silent.start) && last.is_some_and(|last| starts.contains(&last))
        };
        if let Some(silent) = open.silent.iter().find(|silent| !possible(silent)) {
            return Err(format!("impossible windows: {silent:?}"));
        }
        if open.silent.array_windows().any(|[one, next]| one.end >= next.start) {
            return Err("silences that are not apart".into());
        }
        Ok(())
    }
}

impl NonSilence {
    /// Milliseconds in a window.
    fn window(&self) -> u64 {
        self.min_silence_ms.max(1).into()
    }

    /// Sums in a window.
    fn window_len(&self) -> usize {
        usize::try_from(self.window()).unwrap_or(usize::MAX)
    }

    /// Sums that a stretch keeps at each end.
    fn open_len(&self, stretch: &Stretch) -> usize {
        usize::try_from(stretch.len_ms()).unwrap_or(usize::MAX).min(self.window_len())
    }

    /// At which milliseconds those windows start that lie within a stretch with all their frames.
    fn starts(&self, stretch: &Stretch) -> Range<u64> {
        let whole = stretch.whole_milliseconds();
        whole.start..(whole.end + 1).saturating_sub(self.window())
    }

    /// Joins two neighbours. They have one millisecond in common: the one that the seam is in, or
    /// that begins there.
    fn join(&self, first: Open, next: Open) -> Open {
        let stretch = Stretch {
            format: first.stretch.format,
            frames: first.stretch.frames.start..next.stretch.frames.end,
        };
        let seam = overlapped(&first.tail, &next.head);
        let all = self.starts(&stretch);
        let unsettled = all.start.max(self.starts(&first.stretch).end)
            ..all.end.min(self.starts(&next.stretch).start);
        let unsettled = self.silent(stretch.format, &seam, first.tail_start(), unsettled);

        // Where a part is so short that it has no sums but those at the seam, they are all at the
        // end of the whole too.
        let open = self.open_len(&stretch);
        let head = if first.stretch.len_ms() > first.head.len() as u64 {
            first.head
        } else {
            seam.iter().copied().take(open).collect()
        };
        let tail = if next.stretch.len_ms() > next.tail.len() as u64 {
            next.tail
        } else {
            seam[seam.len().saturating_sub(open)..].to_vec()
        };
        let mut silent = first.silent;
        windows::cover(&mut silent, unsettled);
        windows::cover(&mut silent, next.silent);
        Open { stretch, head, tail, silent }
    }
}

impl Open {
    /// The millisecond that the tail begins with.
    fn tail_start(&self) -> u64 {
        self.stretch.milliseconds().end.saturating_sub(self.tail.len() as u64)
    }
}

/// Two neighbouring lists of sums, the last of `first` being of the same millisecond as the first
/// of `next`.
fn overlapped(first: &[u128], next: &[u128]) -> Vec<u128> {
    let (Some((&end, before)), Some((&start, behind))) = (first.split_last(), next.split_first())
    else {
        return [first, next].concat();
    };
    [before, &[end + start], behind].concat()
}

const METRICS: &[Metric] = &[
    Metric {
        key: "non_silence_seconds",
        title: "Non-silent",
        unit: "s",
        decimals: 2,
        groups: &[&group::BASIC, &group::ACTIVITY],
        definition: "Duration of the audio that is not silent, as pydub's \
                     detect_nonsilent(min_silence_len, silence_thresh, seek_step=1) finds it in \
                     the whole file.",
        source: "pydub 0.25.1, silence.py",
        range: "0 to the duration",
        reading: "Much less than the duration indicates pauses, or a level below \
                  --silence-threshold-db. 0 means that the whole file is silent.",
    },
    Metric {
        key: "non_silence_regions",
        title: "Non-silent regions",
        unit: "",
        decimals: 0,
        groups: &[&group::ACTIVITY],
        definition: "Number of regions that non_silence_seconds adds up. They are listed under \
                     `regions`.",
        source: "pydub 0.25.1, detect_nonsilent",
        range: "0 and above",
        reading: "How often sound starts: the phrases of a speaker, the tracks of a record.",
    },
];
