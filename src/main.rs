//! The command line program.

mod cli;

use std::process::ExitCode;

audiopool_worker::export_mathematics!();

fn main() -> ExitCode {
    audiopool::run_child_role();
    cli::main().into()
}
