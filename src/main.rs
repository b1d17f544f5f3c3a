//! The command line program.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    audiopool::run_child_role();
    cli::main().into()
}
