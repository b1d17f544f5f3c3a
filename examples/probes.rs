//! The worker program of the library's tests; nothing to learn here, see `my_metric`.

#[path = "../tests/it/library/probes.rs"]
mod probes;

use std::process::ExitCode;

use audiopool::{ChunkTask, Registry, worker_tasks};
use probes::{Meet, Misbehave, Small, Tell};

fn main() -> ExitCode {
    audiopool::run_child_role_with(probes);
    ExitCode::FAILURE
}

fn probes() -> Registry {
    worker_tasks()
        .with::<ChunkTask<Tell>>()
        .with::<ChunkTask<Meet>>()
        .with::<ChunkTask<Misbehave>>()
        .with::<Small>()
}
