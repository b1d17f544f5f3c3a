//! Segment: audio in memory, with the figures of pydub's `AudioSegment`.
//!
//! Raw bytes and what they mean (sample width, frame rate, channels). A slice shares the bytes of
//! the whole, so that cutting a long recording into chunks copies nothing.
//!
//! Figures are pydub's, with its integers (see [`Pcm::integers`]): all channels together, RMS
//! rounded down, lengths and slices in whole milliseconds. It differs in three things: a figure
//! that is not defined is `None` and not −∞, a slice beyond the end is shorter and not filled up
//! with silence, and 24-bit samples have their true value.

use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audiopool_worker::pcm::{Pcm, PcmFormat};

use crate::decode::{DecodeError, Source};

/// Audio in memory, cheap to clone and to slice.
#[derive(Clone, Debug)]
pub struct AudioSegment {
    format: PcmFormat,
    /// Not `Arc<[u8]>`: making one of a `Vec` copies it.
    bytes: Arc<Vec<u8>>,
    /// Which frames of the shared bytes are its own.
    first: usize,
    frames: usize,
}

impl AudioSegment {
    /// Takes interleaved little-endian samples. A broken last frame is cut off.
    ///
    /// # Panics
    ///
    /// If `format` has no channels.
    pub fn from_raw(bytes: impl Into<Vec<u8>>, format: PcmFormat) -> Self {
        let bytes = Arc::new(bytes.into());
        let frames = bytes.len() / format.frame_width();
        Self { format, bytes, first: 0, frames }
    }

    /// Decodes a file to its end, in this process, whatever it does to it: the pool is for files
    /// that are not trusted. Damage that is left out is not reported here.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, DecodeError> {
        let mut source = Source::open(path.as_ref())?;
        let mut bytes = Vec::new();
        while source.next_block(&mut bytes) {}
        Ok(Self::from_raw(bytes, source.format().pcm))
    }

    /// What the bytes mean.
    pub fn format(&self) -> PcmFormat {
        self.format
    }

    /// Bytes of one sample.
    pub fn sample_width(&self) -> usize {
        self.format.sample_format.sample_width()
    }

    /// Frames in a second.
    pub fn frame_rate(&self) -> u32 {
        self.format.sample_rate
    }

    /// Samples in a frame.
    pub fn channels(&self) -> u16 {
        self.format.channels
    }

    /// Frames, that is samples of one channel.
    pub fn frame_count(&self) -> u64 {
        self.frames as u64
    }

    /// The interleaved little-endian samples.
    pub fn raw_data(&self) -> &[u8] {
        let width = self.format.frame_width();
        &self.bytes[self.first * width..(self.first + self.frames) * width]
    }

    /// The same as a stretch of its own, which begins with frame 0.
    pub fn pcm(&self) -> Pcm<'_> {
        Pcm::new(self.format, 0, self.raw_data())
    }

    /// Length in milliseconds, rounded half to even: pydub's `len(segment)`.
    pub fn len_ms(&self) -> u64 {
        self.format.len_ms(self.frame_count())
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Length in seconds, not rounded.
    pub fn duration_seconds(&self) -> f64 {
        self.pcm().duration_seconds()
    }

    /// Length, rounded down to a nanosecond.
    pub fn duration(&self) -> Duration {
        let rate = u64::from(self.format.sample_rate);
        let (seconds, rest) = (self.frame_count() / rate, self.frame_count() % rate);
        Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / rate)
    }

    /// The milliseconds `start..end`, at pydub's frames; what lies beyond the end is left out.
    #[must_use]
    pub fn slice_ms(&self, range: impl RangeBounds<u64>) -> Self {
        let length = self.len_ms();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&end) => end.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => length,
        };
        let [start, end] = [start, end].map(|ms| {
            let frame = self.format.frame_of_ms(ms.min(length));
            usize::try_from(frame).unwrap_or(usize::MAX).min(self.frames)
        });
        Self {
            bytes: Arc::clone(&self.bytes),
            first: self.first + start,
            frames: end.saturating_sub(start),
            ..*self
        }
    }

    /// Largest magnitude as an integer, at most [`max_possible_amplitude`](Self::max_possible_amplitude).
    pub fn max(&self) -> u32 {
        self.pcm().max()
    }

    /// What is 0 dBFS as an integer: 128, 2¹⁵ or 2³¹.
    pub fn max_possible_amplitude(&self) -> u32 {
        self.format.full_scale()
    }

    /// Largest magnitude in dBFS; `None` if every sample is zero.
    pub fn max_dbfs(&self) -> Option<f64> {
        self.pcm().max_dbfs()
    }

    /// Smallest magnitude that is not zero, in dBFS; `None` if every sample is zero.
    pub fn min_dbfs(&self) -> Option<f64> {
        self.pcm().min_dbfs()
    }

    /// √(Σx² / n) over all channels, rounded down; 0 if there is no sample.
    pub fn rms(&self) -> u32 {
        self.pcm().rms()
    }

    /// [`rms`](Self::rms) in dBFS; `None` if it is 0.
    pub fn dbfs(&self) -> Option<f64> {
        self.pcm().dbfs()
    }
}

#[cfg(test)]
mod tests {
    use audiopool_worker::pcm::SampleFormat;

    use super::*;

    fn segment(sample_rate: u32, channels: u16, samples: &[i16]) -> AudioSegment {
        let format = PcmFormat::new(SampleFormat::S16, sample_rate, channels);
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        AudioSegment::from_raw(bytes, format)
    }

    #[test]
    fn slices_begin_and_end_at_pydubs_frames() {
        let samples: Vec<i16> = (0..100).collect();
        let whole = segment(44_100, 1, &samples);
        assert_eq!(whole.len_ms(), 2);
        let frames = |slice: AudioSegment| {
            let first = slice.raw_data().first().copied();
            (first.unwrap_or(0), slice.frame_count())
        };
        assert_eq!(frames(whole.slice_ms(0..1)), (0, 44));
        assert_eq!(frames(whole.slice_ms(1..2)), (44, 44));
        assert_eq!(frames(whole.slice_ms(1..=1)), (44, 44));
        assert_eq!(frames(whole.slice_ms(1..)), (44, 44));
        assert_eq!(frames(whole.slice_ms(..)), (0, 88));
        assert_eq!(frames(whole.slice_ms(1..).slice_ms(0..1)), (44, 44));
        assert_eq!(frames(whole.slice_ms(5..9)), (0, 0));
        #[expect(clippy::reversed_empty_ranges, reason = "it must be survived")]
        let reversed = whole.slice_ms(2..1);
        assert_eq!(frames(reversed), (0, 0));
    }

    #[test]
    fn a_slice_rounded_up_ends_with_the_audio() {
        // 23 frames are 0.52 ms, so 1 ms; pydub would append 21 frames of silence.
        let whole = segment(44_100, 1, &[7; 23]);
        assert_eq!(whole.len_ms(), 1);
        assert_eq!(whole.slice_ms(0..1).frame_count(), 23);
    }

    #[test]
    fn figures_pool_the_channels() {
        let stereo = segment(8000, 2, &[3, -4, 3, -4]);
        assert_eq!(stereo.rms(), 3); // √12.5, rounded down
        assert_eq!(stereo.max(), 4);
        assert_eq!(stereo.max_dbfs(), Some(20.0 * (4.0_f64 / 32_768.0).log10()));
        assert_eq!(stereo.min_dbfs(), stereo.dbfs());
        assert_eq!(stereo.duration(), Duration::from_micros(250));
        assert_eq!(segment(1, 1, &[i16::MIN]).max_dbfs(), Some(0.0));
    }

    #[test]
    fn no_audio_has_no_level() {
        for empty in [segment(8000, 2, &[]), segment(8000, 2, &[0; 8])] {
            assert_eq!(empty.rms(), 0);
            assert_eq!((empty.max_dbfs(), empty.min_dbfs(), empty.dbfs()), (None, None, None));
        }
        assert_eq!(segment(8000, 2, &[]).duration_seconds().to_bits(), 0);
    }
}
