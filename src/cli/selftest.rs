//! `audiopool selftest`: proves the pool's laws on this machine.

use std::io::{self, Write};

use audiopool::pool::PoolError;
use audiopool::report::escaped;
use audiopool::selftest::Selftest;
use audiopool::threads::ThreadConfig;

use super::args;
use super::exit::Exit;
use super::fault::Fault;

/// Runs it and prints what it found.
pub(crate) fn run(asked: args::Selftest) -> Result<Exit, Fault> {
    let workers = asked.workers.and_then(|workers| usize::try_from(workers).ok());
    let test = Selftest {
        seed: asked.chaos,
        tasks: asked.tasks,
        workers: workers.unwrap_or_else(ThreadConfig::default_threads),
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
