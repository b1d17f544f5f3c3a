//! Trim: frames that were decoded but are no part of the recording.
//!
//! An encoder puts its delay before the audio and padding behind it; containers say how much, in
//! an edit list, a LAME tag or a pre-skip. Positions here are frames as decoded:
//!
//! ```text
//!  0      start              gap            end
//!  ├─delay─┼─────── kept ──────┼─padding─┼─ kept ─┤ cut
//! ```
//!
//! The part after the gap is what somebody appended to an MP3 file behind the frames that its
//! header counts.

use std::ops::Range;

/// Which decoded frames belong to the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trim {
    start: u64,
    gap: Range<u64>,
    end: u64,
    /// Frames seen so far.
    position: u64,
}

impl Trim {
    /// Everything belongs to the recording.
    pub(super) const NONE: Self = Self { start: 0, gap: 0..0, end: u64::MAX, position: 0 };

    /// Whether everything belongs to the recording.
    pub(super) fn keeps_all(&self) -> bool {
        self.start == 0 && self.end == u64::MAX && self.gap.is_empty()
    }

    /// Keeps the frames `range`.
    pub(super) fn keep(range: Range<u64>) -> Self {
        Self { start: range.start, end: range.end.max(range.start), ..Self::NONE }
    }

    /// Drops the frames `gap` too.
    pub(super) fn without(mut self, gap: Range<u64>) -> Self {
        self.gap = gap.start.max(self.start)..gap.end;
        self
    }

    /// Removes from `bytes[from..]`, the next decoded frames, what does not belong.
    pub(super) fn apply(&mut self, bytes: &mut Vec<u8>, from: usize, frame_width: usize) {
        let first = self.position;
        let frames = (bytes.len() - from) / frame_width;
        let last = first + frames as u64;
        self.position = last;

        let before_gap = self.start..self.end.min(self.gap.start);
        let after_gap = self.start.max(self.gap.end)..self.end;
        let kept = if self.gap.is_empty() {
            [self.start..self.end, 0..0]
        } else {
            [before_gap, after_gap]
        };

        let mut length = from;
        for range in kept {
            let wanted = range.start.clamp(first, last)..range.end.clamp(first, last);
            if wanted.is_empty() {
                continue;
            }
            // Both lie within `frames`, which is a usize.
            let offset =
                |frame: u64| from + usize::try_from(frame - first).unwrap_or(frames) * frame_width;
            let source = offset(wanted.start)..offset(wanted.end);
            if source.start != length {
                bytes.copy_within(source.clone(), length);
            }
            length += source.len();
        }
        bytes.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trimmed(mut trim: Trim, frames: u8, blocks: &[usize]) -> Vec<u8> {
        let mut rest: Vec<u8> = (0..frames).collect();
        let mut out = Vec::new();
        for &block in blocks.iter().chain([&usize::MAX]) {
            let tail = rest.split_off(block.min(rest.len()));
            let from = out.len();
            out.append(&mut rest);
            trim.apply(&mut out, from, 1);
            rest = tail;
        }
        out
    }

    #[test]
    fn delay_padding_and_what_was_appended() {
        assert_eq!(trimmed(Trim::NONE, 4, &[]), [0, 1, 2, 3]);
        assert_eq!(trimmed(Trim::keep(2..5), 9, &[]), [2, 3, 4]);
        let appended = Trim::keep(2..u64::MAX).without(5..7);
        assert_eq!(trimmed(appended, 9, &[]), [2, 3, 4, 7, 8]);
        assert!(trimmed(Trim::keep(20..30), 9, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn blocks_do_not_matter(
            start in 0_u64..50, length in 0_u64..50, gap in 0_u64..60, gap_length in 0_u64..10,
            blocks in prop::collection::vec(0_usize..20, 0..8),
        ) {
            let trim = Trim::keep(start..start + length).without(gap..gap + gap_length);
            let expected: Vec<u8> = (0_u8..60)
                .filter(|&f| (start..start + length).contains(&u64::from(f)))
                .filter(|&f| !(gap..gap + gap_length).contains(&u64::from(f)))
                .collect();
            prop_assert_eq!(trimmed(trim, 60, &blocks), expected);
        }
    }
}
