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
//! [`Progress`] and [`Stats`] are no reports: they watch events, and stand apart from the figures.

mod csv;
mod json;
mod ndjson;
mod progress;
mod stats;
mod terminal;
mod text;

use std::io;

pub use csv::Csv;
pub use json::{Json, write_json};
pub use ndjson::Ndjson;
pub use progress::Progress;
pub use stats::Stats;
pub use terminal::{Paint, escaped};
pub use text::Text;

use crate::record::{Album, Record, Summary};

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
