//! Ending: signals to the program itself, and that no child outlives it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::Signal;

use crate::scene::{Ended, Expected, LONG, Process, Scene, not_gone_within, strictest};

/// A run that is held in the middle of the long song; with one worker, everybody waits for it.
fn held_in_the_middle() -> Scene {
    Scene::rogue_in_the_middle("wait").gated().args(["--workers", "1"])
}

/// Signals once while the long song is held: it is given up, what was finished is written.
#[track_caller]
fn one_signal_ends_with(signal: Signal, code: i32) {
    let running = held_in_the_middle().start();
    let _gate = running.gate();
    running.signal(signal);
    let ended = running.wait();
    ended.assert_nothing_lost(&stopped_in_the_middle(code));
    assert!(ended.stderr.contains("error: stopped by SIG"), "{ended}");
}

/// The first song is finished, the long one given up, and no other was begun.
fn stopped_in_the_middle(code: i32) -> Expected {
    let stopped = "the run was stopped while this file was in work";
    Expected::exit(code).hurt(LONG, "cancelled", 0, stopped).stopped_after(LONG)
}

#[test]
fn f31_no_child_outlives_a_supervisor_that_is_killed() {
    let running = held_in_the_middle().start();
    let _gate = running.gate();
    // Waits for their lines in the log, so that they are known to be ready.
    let named = [running.child("decoder 1").pid, running.child("worker 1").pid];
    let mut children = running.processes();
    children.retain(|process| process.pid != running.supervisor().pid);
    let found: Vec<u32> = children.iter().map(|process| process.pid).collect();
    assert!(named.iter().all(|pid| found.contains(pid)), "{named:?} are not all of {found:?}");

    running.signal(Signal::KILL);
    let left = not_gone_within(Duration::from_secs(1), children);
    assert!(left.is_empty(), "{left:?}");
    running.wait().assert_nothing_lost(&Expected::killed());
}

#[test]
fn f31_no_child_outlives_a_supervisor_that_is_killed_while_a_worker_is_stopped() {
    let running = held_in_the_middle().start();
    let _gate = running.gate();
    running.child("worker 1").signal(Signal::STOP);
    let children = running.processes();
    running.signal(Signal::KILL);
    let left = not_gone_within(Duration::from_secs(1), children);
    assert!(left.is_empty(), "{left:?}");
    running.wait().assert_nothing_lost(&Expected::killed());
}

#[test]
fn f31_an_ffmpeg_that_never_writes_does_not_outlive_a_supervisor_that_is_killed() {
    for sandbox in ["off", strictest()] {
        let scene = Scene::calm().gated();
        let [programs, libraries] = ["bin", "lib"].map(|name| scene.path(name));
        for folder in [&programs, &libraries] {
            fs::create_dir(folder).expect("a folder");
        }
        let (ffmpeg, file) = (programs.join("ffmpeg"), scene.path("songs").join("z.ac3"));
        // What lies where its libraries would is what it may open, sandbox or not.
        let gate = libraries.join("gate");
        fs::hard_link(scene.path("gate"), &gate).expect("another name");
        let script = format!("#!/bin/sh\nread -r _ < {}\n", gate.display());
        fs::write(&ffmpeg, script).expect("a script");
        fs::set_permissions(&ffmpeg, fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::write(&file, [0x0B, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xE0]).expect("a file");
        let scene = scene.env("AUDIOPOOL_FFMPEG", ffmpeg.to_str().expect("UTF-8"));
        let running = scene.args(["--sandbox", sandbox, "--workers", "1"]).start();
        // Where ffmpeg stands and writes nothing.
        let gate = running.gate();
        let children = running.processes();
        let is_ffmpeg = |process: &Process| process.describe().contains("/ffmpeg -nostdin");
        assert!(children.iter().any(is_ffmpeg), "{children:?}");
        running.signal(Signal::KILL);
        let left = not_gone_within(Duration::from_secs(1), children);
        assert!(left.is_empty(), "{:?}", left.iter().map(Process::describe).collect::<Vec<_>>());
        drop(gate);
        running.wait().assert_nothing_lost(&Expected::killed());
    }
}

#[test]
fn f32_ctrl_c_writes_what_is_finished() {
    one_signal_ends_with(Signal::INT, 130);
}

#[test]
fn f32_a_file_in_work_may_be_finished_after_ctrl_c() {
    let running = held_in_the_middle().start();
    let gate = running.gate();
    running.signal(Signal::INT);
    running.hear("stopping; what is finished will be written");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::exit(130).stopped_after(LONG));
}

#[test]
fn f32_a_second_ctrl_c_ends_it_at_once() {
    let running = held_in_the_middle().start();
    let _gate = running.gate();
    running.signal(Signal::INT);
    running.hear("stopping; what is finished will be written");
    running.signal(Signal::INT);
    running.hear("stopping at once");
    running.wait().assert_nothing_lost(&stopped_in_the_middle(130));
}

#[test]
fn f33_sigterm_is_like_ctrl_c() {
    one_signal_ends_with(Signal::TERM, 143);
}

#[test]
fn f33_sighup_is_like_ctrl_c() {
    one_signal_ends_with(Signal::HUP, 129);
}

#[test]
fn f35_a_reader_that_has_gone_away_ends_the_run() {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let ended = Scene::calm().stdout(writer).run();
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    ended.assert_nothing_lost(&Expected::exit(141).cut_short());
}

#[test]
fn f35_a_full_disk_is_told() {
    let full = File::options().write(true).open("/dev/full").expect("a device of Linux");
    let ended = Scene::calm().stdout(full).run();
    assert!(ended.stderr.contains("cannot write standard output"), "{ended}");
    ended.assert_nothing_lost(&Expected::exit(7).cut_short());
}

#[test]
fn the_books_of_each_pool_stand_in_the_statistics() {
    let books = |ended: &Ended, role: &str| {
        let mut lines = ended.stderr.lines().filter(|line| line.starts_with("ledger "));
        lines.find(|line| line.contains(role)).unwrap_or_else(|| panic!("{ended}")).to_owned()
    };
    let calm = Scene::calm().run();
    calm.assert_nothing_lost(&Expected::all_well());
    for role in ["decoders: ", "workers: "] {
        let line = books(&calm, role);
        assert!(
            line.ends_with("0 failed + 0 cancelled; 0 retries, 0 deaths, 0 breaches"),
            "{line}"
        );
    }
    let hit = Scene::rogue_in_the_middle("abort").asked_for("attempt=1").run();
    hit.assert_nothing_lost(&Expected::all_well());
    let line = books(&hit, "workers: ");
    assert!(line.ends_with("0 failed + 0 cancelled; 1 retries, 1 deaths, 0 breaches"), "{line}");
    let submitted = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    assert_eq!(submitted(&line), submitted(&books(&calm, "workers: ")), "{line}");

    let lost = Scene::rogue_in_the_middle("abort").args(["--max-attempts", "2"]).run();
    assert_eq!(lost.code(), Some(1), "{lost}");
    let line = books(&lost, "workers: ");
    assert!(line.contains(" + 1 failed + ") && line.contains("2 deaths"), "{line}");
}
