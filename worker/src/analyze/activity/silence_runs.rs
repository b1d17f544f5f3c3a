//! Silence runs: sections in which no sample reaches the threshold, as ffmpeg's silencedetect finds
//! them, exact to the sample.
//!
//! pydub's silence (`non_silence`) is defined by the power of windows; this one ends at the first
//! sample that reaches the threshold. Everything between two loud samples is silence. A partial
//! keeps its first and its last loud sample, and the long gaps between the loud samples inside:
//!
//! ```text
//!   chunk n                 chunk n+1
//!   ···█··██·········█··    ········██···█··    █ loud sample
//!      └first        └last ─gap───┘ └first        the gap is known when both are merged
//! ```
//!
//! As in silencedetect, samples are counted and not frames: a loud sample in one channel ends the
//! silence of all channels.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::{
    AnalysisSettings, Analyzer, Details, FrameSpan, Metric, Region, group, merge_options,
};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat, SampleFormat};

/// Finds silence sample by sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilenceRuns {
    /// A sample below this level is silent, in dBFS.
    pub threshold_db: f64,
    /// Minimum length of a silence, in milliseconds.
    pub min_silence_ms: u32,
}

/// State of one span; `None` if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<SpanState>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpanState {
    span: FrameSpan,
    /// First and last loud sample of all channels, counted from the start of the file.
    loud: Option<(u64, u64)>,
    /// Gaps between loud samples that are long enough, in samples from the start of the file.
    runs: Vec<Range<u64>>,
}

/// Silences, in frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences {
    sample_rate: u32,
    /// Silences of the minimum length, from the first frame without a loud sample to the next frame
    /// with one.
    pub runs: Vec<Range<u64>>,
    /// Frames before the first loud sample.
    pub leading: u64,
    /// Frames after the last loud sample.
    pub trailing: u64,
}

impl From<&AnalysisSettings> for SilenceRuns {
    fn from(settings: &AnalysisSettings) -> Self {
        Self {
            threshold_db: settings.silence_threshold_db,
            min_silence_ms: settings.min_silence_ms,
        }
    }
}

impl Analyzer for SilenceRuns {
    type Partial = Partial;
    type Feature = Silences;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial(None);
        }
        let span = FrameSpan::from(chunk);
        let first_sample = samples(&span).start;
        let mut scan = Scan { shortest: self.shortest(span.format), loud: None, runs: Vec::new() };
        match chunk.format().sample_format {
            SampleFormat::F32 | SampleFormat::F64 => {
                let level = self.level();
                scan.each(first_sample, &chunk.floats(), |x| x.abs() >= level);
            }
            _ => {
                let loud = self.loud_from(span.format);
                let integers = chunk.integers();
                scan.each(first_sample, &integers.widened(), |x| x.unsigned_abs() >= loud);
            }
        }
        Partial(Some(SpanState { span, loud: scan.loud, runs: scan.runs }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(merge_options(first.0, next.0, |first, next| self.join(first, next)))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Silences {
        let Some(mut state) = whole.0 else { return Silences::default() };
        let (channels, all) = (u64::from(format.channels), samples(&state.span));
        let shortest = self.shortest(format);
        let (leading, trailing) = match state.loud {
            None => (all.clone(), all),
            Some((first, last)) => (all.start..first, last + 1..all.end),
        };
        let frames = |run: &Range<u64>| run.start.div_ceil(channels)..run.end / channels;
        if leading.end - leading.start >= shortest {
            state.runs.insert(0, leading.clone());
        }
        if trailing != leading && trailing.end - trailing.start >= shortest {
            state.runs.push(trailing.clone());
        }
        let len = |run: &Range<u64>| frames(run).end.saturating_sub(frames(run).start);
        Silences {
            sample_rate: format.sample_rate,
            leading: len(&leading),
            trailing: len(&trailing),
            runs: state.runs.iter().map(frames).collect(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2⁵³ frames are longer than any file")]
    fn figures(found: &Silences) -> impl Iterator<Item = Option<f64>> {
        let seconds = |frames: u64| Some(frames as f64 / f64::from(found.sample_rate.max(1)));
        let longest = found.runs.iter().map(|run| run.end.saturating_sub(run.start)).max();
        [
            Some(found.runs.len() as f64),
            seconds(longest.unwrap_or(0)),
            seconds(found.leading),
            seconds(found.trailing),
        ]
        .into_iter()
    }

    fn details(found: &Silences) -> Details {
        let region = |run| Region::of_frames(run, found.sample_rate);
        let runs = found.runs.iter().map(region).collect();
        Details { regions: vec![("silence_runs", runs)], ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let state = match &partial.0 {
            None if span.frame_count() == 0 => return Ok(()),
            Some(state) if span.frame_count() > 0 && state.span == *span => state,
            _ => return Err("of another span".into()),
        };
        let (all, shortest) = (samples(span), self.shortest(span.format));
        let (first, last) = match state.loud {
            None if state.runs.is_empty() => return Ok(()),
            Some((first, last)) if all.contains(&first) && all.contains(&last) && first <= last => {
                (first, last)
            }
            _ => return Err(format!("impossible loud samples: {:?}", state.loud)),
        };
        let mut loud_until = first;
        for run in &state.runs {
            let is_long = run.end.checked_sub(run.start).is_some_and(|length| length >= shortest);
            if run.start <= loud_until || !is_long || run.end > last {
                return Err(format!("an impossible silence: {run:?}"));
            }
            loud_until = run.end;
        }
        Ok(())
    }
}

impl SilenceRuns {
    /// The threshold as an amplitude; full scale is 1.
    fn level(&self) -> f64 {
        decibels::power_of_ten(self.threshold_db / 20.0)
    }

    /// Smallest loud magnitude. As in ffmpeg, full scale is the largest positive integer, 8 bits
    /// are scaled to 16, and the threshold is rounded down; unlike in ffmpeg, not to zero, since no
    /// magnitude is below zero.
    fn loud_from(&self, format: PcmFormat) -> u32 {
        let scale = if format.integer_bits() == 32 { 2_147_483_647.0 } else { 32_767.0 };
        let level = (self.level() * scale).floor().clamp(1.0, 4_294_967_295.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let level = level as u32;
        if format.integer_bits() == 8 { level.div_ceil(256) } else { level }
    }

    /// Minimum length of a silence, in samples of all channels.
    fn shortest(&self, format: PcmFormat) -> u64 {
        let a_second = u64::from(format.sample_rate).saturating_mul(format.channels.into());
        let samples = u128::from(self.min_silence_ms) * u128::from(a_second);
        u64::try_from((samples + 500) / 1000).unwrap_or(u64::MAX).max(1)
    }

    fn join(&self, mut first: SpanState, next: SpanState) -> SpanState {
        if let (Some((_, before)), Some((behind, _))) = (first.loud, next.loud)
            && behind - before > self.shortest(first.span.format)
        {
            first.runs.push(before + 1..behind);
        }
        first.runs.extend(next.runs);
        first.loud = merge_options(first.loud, next.loud, |(start, _), (_, end)| (start, end));
        first.span.frames.end = next.span.frames.end;
        first
    }
}

/// Samples of a span, counted from the start of the file.
fn samples(span: &FrameSpan) -> Range<u64> {
    let sample = |frame: u64| frame.saturating_mul(span.format.channels.into());
    sample(span.frames.start)..sample(span.frames.end)
}

/// State of a scan over samples.
struct Scan {
    shortest: u64,
    loud: Option<(u64, u64)>,
    runs: Vec<Range<u64>>,
}

impl Scan {
    fn each<T: Copy>(&mut self, first_sample: u64, samples: &[T], is_loud: impl Fn(T) -> bool) {
        for (at, &sample) in (first_sample..).zip(samples) {
            if !is_loud(sample) {
                continue;
            }
            let Some((first, last)) = self.loud else {
                self.loud = Some((at, at));
                continue;
            };
            if at - last > self.shortest {
                self.runs.push(last + 1..at);
            }
            self.loud = Some((first, at));
        }
    }
}

const METRICS: &[Metric] = &[
    Metric {
        key: "silence_runs",
        title: "Silences",
        unit: "",
        decimals: 0,
        groups: &[&group::ACTIVITY],
        definition: "How many times no sample of any channel reaches --silence-threshold-db for \
                     --min-silence-ms or longer. The regions are listed under `regions`, exact to \
                     the sample.",
        source: "ffmpeg silencedetect",
        range: "0 and above",
        reading: "Pauses, gaps, and silence at the start and the end. A click within a pause \
                  splits it in two.",
    },
    Metric {
        key: "longest_silence_seconds",
        title: "Longest silence",
        unit: "s",
        decimals: 2,
        groups: &[&group::ACTIVITY],
        definition: "Length of the longest of silence_runs; 0 if there is none.",
        source: "ffmpeg silencedetect",
        range: "0 to the duration",
        reading: "More than a few seconds within a programme is dead air.",
    },
    Metric {
        key: "leading_silence_seconds",
        title: "Leading silence",
        unit: "s",
        decimals: 3,
        groups: &[&group::ACTIVITY],
        definition: "Time before the first sample of any channel that reaches \
                     --silence-threshold-db, however short; the whole duration if no sample does.",
        source: "ffmpeg silencedetect; SoX's silence effect cuts it",
        range: "0 to the duration",
        reading: "A few tenths of a second are usual. With more, a player seems not to start.",
    },
    Metric {
        key: "trailing_silence_seconds",
        title: "Trailing silence",
        unit: "s",
        decimals: 3,
        groups: &[&group::ACTIVITY],
        definition: "Time after the last sample of any channel that reaches \
                     --silence-threshold-db; the whole duration if no sample does.",
        source: "ffmpeg silencedetect; SoX's silence effect cuts it",
        range: "0 to the duration",
        reading: "Many seconds indicate a recording that was not stopped at the end of the \
                  programme.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    fn found(picture: &str, channels: u16) -> Silences {
        let samples = picture.chars().map(|c| if c == '█' { 9999 } else { -3 });
        let format = PcmFormat { channels, ..Sound::mono_16(1000, Vec::new()).format };
        let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
        let analyzer = SilenceRuns { threshold_db: -50.0, min_silence_ms: 3 };
        analyzer.finish(analyzer.analyze(Pcm::new(format, 0, &bytes)), format)
    }

    /// One character is a frame of one channel and a millisecond.
    #[track_caller]
    fn check(picture: &str, runs: &[(u64, u64)], leading: u64, trailing: u64) {
        let found = found(picture, 1);
        let ranges: Vec<_> = found.runs.iter().map(|run| (run.start, run.end)).collect();
        assert_eq!(
            (&ranges[..], found.leading, found.trailing),
            (runs, leading, trailing),
            "{picture}"
        );
    }

    #[test]
    fn silence_has_the_minimum_length_without_a_loud_sample() {
        check("██···██··██", &[(2, 5)], 0, 0);
        check("···█·█··", &[(0, 3)], 3, 2);
        check("··█····█···", &[(3, 7), (8, 11)], 2, 3);
        check("█·█·█", &[], 0, 0);
        check("····", &[(0, 4)], 4, 4);
        check("··", &[], 2, 2);
        check("", &[], 0, 0);
    }

    #[test]
    fn loud_sample_in_one_channel_ends_the_silence() {
        // Two samples per frame: the silence starts within the first frame and ends within the
        // fifth.
        let found = found("█········█··", 2);
        assert_eq!(found.runs, std::iter::once(1..4).collect::<Vec<_>>());
        assert_eq!((found.leading, found.trailing), (0, 1));
    }

    #[test]
    fn threshold_is_rounded_down_but_not_to_zero() {
        // −50 dBFS are 103.6 of 32,767; with 8 bits that is between 0 and 1.
        let of = |sample_format| {
            SilenceRuns { threshold_db: -50.0, min_silence_ms: 1 }.loud_from(PcmFormat::new(
                sample_format,
                1000,
                1,
            ))
        };
        assert_eq!(of(SampleFormat::S16), 103);
        assert_eq!(of(SampleFormat::U8), 1);
        assert_eq!(of(SampleFormat::S24), 6_790_939);
        let format = Sound::mono_16(1000, Vec::new()).format;
        let quiet = SilenceRuns { threshold_db: -300.0, min_silence_ms: 1 };
        assert_eq!(quiet.loud_from(format), 1);
        let loudest = SilenceRuns { threshold_db: f64::INFINITY, min_silence_ms: 1 };
        assert_eq!(loudest.loud_from(format), u32::MAX);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let samples: Vec<i32> = (0..300).map(|at| if at % 50 == 7 { 9999 } else { 0 }).collect();
        let sound = Sound::mono_16(1000, samples);
        let analyzer = SilenceRuns { threshold_db: -50.0, min_silence_ms: 20 };
        let (good, span) = (analyzer.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(analyzer.check(&good, &span), Ok(()));
        let invalid: [fn(&mut SpanState); 7] = [
            |state| state.span.frames.end += 1,
            |state| state.loud = None,
            |state| state.loud = Some((7, 300)),
            |state| state.loud = Some((8, 7)),
            |state| state.runs[0].start = 7,
            |state| state.runs[1].end = state.runs[1].start + 19,
            |state| state.runs.swap(0, 1),
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(partial.0.as_mut().expect("not empty"));
            assert!(analyzer.check(&partial, &span).is_err(), "corruption {number}");
        }
        analyzer.check(&Partial(None), &span).unwrap_err();
    }

    /// silencedetect's loop, sample by sample.
    fn silencedetect(sound: &Sound, analyzer: &SilenceRuns) -> Vec<Range<u64>> {
        let channels = u64::from(sound.format.channels);
        let notify = analyzer.shortest(sound.format);
        let loud_from = analyzer.loud_from(sound.format);
        let (mut count, mut start, mut runs) = (0, None, Vec::new());
        for (at, sample) in (0_u64..).zip(&sound.samples) {
            if sample.unsigned_abs() < loud_from {
                if start.is_none() {
                    count += 1;
                    if count >= notify {
                        start = Some((at + 1 - notify).div_ceil(channels));
                    }
                }
            } else {
                runs.extend(start.take().map(|start| start..at / channels));
                count = 0;
            }
        }
        let frames = sound.samples.len() as u64 / channels;
        runs.extend(start.map(|start| start..frames));
        runs
    }

    proptest! {
        #[test]
        fn runs_do_not_depend_on_chunking(
            sound in sound(),
            threshold_db in -70.0..1.0_f64,
            min_silence_ms in prop_oneof![0_u32..12, 1_u32..200],
            cuts in cuts(),
        ) {
            let analyzer = SilenceRuns { threshold_db, min_silence_ms };
            assert_chunking_invariance(&analyzer, sound.pcm(), &cuts);
            let float = matches!(sound.format.sample_format, SampleFormat::F32 | SampleFormat::F64);
            if !float {
                let found = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
                prop_assert_eq!(found.runs, silencedetect(&sound, &analyzer));
            }
        }
    }
}
