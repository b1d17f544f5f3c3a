//! Boot: there never was a worker. Said at once, with what would help, and no crash loop.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::scene::{Ended, Expected, Scene, rogue_program};

/// Exit code of a run that could not start its processes.
const CANNOT_START: i32 = 3;

/// The run did not begin, and the program that cannot be started is named with all of `reasons`.
#[track_caller]
fn did_not_begin(ended: &Ended, program: &str, reasons: &[&str]) {
    for text in [&["cannot start the worker program", program], reasons].concat() {
        assert!(ended.stderr.contains(text), "`{text}` is not said\n{ended}");
    }
    let workers = ended.children.iter().filter(|(name, _)| name.starts_with("worker")).count();
    assert!(workers <= 6, "a crash loop\n{ended}");
    // If the program is not even there, there is no run and no report.
    ended.assert_nothing_lost(&if ended.stdout.is_empty() {
        Expected::refused(CANNOT_START)
    } else {
        Expected::not_run(CANNOT_START, "cannot start the worker program")
    });
}

#[track_caller]
fn a_rogue_cannot_begin(deed: &str, reasons: &[&str]) {
    did_not_begin(&Scene::rogue(deed).run(), "examples/rogue", reasons);
}

#[test]
fn f22_a_slow_start_costs_nothing() {
    let running = Scene::rogue("wait-before-hello").once().gated().start();
    drop(running.gate());
    running.wait().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f22_a_worker_that_is_still_starting_is_ended_with_the_run() {
    let running = Scene::rogue("wait-before-hello").gated().args(["--workers", "1"]).start();
    let _gate = running.gate();
    running.signal(Signal::INT);
    running.signal(Signal::INT);
    let stopped = "the run was stopped while this file was in work";
    let first = "songs/1-first.wav";
    let expected = Expected::exit(130).hurt(first, "cancelled", 0, stopped);
    running.wait().assert_nothing_lost(&expected.stopped_after(first));
}

#[test]
fn f23_a_missing_program_is_named() {
    let ended = Scene::calm().args(["--worker-program", "./nowhere/worker"]).run();
    did_not_begin(&ended, "./nowhere/worker", &["No such file"]);
}

#[test]
fn f23_a_program_that_may_not_be_executed_is_named() {
    let scene = Scene::calm();
    let program = scene.path("worker");
    fs::write(&program, "#!/bin/sh\n").expect("a new file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).expect("our own file");
    let ended = scene.args(["--worker-program", "./worker"]).run();
    did_not_begin(&ended, "./worker", &["Permission denied"]);
}

#[test]
fn f23_a_program_that_is_none_of_ours_is_named() {
    let ended = Scene::calm().args(["--worker-program", "/bin/true"]).run();
    did_not_begin(&ended, "/bin/true", &["exited by itself with code 0", "before it was ready"]);
}

#[test]
fn f23_another_build_says_what_to_rebuild() {
    let help = "build both programs from the same sources";
    a_rogue_cannot_begin("wrong-build", &["it is of build 0ddba11", help]);
    a_rogue_cannot_begin("wrong-protocol", &["it speaks protocol", help]);
    a_rogue_cannot_begin("wrong-frame", &["protocol version 129", help]);
    a_rogue_cannot_begin("wrong-role", &["it is a decoder"]);
}

#[test]
fn f23_a_worker_that_dies_before_its_hello_is_quoted() {
    a_rogue_cannot_begin(
        "die-before-hello",
        &["exited by itself with code 70", "asked to die before the hello"],
    );
}

#[test]
fn f23_only_the_first_start_going_wrong_costs_nothing() {
    let ended = Scene::rogue("die-before-hello").once().run();
    ended.assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f24_workers_that_die_without_any_task_end_the_run() {
    let ended = Scene::rogue("die-when-ready").args(["--max-attempts", "100"]).run();
    ended.assert_nothing_lost(&Expected::not_run(4, "giving up"));
    assert!(ended.stderr.contains("giving up"), "{ended}");
}

#[test]
fn f23_a_worker_of_another_build_beside_the_program_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = |name: &str| folder.path().join(name);
    fs::copy(env!("CARGO_BIN_EXE_audiopool"), here("audiopool")).expect("a copy");
    fs::copy(rogue_program(), here("audiopool-worker")).expect("a copy");
    for deed in ["wrong-build", "wrong-protocol"] {
        let scene = Scene::calm().started_from(&here("audiopool")).env("AUDIOPOOL_ROGUE", deed);
        let ended = scene.run();
        ended.assert_nothing_lost(&Expected::all_well());
        assert!(ended.stderr.contains("is of another build"), "{deed}: {ended}");
    }
}
