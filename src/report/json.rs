//! JSON: one document with settings, records and summary, written as it grows.
//!
//! ```text
//! {"audiopool":"0.1.0","settings":{…},"files":[
//! {"path":…},
//! {"path":…}
//! ],"summary":{…}}
//! ```
//!
//! Albums stand between files and summary, as `"albums":[…]`, if they were asked for.
//! One record a line, so that two reports can be compared line by line. Settings are those that
//! change figures; the number of workers is none of them.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::record::{Album, Record, Summary};
use crate::settings::AnalysisSettings;

/// One JSON document.
#[derive(Debug)]
pub struct Json<'a, W> {
    out: W,
    settings: &'a AnalysisSettings,
    is_first: bool,
    is_closed: bool,
}

impl<'a, W: Write> Json<'a, W> {
    /// A report that is written to `out` and names these settings.
    pub const fn new(out: W, settings: &'a AnalysisSettings) -> Self {
        Self { out, settings, is_first: true, is_closed: false }
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }
}

/// Writes a value for a program that a person may read as well: indented, with a newline at the end.
pub fn write_json(value: &(impl Serialize + ?Sized), out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

impl<W: Write> Report for Json<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(b"{\"audiopool\":")?;
        self.value(env!("CARGO_PKG_VERSION"))?;
        self.out.write_all(b",\"settings\":")?;
        self.value(self.settings)?;
        self.out.write_all(b",\"files\":[")?;
        self.out.flush()
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let gap: &[u8] = if self.is_first { b"\n" } else { b",\n" };
        self.is_first = false;
        self.out.write_all(gap)?;
        self.value(record)?;
        self.out.flush()
    }

    fn albums(&mut self, albums: &[Album]) -> io::Result<()> {
        self.out.write_all(b"\n],\"albums\":[")?;
        for (place, album) in albums.iter().enumerate() {
            self.out.write_all(if place == 0 { b"\n" } else { b",\n" })?;
            self.value(album)?;
        }
        self.out.write_all(b"\n]")?;
        self.is_closed = true;
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if !self.is_closed {
            self.out.write_all(b"\n]")?;
        }
        self.out.write_all(b",\"summary\":")?;
        self.value(summary)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}
