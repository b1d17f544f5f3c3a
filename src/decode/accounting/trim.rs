//! Trim: frames that were decoded but are no part of the recording.
//!
//! An encoder puts its delay before the audio and padding behind it; containers say how much, in
//! an edit list, a LAME tag or a pre-skip. Positions here are frames as decoded:
//!
//! ```text
//!  0
//!  ├─delay─┼─────── kept ──────┼─padding─┼─ kept ─┤ cut
//! ```
//!
//! A part after a gap is another edit of a film, or data appended to an MP3 file behind the
//! frames that its header counts.

use std::ops::Range;

/// Which decoded frames belong to the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Trim {
    /// What does not belong, in ascending order, apart from one another.
    dropped: Vec<Range<u64>>,
    /// Of these, how many lie before `position`.
    passed: usize,
    /// Frames seen so far.
    position: u64,
}

impl Trim {
    /// Everything belongs to the recording.
    pub(in crate::decode) const NONE: Self = Self { dropped: Vec::new(), passed: 0, position: 0 };

    /// Whether everything belongs to the recording.
    pub(in crate::decode) fn keeps_all(&self) -> bool {
        self.dropped.is_empty()
    }

    /// Keeps the frames `range`.
    pub(in crate::decode) fn keep(range: Range<u64>) -> Self {
        Self::keep_all([range])
    }

    /// Keeps the frames of all of `ranges`, which are in ascending order.
    pub(in crate::decode) fn keep_all(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut dropped = Vec::new();
        let mut from = 0;
        for Range { start, end } in ranges {
            if from < start {
                dropped.push(from..start);
            }
            from = from.max(start).max(end);
        }
        if from < u64::MAX {
            dropped.push(from..u64::MAX);
        }
        Self { dropped, ..Self::NONE }
    }

    /// Drops the frames `gap` too.
    pub(in crate::decode) fn without(self, gap: Range<u64>) -> Self {
        let mut kept = Vec::new();
        let mut from = 0;
        for dropped in self.dropped.iter().chain([&(u64::MAX..u64::MAX)]) {
            let kept_before = from..dropped.start;
            kept.push(kept_before.start..kept_before.end.min(gap.start));
            kept.push(kept_before.start.max(gap.end)..kept_before.end);
            from = dropped.end;
        }
        kept.retain(|range| !range.is_empty());
        Self::keep_all(kept)
    }

    /// Removes from `bytes[from..]`, the next decoded frames, what does not belong.
    pub(in crate::decode) fn apply(
        &mut self,
        bytes: &mut Vec<u8>,
        from: usize,
        frame_width: usize,
    ) {
        let first = self.position;
        let frames = (bytes.len() - from) / frame_width;
        let last = first + frames as u64;
        self.position = last;

        let mut length = from;
        let mut keep = |kept: Range<u64>| {
            if kept.is_empty() {
                return;
            }
            // Both lie within `frames`, which is a usize.
            let offset =
                |frame: u64| from + usize::try_from(frame - first).unwrap_or(frames) * frame_width;
            let source = offset(kept.start)..offset(kept.end);
            if source.start != length {
                bytes.copy_within(source.clone(), length);
            }
            length += source.len();
        };
        let mut at = first;
        while let Some(dropped) = self.dropped.get(self.passed) {
            keep(at..dropped.start.clamp(at, last));
            at = dropped.end.clamp(at, last);
            if dropped.end > last {
                break;
            }
            self.passed += 1;
        }
        if self.passed == self.dropped.len() {
            keep(at..last);
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
        assert_eq!(trimmed(Trim::keep_all([1..2, 4..6, 8..u64::MAX]), 9, &[]), [1, 4, 5, 8]);
        assert!(trimmed(Trim::keep_all([]), 9, &[]).is_empty());
        assert!(Trim::keep(0..u64::MAX).keeps_all() && Trim::NONE.without(5..5).keeps_all());
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
