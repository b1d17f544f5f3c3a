//! Peaks: the waveforms of a run in files, as audiowaveform writes them.
//!
//! ```text
//!   x.dat                              of the only input
//!   DIR/00000000-01_intro.flac.dat     of each: number in the run, and what is safe of the name
//! ```

use std::io;
use std::path::Path;

use audiopool_worker::analyze::waveform::Waveform;

use super::directory;
use crate::atomic_file::AtomicFile;
use crate::settings::{Peaks, PeaksFormat, PeaksPlace};

/// Makes sure that files can be written there: makes a directory, which must be empty.
pub fn prepare(place: &PeaksPlace) -> io::Result<()> {
    match place {
        PeaksPlace::File(path) => AtomicFile::try_at(path),
        PeaksPlace::Directory(path) => directory::prepare(path, ""),
    }
}

/// Writes the waveform of an input; the file appears when it is complete.
pub fn save(peaks: &Peaks, index: u64, input: &Path, waveform: &Waveform) -> io::Result<()> {
    let mut file = match &peaks.place {
        PeaksPlace::File(path) => AtomicFile::create(path)?,
        PeaksPlace::Directory(path) => {
            let name = directory::name(index, input, peaks.format.extension());
            AtomicFile::create(&path.join(name))?
        }
    };
    match peaks.format {
        PeaksFormat::Dat => waveform.write_dat(peaks.bits, &mut file)?,
        PeaksFormat::Json => waveform.write_json(peaks.bits, &mut file)?,
    }
    file.finish()
}
