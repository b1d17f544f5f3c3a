//! Features: the figures of one file, in report order.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::analyze::{Details, Health, Metric, health};

/// Figures by metric; `None` is a figure that is not defined for this audio (in dB: −∞).
///
/// Serialized as a map from key to number or null, in report order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    figures: Vec<(&'static Metric, Option<f64>)>,
    details: Details,
}

impl Features {
    /// The figure of a metric; `None` if it was not computed or is not defined.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.figures.iter().find(|(metric, _)| metric.key == key).and_then(|&(_, figure)| figure)
    }

    /// The computed figures with their metrics.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Metric, Option<f64>)> {
        self.figures.iter().copied()
    }

    /// The details beside the figures.
    pub fn into_details(self) -> Details {
        self.details
    }

    /// Adds the figures of the group `health`.
    #[must_use]
    pub fn with_health(mut self, health: &Health, sample_rate: u32) -> Self {
        self.extend(health::METRICS, health.figures());
        self.append(health.details(sample_rate));
        self
    }

    /// Removes figures that were not requested but computed by the same analyzers.
    #[must_use]
    pub fn only<Key: AsRef<str>>(mut self, keys: &[Key]) -> Self {
        let is_asked = |metric: &str| keys.iter().any(|key| key.as_ref() == metric);
        self.figures.retain(|(metric, _)| is_asked(metric.key));
        self.details.retain(is_asked);
        self
    }

    /// Adds the details of one analyzer.
    pub(crate) fn append(&mut self, details: Details) {
        self.details.append(details);
    }

    /// Adds the figures of one analyzer.
    pub(crate) fn extend(
        &mut self,
        metrics: &'static [Metric],
        figures: impl Iterator<Item = Option<f64>>,
    ) {
        let finite = figures.map(|figure| figure.filter(|figure| figure.is_finite()));
        self.figures.extend(metrics.iter().zip(finite));
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.figures.len()))?;
        for (metric, figure) in self.iter() {
            map.serialize_entry(metric.key, &figure)?;
        }
        map.end()
    }
}
