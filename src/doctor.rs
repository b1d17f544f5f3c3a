//! Doctor: whether audiopool can work on this machine, and what to do if it cannot.
//!
//! ```text
//!   children       a real worker and a real decoder, started, confined, given a task
//!   surroundings   temporary files, limits, memory, ffmpeg        ──▶ findings, one line each
//! ```
//!
//! It tries rather than asks: what it calls well has worked a moment ago.

mod children;
mod finding;
mod surroundings;

pub use finding::{Diagnosis, Finding, Health};

use crate::settings::WorkerProgram;
use procpool::Sandbox;

/// For which kind of run the machine is examined.
#[derive(Clone, Debug)]
pub struct Doctor {
    /// How many workers, and as many decoders.
    pub workers: usize,
    /// How far children are to be confined.
    pub sandbox: Sandbox,
    /// Most memory of a child, in MiB.
    pub child_memory_mib: u32,
    /// The worker program.
    pub worker_program: WorkerProgram,
}

impl Doctor {
    /// Examines the machine. Nothing of it is left behind.
    pub fn examine(&self) -> Diagnosis {
        let mut findings = children::examine(self);
        findings.extend(surroundings::examine(self.workers));
        Diagnosis { findings }
    }
}
