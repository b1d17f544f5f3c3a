//! Floats: samples relative to full scale, for measurements of the waveform.
//!
//! Integers are converted exactly, floats are unchanged, with two exceptions that would break
//! filters: NaN and infinities become 0, and values are limited to ±65536 (+96 dBFS).

use super::{Pcm, SampleFormat};

/// Limit of the magnitude of a float.
const LIMIT: f64 = 65_536.0;

impl Pcm<'_> {
    /// Interleaved samples; full scale is 1.
    pub fn floats(&self) -> Vec<f64> {
        let bytes = self.bytes();
        match self.format().sample_format {
            SampleFormat::U8 => bytes.iter().map(|&x| (f64::from(x) - 128.0) / 128.0).collect(),
            SampleFormat::S16 => convert(bytes, |x| f64::from(i16::from_le_bytes(x)) / 32_768.0),
            SampleFormat::S24 => convert(bytes, |[low, mid, high]| {
                f64::from(i32::from_le_bytes([0, low, mid, high])) / 2_147_483_648.0
            }),
            SampleFormat::S32 => {
                convert(bytes, |x| f64::from(i32::from_le_bytes(x)) / 2_147_483_648.0)
            }
            SampleFormat::F32 => convert(bytes, |x| limited(f32::from_le_bytes(x).into())),
            SampleFormat::F64 => convert(bytes, |x| limited(f64::from_le_bytes(x))),
        }
    }
}

fn convert<const WIDTH: usize>(bytes: &[u8], decode: impl Fn([u8; WIDTH]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|&sample| decode(sample)).collect()
}

fn limited(x: f64) -> f64 {
    if x.is_finite() { x.clamp(-LIMIT, LIMIT) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcm::PcmFormat;

    #[track_caller]
    fn check(sample_format: SampleFormat, bytes: &[u8], expected: &[f64]) {
        let format = PcmFormat::new(sample_format, 8000, 1);
        assert_eq!(Pcm::new(format, 0, bytes).floats(), expected, "{sample_format:?}");
    }

    #[test]
    fn most_negative_integer_is_minus_one() {
        check(SampleFormat::U8, &[0, 128, 192], &[-1.0, 0.0, 0.5]);
        check(SampleFormat::S16, &[0, 0x80, 0, 0x40], &[-1.0, 0.5]);
        check(SampleFormat::S24, &[0, 0, 0x80, 0, 0, 0x40], &[-1.0, 0.5]);
        check(SampleFormat::S32, &[0, 0, 0, 0x80, 0, 0, 0, 0x40], &[-1.0, 0.5]);
    }

    #[test]
    fn floats_are_unchanged_within_limits() {
        let samples = [0.1, -7.5, f64::NAN, f64::NEG_INFINITY, 1e300, -1e300];
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        check(SampleFormat::F64, &bytes, &[0.1, -7.5, 0.0, 0.0, LIMIT, -LIMIT]);
        check(SampleFormat::F32, &0.1_f32.to_le_bytes(), &[f64::from(0.1_f32)]);
    }
}
