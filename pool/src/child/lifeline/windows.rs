//! The lifeline on Windows: the supervisor's process itself.

use std::process::Command;
use std::{io, thread};

use crate::windows::{KILLED, Process, end_at_fatal_faults, end_this_process};

/// The supervisor's process, held and not yet watched.
#[derive(Debug)]
pub struct Lifeline(Process);

/// Ties this process to the supervisor with that process id, without a thread yet. From now on a
/// fatal fault ends it at once: the supervisor waits for that.
pub fn hold(supervisor: u32) -> io::Result<Lifeline> {
    end_at_fatal_faults();
    let gone = || io::Error::other("the supervisor is gone");
    let supervisor = Process::open(supervisor).map_err(|_| gone())?;
    // Another process may have its number by now.
    let is_older = supervisor.begun()? <= Process::this()?.begun()?;
    if !is_older {
        return Err(gone());
    }
    Ok(Lifeline(supervisor))
}

/// What a child starts is in its job from the beginning.
pub fn extend(_: &mut Command) {}

impl Lifeline {
    /// Ends this process when the supervisor is gone.
    pub fn watch(self) -> io::Result<()> {
        let thread = thread::Builder::new().name("lifeline".to_owned()).stack_size(64 << 10);
        thread.spawn(move || {
            // A wait that the system refuses is no reason to live on unwatched.
            drop(self.0.wait());
            end_this_process(KILLED);
        })?;
        Ok(())
    }
}

/// Nothing is inherited here that a process of ours could use.
pub(crate) fn close_inherited(_: impl Iterator<Item = i32>) {}
