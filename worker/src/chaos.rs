//! Chaos: what a child can do wrong, for rehearsals and tests. Nothing here is part of the contract.
//!
//! ```text
//!   Plan ──── a seed: which task is hit at which try, by which fault
//!   Mischief ─ whoever decides: a plan, or the tests' rogue worker
//!   Deed ──── how it is done: inside the task (deed), or in place of its reply (wire)
//! ```
//!
//! A child misbehaves only if its supervisor has asked for it in the [welcome] (`audiopool
//! selftest --chaos`), or if it is a program written for that. Nothing that a user sets, no
//! variable and no flag of `analyze`, leads here.
//!
//! [welcome]: crate::protocol::Welcome

#[cfg(target_os = "linux")]
mod deed;
mod fault;
#[cfg(not(target_os = "linux"))]
mod none;
mod plan;
mod rehearsal;
#[cfg(target_os = "linux")]
mod trespass;
#[cfg(target_os = "linux")]
mod wire;

use crate::protocol::Run;

#[cfg(target_os = "linux")]
pub use deed::TaskDeed;
pub use fault::{FAULTS, Fault};
#[cfg(not(target_os = "linux"))]
pub use none::{TaskDeed, WireDeed};
pub use plan::{Fate, Plan};
pub use rehearsal::Rehearsal;
#[cfg(target_os = "linux")]
pub use wire::WireDeed;
pub(crate) use wire_or_none::Line;

#[cfg(not(target_os = "linux"))]
use none as wire_or_none;
#[cfg(target_os = "linux")]
use wire as wire_or_none;

/// Decides what a child does wrong.
pub trait Mischief: Send {
    /// What to do wrong at this try, if anything. Asked once for each; whoever asks is expected to
    /// do it. An error fails the task.
    fn deed(&self, run: &Run) -> Result<Option<Deed>, String>;
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
