//! Usual: between which bounds a figure is nothing to think about.
//!
//! Outside of them it deserves a look, and reports mark it; what it may mean is the metric's
//! [`reading`](Metric::reading), from which the bounds are taken. Most figures tell what a sound is
//! like and not whether something is wrong with it: they have none.

use serde::Serialize;

use crate::analyze::Metric;

/// The least and the largest figure that is nothing to think about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Usual {
    /// Below it, a figure deserves a look.
    pub least: Option<f64>,
    /// Above it, a figure deserves a look.
    pub most: Option<f64>,
}

/// What deserves a look, by key.
const UNUSUAL: &[(&str, Usual)] = &[
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

impl Usual {
    /// Whether a figure is outside.
    pub fn is_left_by(&self, figure: f64) -> bool {
        self.least.is_some_and(|least| figure < least)
            || self.most.is_some_and(|most| figure > most)
    }
}

impl Metric {
    /// Between which bounds its figure is nothing to think about, if there are any.
    pub fn usual(&self) -> Option<Usual> {
        UNUSUAL.iter().find(|(key, _)| *key == self.key).map(|(_, usual)| *usual)
    }
}

const fn at_least(least: f64) -> Usual {
    Usual { least: Some(least), most: None }
}

const fn at_most(most: f64) -> Usual {
    Usual { least: None, most: Some(most) }
}

const fn between(least: f64, most: f64) -> Usual {
    Usual { least: Some(least), most: Some(most) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::METRICS;

    #[test]
    fn bounds_are_those_of_metrics_in_their_order() {
        let known = METRICS.iter().map(|metric| metric.key);
        let bound = |key: &&str| UNUSUAL.iter().any(|(bound, _)| bound == key);
        let keys: Vec<_> = UNUSUAL.iter().map(|(key, _)| *key).collect();
        assert_eq!(known.filter(bound).collect::<Vec<_>>(), keys);
    }

    #[test]
    fn a_bound_itself_is_nothing_to_think_about() {
        assert!(!at_most(0.0).is_left_by(0.0) && at_most(0.0).is_left_by(0.1));
        assert!(!at_least(8.0).is_left_by(8.0) && at_least(8.0).is_left_by(7.9));
        assert!(between(-3.0, 3.0).is_left_by(-3.1) && !between(-3.0, 3.0).is_left_by(3.0));
    }
}
