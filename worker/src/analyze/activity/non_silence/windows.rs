//! Windows: evaluates windows and collects the milliseconds that silent ones cover.

use std::ops::Range;

use super::NonSilence;
use crate::decibels;
use crate::pcm::PcmFormat;

impl NonSilence {
    /// Upper bound (exclusive) of the mean square, times samples, of a silent window.
    fn limit(&self, format: PcmFormat) -> u128 {
        let threshold =
            decibels::power_of_ten(self.threshold_db / 20.0) * f64::from(format.full_scale());
        if threshold.is_nan() {
            return 0;
        }
        // No RMS exceeds full scale, so a higher threshold makes no difference.
        let lowest_loud = threshold.min(f64::from(format.full_scale())).floor() + 1.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer from 1 to 2³¹ + 1"
        )]
        let lowest_loud = lowest_loud as u128;
        lowest_loud * lowest_loud
    }

    /// Ranges covered by the silent ones of the windows with these `starts`; `sums` starts at
    /// millisecond `first`.
    pub(super) fn silent(
        &self,
        format: PcmFormat,
        sums: &[u128],
        first: u64,
        starts: Range<u64>,
    ) -> Vec<Range<u64>> {
        let mut silent = Vec::new();
        let (limit, window) = (self.limit(format), self.window_len());
        let Some(from) = starts.start.checked_sub(first).and_then(|from| from.try_into().ok())
        else {
            return silent;
        };
        let sums: &[u128] = sums.get(from..).unwrap_or_default();
        let mut energy: u128 = sums.iter().take(window - 1).sum();
        for (start, sums) in starts.zip(sums.windows(window)) {
            let end = start + self.window();
            let frames = format.frame_of_ms(end) - format.frame_of_ms(start);
            // Below 1 kHz some windows have no frame; pydub takes 0 as their RMS.
            let samples = u128::from(frames.max(1)) * u128::from(format.channels);
            energy += sums[window - 1];
            if energy < limit * samples {
                cover(&mut silent, std::iter::once(start..end));
            }
            energy -= sums[0];
        }
        silent
    }
}

/// Appends ranges that start no earlier than the last one; overlapping and adjacent ranges become
/// one.
pub(super) fn cover(covered: &mut Vec<Range<u64>>, next: impl IntoIterator<Item = Range<u64>>) {
    for range in next {
        match covered.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => covered.push(range),
        }
    }
}

/// The complement of ordered ranges within `0..length`.
pub(super) fn uncovered(length: u64, covered: &[Range<u64>]) -> Vec<Range<u64>> {
    let starts = std::iter::once(0).chain(covered.iter().map(|range| range.end));
    let ends = covered.iter().map(|range| range.start).chain(std::iter::once(length));
    starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| start..end).collect()
}
