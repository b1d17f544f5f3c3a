//! Scarcity: the system has no more of what the program itself needs. It says so before it begins,
//! and on the way it goes on with what it has.

use std::io::Write as _;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::scene::{Ended, Expected, Process, SONGS, Scene};

/// As many descriptors as a run with two workers needs, as it says itself.
const NEEDED: u64 = 100;

/// From now on that process can have no more than so much.
fn take_away(process: &Process, resource: Resource, most: u64) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(pid, resource, limit).expect("a process of ours");
}

/// The run did not begin, and says all of that.
#[track_caller]
fn is_refused(ended: &Ended, reasons: &[&str]) {
    assert_eq!(ended.code(), Some(3), "{ended}");
    for text in reasons {
        assert!(ended.stderr.contains(text), "`{text}` is not said\n{ended}");
    }
    assert_eq!(ended.stdout, "", "{ended}");
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    ended.assert_nobody_left();
}

#[test]
fn f28_too_few_descriptors_are_refused_with_the_number_that_is_needed() {
    let limited = |most| Scene::calm().behind(&format!("ulimit -n {most}"));
    let ended = limited(NEEDED - 1).run();
    let needed = format!("need {NEEDED} file descriptors, and the limit is {}", NEEDED - 1);
    is_refused(&ended, &[&needed, "ulimit -Hn", "fewer workers"]);
    // The number is honest: with it the run succeeds, and survives its workers too.
    limited(NEEDED).run().assert_nothing_lost(&Expected::all_well());
    let scene = Scene::rogue("abort every=4");
    let tally = scene.path("tally");
    let scene = scene.asked_for(&format!("tally={}", tally.display()));
    let scene = scene.behind(&format!("ulimit -n {NEEDED}")).args(["--max-attempts", "100"]);
    scene.run().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f28_a_soft_limit_is_raised_as_far_as_it_may_be() {
    let ended = Scene::calm().behind("ulimit -Sn 20").run();
    ended.assert_nothing_lost(&Expected::all_well());
}

#[test]
fn f28_without_descriptors_for_more_processes_those_that_are_there_do_it_all() {
    let running = Scene::rogue_in_the_middle("wait").once().gated().fed().start();
    let mut list = running.feed();
    let (first, rest) = SONGS.split_first().expect("several");
    writeln!(list, "songs/{}", first.0).expect("it is read");
    running.hear("finished file=0");
    take_away(running.supervisor(), Resource::Nofile, 3);
    for (name, ..) in rest {
        writeln!(list, "songs/{name}").expect("it is read");
    }
    drop(list);
    // A worker is held, the only decoder waits for it, and files wait for a decoder.
    let gate = running.gate();
    running.hear("decoder 2 cannot be started: Too many open files");
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::all_well());
    let mut decoders = ended.children.iter().filter(|(name, _)| name.starts_with("decoder"));
    assert!(decoders.all(|(name, _)| name == "decoder 1"), "{ended}");
    assert!(!ended.stderr.contains("panicked"), "{ended}");
}

#[test]
fn f28_without_descriptors_for_any_process_the_rest_is_not_run_and_says_so() {
    let running = Scene::rogue_in_the_middle("abort").gated().args(["--workers", "1"]).start();
    let gate = running.gate();
    take_away(running.supervisor(), Resource::Nofile, 3);
    drop(gate);
    let ended = running.wait();
    let not_run = |expected: Expected, name: &str| {
        expected.hurt(&format!("songs/{name}"), "not_run", 0, "Too many open files")
    };
    let (_, rest) = SONGS.split_first().expect("several");
    let expected = rest.iter().fold(Expected::exit(3), |all, (name, ..)| not_run(all, name));
    ended.assert_nothing_lost(&expected);
    assert!(!ended.stderr.contains("panicked"), "{ended}");
}
