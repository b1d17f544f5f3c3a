//! Timeline: a figure at regular intervals over a whole file.
//!
//! Values are kept in thousandths, the precision that ffmpeg prints: an hour with a value every 100
//! ms takes 144 kB.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Values of windows of one length that start at regular steps, the first at the start of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    window: Duration,
    step: Duration,
    /// In thousandths, or [`UNDEFINED`].
    values: Vec<i32>,
}

/// A value that is not defined.
const UNDEFINED: i32 = i32::MIN;

impl Timeline {
    /// Values of windows of length `window`, every `step`.
    pub fn new(
        window: Duration,
        step: Duration,
        values: impl Iterator<Item = Option<f64>>,
    ) -> Self {
        Self {
            window,
            step,
            values: values.map(|value| value.map_or(UNDEFINED, thousandths)).collect(),
        }
    }

    /// At most `most` values, each the largest of several.
    #[must_use]
    pub fn downsampled(self, most: NonZeroU32) -> Self {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        let of = self.values.len().div_ceil(most).max(1);
        Self {
            step: self.step.saturating_mul(u32::try_from(of).unwrap_or(u32::MAX)),
            values: self.values.chunks(of).filter_map(|some| some.iter().copied().max()).collect(),
            ..self
        }
    }

    /// Length of a window.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Step from one window to the next.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The values, to a thousandth; `None` is not defined, or −∞.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<f64>> {
        self.values.iter().map(|&value| (value != UNDEFINED).then(|| f64::from(value) / 1000.0))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit becomes the nearest")]
fn thousandths(value: f64) -> i32 {
    (value * 1000.0).round() as i32
}

impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut timeline = serializer.serialize_struct("Timeline", 3)?;
        timeline.serialize_field("window_seconds", &self.window.as_secs_f64())?;
        timeline.serialize_field("step_seconds", &self.step.as_secs_f64())?;
        timeline.serialize_field("values", &self.values().collect::<Vec<_>>())?;
        timeline.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downsampling_keeps_the_largest_value() {
        let [window, step] = [400, 100].map(Duration::from_millis);
        let values = [None, Some(-30.0), Some(-10.0), Some(-20.0), None, None, Some(-5.0)];
        let whole = Timeline::new(window, step, values.into_iter());
        let downsampled = |most| whole.clone().downsampled(NonZeroU32::new(most).unwrap());
        let three = downsampled(3);
        assert_eq!(three.step(), Duration::from_millis(300));
        assert_eq!(three.values().collect::<Vec<_>>(), [Some(-10.0), Some(-20.0), Some(-5.0)]);
        assert_eq!(downsampled(7), whole);
        assert_eq!(downsampled(1).values().collect::<Vec<_>>(), [Some(-5.0)]);
    }

    #[test]
    fn values_are_rounded_to_a_thousandth() {
        let of = |values: &[Option<f64>]| {
            let [window, step] = [400, 100].map(Duration::from_millis);
            Timeline::new(window, step, values.iter().copied()).values().collect::<Vec<_>>()
        };
        assert_eq!(of(&[Some(-23.012_51), None, Some(-0.000_4)]), [Some(-23.013), None, Some(0.0)]);
        assert_eq!(of(&[Some(1e30)]), [Some(f64::from(i32::MAX) / 1000.0)]);
        assert!(of(&[]).is_empty());
        assert_eq!(size_of_val(&UNDEFINED) * 10 * 3600, 144_000, "bytes of an hour");
    }
}
