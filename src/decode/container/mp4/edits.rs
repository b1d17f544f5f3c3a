//! Edits: which stretches of its media a track shows.
//!
//! ```text
//! media   ├─delay─┼──── shown ────┼─ cut ─┼──── shown ────┼─padding─┤
//! edits    start, length ▲                 start, length ▲
//! ```
//!
//! Starts are in ticks of the media, lengths in ticks of the movie. What a decoder that goes through
//! the media once cannot follow (repetitions, another order or speed, silence in between) is said.
//! ISO 14496-12 §8.6.6.

use std::ops::Range;

use super::boxes::{Reader, Table};

/// Edits that are followed.
const MAX_EDITS: u64 = 65_536;

/// The stretches that an edit list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// In ticks of the media, in ascending order, apart from one another; `u64::MAX` is the end of
    /// the media. Empty if there are no edits.
    pub(super) shown: Vec<Range<u64>>,
    /// What of the list was not followed.
    pub(super) unfollowed: Option<&'static str>,
}

impl Edits {
    /// Reads the content of an `elst` box.
    pub(super) fn read(
        reader: &mut Reader,
        content: &Range<u64>,
        movie_scale: u32,
        media_scale: u32,
    ) -> Self {
        let is_long = reader.array(content.start) == Some([1]);
        let Some(mut table) = Table::of_box(reader, content, if is_long { 20 } else { 12 }) else {
            return Self::default();
        };
        let mut edits = Self::default();
        if table.left() > MAX_EDITS {
            edits.unfollowed = Some("it has more than 65536 edits");
        }
        let mut silence = false;
        for _ in 0..MAX_EDITS {
            let Some(edit) = Edit::next(&mut table, is_long) else { break };
            // An edit without media delays what follows it: at the start, that adds nothing.
            if edit.start == -1 {
                silence |= !edits.shown.is_empty() && edit.length > 0;
                continue;
            }
            let Ok(start) = u64::try_from(edit.start) else {
                edits.unfollowed.get_or_insert("an edit begins before the media");
                continue;
            };
            let is_last = table.left() == 0;
            let end = match edit.length {
                0 if is_last => u64::MAX,
                0 => continue,
                length => start.saturating_add(scaled(length, media_scale, movie_scale)),
            };
            if edit.speed != 0x1_0000 {
                edits.unfollowed.get_or_insert("an edit is played at another speed");
            }
            if silence {
                edits.unfollowed.get_or_insert("there is silence between two edits");
            }
            edits.shown.push(start..end);
        }
        edits.in_order()
    }

    /// The same with its stretches in ascending order and apart.
    fn in_order(mut self) -> Self {
        if self.shown.windows(2).any(|two| two[1].start < two[0].end) {
            let what = "edits show the media repeatedly or in another order";
            self.unfollowed.get_or_insert(what);
            self.shown.sort_by_key(|shown| shown.start);
        }
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(self.shown.len());
        for shown in self.shown {
            match joined.last_mut() {
                Some(last) if shown.start <= last.end => last.end = last.end.max(shown.end),
                _ => joined.push(shown),
            }
        }
        self.shown = joined;
        self
    }
}

/// One entry of the list.
struct Edit {
    /// In ticks of the movie; 0: to the end.
    length: u64,
    /// In ticks of the media; -1: there is no media.
    start: i64,
    /// In 1/65536 of the usual.
    speed: u32,
}

impl Edit {
    fn next(table: &mut Table, is_long: bool) -> Option<Self> {
        if is_long {
            let entry = table.next::<20>()?;
            let (length, start) = (*entry.first_chunk()?, *entry[8..].first_chunk()?);
            let speed = u32::from_be_bytes(*entry[16..].first_chunk()?);
            let (length, start) = (u64::from_be_bytes(length), i64::from_be_bytes(start));
            return Some(Self { length, start, speed });
        }
        let [l0, l1, l2, l3, t0, t1, t2, t3, speed @ ..] = table.next::<12>()?;
        Some(Self {
            length: u32::from_be_bytes([l0, l1, l2, l3]).into(),
            start: i32::from_be_bytes([t0, t1, t2, t3]).into(),
            speed: u32::from_be_bytes(speed),
        })
    }
}

/// A number of ticks of which `from` are a second, in those of which `to` are: to the nearest.
pub(super) fn scaled(ticks: u64, to: u32, from: u32) -> u64 {
    let from = u128::from(from.max(1));
    let scaled = (u128::from(ticks) * u128::from(to) + from / 2) / from;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    fn of(list: &[u8]) -> Edits {
        let mut file: File = tempfile::tempfile().expect("a file");
        file.write_all(list).expect("room");
        let mut reader = Reader::new(Arc::new(file), list.len() as u64, 64);
        Edits::read(&mut reader, &(0..list.len() as u64), 1000, 44_100)
    }

    fn list(edits: &[(u32, i32, u32)]) -> Vec<u8> {
        let count = u32::try_from(edits.len()).expect("a few");
        let mut list = [[0; 4], count.to_be_bytes()].concat();
        for (length, start, speed) in edits {
            list.extend(length.to_be_bytes());
            list.extend(start.to_be_bytes());
            list.extend(speed.to_be_bytes());
        }
        list
    }

    fn pairs(found: &Edits) -> Vec<(u64, u64)> {
        found.shown.iter().map(|shown| (shown.start, shown.end)).collect()
    }

    #[track_caller]
    fn check(edits: &[(u32, i32)], shown: &[(u64, u64)], is_followed: bool) {
        let edits: Vec<_> =
            edits.iter().map(|&(length, start)| (length, start, 0x1_0000)).collect();
        let found = of(&list(&edits));
        assert_eq!(pairs(&found), shown, "{edits:?}");
        assert_eq!(found.unfollowed.is_none(), is_followed, "{edits:?}: {found:?}");
    }

    #[test]
    fn stretches_in_order_are_followed() {
        check(&[(1000, 1024)], &[(1024, 45_124)], true);
        check(&[(1000, 0), (2000, 132_300)], &[(0, 44_100), (132_300, 220_500)], true);
        check(&[(1000, 0), (1000, 44_100)], &[(0, 88_200)], true);
        check(&[(70, -1), (1000, 2112)], &[(2112, 46_212)], true);
        check(&[(0, 1024)], &[(1024, u64::MAX)], true);
        check(&[(0, 5), (1000, 10)], &[(10, 44_110)], true);
        check(&[(10, 0), (70, -1)], &[(0, 441)], true);
        check(&[], &[], true);
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        check(&[(1000, 88_200), (1000, 0)], &[(0, 44_100), (88_200, 132_300)], false);
        check(&[(1000, 0), (1000, 0)], &[(0, 44_100)], false);
        check(&[(1000, 0), (500, -1), (1000, 44_100)], &[(0, 88_200)], false);
        check(&[(1000, -5)], &[], false);
        let slow = of(&list(&[(1000, 0, 0x8000)]));
        assert_eq!((slow.shown.len(), slow.unfollowed.is_some()), (1, true));
    }

    #[test]
    fn a_list_of_64_bits_and_one_that_is_cut_short() {
        let mut long = [[1, 0, 0, 0], [0, 0, 0, 1]].concat();
        long.extend(1000_u64.to_be_bytes());
        long.extend(2112_i64.to_be_bytes());
        long.extend(0x1_0000_u32.to_be_bytes());
        assert_eq!(pairs(&of(&long)), [(2112, 46_212)]);
        assert_eq!(of(&long[..20]), Edits::default());
        assert_eq!(of(&long[..6]), Edits::default());
        let mut endless = list(&[(1000, 1024, 0x1_0000)]);
        endless[4..8].fill(0xff);
        assert_eq!(pairs(&of(&endless)), [(1024, 45_124)]);
    }
}
