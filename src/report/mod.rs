//! Reports: records become text for a person or bytes for a program.
//!
//! ```text
//!                  ┌─▶ Text     aligned, with units and a closing line
//!   Record, in     ├─▶ Json     one document, written as it grows
//!   input order  ──┼─▶ Ndjson   one line an input
//!                  └─▶ Csv      one row an input
//! ```
//!
//! Each is written record by record, flushed after each, and keeps nothing of a record: memory does
//! not grow with the number of files. Except for the closing line of the text, nothing in a report
//! depends on time, on the number of workers or on the size of the chunks.
//! `Progress` and [`Stats`] are no reports: they watch events, and stand apart from the figures.

mod csv;
mod json;
mod ndjson;
#[cfg(feature = "cli")]
mod progress;
mod stats;
mod terminal;
mod text;

use std::io::{self, Write};

pub use csv::Csv;
pub use json::{Json, write_json};
pub use ndjson::Ndjson;
#[cfg(feature = "cli")]
pub use progress::Progress;
pub use stats::Stats;
pub use terminal::{Paint, escaped};
pub use text::Text;

use crate::record::{Album, Record, Summary};
use crate::settings::AnalysisSettings;

/// A report in the making: begun once, given every record in input order, finished once.
pub trait Report {
    /// Writes what comes before the first record.
    fn begin(&mut self) -> io::Result<()>;
    /// Writes one record and flushes it.
    fn record(&mut self, record: &Record) -> io::Result<()>;
    /// Writes the albums, if they were asked for; after the last record. CSV has no place for them.
    fn albums(&mut self, _: &[Album]) -> io::Result<()> {
        Ok(())
    }
    /// Writes what comes after the last record.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For reading.
    #[default]
    Text,
    /// One document with settings, files and summary.
    Json,
    /// One JSON object on each line, as soon as its file is finished.
    Ndjson,
    /// One row for each file, with a stable header.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Ndjson, Self::Csv];

    /// Its name on the command line, and a line of help.
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text", "For reading"),
            Self::Json => ("json", "One document with settings, files and summary"),
            Self::Ndjson => {
                ("ndjson", "One JSON object on each line, as soon as its file is finished")
            }
            Self::Csv => ("csv", "One row for each file, with a stable header"),
        }
    }

    /// File name extensions that stand for it, in lower case.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["txt"],
            Self::Json => &["json"],
            Self::Ndjson => &["ndjson", "jsonl"],
            Self::Csv => &["csv"],
        }
    }

    /// A report of this format, written to `out`. Only text is coloured.
    pub fn report<'a>(
        self,
        out: impl Write + 'a,
        settings: &'a AnalysisSettings,
        paint: Paint,
    ) -> Box<dyn Report + 'a> {
        match self {
            Self::Text => Box::new(Text::new(out, settings, paint)),
            Self::Json => Box::new(Json::new(out, settings)),
            Self::Ndjson => Box::new(Ndjson::new(out)),
            Self::Csv => Box::new(Csv::new(out, settings)),
        }
    }
}
