//! Equivalence: how the work was cut, where it ran and who died over it show in no byte of a
//! report.
//!
//! Every fixture in `tests/data`, also those that cannot be decoded, goes through the inline twin
//! once, and through pools of several sizes with several lengths of chunks.

use std::collections::BTreeMap;
#[cfg(target_os = "linux")]
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::program::audiopool;

/// Reports of the inline twin, by format.
static INLINE: LazyLock<BTreeMap<&str, Vec<u8>>> = LazyLock::new(|| {
    ["ndjson", "json"]
        .map(|format| (format, report(format, &["--isolation", "never", "--workers", "1"])))
        .into()
});

/// The report on all fixtures.
#[track_caller]
fn report(format: &str, more: &[&str]) -> Vec<u8> {
    report_of(&mut audiopool(), format, more)
}

#[track_caller]
fn report_of(command: &mut Command, format: &str, more: &[&str]) -> Vec<u8> {
    let output = command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))
        .args(["analyze", "data", "--format", format, "--min-silence-ms", "50"])
        .args(["--metrics", "all"])
        .args(more)
        .output()
        .unwrap();
    let complete = matches!(output.status.code(), Some(0 | 1));
    assert!(complete, "{more:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A pool's report is the inline twin's, byte for byte.
#[track_caller]
fn check(found: &[u8], format: &str, what: &str) {
    let expected = String::from_utf8_lossy(&INLINE[format]);
    let found = String::from_utf8_lossy(found);
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "{what}");
    }
    assert_eq!(found, expected, "{what}");
}

/// With so many workers, for every length of chunks.
#[track_caller]
fn is_the_same_with(workers: &str) {
    let lengths =
        [("1000", "1000", "ndjson"), ("1000", "3000", "json"), ("10000", "30000", "ndjson")];
    for (min, max, format) in lengths {
        let args = ["--workers", workers, "--min-chunk-ms", min, "--max-chunk-ms", max];
        check(&report(format, &args), format, &args.join(" "));
    }
}

#[test]
fn there_are_fixtures_to_compare() {
    let lines = String::from_utf8_lossy(&INLINE["ndjson"]).into_owned();
    let ok = lines.lines().filter(|line| line.contains(r#""status":"ok""#)).count();
    assert!(ok >= 30, "only {ok} of {} fixtures are measured", lines.lines().count());
    for codec in ["flac", "mp3", "vorbis", "opus", "aac", "pcm_s24le"] {
        assert!(lines.contains(&format!(r#""codec":"{codec}""#)), "there is no {codec}");
    }
}

#[test]
fn the_inline_twin_cuts_as_it_likes() {
    let args = ["--isolation", "never", "--min-chunk-ms", "1000", "--max-chunk-ms", "1000"];
    check(&report("ndjson", &args), "ndjson", "short chunks");
}

#[test]
fn one_worker_reports_the_same() {
    is_the_same_with("1");
}

#[test]
fn two_workers_report_the_same() {
    is_the_same_with("2");
}

#[test]
fn four_workers_report_the_same() {
    is_the_same_with("4");
}

#[cfg(target_os = "linux")]
#[test]
fn workers_that_die_now_and_then_report_the_same() {
    let rogue = crate::scene::rogue_program();
    let rogue = rogue.to_str().unwrap();
    for (workers, format) in [("1", "ndjson"), ("2", "json"), ("4", "ndjson")] {
        let folder = tempfile::tempdir().unwrap();
        let tally = folder.path().join("tally");
        let request = format!("abort every=7 tally={}", tally.display());
        let args = ["--workers", workers, "--worker-program", rogue, "--max-attempts", "100"];
        let cut = ["--min-chunk-ms", "1000", "--max-chunk-ms", "2000"];
        let mut command = audiopool();
        // It keeps count in a file, which a confined worker could not.
        command.env("AUDIOPOOL_ROGUE", request).env("AUDIOPOOL_SANDBOX", "off");
        let found = report_of(&mut command, format, &[&args[..], &cut].concat());
        check(&found, format, "with a rogue among the workers");
        let tasks = fs::metadata(&tally).unwrap().len();
        assert!(tasks > 70, "at least ten have died, but there were {tasks} tries");
    }
}
