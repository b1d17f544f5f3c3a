//! Metric: one entry of the catalogue.

use super::group::Group;
use crate::analyze::loudness::ebu_r128;

/// One metric of the catalogue: the source of its flags, keys and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Key in `metrics`, for example `max_dbfs`.
    pub key: &'static str,
    /// Title in the text report, for example `Peak`.
    pub title: &'static str,
    /// Unit, for example `dBFS`, `s`.
    pub unit: &'static str,
    /// Decimal places in the text report.
    pub decimals: usize,
    /// Groups that include it; it is listed under the first one.
    pub groups: &'static [&'static Group],
    /// What it is, in one or two sentences.
    pub definition: &'static str,
    /// Program or standard that defines it.
    pub source: &'static str,
    /// Possible values.
    pub range: &'static str,
    /// How to interpret high and low values, for readers who do not know the metric.
    pub reading: &'static str,
}

impl Metric {
    /// Whether its figures are integers: counts, sizes and lengths in samples. Reports write them
    /// without a decimal point.
    pub fn is_whole(&self) -> bool {
        self.decimals == 0
            && matches!(self.unit, "" | "bit" | "bytes" | "frames" | "places" | "samples")
    }

    /// Whether a name selects it: its key, one of its groups, or `all`.
    pub fn answers_to(&self, name: &str) -> bool {
        name == "all" || name == self.key || self.groups.iter().any(|group| group.name == name)
    }

    /// Whether it needs a loudness target; without one, groups and `all` do not include it.
    pub fn needs_target(&self) -> bool {
        self.key == ebu_r128::TARGET_DEVIATION
    }
}
