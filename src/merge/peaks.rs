//! Peaks: the waveforms of a run in files, as audiowaveform writes them.
//!
//! ```text
//!   x.dat                              of the only input
//!   DIR/00000000-01_intro.flac.dat     of each: number in the run, and what is safe of the name
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use audiopool_worker::analyze::waveform::Waveform;

use super::whole;
use crate::settings::{Peaks, PeaksFormat, PeaksPlace};

/// Makes sure that files can be written there: makes a directory, which must be empty.
pub fn prepare(place: &PeaksPlace) -> io::Result<()> {
    match place {
        PeaksPlace::File(path) => whole::try_to(&behind(path)),
        PeaksPlace::Directory(path) => whole::prepare(path, ""),
    }
}

/// Writes the waveform of an input; the file appears when it is complete.
pub fn save(peaks: &Peaks, index: u64, input: &Path, waveform: &Waveform) -> io::Result<()> {
    let content = |out: &mut dyn Write| match peaks.format {
        PeaksFormat::Dat => waveform.write_dat(peaks.bits, out),
        PeaksFormat::Json => waveform.write_json(peaks.bits, out),
    };
    match &peaks.place {
        PeaksPlace::File(path) => whole::write(&behind(path), content),
        PeaksPlace::Directory(path) => {
            let name = whole::name(index, input, peaks.format.extension());
            whole::write(&path.join(name), content)
        }
    }
}

/// A link stays one: the file behind it is replaced.
fn behind(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
