//! Output: where the report goes.

use std::cell::RefCell;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use audiopool::atomic_file::{AtomicFile, NotNamed};

/// Where a report goes; clones share it.
#[derive(Clone)]
pub(crate) struct Output(Rc<RefCell<Option<Place>>>);

enum Place {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// A file in the making.
    File(AtomicFile),
}

impl Output {
    /// Opens it, so that a place that cannot be written is known before the work begins.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let place = match path {
            None => Place::Stdout(BufWriter::new(io::stdout())),
            Some(path) => Place::File(AtomicFile::create(path)?),
        };
        Ok(Self(Rc::new(RefCell::new(Some(place)))))
    }

    /// Puts the finished report in its place.
    pub(crate) fn finish(self) -> Result<(), NotNamed> {
        match self.0.take() {
            None => Ok(()),
            Some(Place::Stdout(mut out)) => {
                out.flush().map_err(|error| NotNamed { error, kept: None })
            }
            Some(Place::File(file)) => file.finish_on_disk(),
        }
    }

    /// Puts the report of a run that ended early where it replaces no other; returns where, if that
    /// is not the place that was named.
    pub(crate) fn finish_early(self) -> io::Result<Option<PathBuf>> {
        match self.0.take() {
            None => Ok(None),
            Some(Place::Stdout(mut out)) => out.flush().map(|()| None),
            Some(Place::File(file)) => file.finish_early(),
        }
    }

    /// Takes back what was written since the last flush, where that is possible.
    pub(crate) fn rewind(&self) -> io::Result<()> {
        match &mut *self.0.borrow_mut() {
            Some(Place::File(file)) => file.rewind(),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Keeps what was flushed beside the place that was named; returns where.
    pub(crate) fn keep(self) -> io::Result<Option<PathBuf>> {
        match self.0.take() {
            Some(Place::File(file)) => file.keep(),
            _ => Ok(None),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.borrow_mut() {
            None => Ok(bytes.len()),
            Some(Place::Stdout(out)) => out.write(bytes),
            Some(Place::File(file)) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut *self.0.borrow_mut() {
            None => Ok(()),
            Some(Place::Stdout(out)) => out.flush(),
            Some(Place::File(file)) => file.flush(),
        }
    }
}

/// Writes to standard output.
pub(crate) fn speak(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Exit, Fault> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => Err(Fault::unwritten("standard output", &error)),
    }
}
