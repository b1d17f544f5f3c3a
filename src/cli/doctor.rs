//! `audiopool doctor`: whether audiopool can work here, and what to do if not.

use audiopool::doctor::{Doctor, Health};
use audiopool::report::{escaped, write_json};
use audiopool::threads::ThreadConfig;

use super::args::{self, CatalogueFormat};
use super::exit::Exit;
use super::fault::Fault;
use super::speak;

/// Examines the machine and prints what was found.
pub(crate) fn run(asked: args::Doctor) -> Result<Exit, Fault> {
    let workers = asked.workers.and_then(|workers| usize::try_from(workers).ok());
    let doctor = Doctor {
        workers: workers.unwrap_or_else(ThreadConfig::default_threads),
        sandbox: asked.children.sandbox.into(),
        child_memory_mib: asked.children.child_memory_mib,
        worker_program: asked.children.program.path(),
    };
    let diagnosis = doctor.examine();
    speak(|out| match asked.format {
        CatalogueFormat::Json => write_json(&diagnosis, out),
        CatalogueFormat::Text => diagnosis
            .findings
            .iter()
            .try_for_each(|finding| writeln!(out, "{}", escaped(&finding.to_string()))),
    })?;
    if diagnosis.worst() == Health::Problem {
        let message = "audiopool cannot work here; each problem found says what to do";
        return Err(Fault::concluded(Exit::FilesFailed, message));
    }
    Ok(Exit::Ok)
}
