//! Store: a directory in which a run keeps the partials of its inputs, one file each.
//!
//! ```text
//!   DIR/00000000-01_intro.flac.partials
//!   DIR/00000001-02_song.flac.partials     number in the run, and what is safe of the name
//! ```
//!
//! The number makes names unique and their order that of the run. A file appears under its name when
//! it is complete; after a power cut, its checksum tells.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use audiopool_worker::analyze::Partials;

use super::directory;
use super::stored::{Header, Measured, Settings};
use crate::atomic_file::AtomicFile;
use crate::record::Record;
use crate::settings::AnalysisSettings;

/// How the name of a file of stored partials ends.
pub(super) const EXTENSION: &str = "partials";

/// Where the partials of a run are kept.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    settings: Settings,
}

impl Store {
    /// Makes the directory if there is none, and refuses one that is not empty.
    pub fn prepare(directory: &Path) -> io::Result<()> {
        directory::prepare(directory, ", since `audiopool merge` takes several")
    }

    /// A store in a directory that was prepared, for a run with these settings.
    pub fn at(directory: &Path, analysis: &AnalysisSettings) -> Self {
        Self { directory: directory.to_owned(), settings: analysis.into() }
    }

    /// Keeps the partials of an input that was measured.
    pub fn save_measured(
        &self,
        index: u64,
        measured: &Measured<'_>,
        partials: &Partials,
    ) -> io::Result<()> {
        let header = Header::measured(self.settings.clone(), measured);
        self.write(index, measured.path, &header, Some(partials))
    }

    /// Keeps the record of an input that failed.
    pub fn save_failed(&self, index: u64, record: &Record) -> io::Result<()> {
        let header = Header::failed(self.settings.clone(), record);
        self.write(index, &record.path, &header, None)
    }

    fn write(
        &self,
        index: u64,
        input: &Path,
        header: &Header,
        partials: Option<&Partials>,
    ) -> io::Result<()> {
        let bytes = header.written(partials).map_err(io::Error::other)?;
        let name = directory::name(index, input, EXTENSION);
        let mut file = AtomicFile::create(&self.directory.join(name))?;
        file.write_all(&bytes)?;
        file.finish()
    }
}
