//! The command line from outside: what is typed, printed and returned.

mod conveniences;
mod ending;
mod harmless;
mod input;
mod paths;
mod usage;

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

use crate::program;

/// The program, without the environment variables of the user who runs the tests.
fn audiopool() -> Command {
    let mut command = program::audiopool();
    command.env_remove("NO_COLOR");
    Command::from_std(command)
}

/// Runs the program with these arguments and checks its exit code.
#[track_caller]
fn run(args: &[&str], code: i32) -> Output {
    let output = audiopool().args(args).output().unwrap();
    expect_code(&output, code, &args.join(" "));
    output
}

#[track_caller]
fn expect_code(output: &Output, code: i32, what: &str) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{what}\nstdout: {}\nstderr: {}",
        stdout(output),
        stderr(output)
    );
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The records of an NDJSON report.
fn records(output: &Output) -> Vec<serde_json::Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A mono 16-bit WAV file of 8000 frames a second.
fn write_wav(path: &Path, samples: &[i16]) {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    std::fs::write(path, file).unwrap();
}
