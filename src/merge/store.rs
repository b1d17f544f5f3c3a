//! Store: a directory in which a run keeps the partials of its inputs, one file each.
//!
//! ```text
//!   DIR/00000000-01_intro.flac.partials
//!   DIR/00000001-02_song.flac.partials     number in the run, and what is safe of the name
//! ```
//!
//! The number makes names unique and their order that of the run. A file appears under its name when
//! it is complete (before, a dot is before it), so that no half of one is ever found; after a power
//! cut, its checksum tells.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use audiopool_worker::analyze::{Health, Partials};
use audiopool_worker::pcm::PcmFormat;

use super::stored::{Header, Settings};
use crate::record::{FileFormat, Record, Warning};
use crate::settings::AnalysisSettings;

/// How the name of a file of stored partials ends.
pub(super) const EXTENSION: &str = "partials";

/// So many characters of an input's name are in that of its partials.
const MOST_NAME: usize = 80;

/// What is known of an input that was measured, beside its partials.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// As it was given.
    pub path: &'a Path,
    /// What it is.
    pub format: &'a FileFormat,
    /// What its samples are.
    pub pcm: PcmFormat,
    /// What its owner should know.
    pub warnings: &'a [Warning],
    /// Whether it is what it says it is.
    pub health: &'a Health,
}

/// Where the partials of a run are kept.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    settings: Settings,
}

impl Store {
    /// Makes the directory if there is none, and refuses one that is not empty: what it holds would
    /// be taken for part of the run.
    pub fn prepare(directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            return Err(io::Error::new(
                io::ErrorKind::DirectoryNotEmpty,
                "the directory is not empty; name a new one, since `audiopool merge` takes several",
            ));
        }
        // Told before the work begins rather than at its end.
        let tried = directory.join(".tried");
        File::create_new(&tried)?;
        fs::remove_file(tried)
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
        let name = name(index, input);
        let unfinished = self.directory.join(format!(".{name}"));
        let written = File::create_new(&unfinished).and_then(|mut file| file.write_all(&bytes));
        let written = written.and_then(|()| fs::rename(&unfinished, self.directory.join(name)));
        if written.is_err() {
            // What is in the way of writing is not told by what is in the way of removing.
            let _gone = fs::remove_file(&unfinished);
        }
        written
    }
}

/// A name that every system takes, and no other input of the run has.
fn name(index: u64, input: &Path) -> String {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let safe = name.chars().take(MOST_NAME).map(|c| if is_safe(&c) { c } else { '_' });
    format!("{index:08}-{}.{EXTENSION}", safe.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_safe() {
        assert_eq!(name(7, Path::new("a/b c.wav")), "00000007-b_c.wav.partials");
        assert_eq!(name(1, Path::new("größe/音\u{1b}:*.wav")), "00000001-____.wav.partials");
        assert_eq!(name(0, Path::new("..")), "00000000-.partials");
        assert_eq!(name(123_456_789, Path::new("con")), "123456789-con.partials");
        assert!(name(0, Path::new(&"x".repeat(4000))).len() < 120);
        assert_ne!(name(0, Path::new("a.wav")), name(1, Path::new("a.wav")));
    }

    #[test]
    fn a_directory_is_made_and_must_be_empty() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("new/deep");
        Store::prepare(&directory).unwrap();
        Store::prepare(&directory).unwrap();
        assert!(fs::read_dir(&directory).unwrap().next().is_none());
        fs::write(directory.join("x"), "").unwrap();
        let error = Store::prepare(&directory).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        assert!(Store::prepare(&directory.join("x")).is_err());
    }
}
