//! The worker program of the tests of the executor; nothing to learn here, see `own_worker`.

#[path = "../tests/it/executor/chores.rs"]
mod chores;

use std::process::ExitCode;

fn main() -> ExitCode {
    audiopool::run_child_role_with(chores::registry);
    ExitCode::FAILURE
}
