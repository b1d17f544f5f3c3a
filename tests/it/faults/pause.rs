//! Pause: the whole program is stopped for a while, as by Ctrl-Z, and no deadline expires.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::scene::{Expected, LONG, Running, Scene};

/// Longer than anything here takes without a stop, on a busy machine too.
const TIMEOUT: &str = "4";

/// Longer than [`TIMEOUT`].
const STOP: Duration = Duration::from_secs(5);

/// Stops the program and lets it go on after [`STOP`]; says who of its children was stopped.
fn stopped_for_long(running: &Running, signal: Signal) -> Vec<bool> {
    running.signal(signal);
    running.wait_until_stopped();
    // A stop has a length, and there is nothing to wait for but its end: so this waits for the end
    // of the program, which cannot come.
    let goes_on = Instant::now() + STOP;
    assert!(!running.supervisor().is_gone_by(goes_on), "it has ended though it was stopped");
    let mut children = running.processes();
    children.retain(|process| process.pid != running.supervisor().pid);
    let is_stopped = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
        status.lines().any(|line| line.starts_with("State:") && line.contains('T'))
    };
    let stopped = children.iter().map(|child| is_stopped(child.pid)).collect();
    running.signal(Signal::CONT);
    stopped
}

#[track_caller]
fn a_stop_expires_no_deadline(signal: Signal, with_children: bool) {
    let scene = Scene::rogue_in_the_middle("wait").once().gated().args(["--workers", "1"]);
    let running = scene.args(["--timeout", TIMEOUT]).start();
    let gate = running.gate();
    let stopped = stopped_for_long(&running, signal);
    assert!(stopped.len() >= 2, "a decoder and a worker");
    assert!(stopped.iter().all(|stopped| *stopped == with_children), "{stopped:?}");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::all_well());
    for word in ["gave no answer", "tried again", " died "] {
        assert!(!ended.log().contains(word), "`{word}`\n{ended}");
    }
}

#[test]
fn f34_ctrl_z_stops_the_children_and_their_deadlines_too() {
    a_stop_expires_no_deadline(Signal::TSTP, true);
}

#[test]
fn f34_a_stop_that_the_program_cannot_catch_expires_no_deadline() {
    a_stop_expires_no_deadline(Signal::STOP, false);
}

#[test]
fn f34_deadlines_run_again_after_a_stop() {
    let scene = Scene::rogue_in_the_middle("hang").gated().args(["--max-attempts", "1"]);
    let running = scene.args(["--workers", "1", "--timeout", TIMEOUT]).start();
    let gate = running.gate();
    stopped_for_long(&running, Signal::TSTP);
    drop(gate);
    let cause = "gave no answer for 4s and did nothing, and was killed";
    running.wait().assert_nothing_lost(&Expected::exit(1).hurt(LONG, "timed_out", 1, cause));
}
