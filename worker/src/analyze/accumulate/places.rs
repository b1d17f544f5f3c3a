//! Places: where something was found in one channel, in order of time.
//!
//! A file may be damaged everywhere: all places are counted, and the first thousand are kept. The
//! first thousand of two neighbours are the same however they were cut.

use serde::{Deserialize, Serialize};

/// Places that are kept of one channel.
const MOST: usize = 1000;

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The first frame of it.
    pub frame: u64,
    /// Frames of it.
    pub frames: u64,
    /// How bad it is, as its analyzer counts.
    pub value: u64,
}

/// The places of one channel; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    count: u64,
    largest: u64,
    first: Vec<Place>,
}

impl Places {
    /// How many there are, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value of all; 0 if there is none.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// Those that are kept.
    pub fn kept(&self) -> &[Place] {
        &self.first
    }

    /// One more, behind the others.
    pub fn push(&mut self, place: Place) {
        self.count += 1;
        self.largest = self.largest.max(place.value);
        if self.first.len() < MOST {
            self.first.push(place);
        }
    }

    /// With those of what comes behind.
    pub fn append(&mut self, next: Self) {
        self.count = self.count.saturating_add(next.count);
        self.largest = self.largest.max(next.largest);
        let room = MOST - self.first.len();
        self.first.extend(next.first.into_iter().take(room));
    }

    /// With others of the same frames, in order of time.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.count = self.count.saturating_add(other.count);
        self.largest = self.largest.max(other.largest);
        self.first.extend(other.first);
        self.first.sort_by_key(|place| place.frame);
        self.first.truncate(MOST);
        self
    }

    /// Whether they can lie in these frames: in order, and as many kept as there must be.
    pub fn is_possible(&self, within: &std::ops::Range<u64>) -> bool {
        let kept = usize::try_from(self.count).unwrap_or(MOST).min(MOST);
        let largest = self.first.iter().map(|place| place.value).max().unwrap_or(0);
        let is_within = |place: &Place| {
            within.contains(&place.frame)
                && place.frames > 0
                && place.frames <= within.end - place.frame
        };
        self.first.len() == kept
            && self.count <= within.end - within.start
            && self.largest >= largest
            && (self.count > kept as u64 || self.largest == largest)
            && self.first.iter().all(is_within)
            && self.first.windows(2).all(|two| two[0].frame < two[1].frame)
    }
}
