//! The program as the tests run it: without the environment variables of the user who runs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// Takes what would set it otherwise out of a command's environment.
pub(crate) fn deaf(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_") {
            command.env_remove(name);
        }
    }
    command
}

/// The program.
pub(crate) fn audiopool() -> Command {
    deaf(Command::new(env!("CARGO_BIN_EXE_audiopool")))
}

/// `tests/data`.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The records of a report in NDJSON on these files of `tests/data`, which can all be measured.
#[track_caller]
pub(crate) fn records(arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["analyze", "--format", "ndjson"], arguments].concat();
    let output = audiopool().current_dir(data()).args(&arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was recorded of files of `tests/data`, and our records of them.
#[track_caller]
pub(crate) fn beside_recorded(name: &str, metrics: &str) -> Vec<(Value, Value)> {
    let recorded: Value = serde_json::from_slice(&fs::read(data().join(name)).unwrap()).unwrap();
    let files = recorded["files"].as_array().unwrap();
    let names = files.iter().map(|file| file["file"].as_str().unwrap());
    let ours = records(&["--metrics", metrics].into_iter().chain(names).collect::<Vec<_>>());
    assert_eq!(ours.len(), files.len());
    let pairs: Vec<_> = files.iter().cloned().zip(ours).collect();
    for (theirs, ours) in &pairs {
        assert_eq!(ours["path"], theirs["file"]);
    }
    pairs
}
