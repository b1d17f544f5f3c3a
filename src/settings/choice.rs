//! The choice of metrics: names of groups, keys and `all` become metrics in report order.

use audiopool_worker::analyze::Metric;
use audiopool_worker::analyze::loudness::album;

use super::{GROUPS, METRICS, SettingError};

/// Reads a choice of metrics: names of groups, `all`, and keys, with commas between them. The
/// order given is of no consequence: figures stand in the order of the catalogue. What needs a
/// target is chosen by its key alone.
pub fn parse_metrics(text: &str) -> Result<Vec<&'static Metric>, SettingError> {
    let is_usual = |metric: &Metric, name: &str| metric.key == name || !metric.needs_target();
    parse_names(text, &METRICS.iter().collect::<Vec<_>>(), is_usual)
}

/// The same of the whole [`catalogue`], for those who want to read about it.
pub fn parse_catalogue(text: &str) -> Result<Vec<&'static Metric>, SettingError> {
    parse_names(text, &catalogue().collect::<Vec<_>>(), |_, _| true)
}

/// All metrics that there are: those of files, and behind them those that only albums have.
pub fn catalogue() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().chain(album::METRICS)
}

fn parse_names(
    text: &str,
    from: &[&'static Metric],
    is_meant: impl Fn(&Metric, &str) -> bool,
) -> Result<Vec<&'static Metric>, SettingError> {
    let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let known = |name: &&str| from.iter().any(|metric| metric.answers_to(name));
    if let Some(name) = names.iter().find(|name| !known(name) && is_of_albums(name)) {
        return Err(metrics_error(&format!("`{name}` is of albums only, and `--album` gives it")));
    }
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(unknown_metric(unknown, from));
    }
    if names.is_empty() {
        return Err(metrics_error("no metric is named"));
    }
    let chosen = |metric: &&Metric| {
        names.iter().any(|name| metric.answers_to(name) && is_meant(metric, name))
    };
    Ok(from.iter().copied().filter(chosen).collect())
}

/// An unknown name, with the known one that it resembles; with all names where it resembles none.
fn unknown_metric(unknown: &str, from: &[&'static Metric]) -> SettingError {
    let groups = GROUPS.iter().map(|group| group.name);
    let known = groups.chain(from.iter().map(|metric| metric.key)).chain(["all"]);
    let what = format!("there is no metric or group `{unknown}`");
    match nearest(unknown, known) {
        Some(near) => SettingError {
            key: "metrics",
            message: format!("{what}; did you mean `{near}`? `audiopool metrics` lists them all"),
        },
        None => metrics_error(&what),
    }
}

/// The name that resembles `given` most, if one does enough to be a likely misspelling.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Similarity from which on a name is suggested; the threshold of clap for its own flags is 0.7.
    const LIKELY: f64 = 0.85;
    let given = given.to_ascii_lowercase();
    known
        .map(|name| (strsim::jaro_winkler(&given, name), name))
        .filter(|(similarity, _)| *similarity >= LIKELY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn is_of_albums(name: &str) -> bool {
    album::METRICS.iter().any(|metric| metric.key == name)
}

fn metrics_error(what: &str) -> SettingError {
    let message = format!("{what}; choose from: {}", metric_names());
    SettingError { key: "metrics", message }
}

/// Everything that a choice of metrics may name: `all`, the groups, the keys.
pub fn metric_names() -> String {
    let groups = GROUPS.iter().map(|group| group.name);
    let keys = METRICS.iter().map(|metric| metric.key);
    ["all"].into_iter().chain(groups).chain(keys).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_come_in_catalogue_order_and_once() {
        let keys =
            |text| parse_metrics(text).unwrap().iter().map(|metric| metric.key).collect::<Vec<_>>();
        assert_eq!(keys("min_dbfs, max_dbfs,min_dbfs"), ["max_dbfs", "min_dbfs"]);
        let usual = METRICS.iter().filter(|metric| !metric.needs_target()).count();
        assert_eq!(keys("all").len(), usual);
        assert_eq!(keys("max_dbfs,all").len(), usual);
        assert_eq!(parse_catalogue("all").unwrap().len(), catalogue().count());
    }

    #[test]
    fn a_misspelled_metric_is_answered_with_the_one_it_resembles() {
        for (typed, meant) in [
            ("intergrated_lufs", "integrated_lufs"),
            ("loudnes", "loudness"),
            ("Max_dBFS", "max_dbfs"),
            ("true_peak", "true_peak_dbtp"),
        ] {
            let error = parse_metrics(typed).unwrap_err().message;
            assert!(error.contains(&format!("did you mean `{meant}`?")), "{error}");
        }
    }

    #[test]
    fn an_unknown_metric_is_answered_with_the_known_ones() {
        let error = parse_metrics("max_dbfs,xyzzy").unwrap_err().message;
        let expected = "there is no metric or group `xyzzy`; choose from: all, basic, ";
        assert!(error.starts_with(expected) && error.contains(", max_dbfs, "), "{error}");
        assert!(parse_metrics(" , ").is_err());
        let error = parse_metrics("replaygain_album_peak").unwrap_err().message;
        assert!(error.starts_with("`replaygain_album_peak` is of albums only"), "{error}");
    }
}
