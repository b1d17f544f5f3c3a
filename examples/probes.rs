//! The worker program of the library's tests; nothing to learn here, see `my_metric`.

#[path = "../tests/it/library/probes.rs"]
mod probes;

use std::process::ExitCode;

use probes::{Meet, Misbehave, Tell};

fn main() -> ExitCode {
    let probes = || audiopool::worker_tasks().with::<Tell>().with::<Meet>().with::<Misbehave>();
    audiopool::run_child_role_with(probes);
    ExitCode::FAILURE
}
