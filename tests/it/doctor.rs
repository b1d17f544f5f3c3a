//! Doctor: a machine that is well is said to be, and each broken set-up is named with what helps.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::scene::{Ended, Scene, rogue_program, strictest};

/// The line about that, which is to begin with this word.
#[track_caller]
fn line<'a>(stdout: &'a str, topic: &str, health: &str) -> &'a str {
    let found = stdout.lines().find(|line| line[9..].starts_with(topic));
    let line = found.unwrap_or_else(|| panic!("nothing about {topic}\n{stdout}"));
    assert!(line.starts_with(health), "{line}");
    line
}

#[track_caller]
fn examined(scene: Scene, code: i32) -> Ended {
    let ended = scene.run();
    assert_eq!(ended.code(), Some(code), "{ended}");
    ended.assert_no_process_left();
    ended
}

fn doctor() -> Scene {
    Scene::command(["doctor", "--workers", "2"])
}

#[test]
fn a_machine_that_is_well_has_no_problem() {
    let ended = examined(doctor(), 0);
    for topic in ["worker program", "decoder program", "memory: memfd", "memory: portable"] {
        line(&ended.stdout, topic, "ok");
    }
    let worker = line(&ended.stdout, "worker program", "ok");
    assert!(worker.contains("audiopool-worker, build ") && worker.contains("ready in"), "{worker}");
    for topic in ["temporary files", "open files", "memory  "] {
        line(&ended.stdout, topic, "ok");
    }
    assert_eq!(ended.stdout.lines().count(), 13, "{ended}");
}

#[test]
fn findings_for_a_program_are_the_same() {
    let ended = examined(doctor().args(["--format", "json"]), 0);
    let found: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let findings = found["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 13);
    assert_eq!(findings[0]["topic"], "worker program");
    assert_eq!(findings[0]["health"], "ok");
    assert_eq!(findings[0]["advice"], Value::Null);
}

#[test]
fn a_folder_for_temporary_files_that_is_not_there_is_named() {
    let ended = examined(doctor().env("TMPDIR", "/nowhere/at/all"), 1);
    for topic in ["worker program", "decoder program", "temporary files"] {
        let line = line(&ended.stdout, topic, "problem");
        assert!(line.contains("/nowhere/at/all") && line.contains("set TMPDIR"), "{line}");
    }
}

#[test]
fn a_worker_program_that_is_not_there_is_named_and_the_decoder_is_well() {
    let ended = examined(doctor().args(["--worker-program", "/nowhere/worker"]), 1);
    let worker = line(&ended.stdout, "worker program", "problem");
    assert!(worker.contains("/nowhere/worker"), "{worker}");
    assert!(worker.contains("without --worker-program"), "{worker}");
    line(&ended.stdout, "memory: memfd", "warning");
    line(&ended.stdout, "decoder program", "ok");
}

#[test]
fn a_worker_of_another_build_that_was_asked_for_is_a_problem() {
    let scene = doctor().args(["--worker-program"]).args([rogue_program()]);
    let ended = examined(scene.asked_for("wrong-build"), 1);
    let worker = line(&ended.stdout, "worker program", "problem");
    assert!(worker.contains("it is of build 0ddba11"), "{worker}");
    assert!(worker.contains("build both programs from the same sources"), "{worker}");
}

#[test]
fn a_worker_of_another_build_beside_the_program_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = |name: &str| folder.path().join(name);
    fs::copy(env!("CARGO_BIN_EXE_audiopool"), here("audiopool")).expect("a copy");
    fs::copy(rogue_program(), here("audiopool-worker")).expect("a copy");
    let ended = Command::new(here("audiopool"))
        .args(["doctor", "--workers", "1"])
        .env("AUDIOPOOL_ROGUE", "wrong-build")
        .output()
        .expect("a run");
    let stdout = String::from_utf8(ended.stdout).expect("text");
    assert_eq!(ended.status.code(), Some(0), "{stdout}");
    let worker = line(&stdout, "worker program", "warning");
    assert!(worker.contains("audiopool-worker is of another build and not used"), "{worker}");
}

#[test]
fn too_few_open_files_are_a_problem_with_the_number() {
    let program = env!("CARGO_BIN_EXE_audiopool");
    let ended = Command::new("sh")
        .args(["-c", "ulimit -n 90 && exec \"$0\" doctor --workers 4", program])
        .output()
        .expect("a run");
    let stdout = String::from_utf8(ended.stdout).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{stdout}");
    let files = line(&stdout, "open files", "problem");
    assert!(files.contains("4 workers need 136, and the hard limit is 90"), "{files}");
    assert!(files.contains("ulimit -Hn"), "{files}");
}

#[test]
fn a_worker_that_cannot_be_confined_is_a_problem_to_strict_and_a_warning_else() {
    let missing = "threads: it has 2 threads already";
    let scene = |sandbox| {
        let scene = doctor().args(["--sandbox", sandbox, "--worker-program"]);
        examined(scene.args([rogue_program()]).asked_for("start-thread"), 1)
    };
    let strict = scene("strict");
    let worker = line(&strict.stdout, "worker program", "problem");
    assert!(worker.contains(missing) && worker.contains("best-effort"), "{worker}");
    // The rogue knows no task without audio, so that it is a problem itself.
    let best_effort = scene("best-effort");
    let sandbox = line(&best_effort.stdout, "worker sandbox", "warning");
    assert!(sandbox.contains(missing), "{sandbox}");
}

#[test]
fn a_sandbox_that_is_strict_or_off_is_told() {
    if strictest() == "strict" {
        let strict = examined(doctor().args(["--sandbox", "strict"]), 0);
        assert!(line(&strict.stdout, "worker sandbox", "ok").contains("full"));
    } else {
        let strict = examined(doctor().args(["--sandbox", "strict"]), 1);
        assert!(line(&strict.stdout, "worker program", "problem").contains("best-effort"));
    }
    let off = examined(doctor().args(["--sandbox", "off"]), 0);
    line(&off.stdout, "worker sandbox", "warning");
}

#[test]
fn an_ffmpeg_that_is_none_or_not_there_is_a_warning() {
    let none = examined(doctor().env("AUDIOPOOL_FFMPEG", ""), 0);
    assert!(line(&none.stdout, "ffmpeg", "warning").contains("install it"));
    line(&none.stdout, "formats", "warning");
    line(&none.stdout, "ffprobe", "warning");
    let other = examined(doctor().env("AUDIOPOOL_FFMPEG", "/bin/true"), 0);
    assert!(line(&other.stdout, "ffmpeg", "warning").contains("does not answer as ffmpeg does"));
}
