//! Confinement on systems where none of it is known: every part is missing.

use super::{Needs, Part};
use crate::protocol::Role;

pub(super) fn take(_: Part, _: Role, _: u64) -> Result<(), String> {
    Err("audiopool cannot do this on this system yet".to_owned())
}

pub(super) fn keep_to(_: &Needs) -> Result<(), String> {
    Err("audiopool cannot do this on this system yet".to_owned())
}

/// Limits memory to what this process has now and `budget` bytes more.
#[cfg(windows)]
pub(crate) fn hold_to_budget(budget: u64) -> std::io::Result<()> {
    use std::sync::OnceLock;

    use crate::windows::{Job, Limits, Process};

    // Closing the last handle of a job kills the processes in it.
    static HELD: OnceLock<Job> = OnceLock::new();

    let this = Process::this()?;
    let bytes = this.memory()?.committed.saturating_add(budget);
    let job = Job::new(Limits { processes: None, memory_bytes: Some(bytes) })?;
    job.enter()?;
    HELD.get_or_init(|| job);
    Ok(())
}

/// Processor time has no end here.
#[derive(Debug)]
pub(crate) struct Allowance;

impl Allowance {
    pub(crate) fn of_this_process() -> Self {
        Self
    }

    pub(crate) fn renew(&mut self) {}
}

/// The memory of a process is not limited here.
#[cfg(not(windows))]
pub(crate) fn hold_to_budget(_: u64) -> std::io::Result<()> {
    Ok(())
}
