//! Locations: positions of detections in one channel, in order of time.
//!
//! All detections are counted; the first thousand are kept. The first thousand of two merged spans
//! do not depend on the chunking.

use serde::{Deserialize, Serialize};

/// Locations that are kept per channel.
const MAX_KEPT: usize = 1000;

/// Position of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// First frame.
    pub frame: u64,
    /// Length in frames.
    pub frames: u64,
    /// Severity, in the unit of the analyzer.
    pub value: u64,
}

/// Detections in one channel; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locations {
    count: u64,
    largest: u64,
    first: Vec<Location>,
}

impl Locations {
    /// Number of all detections, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Largest value of all detections; 0 if there are none.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The locations that are kept.
    pub fn kept(&self) -> &[Location] {
        &self.first
    }

    /// Appends a later location.
    pub fn push(&mut self, location: Location) {
        self.count += 1;
        self.largest = self.largest.max(location.value);
        if self.first.len() < MAX_KEPT {
            self.first.push(location);
        }
    }

    /// Appends the locations of the next span.
    pub fn append(&mut self, next: Self) {
        self.count = self.count.saturating_add(next.count);
        self.largest = self.largest.max(next.largest);
        let room = MAX_KEPT - self.first.len();
        self.first.extend(next.first.into_iter().take(room));
    }

    /// Merges with other locations of the same span, in order of time.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.count = self.count.saturating_add(other.count);
        self.largest = self.largest.max(other.largest);
        self.first.extend(other.first);
        self.first.sort_by_key(|location| location.frame);
        self.first.truncate(MAX_KEPT);
        self
    }

    /// Whether these can be locations within a span: in order, and as many kept as the count
    /// requires.
    pub fn is_possible(&self, within: &std::ops::Range<u64>) -> bool {
        let kept = usize::try_from(self.count).unwrap_or(MAX_KEPT).min(MAX_KEPT);
        let largest = self.first.iter().map(|location| location.value).max().unwrap_or(0);
        let is_within = |location: &Location| {
            within.contains(&location.frame)
                && location.frames > 0
                && location.frames <= within.end - location.frame
        };
        self.first.len() == kept
            && self.count <= within.end - within.start
            && self.largest >= largest
            && (self.count > kept as u64 || self.largest == largest)
            && self.first.iter().all(is_within)
            && self.first.windows(2).all(|two| two[0].frame < two[1].frame)
    }
}
