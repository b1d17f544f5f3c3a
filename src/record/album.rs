//! Album: what is known of several files together.
//!
//! ```text
//! {"directory", "counted", "not_counted": […], "complete", "metrics": {…}}
//! ```
//!
//! `directory` is `null` of an album of all files. As in a record, one that is not UTF-8 is followed
//! by `directory_percent_encoded`.

use std::path::PathBuf;

use audiopool_worker::analyze::Metric;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Metrics, percent_encoded};

/// What is known of several files together.
#[derive(Clone, Debug, PartialEq)]
pub struct Album {
    /// The directory whose files it has; `None` if it has all files of the run.
    pub directory: Option<PathBuf>,
    /// How many of its files the figures are of.
    pub counted: u64,
    /// The others, in input order: they failed, or have no loudness.
    pub not_counted: Vec<PathBuf>,
    /// Whether all its files had their turn; `false` when the run was stopped or gave up.
    pub complete: bool,
    /// The figures, in report order.
    pub metrics: Vec<(&'static Metric, Option<f64>)>,
}

impl Serialize for Album {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut album = serializer.serialize_map(None)?;
        album.serialize_entry("directory", &self.directory.as_ref().map(shown))?;
        if let Some(directory) = self.directory.as_ref().filter(|path| path.to_str().is_none()) {
            album.serialize_entry("directory_percent_encoded", &percent_encoded(directory))?;
        }
        album.serialize_entry("counted", &self.counted)?;
        let not_counted: Vec<_> = self.not_counted.iter().map(shown).collect();
        album.serialize_entry("not_counted", &not_counted)?;
        album.serialize_entry("complete", &self.complete)?;
        let figures: Vec<_> =
            self.metrics.iter().map(|&(metric, figure)| (metric.key, figure)).collect();
        album.serialize_entry("metrics", &Metrics(&figures))?;
        album.end()
    }
}

#[cfg(test)]
mod tests {
    use audiopool_worker::analyze;

    use super::*;

    #[test]
    fn an_album_has_every_key_in_order() {
        let album = Album {
            directory: Some("a/b".into()),
            counted: 2,
            not_counted: vec!["a/b/c \"d\".wav".into()],
            complete: true,
            metrics: analyze::loudness::album::METRICS.iter().zip([Some(-3.5), None]).collect(),
        };
        let expected = concat!(
            r#"{"directory":"a/b","counted":2,"not_counted":["a/b/c \"d\".wav"],"complete":true,"#,
            r#""metrics":{"replaygain_album_gain_db":-3.5,"replaygain_album_peak":null}}"#
        );
        assert_eq!(serde_json::to_string(&album).unwrap(), expected);
        let all = Album { directory: None, ..album };
        assert!(serde_json::to_string(&all).unwrap().starts_with(r#"{"directory":null,"#));
    }
}
