//! Pages: the report while it is written, and where it is put.
//!
//! ```text
//!   complete         the place that was named
//!   ended early      the same if there is no file yet, else FILE.incomplete
//!   no room for it   FILE.incomplete, with the records that were written whole
//! ```

use std::io;
use std::path::{Path, PathBuf};

use audiopool::merge::Albums;
use audiopool::pipeline::RunError;
use audiopool::record::{Record, Summary};
use audiopool::report::{Format, Paint, Progress, Report};
use audiopool::settings::AnalysisSettings;

use super::output::Output;
use crate::cli::fault::Fault;

/// The report while it is written, the progress bar beside it, and the count of records.
pub(crate) struct Pages<'a> {
    report: Box<dyn Report + 'a>,
    format: Format,
    output: Output,
    pub(crate) progress: &'a Progress,
    /// Whether report and bar share a terminal.
    share_terminal: bool,
    tally: Summary,
    /// The albums in the making, if they are wanted.
    albums: Option<Albums>,
    is_begun: bool,
}

/// A report that was closed.
pub(crate) struct Closed {
    /// Whether it was written, and is in its place.
    pub(crate) written: io::Result<()>,
    /// Where else it is.
    pub(crate) kept: Option<PathBuf>,
    /// What it holds.
    pub(crate) tally: Summary,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        (format, paint): (Format, Paint),
        settings: &'a AnalysisSettings,
        output: Output,
        progress: &'a Progress,
        share_terminal: bool,
    ) -> Self {
        let out = output.clone();
        let report = format.report(out, settings, paint);
        let (albums, tally) = (Albums::wanted(settings), Summary::default());
        Self { report, format, output, progress, share_terminal, tally, albums, is_begun: false }
    }

    /// Writes with the bar out of the way, where it is in the way.
    fn write(&mut self, write: impl FnOnce(&mut dyn Report) -> io::Result<()>) -> io::Result<()> {
        let report = self.report.as_mut();
        if self.share_terminal { self.progress.suspend(|| write(report)) } else { write(report) }
    }

    /// Begins the report late, so that a run that never began leaves no half document.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_begun {
            return Ok(());
        }
        self.is_begun = true;
        self.write(|report| report.begin())
    }

    pub(crate) fn record(&mut self, mut record: Record) -> io::Result<()> {
        if let Some(albums) = &mut self.albums {
            albums.add(&mut record);
        }
        self.begin()?;
        self.write(|report| report.record(&record))?;
        self.tally.add(&record);
        Ok(())
    }

    /// Ends the report with the run's summary; if there is none, with what was written.
    pub(crate) fn close(mut self, ran: &Result<Summary, RunError>) -> Closed {
        let summary = match ran {
            Ok(summary) => *summary,
            Err(RunError::Output(_)) => return self.rescue(Ok(())),
            Err(RunError::Boot(_)) if !self.is_begun => {
                return Closed { written: Ok(()), kept: None, tally: self.tally };
            }
            Err(_) => self.tally,
        };
        if let Err(error) = self.end(&summary) {
            return self.rescue(Err(error));
        }
        let Self { report, output, .. } = self;
        drop(report);
        let (written, kept) = if summary.complete {
            match output.finish() {
                Ok(()) => (Ok(()), None),
                Err(refused) => (Err(refused.error), refused.kept),
            }
        } else {
            match output.finish_early() {
                Ok(kept) => (Ok(()), kept),
                Err(error) => (Err(error), None),
            }
        };
        Closed { written, kept, tally: summary }
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        self.begin()?;
        if let Some(albums) = self.albums.take() {
            let albums = albums.finish(summary.complete);
            self.write(|report| report.albums(&albums))?;
        }
        self.write(|report| report.finish(summary))
    }

    /// Keeps the records that were written whole, after a write that failed.
    fn rescue(mut self, written: io::Result<()>) -> Closed {
        let tally = self.tally;
        let has_end = matches!(self.format, Format::Text | Format::Json);
        if self.output.rewind().is_ok() && has_end {
            // There may be room for the end of a document where there is none for a record.
            let _without_end = self.report.finish(&tally);
        }
        // A report that has something left writes it now; it is taken back with the rest.
        drop(self.report);
        let kept = if tally.inputs > 0 { self.output.keep().ok().flatten() } else { None };
        Closed { written, kept, tally }
    }
}

impl Closed {
    /// Where the report is, for the message that says that it is not complete.
    pub(crate) fn where_it_is(&self, named: Option<&Path>) -> Option<String> {
        let named = named?.display();
        match &self.kept {
            Some(kept) => Some(format!(
                "the report so far is in `{}`; `{named}` is as it was",
                kept.display()
            )),
            None if self.written.is_ok() && self.tally.inputs > 0 => {
                Some(format!("the report so far is in `{named}`"))
            }
            None => None,
        }
    }
}

pub(crate) fn open_output(path: Option<&Path>) -> Result<Output, Fault> {
    Output::open(path).map_err(|error| Fault::unopened(&place(path), &error))
}

pub(crate) fn place(path: Option<&Path>) -> String {
    path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string())
}
