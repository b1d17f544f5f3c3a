//! Expected range: bounds within which the value of a metric needs no attention.
//!
//! Reports mark values outside. The metric's [`reading`](Metric::reading) explains what such a
//! value may mean; the bounds are taken from it. Most metrics describe a sound and do not indicate
//! a fault: they have no bounds.

use serde::Serialize;

use crate::analyze::Metric;

/// Smallest and largest value that need no attention.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpectedRange {
    /// Lower bound.
    pub least: Option<f64>,
    /// Upper bound.
    pub most: Option<f64>,
}

/// The metrics with bounds, by key.
const EXPECTED_RANGES: &[(&str, ExpectedRange)] = &[
    ("dc_offset", between(-0.001, 0.001)),
    ("true_peak_dbtp", at_most(0.0)),
    ("sample_peak_dbfs", at_most(0.0)),
    ("clipping_runs", at_most(0.0)),
    ("longest_clipping_samples", at_most(50.0)),
    ("flat_tops", at_most(0.0)),
    ("dropouts", at_most(0.0)),
    ("clicks", at_most(0.0)),
    ("largest_click_dbfs", at_most(-20.0)),
    ("loudest_edge_dbfs", at_most(-20.0)),
    ("dead_channels", at_most(0.0)),
    ("hum_db", at_most(12.0)),
    ("correlation", at_least(0.0)),
    ("negative_correlation_share", at_most(0.5)),
    ("phase_inverted_share", at_most(0.5)),
    ("mono_share", at_most(0.999)),
    ("channel_imbalance_db", between(-3.0, 3.0)),
    ("cutoff_depth_db", at_most(0.0)),
    ("dr14", at_least(8.0)),
    ("plr", at_least(8.0)),
    ("psr", at_least(8.0)),
    ("decode_errors", at_most(0.0)),
    ("checksum_matches", at_least(1.0)),
    ("bytes_discarded", at_most(0.0)),
    ("trailing_bytes", at_most(0.0)),
    ("extension_matches", at_least(1.0)),
];

impl ExpectedRange {
    /// Whether a value is outside.
    pub fn excludes(&self, figure: f64) -> bool {
        self.least.is_some_and(|least| figure < least)
            || self.most.is_some_and(|most| figure > most)
    }
}

impl Metric {
    /// The bounds of this metric, if it has any.
    pub fn expected_range(&self) -> Option<ExpectedRange> {
        EXPECTED_RANGES.iter().find(|(key, _)| *key == self.key).map(|(_, usual)| *usual)
    }
}

const fn at_least(least: f64) -> ExpectedRange {
    ExpectedRange { least: Some(least), most: None }
}

const fn at_most(most: f64) -> ExpectedRange {
    ExpectedRange { least: None, most: Some(most) }
}

const fn between(least: f64, most: f64) -> ExpectedRange {
    ExpectedRange { least: Some(least), most: Some(most) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::METRICS;

    #[test]
    fn bounds_belong_to_metrics_in_order() {
        let known = METRICS.iter().map(|metric| metric.key);
        let bound = |key: &&str| EXPECTED_RANGES.iter().any(|(bound, _)| bound == key);
        let keys: Vec<_> = EXPECTED_RANGES.iter().map(|(key, _)| *key).collect();
        assert_eq!(known.filter(bound).collect::<Vec<_>>(), keys);
    }

    #[test]
    fn bounds_are_inclusive() {
        assert!(!at_most(0.0).excludes(0.0) && at_most(0.0).excludes(0.1));
        assert!(!at_least(8.0).excludes(8.0) && at_least(8.0).excludes(7.9));
        assert!(between(-3.0, 3.0).excludes(-3.1) && !between(-3.0, 3.0).excludes(3.0));
    }
}
