//! `audiopool doctor`: whether audiopool can work here, and what to do if not.

use audiopool::doctor::{Doctor, Health};
use audiopool::report::{escaped, write_json};
use audiopool::settings::RunSettings;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::options::list::ListFormat;
use crate::cli::options::processes::{Children, WorkersOption};
use crate::cli::writing::output::speak;

/// The arguments of `audiopool doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Format of the findings
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ListFormat,

    #[command(flatten)]
    workers: WorkersOption,

    #[command(flatten)]
    children: Children,
}

/// Examines the machine and prints what was found.
pub(crate) fn run(asked: DoctorArgs) -> Result<Exit, Fault> {
    let RunSettings { sandbox, child_memory_mib, worker_program, .. } = asked.children.settings();
    let workers = asked.workers.count();
    let doctor = Doctor { workers, sandbox, child_memory_mib, worker_program };
    let diagnosis = doctor.examine();
    speak(|out| match asked.format {
        ListFormat::Json => write_json(&diagnosis, out),
        ListFormat::Text => diagnosis
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
