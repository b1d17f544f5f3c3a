//! What is measured, and how.

use audiopool::settings::{
    Grouping, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB, SettingError, metric_names, parse_catalogue,
    parse_metrics,
};
use audiopool_worker::analyze::Metric;
use clap::ValueEnum;

/// What silence is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct SilenceOptions {
    #[arg(long = SILENCE_THRESHOLD_DB.name, env = SILENCE_THRESHOLD_DB.env, hide_env_values = true, value_name = "DB",
        help = SILENCE_THRESHOLD_DB.describe(), default_value = SILENCE_THRESHOLD_DB.preset.to_string(),
        value_parser = |text: &str| SILENCE_THRESHOLD_DB.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) silence_threshold_db: f64,

    #[arg(long = MIN_SILENCE_MS.name, env = MIN_SILENCE_MS.env, hide_env_values = true, value_name = "MS",
        help = MIN_SILENCE_MS.describe(), default_value = MIN_SILENCE_MS.preset.to_string(),
        value_parser = |text: &str| MIN_SILENCE_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) min_silence_ms: u32,
}

/// What records hold beside the figures of each file.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RecordOptions {
    /// Measure the loudness of mono files as played on two loudspeakers: 3.01 LU louder
    #[arg(long, help_heading = "Analysis")]
    pub(crate) dual_mono: bool,

    /// Add momentary and short-term loudness of every 100 ms to the records of `json` and `ndjson`
    #[arg(long, help_heading = "Analysis")]
    pub(crate) timeline: bool,

    /// Also measure files together as albums: all files, or the files of each directory
    #[arg(long, value_enum, value_name = "SCOPE", num_args = 0..=1, require_equals = true,
        default_missing_value = "all", help_heading = "Analysis")]
    pub(crate) album: Option<AlbumScope>,
}

/// What is an album.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlbumScope {
    /// All files together
    All,
    /// The files of each directory
    Directory,
}

impl From<AlbumScope> for Grouping {
    fn from(scope: AlbumScope) -> Self {
        match scope {
            AlbumScope::All => Self::All,
            AlbumScope::Directory => Self::Directory,
        }
    }
}

/// The metrics asked for; a type of its own, since clap takes a `Vec` for a repeated flag.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(pub(crate) Vec<&'static Metric>);

pub(crate) fn metrics(text: &str) -> Result<Metrics, SettingError> {
    parse_metrics(text).map(Metrics)
}

pub(crate) fn catalogued(text: &str) -> Result<Metrics, SettingError> {
    parse_catalogue(text).map(Metrics)
}

pub(crate) fn metrics_help() -> String {
    format!("What to measure: groups and keys, separated by commas, from {}", metric_names())
}

pub(crate) fn explain_help() -> String {
    format!("Keys and groups, separated by commas, from {}", metric_names())
}
