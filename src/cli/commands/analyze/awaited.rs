//! Awaited: jobs that may be long in coming, from a list that a terminal or another program feeds.
//!
//! Nothing ends a wait for standard input. A thread of its own reads the list, and is left behind
//! when the run is over; what the list would still have named is one job then, which says so.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{io, thread};

use audiopool::plan::{Job, unread_list};

/// How often a thread that waits for a job checks whether the run is over.
const LOOK: Duration = Duration::from_millis(50);

/// The jobs, until there are no more or the run is over.
pub(super) struct Awaited<F> {
    jobs: mpsc::Receiver<Job>,
    is_over: F,
    next_index: u64,
    /// What stands for the list in a record, until it has ended.
    list: Option<PathBuf>,
}

impl<F: Fn() -> bool> Awaited<F> {
    /// Begins to wait for the jobs; when `is_over`, for none that does not come at once.
    pub(super) fn new(
        jobs: impl Iterator<Item = Job> + Send + 'static,
        list: PathBuf,
        is_over: F,
    ) -> io::Result<Self> {
        // No job is read before the one before it was taken.
        let (found, awaited) = mpsc::sync_channel(0);
        thread::Builder::new().name("list".to_owned()).spawn(move || {
            for job in jobs {
                if found.send(job).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs: awaited, is_over, next_index: 0, list: Some(list) })
    }
}

impl<F: Fn() -> bool> Iterator for Awaited<F> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        self.list.as_ref()?;
        loop {
            match self.jobs.recv_timeout(LOOK) {
                Ok(job) => {
                    self.next_index = job.index + 1;
                    return Some(job);
                }
                Err(RecvTimeoutError::Timeout) if !(self.is_over)() => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Some(unread_list(self.next_index, self.list.take()?));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.list = None;
                    return None;
                }
            }
        }
    }
}
