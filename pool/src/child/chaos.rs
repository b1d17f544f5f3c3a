//! Chaos: what a child can do wrong, for rehearsals and tests. Nothing here is part of the contract.
//!
//! ```text
//!   Plan ──── a seed: which task is hit at which try, by which fault
//!   Mischief ─ decides: a plan, or the tests' rogue worker
//!   Deed ──── how it is done: inside the task (deed), or in place of its reply (wire)
//! ```
//!
//! A child misbehaves only if its supervisor has asked for it in the [welcome] (`audiopool
//! selftest --chaos`), or if it is a program written for that. Nothing that a user sets, no
//! variable and no flag of `analyze`, leads here.
//!
//! [welcome]: crate::protocol::Welcome

mod deed;
#[cfg(windows)]
mod exceptions;
mod fault;
#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(target_os = "linux")]
mod past;
mod plan;
mod rehearsal;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod trespass;
mod wire;

use crate::protocol::Run;

pub use deed::TaskDeed;
#[cfg(windows)]
pub use exceptions::Ending;
pub use fault::{FAULTS, Fault};
#[cfg(not(target_os = "linux"))]
pub use none::{Packet, Trespass};
#[cfg(target_os = "linux")]
pub use past::Packet;
pub use plan::{Fate, Plan};
pub use rehearsal::Rehearsal;
#[cfg(unix)]
pub use signals::Ending;
#[cfg(target_os = "linux")]
pub use trespass::Trespass;
pub(crate) use wire::Line;
pub use wire::WireDeed;

/// Decides what a child does wrong.
pub trait Mischief: Send {
    /// What to do wrong at this try, if anything. Asked once for each; the caller is expected to
    /// do it. An error fails the task.
    fn deed(&self, run: &Run) -> Result<Option<Deed>, String>;

    /// An encoded output that is of a task's type and cannot be its answer.
    fn wrong_output(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Something that a child does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Before the task, as if the task did it.
    Task(TaskDeed),
    /// After the task, in place of its reply.
    Wire(WireDeed),
}

impl Deed {
    /// The deed of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        TaskDeed::named(name).map(Self::Task).or_else(|| WireDeed::named(name).map(Self::Wire))
    }
}

impl Mischief for Plan {
    fn deed(&self, run: &Run) -> Result<Option<Deed>, String> {
        let Some(fault) = self.fault(run.task, run.attempt) else { return Ok(None) };
        let deed = Deed::named(fault.name);
        deed.map(Some).ok_or_else(|| format!("this system cannot `{}`", fault.name))
    }
}
