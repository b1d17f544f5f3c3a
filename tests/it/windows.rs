//! What the tests of faults ask on Linux, as far as Windows has it (`tests/windows.md`). There they
//! look at processes, signals and named pipes; here they ask the program itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use audiopool_worker::windows::Process;

/// The program, deaf to the settings of whoever runs the tests.
fn audiopool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiopool"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_") {
            command.env_remove(name);
        }
    }
    command
}

/// F01 to F09, F12, F13, F15, F16, F18 to F20 and F25, drawn from a seed.
#[track_caller]
fn nothing_is_lost(seed: &str) {
    let arguments = ["selftest", "--chaos", seed, "--tasks", "100", "--workers", "4"];
    let output = audiopool().args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert_eq!(output.status.code(), Some(0), "{}\n{}", said[0], said[1]);
    let rows = said[0].lines().filter(|line| line.trim_start().starts_with('F')).count();
    assert!(rows > 10 && said[0].contains("the laws hold"), "{}", said[0]);
}

#[test]
fn a_hundred_tasks_under_fire_lose_nothing_with_seed_1() {
    nothing_is_lost("1");
}

#[test]
fn a_hundred_tasks_under_fire_lose_nothing_with_seed_2() {
    nothing_is_lost("2");
}

#[test]
fn children_end_with_a_supervisor_that_is_killed() {
    let mut supervisor = audiopool()
        .args(["analyze", "--workers", "2", "--format", "ndjson", "-v", "--files-from", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut list = supervisor.stdin.take().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/silence.wav");
    writeln!(list, "{file}").unwrap();
    // Its log names each child that it starts.
    let log = BufReader::new(supervisor.stderr.take().unwrap());
    let mut children = Vec::new();
    for line in log.lines() {
        let line = line.unwrap();
        let pid = line.split_once(" started pid=").and_then(|(_, rest)| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().ok()
        });
        let Some(child) = pid.and_then(|pid| Process::open(pid).ok()) else { continue };
        children.push(child);
        if children.len() == 2 {
            break;
        }
    }
    assert_eq!(children.len(), 2, "a decoder and a worker");
    supervisor.kill().unwrap();
    for child in children {
        child.wait().unwrap();
    }
    supervisor.wait().unwrap();
}
