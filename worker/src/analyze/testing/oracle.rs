//! Oracle: random signals of all formats, and a direct port of pydub's silence detection.
//!
//! It has no chunks, running sums or partials, and is as slow as pydub.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::pcm::{Pcm, PcmFormat, SampleFormat};

/// Samples as pydub has them, and their encoding in a source format.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    pub(crate) format: PcmFormat,
    /// Interleaved integers of `format.integer_bits()`.
    pub(crate) samples: Vec<i32>,
    bytes: Vec<u8>,
}

impl Sound {
    /// 16 bit, one channel.
    pub(crate) fn mono_16(sample_rate: u32, samples: Vec<i32>) -> Self {
        let sample_format = SampleFormat::S16;
        Self::new(PcmFormat::new(sample_format, sample_rate, 1), samples)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the samples fit the format, by construction"
    )]
    pub(crate) fn new(format: PcmFormat, samples: Vec<i32>) -> Self {
        let full_scale = f64::from(format.full_scale());
        let encode = |&x: &i32| match format.sample_format {
            SampleFormat::U8 => vec![(x + 128).to_le_bytes()[0]],
            SampleFormat::S16 => (x as i16).to_le_bytes().to_vec(),
            SampleFormat::S24 => x.to_le_bytes()[1..].to_vec(),
            SampleFormat::S32 => x.to_le_bytes().to_vec(),
            SampleFormat::F32 => (x as f32 / full_scale as f32).to_le_bytes().to_vec(),
            SampleFormat::F64 => (f64::from(x) / full_scale).to_le_bytes().to_vec(),
        };
        let bytes = samples.iter().flat_map(encode).collect();
        Self { format, samples, bytes }
    }

    /// All samples.
    pub(crate) fn pcm(&self) -> Pcm<'_> {
        Pcm::new(self.format, 0, &self.bytes)
    }

    /// All samples in pieces, some of which are empty.
    pub(crate) fn cut(&self, cuts: &[Index]) -> Vec<Pcm<'_>> {
        let mut rest = self.pcm();
        let mut pieces = Vec::new();
        for cut in cuts {
            let frames = usize::try_from(rest.frames()).unwrap();
            let (piece, behind) = rest.split_at(cut.index(frames + 1) as u64);
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        pieces
    }
}

/// Signals of every format and many rates, with sections of similar levels.
pub(crate) fn sound() -> impl Strategy<Value = Sound> {
    let rate = prop_oneof![
        4 => 900_u32..4000,
        1 => prop::sample::select(vec![1, 7, 60, 300, 999, 1000, 4410, 7919, 18_900, 44_056]),
    ];
    let sample_format = prop::sample::select(vec![
        SampleFormat::U8,
        SampleFormat::S16,
        SampleFormat::S24,
        SampleFormat::S32,
        SampleFormat::F32,
        SampleFormat::F64,
    ]);
    let runs = prop::collection::vec((0_u32..=16, any::<u32>(), 1_usize..300), 0..12);
    (rate, sample_format, any::<bool>(), 1_u16..=8, runs).prop_map(
        |(sample_rate, sample_format, lossy, channels, runs)| {
            let float = matches!(sample_format, SampleFormat::F32 | SampleFormat::F64);
            let format = PcmFormat {
                lossy: lossy && float,
                ..PcmFormat::new(sample_format, sample_rate, channels)
            };
            let samples = runs.into_iter().flat_map(|(quieter, seed, frames)| {
                (0..frames * usize::from(channels)).map(move |at| noise(seed, at) >> quieter)
            });
            let width = 32 - format.integer_bits();
            let exact = match (sample_format, format.lossy) {
                (SampleFormat::S24, _) | (SampleFormat::F32, false) => !0xff,
                _ => !0,
            };
            Sound::new(format, samples.map(|x| (x >> width) & exact).collect())
        },
    )
}

/// A hash of the arguments.
fn noise(seed: u32, at: usize) -> i32 {
    let at = u32::try_from(at).unwrap();
    let mixed = (seed ^ at).wrapping_mul(0x9E37_79B1);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B).cast_signed()
}

/// `pydub.silence.detect_nonsilent(…, seek_step=1)`, in milliseconds.
pub(crate) fn non_silent(
    sound: &Sound,
    threshold_db: f64,
    min_silence_len: u64,
) -> Vec<Range<u64>> {
    let length = len(sound);
    let silent = detect_silence(sound, threshold_db, min_silence_len);
    let mut regions = Vec::new();
    let mut previous_end = 0;
    for (start, end) in silent {
        regions.push(previous_end..start);
        previous_end = end;
    }
    if previous_end != length {
        regions.push(previous_end..length);
    }
    // pydub removes an empty first range in the same way.
    regions.retain(|region| !region.is_empty());
    regions
}

fn detect_silence(sound: &Sound, threshold_db: f64, min_silence_len: u64) -> Vec<(u64, u64)> {
    let length = len(sound);
    if length < min_silence_len {
        return Vec::new();
    }
    let threshold = 10_f64.powf(threshold_db / 20.0) * f64::from(sound.format.full_scale());
    #[expect(clippy::cast_precision_loss, reason = "at most 2³¹")]
    let mut starts = (0..=length - min_silence_len)
        .filter(|&start| rms(sound, start, start + min_silence_len) as f64 <= threshold);
    let Some(mut range_start) = starts.next() else { return Vec::new() };
    let mut previous = range_start;
    let mut ranges = Vec::new();
    for start in starts {
        if start != previous + 1 && start > previous + min_silence_len {
            ranges.push((range_start, previous + min_silence_len));
            range_start = start;
        }
        previous = start;
    }
    ranges.push((range_start, previous + min_silence_len));
    ranges
}

/// `len(segment)`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Python's float arithmetic"
)]
fn len(sound: &Sound) -> u64 {
    let frames = sound.samples.len() / usize::from(sound.format.channels);
    (1000.0 * (frames as f64 / f64::from(sound.format.sample_rate))).round_ties_even() as u64
}

/// `segment[start:end].rms`, with the zeros that pydub appends.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Python's float arithmetic"
)]
fn rms(sound: &Sound, start: u64, end: u64) -> u128 {
    let channels = usize::from(sound.format.channels);
    let position = |ms| (ms as f64 * (f64::from(sound.format.sample_rate) / 1000.0)) as usize;
    let (start, end) = (position(start) * channels, position(end) * channels);
    let present = &sound.samples[start.min(sound.samples.len())..end.min(sound.samples.len())];
    if present.is_empty() {
        return 0;
    }
    let sum: u128 = present.iter().map(|&x| u128::from(x.unsigned_abs()).pow(2)).sum();
    (sum / (end - start) as u128).isqrt()
}
