//! Milliseconds: pydub's time grid.
//!
//! pydub addresses audio in whole milliseconds from the start of the file and computes frames in
//! doubles. This module repeats its arithmetic: at some rates (44,056 Hz, 37,800 Hz and other
//! unusual ones) the product is just below an integer, and the frame is one lower than ⌊ms · rate /
//! 1000⌋, never higher.

use super::PcmFormat;

impl PcmFormat {
    /// First frame of a millisecond: Python's `int(ms * (frame_rate / 1000.0))`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in doubles and truncated, as Python does it"
    )]
    pub fn frame_of_ms(&self, ms: u64) -> u64 {
        (ms as f64 * (f64::from(self.sample_rate) / 1000.0)) as u64
    }

    /// Whole milliseconds before a frame: ⌊1000 · frame / rate⌋.
    pub fn ms_of_frame(&self, frame: u64) -> u64 {
        let ms = u128::from(frame) * 1000 / u128::from(self.sample_rate);
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// Length in milliseconds: Python's `round(1000 * (frames / frame_rate))`, half to even.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in doubles and rounded, as Python does it"
    )]
    pub fn len_ms(&self, frames: u64) -> u64 {
        let ms = 1000.0 * (frames as f64 / f64::from(self.sample_rate));
        let whole = self.ms_of_frame(frames);
        (ms.round_ties_even() as u64).clamp(whole, whole.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcm::SampleFormat;

    fn at(sample_rate: u32) -> PcmFormat {
        PcmFormat::new(SampleFormat::S16, sample_rate, 1)
    }

    #[test]
    fn lengths_round_half_to_even() {
        assert_eq!(at(44_100).len_ms(22), 0);
        assert_eq!(at(44_100).len_ms(23), 1);
        assert_eq!(at(48_000).len_ms(24), 0);
        assert_eq!(at(48_000).len_ms(72), 2);
        assert_eq!(at(1).len_ms(3), 3000);
        assert_eq!(at(300).len_ms(1), 3);
        assert_eq!(at(44_100).len_ms(0), 0);
    }

    #[test]
    fn frames_of_milliseconds_equal_python() {
        assert_eq!(at(44_100).frame_of_ms(1), 44);
        assert_eq!(at(44_100).frame_of_ms(1000), 44_100);
        assert_eq!(at(300).frame_of_ms(3), 0);
        assert_eq!(at(300).frame_of_ms(4), 1);
        // int(50 * (18900 / 1000.0)) is 944 in Python, although 50 ms of 18 900 Hz are 945 frames.
        assert_eq!(at(18_900).frame_of_ms(50), 944);
    }

    #[test]
    fn whole_milliseconds_end_within_the_frames() {
        for rate in [1, 7, 300, 999, 1001, 7919, 18_900, 44_056, 44_100, 1_500_000] {
            let format = at(rate);
            for frame in (0..5000).map(|step| step * u64::from(rate) / 97 + step) {
                let ms = format.ms_of_frame(frame);
                assert!(format.frame_of_ms(ms) <= frame, "{rate} Hz, frame {frame}");
                assert!(format.frame_of_ms(ms + 1) >= frame, "{rate} Hz, frame {frame}");
            }
        }
    }
}
