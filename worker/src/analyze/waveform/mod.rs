//! Waveform: minimum and maximum of every `samples_per_pixel` frames, for display.
//!
//! The definition is audiowaveform's: 16-bit samples, the mean of the channels (rounded towards
//! zero) or each channel separately, and one column per `samples_per_pixel` frames from the start
//! of the file, the last one shorter. If a chunk boundary is within a column, both chunks have a
//! part of it, and the merge combines their extremes.
//!
//! Wider integers are reduced to their upper 16 bits. Floats are multiplied by 32767 in single
//! precision and rounded towards zero; values beyond full scale are limited, where audiowaveform's
//! wrap around. Samples of lossy formats are those of [`Integers`].

mod encoding;

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, FrameSpan, Metric};
use crate::pcm::{Integers, Pcm, PcmFormat, SampleFormat};

pub use encoding::Bits;

/// Frames per column by default, as in audiowaveform.
const DEFAULT_SAMPLES_PER_PIXEL: NonZeroU32 = NonZeroU32::new(256).expect("it is not zero");

/// Computes waveforms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waveforms {
    /// Frames per column.
    pub samples_per_pixel: NonZeroU32,
    /// Whether channels are drawn separately instead of their mean.
    pub split_channels: bool,
}

/// Columns that a span has frames of; for each column, all channels in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    first: u64,
    channels: u16,
    columns: Vec<[i16; 2]>,
}

/// Waveform of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waveform {
    /// Number of channels drawn.
    pub channels: u16,
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames per column.
    pub samples_per_pixel: u32,
    /// Minimum and maximum of each column, all channels in turn.
    pub columns: Vec<[i16; 2]>,
}

impl From<&AnalysisSettings> for Waveforms {
    fn from(_: &AnalysisSettings) -> Self {
        Self { samples_per_pixel: DEFAULT_SAMPLES_PER_PIXEL, split_channels: false }
    }
}

impl Partial {
    /// Number of pairs, over all channels.
    pub fn count(&self) -> usize {
        self.columns.len()
    }
}

impl Waveforms {
    fn columns(&self, frames: &Range<u64>) -> Range<u64> {
        let of = u64::from(self.samples_per_pixel.get());
        if frames.is_empty() {
            return 0..0;
        }
        frames.start / of..(frames.end - 1) / of + 1
    }

    /// Number of channels drawn.
    fn drawn(&self, format: PcmFormat) -> u16 {
        if self.split_channels { format.channels.max(1) } else { 1 }
    }
}

impl Analyzer for Waveforms {
    type Partial = Partial;
    type Feature = Waveform;

    /// No figures: it runs only when a waveform is requested.
    const METRICS: &'static [Metric] = &[];

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let Range { start, end } = self.columns(&FrameSpan::from(chunk).frames);
        let samples = to_16_bits(chunk);
        let format = chunk.format();
        let of = u64::from(self.samples_per_pixel.get());
        let mut columns = Vec::new();
        for column in start..end {
            let [from, to] = [column, column + 1].map(|column| {
                let frame =
                    (column * of).clamp(chunk.first_frame(), chunk.first_frame() + chunk.frames());
                let at = (frame - chunk.first_frame()) * u64::from(format.channels);
                usize::try_from(at).unwrap_or(usize::MAX)
            });
            let channels = usize::from(format.channels.max(1));
            let frames = samples[from..to].chunks_exact(channels);
            if self.split_channels {
                columns.extend((0..channels).map(|at| extremes(frames.clone().map(|f| f[at]))));
            } else {
                columns.push(extremes(frames.map(mean)));
            }
        }
        Partial { first: start, channels: self.drawn(format), columns }
    }

    fn merge(&self, mut first: Partial, mut next: Partial) -> Partial {
        if first.columns.is_empty() {
            return next;
        }
        let channels = usize::from(first.channels.max(1));
        let behind = first.first + (first.columns.len() / channels) as u64;
        if next.first < behind && !next.columns.is_empty() {
            let last = first.columns.len() - channels;
            let halves = next.columns.drain(..channels);
            for (last, [least, largest]) in first.columns[last..].iter_mut().zip(halves) {
                *last = [last[0].min(least), last[1].max(largest)];
            }
        }
        first.columns.append(&mut next.columns);
        first
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Waveform {
        Waveform {
            channels: self.drawn(format),
            sample_rate: format.sample_rate,
            samples_per_pixel: self.samples_per_pixel.get(),
            columns: whole.columns,
        }
    }

    fn figures(_: &Waveform) -> impl Iterator<Item = Option<f64>> {
        std::iter::empty()
    }

    fn details(waveform: &Waveform) -> Details {
        Details { waveform: Some(waveform.clone()), ..Details::default() }
    }

    fn check(&self, partial: &Partial, span: &FrameSpan) -> Result<(), String> {
        let Range { start, end } = self.columns(&span.frames);
        let drawn = if start == end { partial.channels } else { self.drawn(span.format) };
        let count = partial.columns.len();
        let expected = (end - start).checked_mul(u64::from(drawn));
        if partial.first != start
            || partial.channels != drawn
            || u64::try_from(count).ok() != expected
        {
            return Err(format!(
                "{count} columns of {} channels from {} instead of {start}..{end}",
                partial.channels, partial.first
            ));
        }
        match partial.columns.iter().find(|[least, largest]| least > largest) {
            Some([least, largest]) => Err(format!("a column from {least} to {largest}")),
            None => Ok(()),
        }
    }
}

impl Waveform {
    /// The same waveform with at most `most` columns, each the extremes of several.
    #[must_use]
    pub fn downsampled(self, most: NonZeroU32) -> Self {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        let channels = usize::from(self.channels.max(1));
        let of = (self.columns.len() / channels).div_ceil(most).max(1);
        let mut columns = Vec::with_capacity(self.columns.len() / of + channels);
        for some in self.columns.chunks(of * channels) {
            columns.extend((0..channels).map(|channel| {
                let of_channel = some.iter().skip(channel).step_by(channels);
                extremes(of_channel.flatten().copied())
            }));
        }
        Self {
            samples_per_pixel: u32::try_from(of)
                .unwrap_or(u32::MAX)
                .saturating_mul(self.samples_per_pixel),
            columns,
            ..self
        }
    }
}

/// Minimum and maximum.
fn extremes(samples: impl Iterator<Item = i16>) -> [i16; 2] {
    samples.fold([i16::MAX, i16::MIN], |[least, largest], sample| {
        [least.min(sample), largest.max(sample)]
    })
}

/// Mean of the channels of a frame, rounded towards zero.
fn mean(frame: &[i16]) -> i16 {
    let sum: i32 = frame.iter().copied().map(i32::from).sum();
    let count = i32::try_from(frame.len()).unwrap_or(i32::MAX);
    i16::try_from(sum / count.max(1)).expect("a mean of 16 bits has 16 bits")
}

/// The samples as 16 bits.
fn to_16_bits(chunk: Pcm<'_>) -> Vec<i16> {
    let format = chunk.format();
    match format.sample_format {
        SampleFormat::F32 if !format.lossy => {
            let samples = chunk.bytes().as_chunks().0.iter();
            samples.map(|&sample| scaled(f32::from_le_bytes(sample))).collect()
        }
        SampleFormat::F64 if !format.lossy => {
            let samples = chunk.bytes().as_chunks().0.iter();
            #[expect(clippy::cast_possible_truncation, reason = "libsndfile reads doubles so")]
            let single = |&sample: &[u8; 8]| f64::from_le_bytes(sample) as f32;
            samples.map(|sample| scaled(single(sample))).collect()
        }
        _ => match chunk.integers() {
            Integers::Bits8(samples) => samples.iter().map(|&x| i16::from(x) << 8).collect(),
            Integers::Bits16(samples) => Cow::into_owned(samples),
            Integers::Bits32(samples) => samples.iter().map(|&x| upper(x)).collect(),
        },
    }
}

/// The upper 16 bits of a sample.
fn upper(sample: i32) -> i16 {
    let [_, _, low, high] = sample.to_le_bytes();
    i16::from_le_bytes([low, high])
}

/// Conversion of audiowaveform, limited to full scale; NaN is 0.
#[expect(clippy::cast_possible_truncation, reason = "towards zero, and full scale beyond it")]
fn scaled(sample: f32) -> i16 {
    (sample * 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::testing::oracle::{Sound, sound};

    fn of(samples_per_pixel: u32) -> Waveforms {
        let samples_per_pixel = NonZeroU32::new(samples_per_pixel).unwrap();
        Waveforms { samples_per_pixel, split_channels: false }
    }

    fn drawn(samples: &[i32], samples_per_pixel: u32) -> Waveform {
        let sound = Sound::mono_16(8000, samples.to_vec());
        let waveforms = of(samples_per_pixel);
        waveforms.finish(waveforms.analyze(sound.pcm()), sound.format)
    }

    #[test]
    fn columns_have_extremes_and_the_last_may_be_short() {
        let waveform = drawn(&[3, -5, 7, 7, -1], 2);
        assert_eq!(waveform.columns, [[-5, 3], [7, 7], [-1, -1]]);
        assert_eq!(drawn(&[], 2).columns, [[0; 2]; 0]);
    }

    #[test]
    fn downsampled_waveform_equals_one_with_wider_columns() {
        let samples: Vec<_> = (0..1000).map(|at| at * 7919 % 60_000 - 30_000).collect();
        let downsampled = drawn(&samples, 3).downsampled(NonZeroU32::new(50).unwrap());
        assert_eq!(downsampled, drawn(&samples, 21));
        assert_eq!(
            drawn(&samples, 21).downsampled(NonZeroU32::new(500).unwrap()),
            drawn(&samples, 21)
        );
    }

    #[test]
    fn invalid_partial_is_rejected() {
        let sound = Sound::mono_16(8000, vec![5, 0, -7]);
        let span = FrameSpan::from(sound.pcm());
        let good = of(2).analyze(sound.pcm());
        assert_eq!(of(2).check(&good, &span), Ok(()));
        for invalid in [
            Partial { first: 1, ..good.clone() },
            Partial { channels: 2, ..good.clone() },
            Partial { columns: good.columns[1..].to_vec(), ..good.clone() },
            Partial { columns: vec![[1, 0], [0, 0]], ..good },
        ] {
            of(2).check(&invalid, &span).unwrap_err();
        }
    }

    #[test]
    fn columns_equal_those_of_audiowaveform_tests() {
        // test/WaveformGeneratorTest.cpp, shouldComputeMaxAndMinValuesFromStereoInput
        let places = [
            (0, [100, 102]),
            (100, [98, 100]),
            (200, [-98, -100]),
            (299, [-100, -102]),
            (300, [197, 199]),
            (400, [-200, -202]),
            (450, [-197, -199]),
            (511, [200, 202]),
        ];
        let mut stereo = vec![0; 1024];
        let mut mono = vec![0; 512];
        for (at, frame) in places {
            stereo[2 * at..2 * at + 2].copy_from_slice(&frame);
        }
        let format = PcmFormat { channels: 2, ..Sound::mono_16(44_100, vec![]).format };
        let sound = Sound::new(format, stereo);
        let of_mean = of(300).finish(of(300).analyze(sound.pcm()), format);
        assert_eq!(of_mean.columns, [[-101, 101], [-201, 201]]);
        assert_eq!((of_mean.channels, of_mean.sample_rate), (1, 44_100));
        let split = Waveforms { split_channels: true, ..of(300) };
        let of_each = split.finish(split.analyze(sound.pcm()), format);
        assert_eq!(of_each.columns, [[-100, 100], [-102, 102], [-200, 200], [-202, 202]]);
        // shouldComputeMaxAndMinValuesFromMonoInput
        for (at, sample) in [
            (0, 100),
            (100, 98),
            (200, -98),
            (299, -102),
            (300, 197),
            (400, -200),
            (450, -197),
            (511, 202),
        ] {
            mono[at] = sample;
        }
        assert_eq!(drawn(&mono, 300).columns, [[-102, 100], [-200, 202]]);
    }

    #[test]
    fn floats_are_rounded_towards_zero_and_limited() {
        for (sample, short) in [
            (0.5, 16_383),
            (-0.5, -16_383),
            (1.0, 32_767),
            (-1.0, -32_767),
            (1.5, 32_767),
            (-1.5, -32_768),
            (f32::NAN, 0),
            (f32::NEG_INFINITY, -32_768),
            (3.0e-5, 0),
            (-3.06e-5, -1),
            (0.1, 3276),
        ] {
            assert_eq!(scaled(sample), short, "{sample}");
        }
    }

    /// Frame by frame, without chunks.
    fn reference(sound: &Sound, of: &Waveforms) -> Vec<[i16; 2]> {
        let channels = usize::from(sound.format.channels);
        let is_float = matches!(sound.format.sample_format, SampleFormat::F32 | SampleFormat::F64);
        let bits = i32::try_from(sound.format.integer_bits()).unwrap();
        let frames = sound.samples.chunks(channels).map(|frame| {
            let to_16_bits = frame.iter().map(|&sample| {
                let full = f64::from(sample) / 2_f64.powi(bits - 1);
                #[expect(clippy::cast_possible_truncation, reason = "that is the definition")]
                if is_float && !sound.format.lossy {
                    f64::from((full as f32 * 32_767_f32).trunc())
                } else {
                    (full * 32_768.0).floor()
                }
            });
            let mean = |to_16_bits: Vec<f64>| {
                to_16_bits.iter().sum::<f64>() / f64::from(sound.format.channels)
            };
            if of.split_channels {
                to_16_bits.collect()
            } else {
                vec![mean(to_16_bits.collect()).trunc()]
            }
        });
        let frames: Vec<Vec<f64>> = frames.collect();
        let columns = frames.chunks(usize::try_from(of.samples_per_pixel.get()).unwrap());
        let drawn = if of.split_channels { channels } else { 1 };
        let each = columns.flat_map(|some| {
            (0..drawn).map(move |channel| {
                let of_channel = some.iter().map(|frame| frame[channel]);
                #[expect(clippy::cast_possible_truncation, reason = "they are whole")]
                [of_channel.clone().fold(f64::MAX, f64::min), of_channel.fold(f64::MIN, f64::max)]
                    .map(|extreme| extreme as i16)
            })
        });
        each.collect()
    }

    proptest! {
        #[test]
        fn columns_do_not_depend_on_chunking(
            sound in sound(),
            samples_per_pixel in 1_u32..400,
            split_channels in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let waveforms = Waveforms { split_channels, ..of(samples_per_pixel) };
            let merged = sound.cut(&cuts).into_iter()
                .map(|chunk| waveforms.analyze(chunk))
                .fold(Partial::default(), |so_far, next| waveforms.merge(so_far, next));
            prop_assert_eq!(&merged, &waveforms.analyze(sound.pcm()));
            prop_assert_eq!(&merged.columns, &reference(&sound, &waveforms));
            let span = FrameSpan::from(sound.pcm());
            prop_assert_eq!(waveforms.check(&merged, &span), Ok(()));
        }
    }
}
