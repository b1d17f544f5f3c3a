//! What the tests of faults ask on Linux, as far as Windows has it (`tests/windows.md`). There they
//! look at processes, signals and named pipes; here they ask the program itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};

use procpool::chaos::{Deed, FAULTS};
use procpool::windows::Process;

use crate::program::audiopool;

#[test]
fn a_pool_under_every_fault_there_is_loses_nothing() {
    // The seed is one that draws all of them: F01 to F09, F12, F13, F15, F16, F18 to F20 and F25.
    let arguments = ["selftest", "--chaos", "2796", "--tasks", "220", "--workers", "4"];
    let output = audiopool().args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert_eq!(output.status.code(), Some(0), "{}\n{}", said[0], said[1]);
    assert!(said[0].contains("passed: nothing lost"), "{}", said[0]);
    for fault in FAULTS.iter().filter(|fault| Deed::named(fault.name).is_some()) {
        let row = format!("F{:02} {} ", fault.row, fault.name);
        assert!(said[0].contains(&row), "{row}\n{}", said[0]);
    }
}

/// A run over a file of many chunks, with a worker that does such a wrong.
fn with_rogue(request: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_audiopool"));
    let rogue = program.with_file_name("examples").join("rogue.exe");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/s16-mono-8000-64s.flac");
    audiopool()
        .args([
            "analyze",
            "--workers",
            "4",
            "--max-attempts",
            "100",
            "--format",
            "ndjson",
            "-v",
            file,
        ])
        .arg("--worker-program")
        .arg(rogue)
        .env("AUDIOPOOL_ROGUE", request)
        .output()
        .unwrap()
}

/// Such a wrong, done once, leaves no trace in the report; the log of the run.
#[track_caller]
fn leaves_no_trace(deed: &str) -> String {
    let marks = tempfile::tempdir().unwrap();
    let once = marks.path().join("once");
    let hurt = with_rogue(&format!("{deed} once={}", once.display()));
    let log = String::from_utf8_lossy(&hurt.stderr).into_owned();
    assert_eq!(hurt.status.code(), Some(0), "{log}");
    assert!(once.is_file(), "it was not done\n{log}");
    let calm = with_rogue("wait");
    assert_eq!(String::from_utf8_lossy(&hurt.stdout), String::from_utf8_lossy(&calm.stdout));
    log
}

/// The run ends with that code, and its file has a record that says why.
#[track_caller]
fn nothing_is_run(request: &str, code: i32, reason: &str) {
    let ended = with_rogue(request);
    let said = [&ended.stdout, &ended.stderr].map(|said| String::from_utf8_lossy(said));
    assert_eq!(ended.status.code(), Some(code), "{}\n{}", said[0], said[1]);
    assert!(said[1].contains(reason), "{}", said[1]);
    assert_eq!(said[0].matches(r#""status":"failed""#).count(), 1, "{}", said[0]);
    assert!(said[0].contains(r#""kind":"not_run""#), "{}", said[0]);
}

#[test]
fn answers_of_the_wrong_shape_are_not_merged() {
    for deed in ["wrong-output", "garbage-output", "empty-slot"] {
        let log = leaves_no_trace(deed);
        assert!(log.contains("task tried again"), "{log}");
    }
}

#[test]
fn a_flood_on_standard_error_runs_off() {
    leaves_no_trace("flood");
}

#[test]
fn a_worker_that_cannot_begin_ends_the_run() {
    nothing_is_run("die-before-hello", 3, "exited by itself with code 70");
    nothing_is_run("wrong-build", 3, "build both programs from the same sources");
}

#[test]
fn workers_that_die_without_any_task_end_the_run() {
    nothing_is_run("die-when-ready", 4, "giving up");
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
