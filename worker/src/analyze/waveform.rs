//! Waveform: the least and the largest sample of every so many frames, to draw it by.
//!
//! The definition is audiowaveform's: samples as 16 bits, the channels' mean (towards zero), and a
//! column for every whole number of frames from the start of the file, with a shorter last one. A
//! column that a cut falls into is had by both sides; the extremes of its halves are its extremes.

use std::num::NonZeroU32;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{AnalysisSettings, Analyzer, Details, Metric, Stretch};
use crate::pcm::{Pcm, PcmFormat};

/// Frames of a column if nobody says otherwise, as in audiowaveform.
const USUAL: NonZeroU32 = NonZeroU32::new(256).expect("it is not zero");

/// Draws columns of so many frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waveforms {
    /// Frames of a column.
    pub samples_per_pixel: NonZeroU32,
}

/// The columns that a stretch has frames of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    first: u64,
    columns: Vec<[i16; 2]>,
}

/// A file as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waveform {
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames of a column.
    pub samples_per_pixel: u32,
    /// The least and the largest sample of each.
    pub columns: Vec<[i16; 2]>,
}

impl From<&AnalysisSettings> for Waveforms {
    fn from(_: &AnalysisSettings) -> Self {
        Self { samples_per_pixel: USUAL }
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
}

impl Analyzer for Waveforms {
    type Partial = Partial;
    type Feature = Waveform;

    /// No figures: it is run when someone wants to draw.
    const METRICS: &'static [Metric] = &[];

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let Range { start, end } = self.columns(&Stretch::from(chunk).frames);
        let integers = chunk.integers();
        let samples = integers.widened();
        let format = chunk.format();
        let of = u64::from(self.samples_per_pixel.get());
        let columns = (start..end).map(|column| {
            let [from, to] = [column, column + 1].map(|column| {
                let frame =
                    (column * of).clamp(chunk.first_frame(), chunk.first_frame() + chunk.frames());
                let at = (frame - chunk.first_frame()) * u64::from(format.channels);
                usize::try_from(at).unwrap_or(usize::MAX)
            });
            extremes(&samples[from..to], format)
        });
        Partial { first: start, columns: columns.collect() }
    }

    fn merge(&self, mut first: Partial, mut next: Partial) -> Partial {
        let behind = first.first + u64::try_from(first.columns.len()).unwrap_or(u64::MAX);
        let Some(last) = first.columns.last_mut() else { return next };
        if let Some(&[least, largest]) = next.columns.first().filter(|_| next.first < behind) {
            *last = [last[0].min(least), last[1].max(largest)];
            next.columns.remove(0);
        }
        first.columns.append(&mut next.columns);
        first
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Waveform {
        Waveform {
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

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        let Range { start, end } = self.columns(&stretch.frames);
        let count = partial.columns.len();
        if partial.first != start || u64::try_from(count) != Ok(end - start) {
            return Err(format!(
                "{count} columns from {} instead of {start}..{end}",
                partial.first
            ));
        }
        match partial.columns.iter().find(|[least, largest]| least > largest) {
            Some([least, largest]) => Err(format!("a column from {least} to {largest}")),
            None => Ok(()),
        }
    }
}

impl Waveform {
    /// The same in at most so many columns, each of several; none is left out.
    #[must_use]
    pub fn thinned(self, most: NonZeroU32) -> Self {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        let of = self.columns.len().div_ceil(most).max(1);
        let joined = |some: &[[i16; 2]]| {
            some.iter().copied().reduce(|one, other| [one[0].min(other[0]), one[1].max(other[1])])
        };
        Self {
            samples_per_pixel: u32::try_from(of)
                .unwrap_or(u32::MAX)
                .saturating_mul(self.samples_per_pixel),
            columns: self.columns.chunks(of).filter_map(joined).collect(),
            ..self
        }
    }

    /// audiowaveform's JSON, version 2, with 16 bits.
    pub fn json(&self) -> String {
        let numbers: Vec<_> = self.columns.iter().flatten().map(ToString::to_string).collect();
        format!(
            "{{\"version\":2,\"channels\":1,\"sample_rate\":{},\"samples_per_pixel\":{},\
             \"bits\":16,\"length\":{},\"data\":[{}]}}\n",
            self.sample_rate,
            self.samples_per_pixel,
            self.columns.len(),
            numbers.join(",")
        )
    }
}

/// Of some frames, at least one.
fn extremes(samples: &[i32], format: PcmFormat) -> [i16; 2] {
    let channels = usize::from(format.channels.max(1));
    let mut found = [i16::MAX, i16::MIN];
    for frame in samples.chunks_exact(channels) {
        let sum: i64 = frame.iter().map(|&sample| i64::from(short(sample, format))).sum();
        let mean = sum / i64::from(format.channels.max(1));
        let mean = i16::try_from(mean).expect("a mean of 16 bits has 16 bits");
        found = [found[0].min(mean), found[1].max(mean)];
    }
    found
}

/// A sample as 16 bits: the upper ones of a wider one.
fn short(sample: i32, format: PcmFormat) -> i32 {
    let bits = format.integer_bits();
    if bits < 16 { sample << (16 - bits) } else { sample >> (bits - 16) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::oracle::{Sound, sound};

    fn of(samples_per_pixel: u32) -> Waveforms {
        Waveforms { samples_per_pixel: NonZeroU32::new(samples_per_pixel).unwrap() }
    }

    fn drawn(samples: &[i32], samples_per_pixel: u32) -> Waveform {
        let sound = Sound::mono_16(8000, samples.to_vec());
        let waveforms = of(samples_per_pixel);
        waveforms.finish(waveforms.analyze(sound.pcm()), sound.format)
    }

    #[test]
    fn every_column_has_its_extremes_and_the_last_may_be_short() {
        let waveform = drawn(&[3, -5, 7, 7, -1], 2);
        assert_eq!(waveform.columns, [[-5, 3], [7, 7], [-1, -1]]);
        assert_eq!(
            waveform.json(),
            "{\"version\":2,\"channels\":1,\"sample_rate\":8000,\"samples_per_pixel\":2,\
             \"bits\":16,\"length\":3,\"data\":[-5,3,7,7,-1,-1]}\n"
        );
        assert_eq!(drawn(&[], 2).columns, [[0; 2]; 0]);
    }

    #[test]
    fn what_is_thinned_is_what_had_been_drawn_with_wider_columns() {
        let samples: Vec<_> = (0..1000).map(|at| at * 7919 % 60_000 - 30_000).collect();
        let thinned = drawn(&samples, 3).thinned(NonZeroU32::new(50).unwrap());
        assert_eq!(thinned, drawn(&samples, 21));
        assert_eq!(drawn(&samples, 21).thinned(NonZeroU32::new(500).unwrap()), drawn(&samples, 21));
    }

    #[test]
    fn a_sick_partial_is_refused() {
        let sound = Sound::mono_16(8000, vec![5, 0, -7]);
        let stretch = Stretch::from(sound.pcm());
        let good = of(2).analyze(sound.pcm());
        assert_eq!(of(2).check(&good, &stretch), Ok(()));
        for sick in [
            Partial { first: 1, ..good.clone() },
            Partial { columns: good.columns[1..].to_vec(), ..good.clone() },
            Partial { columns: vec![[1, 0], [0, 0]], ..good },
        ] {
            of(2).check(&sick, &stretch).unwrap_err();
        }
    }

    /// Frame by frame, without columns of a chunk.
    fn plainly(sound: &Sound, of: u32) -> Vec<[i16; 2]> {
        let channels = usize::from(sound.format.channels);
        let scale = 2_f64.powi(i32::try_from(sound.format.integer_bits()).unwrap() - 16);
        let frames = sound.samples.chunks(channels).map(|frame| {
            let shorts = frame.iter().map(|&sample| (f64::from(sample) / scale).floor());
            #[expect(clippy::cast_possible_truncation, reason = "that is the definition")]
            let mean = (shorts.sum::<f64>() / f64::from(sound.format.channels)) as i16;
            mean
        });
        let frames: Vec<_> = frames.collect();
        let columns = frames.chunks(usize::try_from(of).unwrap());
        columns.map(|some| [*some.iter().min().unwrap(), *some.iter().max().unwrap()]).collect()
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_columns(
            sound in sound(),
            samples_per_pixel in 1_u32..400,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let waveforms = of(samples_per_pixel);
            let merged = sound.cut(&cuts).into_iter()
                .map(|chunk| waveforms.analyze(chunk))
                .fold(Partial::default(), |so_far, next| waveforms.merge(so_far, next));
            prop_assert_eq!(&merged, &waveforms.analyze(sound.pcm()));
            prop_assert_eq!(merged.columns, plainly(&sound, samples_per_pixel));
        }
    }
}
