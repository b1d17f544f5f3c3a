//! Crashes: the worker dies in the middle of its task.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{a_second_try_cures, a_second_try_cures_in};
use crate::scene::{Ended, Expected, LONG, SONGS, Scene};

/// The file is given up after one try, for that cause.
#[track_caller]
fn one_try_ends_with(deed: &str, kind: &'static str, cause: &str) -> Ended {
    let ended = Scene::rogue_in_the_middle(deed).args(["--max-attempts", "1"]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, kind, 1, cause));
    ended
}

/// The log tells of the death of a worker, with all of these.
#[track_caller]
fn evidence_is_logged(ended: &Ended, parts: &[&str]) {
    let told =
        |line: &&str| line.contains(" died ") && parts.iter().all(|part| line.contains(part));
    assert!(ended.stderr.lines().any(|line| told(&line)), "no line has {parts:?}\n{ended}");
}

#[test]
fn f01_a_panic_is_told_and_not_tried_again() {
    let ended = Scene::rogue_in_the_middle("panic").run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "worker_panic", 0, "asked to panic"));
    assert!(ended.stdout.contains("deed.rs:"), "it says where\n{ended}");
}

#[test]
fn f02_a_panic_in_another_thread_is_never_taken_for_an_answer() {
    a_second_try_cures("panic-in-thread");
    let told = one_try_ends_with("panic-in-thread", "worker_panic", "asked to panic in a thread");
    assert!(told.stdout.contains("deed.rs:"), "it says where\n{told}");
}

#[test]
fn f03_an_abort_costs_one_try() {
    a_second_try_cures("abort");
    let ended = one_try_ends_with("abort", "crashed", "crashed with SIGABRT");
    evidence_is_logged(&ended, &["SIGABRT from its own doing, cpu ", ", at the rogue's deed"]);
}

#[test]
fn f03_a_panic_while_another_unwinds_tells_the_first() {
    a_second_try_cures("panic-twice");
    let ended = one_try_ends_with("panic-twice", "worker_panic", ": asked to panic");
    assert!(ended.stdout.contains("deed.rs:"), "it says where\n{ended}");
}

#[test]
fn f04_crashes_are_called_by_their_signals() {
    for name in ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"] {
        one_try_ends_with(&name.to_lowercase(), "crashed", name);
    }
}

#[test]
fn f05_a_stack_overflow_is_told_from_an_abort() {
    a_second_try_cures("overflow-stack");
    let ended = one_try_ends_with("overflow-stack", "crashed", "overflowed its stack");
    evidence_is_logged(&ended, &[", said: ", "has overflowed its stack", "at the rogue's deed"]);
}

#[test]
fn f06_a_worker_without_memory_is_told_from_an_abort() {
    a_second_try_cures("exhaust-memory");
    one_try_ends_with("exhaust-memory", "out_of_memory", "ran out of memory");
}

#[test]
fn f07_a_worker_that_is_killed_from_outside_costs_one_try() {
    let running =
        Scene::rogue_in_the_middle("wait").once().gated().args(["--workers", "1"]).start();
    let gate = running.gate();
    running.child("worker 1").signal(Signal::KILL);
    running.hear("task tried again");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::all_well());
    assert!(ended.stderr.contains("killed by SIGKILL, not by audiopool"), "{ended}");
    let counted = "processes were killed for lack of memory";
    let uncounted = "no process was killed for lack of memory";
    assert!(ended.stderr.contains(counted) || ended.stderr.contains(uncounted), "{ended}");
    evidence_is_logged(&ended, &["SIGKILL from another process, cpu "]);
}

#[test]
fn f07_the_decoder_that_is_killed_from_outside_is_started_again_where_it_was() {
    let running =
        Scene::rogue_in_the_middle("wait").once().gated().args(["--workers", "1"]).start();
    let gate = running.gate();
    running.child("decoder 1").signal(Signal::KILL);
    running.hear("decoder 1 died");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::all_well());
    let decoders = ended.children.iter().filter(|(name, _)| name == "decoder 1").count();
    assert_eq!(decoders, 2, "one and its successor\n{ended}");
}

/// With a FLAC before the songs that is damaged in two places, and with what is told of it.
fn with_damage(scene: Scene) -> Scene {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/s16-mono-8000-64s.flac");
    let mut flac = fs::read(fixture).expect("a fixture");
    for part in [1, 7] {
        let at = flac.len() * part / 8;
        flac[at] ^= 0x55;
    }
    fs::write(scene.path("songs/0-damaged.flac"), flac).expect("room for a file");
    scene.args(["--metrics", "all"])
}

#[test]
fn f07_a_decoder_that_begins_again_counts_no_damage_twice() {
    let calm = with_damage(Scene::calm()).args(["--isolation", "never"]).run();
    let records: Vec<String> = calm.stdout.lines().map(str::to_owned).collect();
    let scene = with_damage(Scene::rogue_in_the_middle("wait"));
    let running = scene.once().gated().args(["--workers", "1"]).start();
    let gate = running.gate();
    running.child("decoder 1").signal(Signal::KILL);
    running.hear("decoder 1 died");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::records(records));
    let damaged = &ended.records()[0];
    assert_eq!(damaged["metrics"]["decode_errors"], 2.0, "{damaged}");
    let findings = damaged["findings"].as_array().expect("a list");
    let is_error = |finding: &&Value| finding["kind"] == "decode_errors";
    let bytes = findings.iter().filter(is_error).map(|finding| finding["byte"].as_u64());
    assert_eq!(bytes.flatten().count(), 2, "{damaged}");
}

#[test]
fn f07_a_worker_that_kills_itself_looks_like_one_killed_for_its_memory() {
    one_try_ends_with("sigkill", "crashed", "killed by SIGKILL, not by audiopool");
}

#[test]
fn f17_a_death_is_seen_though_a_grandchild_holds_every_descriptor() {
    a_second_try_cures("grandchild");
}

#[test]
fn f18_an_orderly_exit_in_the_middle_is_no_answer() {
    a_second_try_cures("exit");
    one_try_ends_with("exit", "crashed", "exited by itself with code 0");
}

#[test]
fn f19_an_answer_before_the_death_is_kept() {
    a_second_try_cures("exit-after-reply");
}

#[test]
fn f24_f25_when_every_chunk_kills_its_worker_every_file_says_so() {
    let ended = Scene::rogue("abort").run();
    let all_hurt = SONGS.iter().fold(Expected::exit(1), |expected, (name, ..)| {
        expected.hurt(&format!("songs/{name}"), "crashed", 3, "SIGABRT")
    });
    ended.assert_nothing_lost(&all_hurt);
}

/// How many processes the only worker's place has had.
#[track_caller]
fn workers_of_a_sound_run(deed: &str) -> usize {
    let ended = Scene::rogue(deed).args(["--workers", "1", "--max-growth-mib", "25"]).run();
    ended.assert_nothing_lost(&Expected::all_well());
    for word in [" died ", "tried again"] {
        assert!(!ended.log().contains(word), "`{word}`\n{ended}");
    }
    ended.children.iter().filter(|(name, _)| name == "worker 1").count()
}

#[test]
fn f37_a_worker_that_leaks_is_replaced_between_two_tasks() {
    let workers = workers_of_a_sound_run("leak");
    assert!(workers >= 3, "{workers} workers for some 20 chunks with 10 MB each");
}

#[test]
fn f37_a_worker_that_does_not_leak_is_kept() {
    assert_eq!(workers_of_a_sound_run("wait"), 1);
}

#[test]
fn f38_a_flood_on_standard_error_runs_off() {
    a_second_try_cures("flood");
}

#[test]
fn a_death_now_and_then_leaves_no_trace() {
    let scene = Scene::rogue("abort every=4");
    let tally = scene.path("tally");
    let scene = scene.asked_for(&format!("tally={}", tally.display()));
    let ended = scene.args(["--max-attempts", "100"]).run();
    ended.assert_nothing_lost(&Expected::all_well());
    assert!(ended.stderr.matches("task tried again").count() >= 4, "{ended}");
}

#[test]
fn one_worker_alone_is_replaced_too() {
    a_second_try_cures_in(Scene::rogue_in_the_middle("abort").args(["--workers", "1"]));
}
