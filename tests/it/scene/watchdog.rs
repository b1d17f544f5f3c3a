//! Watchdog: a run that does not end is ended, and says where it was stuck.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::Signal;

use super::processes;

/// No run takes as long, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends the run in that folder after [`PATIENCE`].
pub(super) struct Watchdog {
    call_off: mpsc::Sender<()>,
    watching: JoinHandle<Option<String>>,
}

impl Watchdog {
    pub(super) fn new(folder: &Path) -> Self {
        let (call_off, called_off) = mpsc::channel();
        let folder: PathBuf = folder.to_owned();
        let watching = thread::spawn(move || {
            if called_off.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return None;
            }
            let stuck = processes::of_scene(&folder);
            let report: Vec<_> = stuck.iter().map(processes::Process::describe).collect();
            for process in &stuck {
                process.signal(Signal::KILL);
            }
            Some(report.join("\n"))
        });
        Self { call_off, watching }
    }

    /// Calls it off; says how things stood if it had to step in.
    pub(super) fn dismiss(self) -> Option<String> {
        // Gone already if it has stepped in.
        let _: Result<(), mpsc::SendError<()>> = self.call_off.send(());
        self.watching.join().expect("the watchdog does not panic")
    }
}
