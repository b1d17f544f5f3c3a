//! What is made of partials at the end: albums, targets, timelines; and what is kept of
//! partials for later.

use std::process::{Command, Output};

use serde_json::Value;

mod albums;
mod partials;
mod peaks;
mod target;
mod timelines;

/// The program in `tests/data`, deaf to the settings of whoever runs the tests.
fn audiopool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiopool"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_") {
            command.env_remove(name);
        }
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"));
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

/// The lines of an NDJSON report.
#[track_caller]
fn lines(arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["analyze", "--format", "ndjson"], arguments].concat();
    let output = String::from_utf8(run(&arguments, 0).stdout).unwrap();
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
