//! Figures as reports write them: no infinity, no NaN, no negative zero, counts as whole numbers.

use std::collections::HashSet;
use std::sync::LazyLock;

use audiopool_worker::analyze::METRICS;
use audiopool_worker::analyze::loudness::album;
use serde_json::Number;

/// The largest count that a double holds exactly.
const MOST: f64 = 9_007_199_254_740_992.0;

static WHOLE: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let all = METRICS.iter().chain(album::METRICS);
    all.filter(|metric| metric.is_whole()).map(|metric| metric.key).collect()
});

/// A figure that can be written; `None` if it is infinite or not a number.
pub(crate) fn presentable(figure: Option<f64>) -> Option<f64> {
    figure.filter(|figure| figure.is_finite()).map(|figure| figure + 0.0)
}

/// The figure of a metric as JSON and CSV write it: an integer where the metric counts something.
pub(crate) fn number(key: &str, figure: Option<f64>) -> Option<Number> {
    let figure = presentable(figure)?;
    if WHOLE.contains(key) && figure.fract() == 0.0 && figure.abs() < MOST {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        return Some((figure as i64).into());
    }
    Number::from_f64(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, figure: f64, expected: Option<&str>) {
        let written = number(key, Some(figure)).map(|number| number.to_string());
        assert_eq!(written.as_deref(), expected, "{key} {figure}");
    }

    #[test]
    fn counts_are_integers_and_levels_are_not() {
        check("clipped_samples", 12.0, Some("12"));
        check("file_bytes", 9_007_199_254_740_991.0, Some("9007199254740991"));
        check("bit_depth_used", 16.0, Some("16"));
        check("max_dbfs", 0.0, Some("0.0"));
        check("max_dbfs", -0.0, Some("0.0"));
        check("integrated_lufs", -23.0, Some("-23.0"));
        check("max_dbfs", f64::NEG_INFINITY, None);
        check("clipped_samples", f64::NAN, None);
        assert_eq!(number("clipped_samples", None), None);
    }
}
