//! How a run ends early: signals, readers who go away, disks that are full.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A run that reads its list from us, so that it is in the middle for as long as we like.
struct Running {
    child: Child,
    list: Option<ChildStdin>,
}

impl Running {
    fn begin(shell_prefix: &str) -> Self {
        Self::begin_with(shell_prefix, &["--format=ndjson", "--files-from=-"])
    }

    fn begin_with(shell_prefix: &str, args: &[&str]) -> Self {
        #[cfg(target_os = "linux")]
        crate::scene::hear_signals();
        let program = env!("CARGO_BIN_EXE_audiopool");
        let script = format!("{shell_prefix} exec \"$0\" analyze --workers=1 \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &script, program])
            .args(args)
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
fn a_reader_who_goes_away_ends_the_run() {
    let mut running = Running::begin("");
    let mut report = BufReader::new(running.child.stdout.take().unwrap());
    let mut line = String::new();
    running.give("gone/1.wav").unwrap();
    report.read_line(&mut line).unwrap();
    drop(report);
    // Noticed at the next record, as a rule. A child that another test has begun to start may hold
    // this pipe open for a moment, so we give more until the program takes no more.
    let taken = (2..100_000).take_while(|n| running.give(&format!("gone/{n}.wav")).is_ok()).count();
    let mut said = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(running.end_of_itself(), Some(141), "after {taken} further paths");
    assert_eq!(said, "error: the reader of standard output closed it\n");
}

/// A run with a report in a file, in the middle of its list.
struct Reporting {
    folder: TempDir,
    running: Running,
    log: BufReader<ChildStderr>,
}

impl Reporting {
    /// Two inputs have their record; the list of further ones stays open.
    #[track_caller]
    fn begin(format: &str, earlier: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r");
        if let Some(earlier) = earlier {
            fs::write(&target, earlier).unwrap();
        }
        let target = target.to_str().unwrap();
        let args = ["-v", "--format", format, "-o", target, "gone/0", "--files-from", "-"];
        let mut running = Running::begin_with("", &args);
        running.give("gone/1").unwrap();
        let mut log = BufReader::new(running.child.stderr.take().unwrap());
        // The record of the first is written before that of the second can be.
        running.give("gone/2").unwrap();
        let mut line = String::new();
        while !line.contains("finished file=2") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it has ended");
        }
        Self { folder, running, log }
    }

    /// Everything that lies in the folder, by name.
    fn content(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut content: Vec<_> = entries
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(&path).unwrap())
            })
            .collect();
        content.sort();
        content
    }

    /// Stops it; returns what it says from then on.
    fn stop(&mut self, signal: Signal, code: Option<i32>) -> String {
        self.running.signal(signal);
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        assert_eq!(self.running.child.wait().unwrap().code(), code, "{said}");
        said
    }
}

#[test]
fn a_stopped_run_replaces_no_earlier_report_and_counts_every_input_in_every_format() {
    for format in ["json", "ndjson", "csv", "text"] {
        for earlier in [Some("an earlier report"), None] {
            let mut run = Reporting::begin(format, earlier);
            let said = run.stop(Signal::SIGTERM, Some(143));
            assert!(
                said.contains("error: stopped by SIGTERM; 0 of 4 inputs were measured"),
                "{said}"
            );
            let mut content = run.content();
            let (name, report) = content.pop().unwrap();
            match earlier {
                Some(earlier) => {
                    assert_eq!(content, [("r".to_owned(), earlier.to_owned())]);
                    assert_eq!(name, "r.incomplete");
                    assert!(said.contains("r.incomplete`; `"), "{said}");
                }
                None => assert_eq!((&*name, content.len()), ("r", 0)),
            }
            assert!(said.contains("help: the report so far is in `"), "{said}");
            let inputs = ["gone/0", "gone/1", "gone/2", "-"];
            let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
            let records: Vec<_> = match format {
                "json" => {
                    let report = parse(&report);
                    assert_eq!(report["summary"]["inputs"], 4);
                    assert_eq!(report["summary"]["complete"], false);
                    report["files"].as_array().unwrap().clone()
                }
                "ndjson" => report.lines().map(parse).collect(),
                _ => Vec::new(),
            };
            let told = "the run was stopped before this list was read to its end";
            assert!(report.contains(told), "{report}");
            assert!(inputs.iter().all(|path| report.contains(path)), "{report}");
            assert_eq!(report.matches("not_run").count(), 1, "{report}");
            if format == "text" {
                assert!(
                    report.contains("4 files: 0 ok, 4 failed · ")
                        && report.contains("stopped before the end"),
                    "{report}"
                );
            }
            if !records.is_empty() {
                let paths: Vec<_> =
                    records.iter().map(|record| record["path"].as_str().unwrap()).collect();
                assert_eq!(paths, inputs);
            }
        }
    }
}

#[test]
fn a_killed_run_leaves_whole_records_under_a_name_that_says_so() {
    let mut run = Reporting::begin("ndjson", Some("an earlier report"));
    // That a file is finished does not mean that its record is written: another thread does that.
    let is_written = |content: &[(String, String)]| {
        content.iter().any(|(_, report)| report.matches("}\n").count() >= 2)
    };
    while !is_written(&run.content()) {
        std::thread::yield_now();
    }
    run.stop(Signal::SIGKILL, None);
    let content = run.content();
    let [(passing, records), (name, earlier)] = &content[..] else { panic!("{content:?}") };
    assert_eq!((&**name, &**earlier), ("r", "an earlier report"));
    assert!(passing.starts_with(".r.") && passing.ends_with(".incomplete"), "{passing}");
    // Behind them is the room that is kept for the end of a document.
    let records: Vec<_> = records.lines().filter(|line| !line.is_empty()).collect();
    assert!(records.len() >= 2, "{records:?}");
    for record in records {
        serde_json::from_str::<serde_json::Value>(record).expect("a whole record");
    }
}

#[test]
fn a_full_disk_keeps_the_records_that_were_written_whole() {
    for format in ["json", "ndjson", "csv", "text"] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r");
        fs::write(&target, "an earlier report").unwrap();
        let inputs: Vec<_> = (0..400).map(|n| format!("gone/{n}.wav")).collect();
        let script = "trap '' XFSZ; ulimit -f 32; exec \"$0\" analyze --isolation never \"$@\"";
        let output = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_audiopool"), "--format", format, "-o"])
            .arg(&target)
            .args(&inputs)
            .output()
            .unwrap();
        super::expect_code(&output, 7, format);
        let said = super::stderr(&output);
        let kept = folder.path().join("r.incomplete");
        assert!(said.contains("error: cannot write ") && said.contains("File too large"), "{said}");
        assert!(said.contains(&format!("the report so far is in `{}`", kept.display())), "{said}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "an earlier report");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let report = fs::read_to_string(kept).unwrap();
        let records = report.matches("no file or directory `gone/").count();
        assert!(records > 5 && report.len() > 2000, "{format}: {records} records in {report}");
        assert!(report.ends_with('\n'), "{format}: {report}");
        match format {
            "ndjson" => {
                for record in report.lines() {
                    serde_json::from_str::<serde_json::Value>(record).expect("a whole record");
                }
            }
            "csv" => {
                assert!(report.lines().all(|line| line.matches(',').count() == 17), "{report}");
            }
            // With its end, for which there is always room.
            "json" => {
                let report: serde_json::Value = serde_json::from_str(&report).expect("a document");
                assert_eq!(report["files"].as_array().unwrap().len(), records);
                assert_eq!(report["summary"]["inputs"], records);
                assert_eq!(report["summary"]["complete"], false);
            }
            "text" => assert!(report.contains("stopped before the end"), "{report}"),
            _ => {}
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_plainly() {
    let output = super::run(&["analyze", "--format=json", "--output=/dev/full", "gone.wav"], 7);
    let said = super::stderr(&output);
    assert!(said.starts_with("error: cannot write /dev/full: No space left on device"), "{said}");
    assert!(said.contains("help: make room"), "{said}");

    let full = fs::File::options().write(true).open("/dev/full").unwrap();
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
fn a_list_that_does_not_end_does_not_delay_a_stop() {
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
