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
//! in three numbers. The sums are kept of a window's length at either end, for the windows that
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
//! A partial takes at most 34 · `min_silence_ms` + 80 bytes on the wire (18 · for 16 bit), however
//! long the stretch. To measure a chunk takes 16 bytes for each millisecond of it.
//!
//! The comparison is made in integers: `rms <= T` is `Σx² < (⌊T⌋ + 1)² · n`. pydub sums in doubles,
//! which is the same up to 2⁵³, that is for any usual window of 8 or 16 bit; beyond, ours is exact.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AnalysisSettings, Analyzer, Metric, Stretch, group, joined};
use crate::decibels;
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
    /// The windows that lie within it.
    silent: Option<Silent>,
}

/// Some silent windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Silent {
    /// Millisecond at which the first one starts.
    first: u64,
    /// Millisecond at which the last one starts.
    last: u64,
    /// Milliseconds that lie in at least one of them.
    covered: u64,
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
    type Feature = Duration;

    const METRICS: &'static [Metric] = &[Metric {
        key: "non_silence_seconds",
        title: "Non-silent",
        unit: "s",
        decimals: 2,
        groups: &[&group::SEED],
        definition: "Duration of what is not silent: what pydub's \
                     detect_nonsilent(min_silence_len, silence_thresh, seek_step=1) finds in the \
                     whole file.",
        source: "pydub 0.25.1, silence.py",
        range: "0 to the duration",
        reading: "Much less than the duration tells of pauses, or of a level below \
                  --silence-threshold-db; 0 of a file in which there is nothing to hear.",
    }];

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

    fn finish(&self, whole: Partial, _: PcmFormat) -> Duration {
        let Some(whole) = whole.0 else { return Duration::ZERO };
        let Stretch { format, ref frames } = whole.stretch;
        let length = format.len_ms(frames.end);
        let mut silent = whole.silent;
        if length >= self.window() {
            // One window is left if the length was rounded up: it ends in zeros behind the audio.
            let left = self.starts(&whole.stretch).end..length + 1 - self.window();
            let last = self.silent(format, &whole.tail, whole.tail_start(), left);
            silent = self.both(silent, last);
        }
        Duration::from_millis(length.saturating_sub(silent.map_or(0, |silent| silent.covered)))
    }

    #[expect(clippy::cast_precision_loss, reason = "2⁵³ milliseconds are 285 000 years")]
    fn figures(non_silent: &Duration) -> impl Iterator<Item = Option<f64>> {
        [Some(non_silent.as_millis() as f64 / 1000.0)].into_iter()
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
        let possible = |silent: Silent| {
            let starts = self.starts(stretch);
            starts.contains(&silent.first)
                && starts.contains(&silent.last)
                && silent.first <= silent.last
                && silent.covered >= self.window()
                && silent.covered <= silent.last - silent.first + self.window()
        };
        match open.silent {
            Some(silent) if !possible(silent) => Err(format!("impossible windows: {silent:?}")),
            _ => Ok(()),
        }
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

    /// Mean square, times samples, that a silent window has to stay below.
    fn limit(&self, format: PcmFormat) -> u128 {
        let threshold =
            decibels::power_of_ten(self.threshold_db / 20.0) * f64::from(format.full_scale());
        if threshold.is_nan() {
            return 0;
        }
        // No RMS is above full scale, so that a higher threshold makes no difference.
        let lowest_loud = threshold.min(f64::from(format.full_scale())).floor() + 1.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer from 1 to 2³¹ + 1"
        )]
        let lowest_loud = lowest_loud as u128;
        lowest_loud * lowest_loud
    }

    /// Looks for silent windows with the given `starts`, in sums of squares of the milliseconds
    /// from `first` on.
    fn silent(
        &self,
        format: PcmFormat,
        sums: &[u128],
        first: u64,
        starts: Range<u64>,
    ) -> Option<Silent> {
        if starts.is_empty() {
            return None;
        }
        let (limit, window) = (self.limit(format), self.window_len());
        let from = usize::try_from(starts.start.checked_sub(first)?).ok()?;
        let mut windows = sums.get(from..)?.windows(window);
        let mut energy: u128 = sums.get(from..from + window - 1)?.iter().sum();
        let mut silent = None;
        for start in starts {
            let sums = windows.next()?;
            let end = start + self.window();
            let frames = format.frame_of_ms(end) - format.frame_of_ms(start);
            // At rates below 1 kHz there are windows without a frame; their RMS is 0 in pydub.
            let samples = u128::from(frames.max(1)) * u128::from(format.channels);
            energy += sums[window - 1];
            if energy < limit * samples {
                let one = Silent { first: start, last: start, covered: self.window() };
                silent = self.both(silent, Some(one));
            }
            energy -= sums[0];
        }
        silent
    }

    /// What two groups of windows cover, the first of `next` starting after the last of `first`.
    fn both(&self, first: Option<Silent>, next: Option<Silent>) -> Option<Silent> {
        let (Some(first), Some(next)) = (first, next) else { return first.or(next) };
        let common = (first.last + self.window()).saturating_sub(next.first);
        let covered = first.covered + next.covered - common;
        Some(Silent { first: first.first, last: next.last, covered })
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
        let silent = self.both(self.both(first.silent, unsettled), next.silent);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::oracle::{Sound, non_silent_ms, sound};

    /// One character is a millisecond of eight frames: `█` loud, `·` zero.
    #[track_caller]
    fn check(picture: &str, min_silence_ms: u32, expected_ms: u64) {
        let samples = picture.chars().flat_map(|c| [if c == '█' { 9999 } else { 0 }; 8]).collect();
        let sound = Sound::mono_16(8000, samples);
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms };
        let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
        assert_eq!(figure, Duration::from_millis(expected_ms), "{picture}");
    }

    #[test]
    fn silence_is_what_silent_windows_cover() {
        check("██████████", 4, 10);
        check("··········", 4, 0);
        check("███····███", 4, 6);
        check("███···████", 4, 10);
        check("···███·███", 4, 10);
        check("····██····", 4, 2);
        check("·█···█····█·····█", 4, 8);
    }

    #[test]
    fn what_is_shorter_than_the_window_is_not_silent() {
        check("", 4, 0);
        check("···", 4, 3);
        check("····", 4, 0);
        check("·", 1, 0);
        check("·", 0, 0);
    }

    #[test]
    fn a_length_rounded_up_is_filled_with_zeros() {
        // 12 frames at 8 kHz are 1.5 ms, rounded half to even: 2 ms, the last one half padding.
        // Its RMS is √(100² · 4 / 8) = 70.7, below the 103.6 of -50 dBFS.
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1 };
        for (level, expected) in [(100, 1), (200, 2)] {
            let sound = Sound::mono_16(8000, [[9999; 8].as_slice(), &[level; 4]].concat());
            let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
            assert_eq!(figure, Duration::from_millis(expected));
        }
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 2 };
        let sound = Sound::mono_16(8000, vec![100; 12]);
        assert_eq!(analyzer.finish(analyzer.analyze(sound.pcm()), sound.format), Duration::ZERO);
    }

    #[test]
    fn the_root_mean_square_is_floored_before_it_is_compared() {
        // -50 dBFS are 103.62 of 32768: an RMS of 103.99 is silent, one of 104 is not.
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1 };
        for (last, expected) in [(103, 0), (104, 1)] {
            let sound = Sound::mono_16(8000, [[104; 7].as_slice(), &[last]].concat());
            let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
            assert_eq!(figure, Duration::from_millis(expected));
        }
    }

    #[test]
    fn thresholds_beyond_reason_are_survived() {
        let sound = Sound::mono_16(8000, vec![i32::from(i16::MIN); 80]);
        for (threshold_db, expected) in [
            (f64::INFINITY, 0),
            (500.0, 0),
            (0.0, 0),
            (-0.001, 10),
            (f64::NEG_INFINITY, 10),
            (f64::NAN, 10),
        ] {
            let analyzer = NonSilence { threshold_db, min_silence_ms: 4 };
            let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
            assert_eq!(figure, Duration::from_millis(expected), "{threshold_db} dB");
        }
    }

    #[test]
    fn a_partial_stays_small_however_long_the_audio() {
        let noise = |at: i32| at.wrapping_mul(0x9E37_79B1_u32.cast_signed()) >> 16;
        let sound = Sound::mono_16(48_000, (0..480_000).map(noise).collect());
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1000 };
        let partial = analyzer.analyze(sound.pcm());
        let bytes = bincode::serde::encode_to_vec(&partial, bincode::config::standard()).unwrap();
        assert!(bytes.len() <= 18 * 1000 + 80, "{}", bytes.len());
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(8000, vec![0; 800]);
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 10 };
        let stretch = Stretch::from(sound.pcm());
        let good = analyzer.analyze(sound.pcm());
        assert_eq!(analyzer.check(&good, &stretch), Ok(()));

        let sick = |spoil: fn(&mut Open)| {
            let mut partial = good.clone();
            spoil(partial.0.as_mut().unwrap());
            analyzer.check(&partial, &stretch).unwrap_err()
        };
        sick(|open| open.stretch.frames.end += 1);
        sick(|open| open.stretch.format.channels = 2);
        sick(|open| open.head.push(0));
        sick(|open| open.tail.clear());
        sick(|open| open.tail[3] = u128::MAX);
        sick(|open| open.silent = Some(Silent { first: 5, last: 4, covered: 10 }));
        sick(|open| open.silent = Some(Silent { first: 0, last: 91, covered: 10 }));
        sick(|open| open.silent = Some(Silent { first: 0, last: 4, covered: 15 }));
        sick(|open| open.silent = Some(Silent { first: 0, last: 4, covered: 9 }));
        analyzer.check(&Partial(None), &stretch).unwrap_err();
    }

    proptest! {
        #[test]
        fn any_cut_gives_pydubs_answer(
            sound in sound(),
            threshold_db in -70.0..1.0_f64,
            min_silence_ms in prop_oneof![1_u32..12, 1_u32..200],
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let analyzer = NonSilence { threshold_db, min_silence_ms };
            let whole = analyzer.analyze(sound.pcm());

            let partials: Vec<_> = sound.cut(&cuts).into_iter().map(|chunk| {
                let partial = analyzer.analyze(chunk);
                assert_eq!(analyzer.check(&partial, &chunk.into()), Ok(()));
                partial
            }).collect();
            let leftwards = partials.iter().cloned()
                .fold(Partial::default(), |so_far, next| analyzer.merge(so_far, next));
            let rightwards = partials.into_iter()
                .rfold(Partial::default(), |behind, next| analyzer.merge(next, behind));
            prop_assert_eq!(&leftwards, &whole);
            prop_assert_eq!(&rightwards, &whole);

            let expected = non_silent_ms(&sound, threshold_db, min_silence_ms.into());
            prop_assert_eq!(analyzer.finish(whole, sound.format), Duration::from_millis(expected));
        }
    }
}
