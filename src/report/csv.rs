//! CSV: one row an input under a header that depends on the chosen metrics only (RFC 4180, LF).
//!
//! A cell is empty where JSON has `null` or nothing. Numbers are spelled as in JSON. `warnings`
//! holds the kinds found, separated by blanks; their messages and the attempts of failures are in
//! the JSON formats only. A path that is not UTF-8 shows U+FFFD, and its bytes are in the last column,
//! `path_percent_encoded`, which is empty otherwise.

use std::fmt::Display;
use std::io::{self, Write};

use super::Report;
use crate::record::{FileFormat, Record, Summary, number, percent_encoded};
use crate::settings::AnalysisSettings;

/// One row an input.
#[derive(Debug)]
pub struct Csv<'a, W: Write> {
    rows: csv::Writer<W>,
    settings: &'a AnalysisSettings,
}

const BEFORE_METRICS: [&str; 11] = [
    "path",
    "status",
    "container",
    "codec",
    "decoder",
    "sample_rate",
    "channels",
    "sample_format",
    "sample_width",
    "frames",
    "duration_seconds",
];
const AFTER_METRICS: [&str; 4] =
    ["warnings", "error_kind", "error_message", "path_percent_encoded"];

impl<'a, W: Write> Csv<'a, W> {
    /// A report that is written to `out`, with a column for each metric of the settings.
    pub fn new(out: W, settings: &'a AnalysisSettings) -> Self {
        Self { rows: csv::Writer::from_writer(out), settings }
    }
}

impl<W: Write> Report for Csv<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        let metrics = self.settings.metrics.iter().map(|metric| metric.key);
        self.rows.write_record(BEFORE_METRICS.into_iter().chain(metrics).chain(AFTER_METRICS))?;
        self.rows.flush()
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let mut row = vec![record.path.to_string_lossy().into_owned(), record.status().to_owned()];
        row.extend(record.format().map_or_else(Default::default, format_cells));
        row.extend(self.settings.metrics.iter().map(|metric| {
            let figure = record.metrics().iter().find(|(key, _)| *key == metric.key);
            or_empty(number(metric.key, figure.and_then(|(_, figure)| *figure)))
        }));
        let kinds: Vec<_> = record.warnings().iter().map(|found| found.kind.to_string()).collect();
        row.push(kinds.join(" "));
        row.push(record.error().map(|error| error.kind.to_string()).unwrap_or_default());
        row.push(record.error().map(|error| error.message.clone()).unwrap_or_default());
        let is_text = record.path.to_str().is_some();
        row.push(if is_text { String::new() } else { percent_encoded(&record.path) });
        self.rows.write_record(row)?;
        self.rows.flush()
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.rows.flush()
    }
}

fn format_cells(format: &FileFormat) -> [String; 9] {
    [
        format.container.clone(),
        format.codec.clone(),
        format.decoder.name().to_owned(),
        format.sample_rate.to_string(),
        format.channels.to_string(),
        format.sample_format.name().to_owned(),
        format.sample_width.to_string(),
        or_empty(format.frames),
        or_empty(number("duration_seconds", format.duration_seconds)),
    ]
}

fn or_empty(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
