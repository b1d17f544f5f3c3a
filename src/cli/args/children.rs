//! Options of child processes, shared by every command that starts them.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use audiopool::settings::{CHILD_MEMORY_MIB, WorkerProgram};
use clap::ValueHint;

use super::SandboxLevel;

/// The worker program.
#[derive(Debug, clap::Args)]
pub(crate) struct ChildProgram {
    /// The worker program [default: `audiopool-worker` beside this program, else this program]
    #[arg(long, value_name = "PATH", env = "AUDIOPOOL_WORKER_PROGRAM", hide_env_values = true,
        help_heading = "Processes", value_hint = ValueHint::ExecutablePath)]
    worker_program: Option<OsString>,
}

/// The worker program and the limits of child processes.
#[derive(Debug, clap::Args)]
pub(crate) struct Children {
    /// How strictly child processes are confined: no files, no network, no programs
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "LEVEL",
        env = "AUDIOPOOL_SANDBOX",
        hide_env_values = true,
        help_heading = "Processes"
    )]
    pub(crate) sandbox: SandboxLevel,

    #[arg(long = CHILD_MEMORY_MIB.name, env = CHILD_MEMORY_MIB.env, hide_env_values = true, value_name = "MIB",
        help = CHILD_MEMORY_MIB.describe(), default_value = CHILD_MEMORY_MIB.preset.to_string(),
        value_parser = |text: &str| CHILD_MEMORY_MIB.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) child_memory_mib: u32,

    #[command(flatten)]
    pub(crate) program: ChildProgram,
}

impl ChildProgram {
    /// The one that was named; else `audiopool-worker` beside this program, if there is one and it is
    /// of the same build; else this program.
    pub(crate) fn path(self) -> WorkerProgram {
        match self.worker_program {
            Some(path) => WorkerProgram::At(path.into()),
            None => beside().map_or(WorkerProgram::ThisProgram, WorkerProgram::Preferred),
        }
    }
}

/// The worker program in the folder of this one, if there is one.
fn beside() -> Option<PathBuf> {
    let name = format!("audiopool-worker{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok()?.with_file_name(name);
    beside.is_file().then_some(beside)
}
