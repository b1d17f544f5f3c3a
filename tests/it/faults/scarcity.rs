//! Scarcity: the system has no more of what the program itself needs. It says so before it begins,
//! and on the way it goes on with what it has.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::memory;
use crate::scene::{AtGate, Ended, Expected, Process, Running, SONGS, Scene, tiny};

/// As many descriptors as a run with two workers needs, as it says itself.
const NEEDED: u64 = 100;

/// Bytes of shared memory that a process can do without audio with: its board is smaller.
const LITTLE: u64 = 8192;

/// From now on that process can have no more than so much.
fn take_away(process: &Process, resource: Resource, most: u64) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(pid, resource, limit).expect("a process of ours");
}

/// The run did not begin, and says all of that.
#[track_caller]
fn is_refused(ended: &Ended, reasons: &[&str]) {
    for text in reasons {
        assert!(ended.stderr.contains(text), "`{text}` is not said\n{ended}");
    }
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    ended.assert_nothing_lost(&Expected::refused(3));
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

#[test]
fn f29_shared_memory_that_cannot_be_had_is_refused_before_anything_begins() {
    for transport in ["memfd", "portable"] {
        let scene = Scene::calm().behind("ulimit -f 2048").env("AUDIOPOOL_TRANSPORT", transport);
        is_refused(
            &scene.run(),
            &["shared memory cannot be had: File too large", "ulimit -f", "fewer workers"],
        );
    }
}

/// Held in the middle of the long song, while every process that is there or comes can write no
/// more than two pages of shared memory; an error says so, as where memory has run out. What the
/// decoder has had before, it has: the long song fits into that, and the next one does not.
fn held_without_memory() -> (Running, AtGate) {
    let scene = Scene::rogue_in_the_middle("wait").once().gated().behind("trap '' XFSZ");
    let running = scene.args(["--workers", "1"]).start();
    let gate = running.gate();
    take_away(&running.child("decoder 1"), Resource::Fsize, LITTLE);
    (running, gate)
}

#[test]
fn f29_a_decoder_whose_memory_runs_out_is_replaced() {
    let (running, gate) = held_without_memory();
    drop(gate);
    let ended = running.wait();
    ended.assert_nothing_lost(&Expected::all_well());
    let told = "could not use shared memory: File too large (os error 27)";
    assert!(ended.stderr.contains(told), "{ended}");
}

#[test]
fn f29_where_memory_has_run_out_for_good_the_files_in_work_say_so() {
    let (running, gate) = held_without_memory();
    take_away(running.supervisor(), Resource::Fsize, LITTLE);
    drop(gate);
    let ended = running.wait();
    // What fits goes on.
    let large = SONGS
        .iter()
        .skip(2)
        .filter(|(_, channels, frames)| u64::from(*channels) * u64::from(*frames) * 2 > LITTLE);
    let cause = "could not use shared memory: File too large";
    let expected = large.fold(Expected::exit(1), |expected, (name, ..)| {
        expected.hurt(&format!("songs/{name}"), "out_of_memory", 3, cause)
    });
    ended.assert_nothing_lost(&expected);
    assert!(!ended.stderr.contains("SIGBUS"), "{ended}");
}

#[test]
fn f36_a_report_that_is_not_read_makes_the_run_wait_and_not_grow() {
    /// How far files may be ahead of the oldest record that is not written yet.
    const AHEAD: usize = 4096;
    /// Records that fit into a pipe and before it.
    const IN_THE_PIPE: usize = 500;
    const FILES: usize = AHEAD + 2 * IN_THE_PIPE;

    let (reader, writer) = io::pipe().expect("a pipe");
    let arguments = ["analyze", "--files-from", "list", "--format", "ndjson", "-v", "--stats"];
    let scene = Scene::command(arguments).args(["--workers", "1"]).stdout(writer);
    let mut list = String::new();
    for number in 0..FILES {
        let name = format!("{number}.wav");
        fs::write(scene.path(&name), tiny()).expect("a new file");
        writeln!(list, "{name}").expect("a string grows");
    }
    fs::write(scene.path("list"), list).expect("a new file");
    let running = scene.start();
    running.hear("4096 files are ahead");
    let finished = running.heard("finished file=");
    assert!(finished <= AHEAD + IN_THE_PIPE, "{finished}");

    // Now it is read, and everything is there.
    let stdout = io::read_to_string(reader).expect("a report in UTF-8");
    let ended = running.wait().reported(stdout);
    memory::told_by(&ended);
    let calm = Scene::command(["analyze", "0.wav", "--format", "ndjson", "--isolation", "never"]);
    fs::write(calm.path("0.wav"), tiny()).expect("a new file");
    let record = calm.run().stdout;
    let record = |number: usize| record.trim_end().replace("0.wav", &format!("{number}.wav"));
    ended.assert_nothing_lost(&Expected::records((0..FILES).map(record).collect()));
}
