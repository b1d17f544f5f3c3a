//! The lifeline on Windows: the supervisor's process itself.

use std::{io, thread};

use crate::windows::{KILLED, Process, end_this_process};

/// Ties this process to the supervisor with that process id.
pub fn tie(supervisor: u32) -> io::Result<()> {
    let gone = || io::Error::other("the supervisor is gone");
    let supervisor = Process::open(supervisor).map_err(|_| gone())?;
    // Somebody else may have its number by now.
    let is_older = supervisor.begun()? <= Process::this()?.begun()?;
    if !is_older {
        return Err(gone());
    }
    thread::Builder::new().name("lifeline".to_owned()).stack_size(64 << 10).spawn(move || {
        // A wait that the system refuses is no reason to live on unwatched.
        drop(supervisor.wait());
        end_this_process(KILLED);
    })?;
    Ok(())
}

/// Nothing is inherited here that a process of ours could use.
pub(crate) fn close_inherited(_: impl Iterator<Item = i32>) {}
