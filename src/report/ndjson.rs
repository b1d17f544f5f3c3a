//! NDJSON: one record a line, each written and flushed as soon as its turn is finished; then one
//! line for each album, if they were asked for.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::record::{Album, Record, Summary};

/// A line that is no record: `{"album": {…}}`.
#[derive(Serialize)]
struct AlbumLine<'a> {
    album: &'a Album,
}

/// One JSON object a line and nothing else; the shape is the one of [`Record`].
#[derive(Debug)]
pub struct Ndjson<W> {
    out: W,
}

impl<W: Write> Ndjson<W> {
    /// A report that is written to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Report for Ndjson<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, record)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn albums(&mut self, albums: &[Album]) -> io::Result<()> {
        for album in albums {
            serde_json::to_writer(&mut self.out, &AlbumLine { album })?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}
