//! Figures: pydub's `AudioSegment` properties, in pydub's integers.
//!
//! They cover all channels together. RMS is rounded down. A figure that is not defined is `None`,
//! not −∞.

use super::{Pcm, PcmFormat};
use crate::decibels;

impl PcmFormat {
    /// Converts a magnitude of the [integers](Pcm::integers) to dBFS; full scale is exactly 0.0.
    /// `None` for zero.
    pub fn dbfs(&self, magnitude: u32) -> Option<f64> {
        decibels::of_amplitude(f64::from(magnitude) / f64::from(self.full_scale()))
    }
}

impl Pcm<'_> {
    /// Whether there is no frame.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Length in milliseconds, rounded half to even: pydub's `len(segment)`.
    pub fn len_ms(&self) -> u64 {
        self.format.len_ms(self.frames())
    }

    /// Length in seconds, not rounded.
    #[expect(clippy::cast_precision_loss, reason = "2⁵³ frames do not fit into memory")]
    pub fn duration_seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.format.sample_rate)
    }

    /// Largest magnitude of the [integers](Pcm::integers); 0 if every sample is zero.
    pub fn max(&self) -> u32 {
        self.integers().extremes().map_or(0, |extremes| extremes.largest)
    }

    /// Largest magnitude in dBFS; `None` if every sample is zero.
    pub fn max_dbfs(&self) -> Option<f64> {
        self.format.dbfs(self.max())
    }

    /// Smallest magnitude that is not zero, in dBFS; `None` if every sample is zero.
    pub fn min_dbfs(&self) -> Option<f64> {
        self.integers().extremes().and_then(|extremes| self.format.dbfs(extremes.smallest))
    }

    /// √(Σx² / n) over all channels, rounded down; 0 if there is no sample.
    pub fn rms(&self) -> u32 {
        let samples = self.bytes.len() / self.format.sample_format.sample_width();
        let sum: u128 = self.integers().sums_of_squares(&[samples]).iter().sum();
        let mean = sum.checked_div(samples as u128).unwrap_or(0);
        u32::try_from(mean.isqrt()).unwrap_or(u32::MAX)
    }

    /// [`rms`](Self::rms) in dBFS; `None` if it is 0.
    pub fn dbfs(&self) -> Option<f64> {
        self.format.dbfs(self.rms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcm::SampleFormat;

    #[test]
    fn figures_cover_all_channels_of_this_segment_only() {
        let format = PcmFormat::new(SampleFormat::S16, 1000, 2);
        let samples = [i16::MIN, 0, 3, -4, 3, -4];
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        let (first, rest) = Pcm::new(format, 10, &bytes).split_at(1);
        assert_eq!((first.max_dbfs(), first.min_dbfs()), (Some(0.0), Some(0.0)));
        assert_eq!((rest.max(), rest.rms()), (4, 3)); // √12.5, rounded down
        assert_eq!((rest.len_ms(), rest.first_frame()), (2, 11));
        assert_eq!(rest.duration_seconds().to_bits(), 0.002_f64.to_bits());
        assert_eq!(rest.min_dbfs(), rest.dbfs());

        let (_, nothing) = rest.split_at(2);
        assert!(nothing.is_empty());
        assert_eq!((nothing.max(), nothing.rms(), nothing.len_ms()), (0, 0, 0));
        assert_eq!((nothing.max_dbfs(), nothing.min_dbfs(), nothing.dbfs()), (None, None, None));
    }
}
