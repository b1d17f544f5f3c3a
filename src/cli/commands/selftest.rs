//! `audiopool selftest`: checks on this machine that faults change no result.

use std::io::{self, Write};

use audiopool::pool::PoolError;
use audiopool::report::escaped;
use audiopool::selftest::Selftest;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::options::processes::{ChildProgram, WorkersOption};

/// The arguments of `audiopool selftest`.
#[derive(Debug, clap::Args)]
pub(crate) struct SelftestArgs {
    /// Hit tasks with faults that are drawn from this seed; without it, there are no faults
    #[arg(long, value_name = "SEED")]
    chaos: Option<u64>,

    /// Number of tasks
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: u32,

    #[command(flatten)]
    workers: WorkersOption,

    #[command(flatten)]
    program: ChildProgram,
}

/// Runs it and prints what it found.
pub(crate) fn run(asked: SelftestArgs) -> Result<Exit, Fault> {
    let test = Selftest {
        seed: asked.chaos,
        tasks: asked.tasks,
        workers: asked.workers.count(),
        worker_program: asked.program.path(),
    };
    let sheet = test.run().map_err(|error: PoolError| Fault::of(Exit::Boot, &error))?;
    let mut out = io::stdout().lock();
    let lines = sheet.to_string();
    let lines: Vec<_> = lines.lines().map(escaped).collect();
    writeln!(out, "{}", lines.join("\n"))
        .and_then(|()| out.flush())
        .map_err(|error| Fault::unwritten("standard output", &error))?;
    if sheet.holds() {
        return Ok(Exit::Ok);
    }
    let message = format!("laws that do not hold: {}", sheet.violations().len());
    Err(Fault::concluded(Exit::Conservation, message))
}
