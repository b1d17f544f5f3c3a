//! What is made of partials at the end: albums, targets, timelines; and what is kept of
//! partials for later.

use std::process::{Command, Output};

use crate::program;

mod albums;
mod partials;
mod peaks;
mod target;
mod timelines;

/// The program in `tests/data`.
fn audiopool() -> Command {
    let mut command = program::audiopool();
    command.current_dir(program::data());
    command
}

/// Runs it with these arguments and checks its exit code.
#[track_caller]
fn run(arguments: &[&str], code: i32) -> Output {
    let output = audiopool().args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    output
}
