//! Non-silence: the time that pydub's `detect_nonsilent(…, seek_step=1)` finds in the whole file.
//!
//! A window of `min_silence_ms` starts at every millisecond. It is silent if its RMS, *rounded down
//! to an integer*, is at most the threshold. The time outside of all silent windows is non-silent.
//!
//! ```text
//!   milliseconds   ▂▅▃▁▁▁▁▁▁▂▇▅▁▁▁▆        window: 4 ms
//!   silent windows    └──┘
//!                      └──┘
//!                       └──┘               covered: 6 ms, non-silent: 10 ms
//! ```
//!
//! Windows are sums over milliseconds: one sum of squares for each millisecond of a grid that
//! starts with the file and not with the chunk, so a window across a chunk boundary sums the same
//! numbers as without the boundary. Windows within a chunk are evaluated at once, and only the
//! ranges that silent windows cover are kept. The sums of one window length are kept at each end,
//! for the windows that need the neighbouring chunk:
//!
//! ```text
//!   chunk n                       chunk n+1
//!   [head]···evaluated···[tail]   [head]···evaluated···[tail]
//!                           └─ merge ─┘
//! ```
//!
//! If a chunk boundary falls within a millisecond, both chunks have the squares of their own frames
//! of it, and the merge adds them.
//!
//! A partial takes at most 34 · `min_silence_ms` + 80 bytes when serialized (18 · for 16 bits), and
//! 18 for each silence. Measuring a chunk takes 16 bytes for each of its milliseconds.
//!
//! The comparison is made in integers: `rms <= T` is `Σx² < (⌊T⌋ + 1)² · n`. pydub sums in doubles,
//! which gives the same up to 2⁵³, that is for any usual window of 8 or 16 bits; beyond, only this
//! is exact.

#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analyze::{
    AnalysisSettings, Analyzer, Details, FrameSpan, Metric, Region, group, merge_options,
};
use crate::pcm::{Pcm, PcmFormat};

/// Measures the time that is not silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonSilence {
    /// A window with an RMS of at most this level is silent, in dBFS.
    pub threshold_db: f64,
    /// Length of the window and of the shortest silence, in milliseconds; 0 counts as 1.
    pub min_silence_ms: u32,
}

/// State of one span; `None` if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

/// State of a non-empty span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// Σx² of its first milliseconds: a window length, or all if there are fewer.
    head: Vec<u128>,
    /// Σx² of its last milliseconds, in the same way. The very last one is usually incomplete.
    tail: Vec<u128>,
    /// Ranges that silent windows cover, in milliseconds of the file.
    silent: Vec<Range<u64>>,
}

/// Non-silent ranges in milliseconds from the start of the file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonSilent(pub Vec<Range<u64>>);

impl NonSilent {
    /// Total duration.
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
        let span = FrameSpan::from(chunk);
        let sums = chunk.integers().sums_of_squares(&span.ends());
        let open = sums.len().min(self.window_len());
        Partial(Some(SpanState {
            head: sums[..open].to_vec(),
            tail: sums[sums.len() - open..].to_vec(),
            silent: self.silent(span.format, &sums, span.milliseconds().start, self.starts(&span)),
            span,
        }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, |first, next| self.join(first, next)))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> NonSilent {
        let Some(whole) = whole.0 else { return NonSilent::default() };
        let FrameSpan { format, ref frames } = whole.span;
        let length = format.len_ms(frames.end);
        let mut silent = whole.silent.clone();
        if length >= self.window() {
            // If the length was rounded up, one window is left, which ends in padding zeros.
            let left = self.starts(&whole.span).end..length + 1 - self.window();
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

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let open = match &partial.0 {
            None if span.frames.is_empty() => return Ok(()),
            Some(open) if !span.frames.is_empty() && open.span == *span => open,
            _ => return Err("of another span".into()),
        };
        let expected = self.open_len(span);
        if open.head.len() != expected || open.tail.len() != expected {
            let (head, tail) = (open.head.len(), open.tail.len());
            return Err(format!("{head} and {tail} sums instead of {expected}"));
        }
        let full_scale = u128::from(span.format.full_scale());
        let loudest = full_scale * full_scale * u128::from(span.sample_count());
        if open.head.iter().chain(&open.tail).any(|&sum| sum > loudest) {
            return Err("a sum of squares beyond full scale".into());
        }
        let (starts, window) = (self.starts(span), self.window());
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
    /// Milliseconds per window.
    fn window(&self) -> u64 {
        self.min_silence_ms.max(1).into()
    }

    /// Sums per window.
    fn window_len(&self) -> usize {
        usize::try_from(self.window()).unwrap_or(usize::MAX)
    }

    /// Sums that a span keeps at each end.
    fn open_len(&self, span: &FrameSpan) -> usize {
        usize::try_from(span.len_ms()).unwrap_or(usize::MAX).min(self.window_len())
    }

    /// Start milliseconds of the windows that have all their frames in the span.
    fn starts(&self, span: &FrameSpan) -> Range<u64> {
        let whole = span.whole_milliseconds();
        whole.start..(whole.end + 1).saturating_sub(self.window())
    }

    /// Merges two neighbouring spans. They share one millisecond: the one that contains the
    /// boundary, or that starts there.
    fn join(&self, first: SpanState, next: SpanState) -> SpanState {
        let span = FrameSpan {
            format: first.span.format,
            frames: first.span.frames.start..next.span.frames.end,
        };
        let boundary = overlapped(&first.tail, &next.head);
        let all = self.starts(&span);
        let crossing =
            all.start.max(self.starts(&first.span).end)..all.end.min(self.starts(&next.span).start);
        let crossing = self.silent(span.format, &boundary, first.tail_start(), crossing);

        // A span that is shorter than a window has all its sums in head and tail, so the merged
        // ends are taken from the sums at the boundary.
        let open = self.open_len(&span);
        let head = if first.span.len_ms() > first.head.len() as u64 {
            first.head
        } else {
            boundary.iter().copied().take(open).collect()
        };
        let tail = if next.span.len_ms() > next.tail.len() as u64 {
            next.tail
        } else {
            boundary[boundary.len().saturating_sub(open)..].to_vec()
        };
        let mut silent = first.silent;
        windows::cover(&mut silent, crossing);
        windows::cover(&mut silent, next.silent);
        SpanState { span, head, tail, silent }
    }
}

impl SpanState {
    /// First millisecond of the tail.
    fn tail_start(&self) -> u64 {
        self.span.milliseconds().end.saturating_sub(self.tail.len() as u64)
    }
}

/// Concatenates two lists of sums in which the last of `first` and the first of `next` belong to
/// the same millisecond.
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
