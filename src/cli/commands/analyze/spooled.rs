//! Spooled: the audio file that `-` stands for, copied from standard input to a private file.
//!
//! A decoder seeks, so a pipe will not do. The copy is in a directory that only this user may enter,
//! and goes with the run.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use audiopool::interrupt::Interrupt;
use audiopool::plan::{ListSource, Plan};
use tempfile::TempDir;

use crate::cli::fault::Fault;

/// How often a wait for standard input looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// A copy of standard input, which is deleted when this is dropped.
pub(super) struct Spooled {
    path: PathBuf,
    _directory: TempDir,
}

/// Refuses what cannot be meant by `-`.
pub(super) fn check(plan: &Plan) -> Result<(), Fault> {
    let count = plan.paths.iter().filter(|path| is_standard_input(path)).count();
    if count == 0 {
        return Ok(());
    }
    if count > 1 {
        return Err(Fault::usage("`-` is named more than once, and standard input is one file"));
    }
    if plan.list.as_ref().is_some_and(|list| list.source == ListSource::Stdin) {
        let message = "`-` and `--files-from -` both read standard input";
        return Err(Fault::usage(message).with_help("name one of them as a file"));
    }
    if io::stdin().is_terminal() {
        let message = "`-` reads an audio file from standard input, which is a terminal";
        return Err(Fault::usage(message).with_help(
            "redirect a file or a pipe to it; a file named `-` is `./-` on the command line",
        ));
    }
    Ok(())
}

/// Copies standard input, if the plan names it, and has the plan open the copy. Nothing, if the run
/// is to stop before its end.
pub(super) fn spool(
    plan: &mut Plan,
    name: &Path,
    stop: &Interrupt,
) -> Result<Option<Spooled>, Fault> {
    if !plan.paths.iter().any(|path| is_standard_input(path)) {
        return Ok(None);
    }
    let spooled = copy(name, stop).map_err(|error| {
        Fault::unwritten("the copy of standard input", &error)
            .with_help("make room in the directory of temporary files, or set TMPDIR to another")
    })?;
    plan.standard_input = spooled.as_ref().map(|spooled| (name.to_owned(), spooled.path.clone()));
    Ok(spooled)
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn copy(name: &Path, stop: &Interrupt) -> io::Result<Option<Spooled>> {
    let directory = tempfile::Builder::new().prefix("audiopool-stdin-").tempdir()?;
    let mut path = directory.path().join("audio");
    if let Some(ending) = name.extension() {
        path.set_extension(ending);
    }
    let mut file = File::create_new(&path)?;
    // Nothing ends a wait for standard input, so a thread waits, and is left behind when the run
    // is stopped.
    let (done, copied) = mpsc::channel();
    thread::Builder::new().name("standard-input".to_owned()).spawn(move || {
        // The receiver is gone only if the run has been stopped.
        drop(done.send(io::copy(&mut io::stdin().lock(), &mut file).map(drop)));
    })?;
    loop {
        match copied.recv_timeout(LOOK) {
            Ok(copied) => {
                copied?;
                return Ok(Some(Spooled { path, _directory: directory }));
            }
            Err(RecvTimeoutError::Timeout) if stop.requested().is_none() => {}
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the thread that copies it has ended"));
            }
        }
    }
}
