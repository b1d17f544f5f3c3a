//! Sums: what can be said of a level when Σx, Σx², sign changes and bits are known.
//!
//! Everything is a sum, an OR or a maximum of integers, for each channel by itself, and therefore
//! exact in any order. Two things need the neighbour: a sign may change at the seam, so each partial
//! keeps the sign that it begins and the one that it ends with; and samples at the peak count only
//! as long as no larger one is met, so the smaller peak's count is dropped in the merge.
//!
//! Roots, quotients and logarithms are taken once, of the whole.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use super::{AnalysisSettings, Analyzer, Metric, Stretch, group};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};

/// 20·log10 √2: how much louder a sine is by the convention of AES17 than its RMS.
const AES17_DB: f64 = 3.010_299_956_639_812;

/// Sums them up; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {}

/// The sums of one stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    frames: u64,
    /// One for each channel; none if there is no frame.
    channels: Vec<Channel>,
}

/// One channel of a stretch that has a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Channel {
    sum: i128,
    squares: u128,
    /// The OR of all samples: a zero at the end is a bit that no sample uses.
    bits: u32,
    largest: u32,
    /// How many samples have that magnitude.
    at_largest: u64,
    /// How often a sample is negative and the one before it is not, or the other way round.
    sign_changes: u64,
    begins_negative: bool,
    ends_negative: bool,
}

/// The figures; `None` where there is nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// 20·log10 of the root of the mean square.
    pub rms_dbfs: Option<f64>,
    /// The same, plus 3.01 dB.
    pub rms_aes17_dbfs: Option<f64>,
    /// Largest magnitude over RMS.
    pub crest_factor_db: Option<f64>,
    /// Mean of the channel where it is farthest from zero.
    pub dc_offset: Option<f64>,
    /// Samples that are as large as the largest.
    pub peak_count: Option<f64>,
    /// Bits of a sample that are not zero in all of them.
    pub bit_depth_used: Option<f64>,
    /// Share of neighbouring samples with different signs.
    pub zero_crossing_rate: Option<f64>,
}

impl From<&AnalysisSettings> for Sums {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Sums {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let frames = chunk.frames();
        if frames == 0 {
            return Partial::default();
        }
        let channels = usize::from(chunk.format().channels);
        let integers = chunk.integers();
        let of = |channel| Channel::of(&integers.channel(channel, channels));
        Partial { frames, channels: (0..channels).map(of).collect() }
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        match (first.frames, next.frames) {
            (0, _) => next,
            (_, 0) => first,
            (before, after) => Partial {
                frames: before.saturating_add(after),
                channels: first
                    .channels
                    .iter()
                    .zip(&next.channels)
                    .map(|(first, next)| first.joined(next))
                    .collect(),
            },
        }
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Figures {
        if whole.frames == 0 {
            return Figures::default();
        }
        let channels = &whole.channels;
        let full_scale = f64::from(format.full_scale());
        let samples = whole.frames.saturating_mul(channels.len() as u64);
        let squares = channels.iter().map(|channel| channel.squares).fold(0, u128::saturating_add);
        let mean_square = rounded(squares) / count(samples) / (full_scale * full_scale);
        let largest = channels.iter().map(|channel| channel.largest).max().unwrap_or(0);
        let peak = f64::from(largest) / full_scale;
        let at_peak = channels.iter().filter(|channel| channel.largest == largest);
        let bits = channels.iter().fold(0, |bits, channel| bits | channel.bits);
        let pairs = samples.saturating_sub(channels.len() as u64);
        let changes = channels.iter().map(|channel| channel.sign_changes).sum();
        let rms_dbfs = decibels::of_power(mean_square);
        Figures {
            rms_dbfs,
            rms_aes17_dbfs: rms_dbfs.map(|rms| rms + AES17_DB),
            crest_factor_db: decibels::of_power(peak * peak / mean_square),
            dc_offset: channels
                .iter()
                .map(|channel| channel.mean(whole.frames) / full_scale)
                .max_by(|one, other| one.abs().total_cmp(&other.abs())),
            peak_count: Some(count(at_peak.map(|channel| channel.at_largest).sum())),
            bit_depth_used: (!format.lossy)
                .then(|| f64::from(format.integer_bits().saturating_sub(unused(bits, format)))),
            zero_crossing_rate: (pairs > 0).then(|| count(changes) / count(pairs)),
        }
    }

    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.rms_dbfs,
            figures.rms_aes17_dbfs,
            figures.crest_factor_db,
            figures.dc_offset,
            figures.peak_count,
            figures.bit_depth_used,
            figures.zero_crossing_rate,
        ]
        .into_iter()
    }

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let frames = stretch.frame_count();
        if partial.frames != frames {
            return Err(format!("{} frames instead of {frames}", partial.frames));
        }
        let channels = if frames == 0 { 0 } else { usize::from(stretch.format.channels) };
        if partial.channels.len() != channels {
            return Err(format!("{} channels instead of {channels}", partial.channels.len()));
        }
        match partial.channels.iter().find(|channel| !channel.is_possible(stretch)) {
            Some(channel) => Err(format!("an impossible channel: {channel:?}")),
            None => Ok(()),
        }
    }
}

impl Channel {
    fn of(samples: &[i32]) -> Self {
        let (sum, squares, bits, largest) = totals(samples);
        let negative = |sample: Option<&i32>| sample.is_some_and(|&sample| sample < 0);
        Self {
            sum: sum.into(),
            squares,
            bits,
            largest,
            at_largest: occurrences(samples, largest),
            sign_changes: sign_changes(samples),
            begins_negative: negative(samples.first()),
            ends_negative: negative(samples.last()),
        }
    }

    fn joined(&self, next: &Self) -> Self {
        let largest = self.largest.max(next.largest);
        let at = |channel: &Self| if channel.largest == largest { channel.at_largest } else { 0 };
        let seam = u64::from(self.ends_negative != next.begins_negative);
        Self {
            sum: self.sum.saturating_add(next.sum),
            squares: self.squares.saturating_add(next.squares),
            bits: self.bits | next.bits,
            largest,
            at_largest: at(self).saturating_add(at(next)),
            sign_changes: self.sign_changes.saturating_add(next.sign_changes).saturating_add(seam),
            begins_negative: self.begins_negative,
            ends_negative: next.ends_negative,
        }
    }

    fn mean(&self, frames: u64) -> f64 {
        let magnitude = rounded(self.sum.unsigned_abs()) / count(frames);
        if self.sum < 0 { -magnitude } else { magnitude }
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let frames = stretch.frame_count();
        let full_scale = u128::from(stretch.format.full_scale());
        let most = full_scale * u128::from(frames);
        self.sum.unsigned_abs() <= most
            && self.squares <= most * full_scale
            && u128::from(self.largest) <= full_scale
            && (1..=frames).contains(&self.at_largest)
            && self.sign_changes < frames
    }
}

/// Zero bits below those that are used; all of them if there is none.
fn unused(bits: u32, format: PcmFormat) -> u32 {
    bits.trailing_zeros().min(format.integer_bits())
}

#[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest, on every system")]
fn rounded(sum: u128) -> f64 {
    sum as f64
}

#[expect(clippy::cast_precision_loss, reason = "2⁵³ samples are 3000 years")]
fn count(of: u64) -> f64 {
    of as f64
}

/// Σx, Σx², OR and the largest magnitude of at most 2³¹ samples.
#[multiversion(targets("x86_64+avx2"))]
fn totals(samples: &[i32]) -> (i64, u128, u32, u32) {
    let (mut sum, mut low, mut high, mut bits, mut largest) = (0_i64, 0_u64, 0_u64, 0_u32, 0_u32);
    for &sample in samples {
        let magnitude = sample.unsigned_abs();
        let square = u64::from(magnitude) * u64::from(magnitude);
        sum += i64::from(sample);
        low += square & 0xffff_ffff;
        high += square >> 32;
        bits |= sample.cast_unsigned();
        largest = largest.max(magnitude);
    }
    (sum, u128::from(low) + (u128::from(high) << 32), bits, largest)
}

#[multiversion(targets("x86_64+avx2"))]
fn occurrences(samples: &[i32], magnitude: u32) -> u64 {
    let equal = |sample: &i32| u32::from(sample.unsigned_abs() == magnitude);
    samples.chunks(1 << 16).map(|some| u64::from(some.iter().map(equal).sum::<u32>())).sum()
}

#[multiversion(targets("x86_64+avx2"))]
fn sign_changes(samples: &[i32]) -> u64 {
    let Some((_, behind)) = samples.split_first() else { return 0 };
    let changes = |(one, other): (&i32, &i32)| u64::from((one ^ other) < 0);
    samples.iter().zip(behind).map(changes).sum()
}

const METRICS: &[Metric] = &[
    Metric {
        key: "rms_dbfs",
        title: "RMS",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "Root mean square of all samples of all channels: 20·log10(√(Σx²/n) / full \
                     scale). A full-scale sine is −3.01, a full-scale square wave 0.",
        source: "ffmpeg astats `RMS level dB` and SoX stats `RMS lev dB`, both overall",
        range: "−186.6 to 0",
        reading: "The average strength of the signal, silence included. Music as sold is at −20 \
                  to −8, speech at −30 to −18. It weighs no frequency, so it is not loudness.",
    },
    Metric {
        key: "rms_aes17_dbfs",
        title: "RMS (AES17)",
        unit: "dBFS",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "rms_dbfs + 20·log10(√2): the same by the convention in which a full-scale \
                     sine is at 0 dBFS.",
        source: "AES17",
        range: "−183.6 to +3.01",
        reading: "What a programme shows that counts RMS against a sine. Compare it only with \
                  figures of the same convention.",
    },
    Metric {
        key: "crest_factor_db",
        title: "Crest factor",
        unit: "dB",
        decimals: 2,
        groups: &[&group::LEVEL],
        definition: "Largest magnitude over RMS, of all channels: 20·log10(max|x| / √(Σx²/n)).",
        source: "none overall; of one channel, SoX's and astats' `Crest factor`",
        range: "0 and above",
        reading: "A square wave has 0, a sine 3, heavily compressed music 6 to 9, natural \
                  recordings 14 to 20. Low figures tell of limiting or clipping.",
    },
    Metric {
        key: "dc_offset",
        title: "DC offset",
        unit: "FS",
        decimals: 6,
        groups: &[&group::LEVEL],
        definition: "Mean of the samples of a channel over full scale, of the channel where it is \
                     farthest from zero.",
        source: "ffmpeg astats and SoX stats `DC offset`, both overall",
        range: "−1 to 1",
        reading: "Should be 0. From 0.001 on, edits may click and headroom is lost; the cause is \
                  a converter, or a unipolar signal.",
    },
    Metric {
        key: "peak_count",
        title: "At the peak",
        unit: "",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "How many samples of all channels have the largest magnitude.",
        source: "none; SoX's `Pk count` looks at positive and negative peaks by themselves",
        range: "0 to the number of samples",
        reading: "One or two in a natural recording. Hundreds tell of a limiter or of clipping, \
                  even where the level was lowered afterwards.",
    },
    Metric {
        key: "bit_depth_used",
        title: "Bits used",
        unit: "bit",
        decimals: 0,
        groups: &[&group::LEVEL],
        definition: "Bits of a sample without the lowest ones that are zero in every sample of \
                     every channel; floats as 32 bit integers. Not defined for lossy codecs.",
        source: "the second number of ffmpeg astats' `Bit depth` and SoX's `Bit-depth`",
        range: "0 to 32",
        reading: "16 in a 24 bit file: the recording was made with, or went through, 16 bits. 0 \
                  is digital silence.",
    },
    Metric {
        key: "zero_crossing_rate",
        title: "Zero crossings",
        unit: "",
        decimals: 4,
        groups: &[&group::LEVEL],
        definition: "Share of neighbouring samples of a channel of which one is negative and the \
                     other is not, over all channels.",
        source: "librosa's zero_crossings(pad=False), over the whole file",
        range: "0 to 1",
        reading: "Twice the frequency of a tone over the sample rate. Low in speech and bass, \
                  near 0.5 in white noise; 0 in a signal that stays on one side.",
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::oracle::{Sound, sound};

    fn figures(samples: &[i32]) -> Figures {
        let sound = Sound::mono_16(8000, samples.to_vec());
        Sums {}.finish(Sums {}.analyze(sound.pcm()), sound.format)
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn a_square_wave_is_as_loud_as_its_peak() {
        let square = figures(&[-16_384, 16_384, -16_384, 16_384]);
        near(square.rms_dbfs, 20.0 * 0.5_f64.log10());
        near(square.rms_aes17_dbfs, 20.0 * 0.5_f64.sqrt().log10());
        assert_eq!(square.crest_factor_db, Some(0.0));
        assert_eq!(square.dc_offset, Some(0.0));
        assert_eq!(square.peak_count, Some(4.0));
        assert_eq!(square.bit_depth_used, Some(2.0));
        assert_eq!(square.zero_crossing_rate, Some(1.0));
    }

    #[test]
    fn zero_is_no_negative_sample() {
        assert_eq!(figures(&[1, 0, 1, 0]).zero_crossing_rate, Some(0.0));
        assert_eq!(figures(&[-1, 0, -1, 0, 0]).zero_crossing_rate, Some(0.75));
        assert_eq!(figures(&[5]).zero_crossing_rate, None);
    }

    #[test]
    fn silence_and_no_audio_have_what_can_be_said_of_them() {
        let silence = Figures {
            dc_offset: Some(0.0),
            peak_count: Some(3.0),
            bit_depth_used: Some(0.0),
            zero_crossing_rate: Some(0.0),
            ..Figures::default()
        };
        assert_eq!(figures(&[0, 0, 0]), silence);
        assert_eq!(figures(&[]), Figures::default());
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(8000, vec![5, 0, -7]);
        let stretch = Stretch::from(sound.pcm());
        let good = Sums {}.analyze(sound.pcm());
        assert_eq!(Sums {}.check(&good, &stretch), Ok(()));
        let sick: [fn(&mut Channel); 5] = [
            |channel| channel.sum = -98_305,
            |channel| channel.squares = 3 << 30 | 1,
            |channel| channel.largest = 32_769,
            |channel| channel.at_largest = 0,
            |channel| channel.sign_changes = 3,
        ];
        for spoil in sick {
            let mut partial = good.clone();
            spoil(&mut partial.channels[0]);
            Sums {}.check(&partial, &stretch).unwrap_err();
        }
        Sums {}.check(&Partial { frames: 2, ..good.clone() }, &stretch).unwrap_err();
        Sums {}.check(&Partial { channels: Vec::new(), ..good }, &stretch).unwrap_err();
    }

    /// Channel by channel and sample by sample, in doubles.
    #[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
    fn plainly(sound: &Sound) -> Option<[f64; 4]> {
        let channels = usize::from(sound.format.channels);
        let full_scale = f64::from(sound.format.full_scale());
        let frames: Vec<&[i32]> = sound.samples.chunks(channels).collect();
        let pairs = (frames.len().checked_sub(1)? * channels) as f64;
        let square = |&x: &i32| (f64::from(x) / full_scale).powi(2);
        let mean = sound.samples.iter().map(square).sum::<f64>() / sound.samples.len() as f64;
        let mut dc = 0.0_f64;
        let mut changes = 0;
        for channel in 0..channels {
            let of_channel: Vec<i32> = frames.iter().map(|frame| frame[channel]).collect();
            let sum: i64 = of_channel.iter().map(|&x| i64::from(x)).sum();
            dc = dc.max((sum as f64 / frames.len() as f64 / full_scale).abs());
            changes += of_channel.windows(2).filter(|two| (two[0] < 0) != (two[1] < 0)).count();
        }
        let largest = sound.samples.iter().map(|x| x.unsigned_abs()).max()?;
        let at_peak = sound.samples.iter().filter(|x| x.unsigned_abs() == largest).count();
        Some([10.0 * mean.log10(), dc, at_peak as f64, changes as f64 / pairs])
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_sums(
            sound in sound(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let whole = Sums {}.analyze(sound.pcm());
            let merged = sound.cut(&cuts).into_iter()
                .map(|chunk| Sums {}.analyze(chunk))
                .fold(Partial::default(), |so_far, next| Sums {}.merge(so_far, next));
            prop_assert_eq!(&merged, &whole);

            if let Some([rms, dc, at_peak, crossings]) = plainly(&sound) {
                let found = Sums {}.finish(merged, sound.format);
                prop_assert!(found.rms_dbfs.is_none_or(|found| (found - rms).abs() < 1e-9));
                prop_assert!((found.dc_offset.unwrap().abs() - dc).abs() < 1e-12);
                prop_assert_eq!(found.peak_count, Some(at_peak));
                prop_assert!(found.zero_crossing_rate.is_none_or(|found| (found - crossings).abs() < 1e-12));
            }
        }
    }
}
