//! Clock: which frames of a stream are trimmed, by the positions that its pages state.
//!
//! A page states the position in the audio at its end, its granule. What its packets decode to may
//! come to another position, and that means something in two places only:
//!
//! ```text
//! first page   │ ▒▒ packets ────── granule        Vorbis: the start is trimmed
//! last page    │ packets ── granule ▒▒▒▒▒ │ EOS   the end is trimmed
//! ```
//!
//! Everywhere else the packets are right. A granule above the packets of the first page says that
//! the stream was joined late. Vorbis I §A.2, RFC 7845 §4.
//!
//! Some muxers state a wrong position on a single page (libavformat 59 with Vorbis, by some hundred
//! frames), and the next page is right again. The end is therefore trimmed from the position of the
//! page before it only if that page is as far from the counted frames as its predecessor; otherwise
//! the counted frames are used.

/// What is cut off the frames that end on a page, beginning with those that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trimmed {
    /// From the first of them on; may be more than there are, and then goes on behind them.
    pub(super) start: u64,
    /// Up to the last of them.
    pub(super) end: u64,
}

/// Follows the positions of one stream.
#[derive(Debug)]
pub(super) struct Clock {
    /// Whether a first granule below the frames of its page trims the start.
    trims_start: bool,
    /// Position of the first frame, before anything is skipped by the decoder.
    start: Option<i128>,
    /// Position at the end of the last page; none at the start and behind a gap.
    position: Option<i128>,
    /// How far `position` is beyond the frames that were counted since the start or the last gap.
    drift: i128,
    /// Whether the page before the last one had the same drift.
    is_steady: bool,
    /// Frames of pages without a granule since then.
    pending: u64,
    /// A first page whose granule is below its frames: these, and the granule.
    first: Option<(u64, i128)>,
    /// The last position that was stated.
    last: Option<i128>,
}

impl Clock {
    pub(super) fn new(trims_start: bool) -> Self {
        Self {
            trims_start,
            start: None,
            position: None,
            drift: 0,
            is_steady: true,
            pending: 0,
            first: None,
            last: None,
        }
    }

    /// Takes in a page: the frames of the packets that end on it, its granule, and whether it is the
    /// last of the stream. `None` if the packets have to wait for the next page.
    pub(super) fn page(
        &mut self,
        frames: u64,
        granule: Option<i64>,
        ends: bool,
    ) -> Option<Trimmed> {
        let Some(granule) = granule.map(i128::from) else {
            self.pending = self.pending.saturating_add(frames);
            return self.first.is_none().then(Trimmed::default);
        };
        let total = i128::from(std::mem::take(&mut self.pending).saturating_add(frames));
        let position = self.position.replace(granule);
        self.last = Some(granule);
        if let Some((first, stated)) = self.first.take() {
            return Some(self.second_page(i128::from(first), stated, total, granule, ends));
        }
        let begins = match position {
            Some(position) => self.believed(position, total, granule),
            None if self.start.is_some() => return Some(Trimmed::default()),
            None if ends => {
                // The only page of its stream: its granule is the length.
                let begins = (granule - total).max(0);
                self.start = Some(begins);
                begins
            }
            None if self.trims_start && granule < total => {
                self.first = Some((amount(total), granule));
                return None;
            }
            None => {
                // No stream begins before 0; the difference shows in its length.
                self.start = Some((granule - total).max(0));
                granule - total
            }
        };
        let beyond = if ends { amount(begins + total - granule) } else { 0 };
        Some(Trimmed { start: 0, end: beyond.min(frames) })
    }

    /// Where a page begins whose predecessor states `position`, and follows the drift up to its end.
    fn believed(&mut self, position: i128, total: i128, granule: i128) -> i128 {
        let counted = position - self.drift;
        let begins = if self.is_steady { position } else { counted };
        let drift = granule - counted - total;
        self.is_steady = drift == self.drift;
        self.drift = drift;
        begins
    }

    /// The page behind a first page with too low a granule. It says whether that was meant: some
    /// encoders only begin to count with the second page.
    fn second_page(
        &mut self,
        first: i128,
        stated: i128,
        total: i128,
        granule: i128,
        ends: bool,
    ) -> Trimmed {
        let is_meant = granule - stated <= total;
        let before = if is_meant { first - stated } else { first + total - granule };
        self.start = Some((-before).max(0));
        let beyond = if ends && is_meant { stated + total - granule } else { 0 };
        Trimmed { start: amount(before), end: amount(beyond.min(total)) }
    }

    /// Pages are missing before the next: its position is not known. Tells what is cut off the
    /// packets that wait.
    pub(super) fn lose(&mut self) -> Trimmed {
        self.position = None;
        self.drift = 0;
        self.is_steady = true;
        self.pending = 0;
        let Some((frames, granule)) = self.first.take() else { return Trimmed::default() };
        self.start = Some(0);
        Trimmed { start: amount(i128::from(frames) - granule), end: 0 }
    }

    /// Frames that the pages say there are, of which the decoder skips `skipped` at the start.
    pub(super) fn declared(&self, skipped: u64) -> Option<u64> {
        self.declared_up_to(self.last?, skipped)
    }

    /// The same if the stream ends with this granule.
    pub(super) fn declared_up_to(&self, granule: i128, skipped: u64) -> Option<u64> {
        Some(amount(granule - self.start? - i128::from(skipped)))
    }
}

/// A number of frames; none if it would be negative.
fn amount(frames: i128) -> u64 {
    u64::try_from(frames.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Trimmed = Trimmed { start: 0, end: 0 };

    fn end(frames: u64) -> Trimmed {
        Trimmed { start: 0, end: frames }
    }

    fn start(frames: u64) -> Trimmed {
        Trimmed { start: frames, end: 0 }
    }

    #[test]
    fn only_the_last_page_trims() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(1000), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(1900), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(2950), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(3900), true), Some(end(100)));
        assert_eq!(clock.declared(0), Some(3900));
    }

    #[test]
    fn wrong_position_of_the_page_before_the_last_is_not_believed() {
        // Of a file that libavformat 59.27 wrote from 1181531 frames.
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1_112_256, Some(1_112_256), false), Some(NOTHING));
        assert_eq!(clock.page(47_808, Some(1_160_552), false), Some(NOTHING));
        assert_eq!(clock.page(22_464, Some(1_181_531), true), Some(end(997)));
        assert_eq!(clock.declared(0), Some(1_181_531));
    }

    #[test]
    fn positions_that_stay_ahead_of_the_packets_are_believed() {
        let mut clock = Clock::new(false);
        assert_eq!(clock.page(1000, Some(1000), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(2500), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(3500), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(4400), true), Some(end(100)));
    }

    #[test]
    fn no_more_is_trimmed_than_ends_on_the_last_page() {
        let mut clock = Clock::new(false);
        assert_eq!(clock.page(1000, Some(1000), false), Some(NOTHING));
        assert_eq!(clock.page(1000, None, false), Some(NOTHING));
        assert_eq!(clock.page(200, Some(900), true), Some(end(200)));
        assert_eq!(clock.declared(312), Some(588));
    }

    #[test]
    fn a_stream_of_one_page_is_trimmed_at_its_end() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(700), true), Some(end(300)));
        assert_eq!(clock.declared(0), Some(700));
        let mut late = Clock::new(true);
        assert_eq!(late.page(1000, Some(5000), true), Some(NOTHING));
        assert_eq!(late.declared(0), Some(1000));
    }

    #[test]
    fn a_stream_that_was_joined_late_is_not_trimmed() {
        let mut clock = Clock::new(false);
        assert_eq!(clock.page(1000, Some(90_000), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(90_900), true), Some(end(100)));
        assert_eq!(clock.declared(300), Some(1600));
    }

    #[test]
    fn vorbis_begins_where_its_positions_do() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(400), false), None);
        assert_eq!(clock.page(1000, Some(1400), false), Some(start(600)));
        assert_eq!(clock.page(1000, Some(2300), true), Some(end(100)));
        assert_eq!(clock.declared(0), Some(2300));

        // Before the first position, more than the first page is cut off.
        let mut negative = Clock::new(true);
        assert_eq!(negative.page(1000, Some(-200), false), None);
        assert_eq!(negative.page(1000, Some(800), false), Some(start(1200)));
        assert_eq!(negative.declared(0), Some(800));

        // The second page is the last.
        let mut short = Clock::new(true);
        assert_eq!(short.page(1000, Some(400), false), None);
        assert_eq!(short.page(1000, Some(1300), true), Some(Trimmed { start: 600, end: 100 }));
    }

    #[test]
    fn a_first_position_that_the_second_page_contradicts_trims_nothing() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(0), false), None);
        assert_eq!(clock.page(1000, Some(2000), false), Some(start(0)));
        assert_eq!(clock.declared(0), Some(2000));
    }

    #[test]
    fn opus_and_flac_are_not_trimmed_at_the_start() {
        let mut clock = Clock::new(false);
        assert_eq!(clock.page(1000, Some(400), false), Some(NOTHING));
        assert_eq!(clock.page(1000, Some(1400), true), Some(NOTHING));
        assert_eq!(clock.declared(0), Some(1400));
    }

    #[test]
    fn behind_missing_pages_nothing_is_known_of_the_position() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(1000), false), Some(NOTHING));
        assert_eq!(clock.lose(), Trimmed::default());
        assert_eq!(clock.page(500, Some(2500), true), Some(NOTHING));
        assert_eq!(clock.declared(0), Some(2500));

        let mut first = Clock::new(true);
        assert_eq!(first.page(1000, Some(400), false), None);
        assert_eq!(first.lose(), Trimmed { start: 600, end: 0 });
    }

    #[test]
    fn positions_that_cannot_be_are_no_more_than_the_most() {
        let mut clock = Clock::new(true);
        assert_eq!(clock.page(1000, Some(i64::MIN), false), None);
        let trimmed = clock.page(1000, Some(i64::MAX), true).expect("decided");
        assert_eq!(trimmed.end, 0);
        assert_eq!(clock.declared(u64::MAX), Some(0));
    }
}
