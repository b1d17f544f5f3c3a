//! Silence: the worker lives and gives no answer, until its time is over.

use rustix::process::Signal;

use super::a_second_try_cures_in;
use crate::scene::{Expected, LONG, Scene};

/// Longer than an honest chunk takes on a busy machine. If not: it is tried again.
const TIMEOUT: [&str; 2] = ["--timeout", "0.8"];

#[track_caller]
fn a_second_try_cures(deed: &str) {
    a_second_try_cures_in(Scene::rogue_in_the_middle(deed).args(TIMEOUT));
}

#[test]
fn f08_a_worker_that_spins_is_replaced() {
    a_second_try_cures("spin");
}

/// No worker comes to an end with the chunk, and each is told from the others by what it does.
#[track_caller]
fn every_try_is(deed: &str, doing: &str, logged: &[&str]) {
    let scene = Scene::rogue_in_the_middle(deed).args(["--timeout", "2", "--max-attempts", "2"]);
    let ended = scene.run();
    let cause = format!("s{doing}, and was killed");
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "timed_out", 2, &cause));
    // The last try is alone, and has half the time.
    let causes: Vec<_> = ["2", "1"].map(|n| format!("gave no answer for {n}{cause}")).into();
    let attempts = ended.records()[1]["error"]["attempts"].clone();
    let told: Vec<_> =
        attempts.as_array().expect("a list").iter().map(|one| &one["cause"]).collect();
    assert_eq!(told, causes.iter().collect::<Vec<_>>(), "{ended}");
    // The log reports it before the end of the run, once for each attempt.
    for late in ["silent=1s limit=2s", "silent=500ms limit=1s"] {
        let told = |line: &&str| line.contains("is late") && line.contains(late);
        assert_eq!(ended.stderr.lines().filter(told).count(), 1, "{late}\n{ended}");
    }
    let deaths: Vec<&str> = ended.log().lines().filter(|line| line.contains(" died ")).collect();
    let told = |line: &&str| logged.iter().all(|part| line.contains(part));
    assert!(deaths.len() == 2 && deaths.iter().all(told), "{logged:?} {deaths:#?}\n{ended}");
}

#[test]
fn f08_a_worker_that_spins_is_said_to_spin() {
    let logged = ["SIGKILL from audiopool, cpu ", ", memory ", ", at the rogue's deed"];
    every_try_is("spin", " while it kept the processor busy", &logged);
}

#[test]
fn f08_a_worker_that_spins_comes_to_a_limit_of_processor_time() {
    let scene = || Scene::rogue_in_the_middle("spin").behind("ulimit -S -t 1");
    let cause = "came to a limit of processor time that is not audiopool's (see `ulimit -t`)";
    let ended = scene().args(["--max-attempts", "1"]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "timed_out", 1, cause));
    assert!(ended.stderr.contains("SIGXCPU"), "{ended}");
    scene().asked_for("attempt=1").run().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f09_a_worker_that_hangs_is_said_to_do_nothing() {
    every_try_is("hang", " and did nothing", &["SIGKILL from audiopool", "at the rogue's deed"]);
}

#[test]
fn f10_a_worker_that_is_stopped_is_said_to_be_stopped() {
    every_try_is("sigstop", " because it was stopped", &["SIGKILL from audiopool", ", memory "]);
}

#[test]
fn f09_a_worker_that_hangs_is_replaced() {
    a_second_try_cures("hang");
}

#[test]
fn f09_a_chunk_at_which_every_worker_hangs_costs_its_own_file() {
    let scene = Scene::rogue_in_the_middle("hang").args(["--timeout", "2", "--max-attempts", "1"]);
    let ended = scene.run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(
        LONG,
        "timed_out",
        1,
        "gave no answer for 2s",
    ));
}

#[test]
fn f10_a_worker_that_is_stopped_is_replaced() {
    a_second_try_cures("sigstop");
}

#[test]
fn f10_a_worker_that_is_stopped_from_outside_is_replaced() {
    let running = Scene::rogue_in_the_middle("wait").once().gated().args(TIMEOUT).start();
    let gate = running.gate();
    // Which of them stands at the gate is not known: the other one is spared by its task's end, or
    // is replaced like it.
    running.child("worker 1").signal(Signal::STOP);
    running.child("worker 2").signal(Signal::STOP);
    running.hear("gave no answer");
    drop(gate);
    running.wait().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f10_the_decoder_that_is_stopped_is_replaced() {
    let scene = Scene::rogue_in_the_middle("wait").once().gated().args(["--workers", "1"]);
    let running = scene.args(["--timeout", "1.5"]).start();
    let gate = running.gate();
    running.child("decoder 1").signal(Signal::STOP);
    // It has no room for more audio, which is not its fault; now it gets some.
    drop(gate);
    running.hear("decoder 1 died");
    running.wait().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f11_a_message_that_is_never_finished_delays_no_other_worker() {
    let ended = Scene::rogue_in_the_middle("half-packet").once().args(["--timeout", "2"]).run();
    ended.assert_nothing_lost(&Expected::all_well());
    let said = |text: &str| {
        let at = ended.stderr.lines().position(|line| line.contains(text));
        at.unwrap_or_else(|| panic!("`{text}` is not said\n{ended}"))
    };
    let (others, given_up) = (said("finished file=4"), said("gave no answer for 2s"));
    assert!(others < given_up, "the others waited\n{ended}");
}
