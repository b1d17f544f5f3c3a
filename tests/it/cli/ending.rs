//! How a run ends early: signals, readers who go away, disks that are full.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A run that reads its list from us, so that it is in the middle for as long as we like.
struct Running {
    child: Child,
    list: Option<ChildStdin>,
}

impl Running {
    fn begin(shell_prefix: &str) -> Self {
        #[cfg(target_os = "linux")]
        crate::scene::hear_signals();
        let program = env!("CARGO_BIN_EXE_audiopool");
        let script = format!(
            "{shell_prefix} exec \"$0\" analyze --format=ndjson --files-from=- --workers=1"
        );
        let mut child = Command::new("sh")
            .args(["-c", &script, program])
            .env_remove("AUDIOPOOL_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let list = child.stdin.take();
        Self { child, list }
    }

    /// Gives one more path. A program that has gone does not take it.
    fn give(&mut self, path: &str) -> std::io::Result<()> {
        self.list.as_mut().unwrap().write_all(format!("{path}\n").as_bytes())
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Its exit code, while there may still be more to come in the list.
    fn end_of_itself(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn end(mut self) -> Option<i32> {
        drop(self.list.take());
        self.child.wait().unwrap().code()
    }
}

/// Sends `signal` in the middle of a run and returns its exit code.
#[track_caller]
fn stopped_by(shell_prefix: &str, signals: &[Signal]) -> Option<i32> {
    let mut running = Running::begin(shell_prefix);
    let mut report = BufReader::new(running.child.stdout.take().unwrap());
    let mut log = BufReader::new(running.child.stderr.take().unwrap());
    let mut line = String::new();

    running.give("gone/1.wav").unwrap();
    report.read_line(&mut line).unwrap();
    assert!(line.contains("gone/1.wav"), "a record is written as soon as it is known: {line}");

    for &signal in signals {
        running.signal(signal);
    }
    line.clear();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    let code = running.end();
    let mut rest = String::new();
    report.read_to_string(&mut rest).unwrap();
    for record in rest.lines() {
        serde_json::from_str::<serde_json::Value>(record).expect("whole records to the end");
    }
    code
}

#[test]
fn each_signal_ends_the_run_with_its_code_and_whole_records() {
    assert_eq!(stopped_by("", &[Signal::SIGINT]), Some(130));
    assert_eq!(stopped_by("", &[Signal::SIGTERM]), Some(143));
    assert_eq!(stopped_by("", &[Signal::SIGHUP]), Some(129));
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    assert_eq!(stopped_by("trap '' HUP;", &[Signal::SIGHUP, Signal::SIGTERM]), Some(143));
}

#[test]
fn a_reader_who_goes_away_ends_the_run_quietly() {
    let mut running = Running::begin("");
    let mut report = BufReader::new(running.child.stdout.take().unwrap());
    let mut line = String::new();
    running.give("gone/1.wav").unwrap();
    report.read_line(&mut line).unwrap();
    drop(report);
    // Noticed at the next record, as a rule. A child that another test has begun to start may hold
    // this pipe open for a moment, so we give more until nobody takes them.
    let taken = (2..100_000).take_while(|n| running.give(&format!("gone/{n}.wav")).is_ok()).count();
    let mut said = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(running.end_of_itself(), Some(141), "after {taken} further paths");
    assert_eq!(said, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_plainly() {
    let output = super::run(&["analyze", "--format=json", "--output=/dev/full", "gone.wav"], 7);
    let said = super::stderr(&output);
    assert!(said.starts_with("error: cannot write /dev/full: No space left on device"), "{said}");
    assert!(said.contains("help: make room"), "{said}");

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_audiopool"))
        .args(["analyze", "gone.wav"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    super::expect_code(&output, 7, "standard output is full");
    assert!(super::stderr(&output).contains("cannot write standard output: No space left"));
}

#[test]
fn a_list_that_does_not_end_holds_up_nobody_who_wants_to_stop() {
    let mut running = Running::begin("");
    let mut log = BufReader::new(running.child.stderr.take().unwrap());
    let mut report = BufReader::new(running.child.stdout.take().unwrap());
    let mut line = String::new();
    running.give("gone/1.wav").unwrap();
    report.read_line(&mut line).unwrap();
    running.signal(Signal::SIGINT);
    line.clear();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    assert_eq!(running.end_of_itself(), Some(130));
}

#[test]
fn temporary_files_without_a_place_are_told_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_audiopool"))
        .args(["analyze", "tests/data/silence.wav"])
        .env("TMPDIR", "/nonexistent")
        .output()
        .unwrap();
    super::expect_code(&output, 3, "no place for a socket");
    let said = super::stderr(&output);
    assert!(said.contains("`/nonexistent`") && said.contains("TMPDIR"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_variable_of_ours_that_someone_has_set_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_audiopool"))
        .arg("metrics")
        .env("AUDIOPOOL_CHILD", "yes")
        .output()
        .unwrap();
    super::expect_code(&output, 70, "not a child of ours");
    let said = super::stderr(&output);
    assert!(said.contains("AUDIOPOOL_CHILD") && said.contains("unset"), "{said}");
}
