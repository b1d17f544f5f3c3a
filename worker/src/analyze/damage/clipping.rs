//! Clipping: runs of samples at one end of the scale.
//!
//! One sample at full scale is only loud. Three consecutive samples of one channel, all at the
//! highest or all at the lowest code, are clipped. A run may continue in the next chunk: a partial
//! keeps the runs at its start and its end open, per channel.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::locations::{Location, Locations};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, FrameSpan, Metric, Region, group,
};
use crate::pcm::{Pcm, PcmFormat, SampleFormat};

/// Minimum length of a run, in samples.
const SHORTEST: u64 = 3;

/// Detects clipping; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clipping {}

/// Runs of one span, per channel; none if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// First frame of the span.
    start: u64,
    frames: u64,
    channels: Vec<Channel>,
}

/// Runs of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Channel {
    /// The run at the start of the span.
    head: Run,
    /// The run at the end of the span; equal to `head` if it fills the span.
    tail: Run,
    /// Samples in the runs of the minimum length that touch neither end.
    samples: u64,
    /// Locations of these runs.
    inner: Locations,
}

/// Consecutive samples at one end of the scale; none if the length is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    at_top: bool,
    len: u64,
}

/// Totals and findings; `None` if there is no audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClippingResult {
    runs: Option<RunTotals>,
    findings: Vec<Finding>,
}

/// Totals over runs of the minimum length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunTotals {
    /// Number of runs.
    pub count: u64,
    /// Samples in all runs.
    pub samples: u64,
    /// Samples in the longest run.
    pub longest: u64,
}

impl From<&AnalysisSettings> for Clipping {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Clipping {
    type Partial = Partial;
    type Feature = ClippingResult;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial::default();
        }
        let channels = usize::from(chunk.format().channels);
        let [bottom, top] = ends(chunk.format());
        let start = FrameSpan::from(chunk).frames.start;
        let integers = chunk.integers();
        let largest = integers.extremes().map_or(0, |extremes| extremes.largest);
        let found = if largest < top.unsigned_abs() {
            vec![Channel::default(); channels]
        } else {
            let of = |channel| {
                let samples = integers.channel(channel, channels);
                Channel::of(&samples, [bottom, top], start)
            };
            (0..channels).map(of).collect()
        };
        Partial { start, frames: chunk.frames(), channels: found }
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        if first.frames == 0 || next.frames == 0 {
            return if first.frames == 0 { next } else { first };
        }
        let boundary = first.start.saturating_add(first.frames);
        let pairs = first.channels.into_iter().zip(next.channels);
        let channels = pairs
            .map(|(one, other)| one.merged(first.frames, boundary, other, next.frames))
            .collect();
        Partial { frames: first.frames.saturating_add(next.frames), channels, ..first }
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> ClippingResult {
        let (mut runs, mut findings) = (RunTotals::default(), Vec::new());
        let end = whole.start.saturating_add(whole.frames);
        for (number, channel) in (1..).zip(whole.channels) {
            let mut locations = Locations::default();
            let mut samples = channel.samples;
            samples += channel.head.push_to(whole.start, &mut locations);
            locations.append(channel.inner);
            if channel.head.len < whole.frames {
                samples += channel.tail.push_to(end - channel.tail.len, &mut locations);
            }
            runs += RunTotals { count: locations.count(), samples, longest: locations.largest() };
            findings
                .extend(locations.kept().iter().map(|location| finding(number, location, format)));
        }
        ClippingResult { runs: (whole.frames > 0).then_some(runs), findings }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of samples, far below 2⁵³")]
    fn figures(clipped: &ClippingResult) -> impl Iterator<Item = Option<f64>> {
        let count = |of: fn(&RunTotals) -> u64| clipped.runs.as_ref().map(|runs| of(runs) as f64);
        [count(|runs| runs.samples), count(|runs| runs.count), count(|runs| runs.longest)]
            .into_iter()
    }

    fn details(clipped: &ClippingResult) -> Details {
        Details { findings: clipped.findings.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let frames = span.frame_count();
        let channels = if frames == 0 { 0 } else { usize::from(span.format.channels) };
        if partial.frames != frames || partial.channels.len() != channels {
            let [has, of] = [partial.frames, partial.channels.len() as u64];
            return Err(format!("{has} frames of {of} channels instead of {frames} of {channels}"));
        }
        if frames > 0 && partial.start != span.frames.start {
            return Err("of another span".into());
        }
        let possible = partial.channels.iter().all(|channel| channel.is_possible(span));
        if possible { Ok(()) } else { Err("impossible runs".into()) }
    }
}

impl Channel {
    fn of(samples: &[i32], [bottom, top]: [i32; 2], start: u64) -> Self {
        let mut found = Self::default();
        let mut run = Run::default();
        let mut from_the_start = true;
        for (at, &x) in (start..).zip(samples) {
            let at_top = x >= top;
            if run.len > 0 && ((!at_top && x > bottom) || at_top != run.at_top) {
                found.close(run, from_the_start, at);
                (run, from_the_start) = (Run::default(), false);
            }
            if at_top || x <= bottom {
                run = Run { at_top, len: run.len + 1 };
            } else {
                from_the_start = false;
            }
        }
        if from_the_start {
            found.head = run;
        }
        found.tail = run;
        found
    }

    /// A run has ended before frame `end`.
    fn close(&mut self, run: Run, from_the_start: bool, end: u64) {
        if from_the_start {
            self.head = run;
        } else {
            self.samples += run.push_to(end - run.len, &mut self.inner);
        }
    }

    /// Merges with the channel of the next span, which starts at `boundary`.
    fn merged(mut self, frames: u64, boundary: u64, next: Self, next_frames: u64) -> Self {
        let (all, all_next) = (self.head.len == frames, next.head.len == next_frames);
        let goes_on =
            self.tail.len > 0 && next.head.len > 0 && self.tail.at_top == next.head.at_top;
        let before = boundary.saturating_sub(self.tail.len);
        let run = Run { at_top: self.tail.at_top, len: self.tail.len + next.head.len };
        if goes_on && !all && !all_next {
            self.samples += run.push_to(before, &mut self.inner);
        }
        if !goes_on && !all {
            self.samples += self.tail.push_to(before, &mut self.inner);
        }
        if !goes_on && !all_next {
            self.samples += next.head.push_to(boundary, &mut self.inner);
        }
        self.inner.append(next.inner);
        Self {
            head: if goes_on && all { run } else { self.head },
            tail: if goes_on && all_next { run } else { next.tail },
            samples: self.samples.saturating_add(next.samples),
            inner: self.inner,
        }
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let Self { head, tail, samples, inner } = self;
        let (frames, samples) = (span.frame_count(), *samples);
        let is_run = |run: &Run| run.len > 0 || !run.at_top;
        let open = if head.len == frames { head.len } else { head.len.saturating_add(tail.len) };
        let (count, longest) = (inner.count(), inner.largest());
        let least = count.saturating_sub(1).saturating_mul(SHORTEST).saturating_add(longest);
        is_run(head)
            && is_run(tail)
            && (head.len < frames || head == tail)
            && open.saturating_add(samples) <= frames
            && (count == 0) == (longest == 0)
            && (longest == 0 || longest >= SHORTEST)
            && (least..=count.saturating_mul(longest)).contains(&samples)
            && inner.is_possible(&span.frames)
            && inner.kept().iter().all(|location| location.frames == location.value)
    }
}

impl Run {
    /// Adds a complete run to the locations if it has the minimum length, and returns its samples.
    fn push_to(self, frame: u64, locations: &mut Locations) -> u64 {
        if self.len < SHORTEST {
            return 0;
        }
        locations.push(Location { frame, frames: self.len, value: self.len });
        self.len
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of samples, far below 2⁵³")]
fn finding(channel: u16, location: &Location, format: PcmFormat) -> Finding {
    Finding {
        kind: METRICS[1].key,
        channel: Some(channel),
        region: Region::of_frames(
            &(location.frame..location.frame + location.frames),
            format.sample_rate,
        ),
        value: Some(location.value as f64),
        threshold: Some(SHORTEST as f64),
        byte: None,
    }
}

impl AddAssign for RunTotals {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.samples += other.samples;
        self.longest = self.longest.max(other.longest);
    }
}

/// Lowest and highest code of a format, as [integers](Pcm::integers).
pub(super) fn ends(format: PcmFormat) -> [i32; 2] {
    let step = if format.sample_format == SampleFormat::S24 { 1 << 8 } else { 1 };
    let full_scale = i64::from(format.full_scale());
    [-full_scale, full_scale - step].map(|end| i32::try_from(end).expect("32 bits at most"))
}

const METRICS: &[Metric] = &[
    Metric {
        key: "clipped_samples",
        title: "Clipped samples",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of samples, over all channels, in runs of 3 or more at one end of the \
                     scale: the highest or the lowest code of integers, ±1 and beyond of floats.",
        source: "none; audio editors count in the same way",
        range: "0 and above",
        reading: "0: no clipping. Some dozens in a song are common in loud music. Thousands are \
                  audible as distortion.",
    },
    Metric {
        key: "clipping_runs",
        title: "Clipping runs",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Number of runs of clipped samples, over all channels. Findings give the \
                     position of the first thousand of each channel; their value is the length in \
                     samples.",
        source: "none; audio editors count in the same way",
        range: "0 and above",
        reading: "How often the waveform was clipped.",
    },
    Metric {
        key: "longest_clipping_samples",
        title: "Longest clipping",
        unit: "",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Length in samples of the longest run of clipped samples.",
        source: "none; audio editors count in the same way",
        range: "0, or 3 and above",
        reading: "Below 10 it is hardly audible. Above 50 the signal was far too loud.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::Sound;
    use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

    fn runs(samples: &[i32]) -> Option<RunTotals> {
        let sound = Sound::mono_16(8000, samples.to_vec());
        Clipping {}.finish(Clipping {}.analyze(sound.pcm()), sound.format).runs
    }

    const TOP: i32 = 32_767;
    const BOTTOM: i32 = -32_768;

    #[test]
    fn three_samples_at_one_end_are_a_run_and_two_are_not() {
        let found = |count, samples, longest| Some(RunTotals { count, samples, longest });
        assert_eq!(runs(&[]), None);
        assert_eq!(runs(&[0, TOP, TOP, 5]), found(0, 0, 0));
        assert_eq!(runs(&[0, TOP, TOP, TOP, 5]), found(1, 3, 3));
        assert_eq!(runs(&[TOP; 4]), found(1, 4, 4));
        assert_eq!(runs(&[BOTTOM, BOTTOM, BOTTOM, 0, TOP, TOP, TOP, TOP]), found(2, 7, 4));
        assert_eq!(runs(&[TOP, TOP, BOTTOM, BOTTOM, TOP, TOP]), found(0, 0, 0));
        assert_eq!(runs(&[-32_767; 9]), found(0, 0, 0));
    }

    #[test]
    fn ends_depend_on_the_format() {
        let ends_of = |sample_format, lossy| {
            ends(PcmFormat { lossy, ..PcmFormat::new(sample_format, 8000, 1) })
        };
        assert_eq!(ends_of(SampleFormat::U8, false), [-128, 127]);
        assert_eq!(ends_of(SampleFormat::S16, false), [BOTTOM, TOP]);
        assert_eq!(ends_of(SampleFormat::S24, false), [i32::MIN, 0x7fff_ff00]);
        assert_eq!(ends_of(SampleFormat::S32, false), [i32::MIN, i32::MAX]);
        assert_eq!(ends_of(SampleFormat::F32, false), [i32::MIN, i32::MAX]);
        assert_eq!(ends_of(SampleFormat::F32, true), [BOTTOM, TOP]);

        let floats = |value: f32| {
            let bytes: Vec<u8> = [value; 3].iter().flat_map(|x| x.to_le_bytes()).collect();
            let sample_format = SampleFormat::F32;
            let format = PcmFormat::new(sample_format, 8000, 1);
            let partial = Clipping {}.analyze(Pcm::new(format, 0, &bytes));
            Clipping {}.finish(partial, format).runs.expect("audio").samples
        };
        assert_eq!([1.0, 1.5, -1.0, f32::INFINITY].map(floats), [3, 3, 3, 3]);
        assert_eq!([0.999_999_9, -0.999_999_9, f32::NAN].map(floats), [0, 0, 0]);
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound =
            Sound::mono_16(8000, [&[TOP; 3][..], &[0], &[TOP; 5], &[0], &[TOP; 2]].concat());
        let (good, span) = (Clipping {}.analyze(sound.pcm()), FrameSpan::from(sound.pcm()));
        assert_eq!(Clipping {}.check(&good, &span), Ok(()));
        let invalid: [fn(&mut Partial); 9] = [
            |partial| partial.frames += 1,
            |partial| partial.channels.clear(),
            |partial| partial.channels[0].head.len = 12,
            |partial| partial.channels[0].tail.len = 5,
            |partial| partial.start = 1,
            |partial| partial.channels[0].samples = 4,
            |partial| partial.channels[0].inner = Locations::default(),
            |partial| partial.channels[0].inner.push(Location { frame: 5, frames: 5, value: 5 }),
            |partial| partial.channels[0].tail = Run { at_top: true, len: 0 },
        ];
        for (number, corrupt) in invalid.into_iter().enumerate() {
            let mut partial = good.clone();
            corrupt(&mut partial);
            assert!(Clipping {}.check(&partial, &span).is_err(), "corruption {number}");
        }
    }

    /// Run by run: channel, first frame, length.
    fn reference(samples: &[i32], channels: usize) -> Vec<(u16, u64, u64)> {
        let mut found = Vec::new();
        for (number, channel) in (1..).zip(0..channels) {
            let of_channel: Vec<i32> =
                samples.iter().skip(channel).step_by(channels).copied().collect();
            let mut at = 0;
            for run in of_channel.chunk_by(|one, next| one == next) {
                let len = run.len() as u64;
                if len >= 3 && (run[0] == TOP || run[0] == BOTTOM) {
                    found.push((number, at, len));
                }
                at += len;
            }
        }
        found
    }

    proptest! {
        #[test]
        fn runs_do_not_depend_on_chunking(
            codes in prop::collection::vec((0_usize..4, 1_usize..9), 0..60),
            channels in 1_u16..=3,
            cuts in cuts(),
        ) {
            let mut samples: Vec<i32> = codes
                .into_iter()
                .flat_map(|(code, times)| vec![[TOP, BOTTOM, 7, TOP - 1][code]; times])
                .collect();
            samples.truncate(samples.len() - samples.len() % usize::from(channels));
            let expected = reference(&samples, channels.into());
            let bytes: Vec<u8> =
                samples.iter().flat_map(|&x| i16::try_from(x).unwrap().to_le_bytes()).collect();
            let sample_format = SampleFormat::S16;
            let format = PcmFormat::new(sample_format, 8000, channels);
            let whole = Pcm::new(format, 0, &bytes);
            assert_chunking_invariance(&Clipping {}, whole, &cuts);
            let found = Clipping {}.finish(Clipping {}.analyze(whole), format);
            let runs = RunTotals {
                count: expected.len() as u64,
                samples: expected.iter().map(|(_, _, frames)| frames).sum(),
                longest: expected.iter().map(|(_, _, frames)| *frames).max().unwrap_or(0),
            };
            prop_assert_eq!(found.runs.unwrap_or_default(), runs);
            let locations: Vec<_> =
                found.findings.iter().map(|found| (found.channel, found.region)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(channel, at, len)| (Some(channel), Region::of_frames(&(at..at + len), 8000)))
                .collect();
            prop_assert_eq!(locations, expected);
        }
    }
}
