//! Poison: a task that kills every worker that runs it. It is tried until it is alone, then set aside with
//! the command that does it again.

use rustix::process::Signal;

use crate::scene::{Ended, Expected, LONG, MIDDLE, Scene, strictest};

/// The command that the record of the long song names.
#[track_caller]
fn command(ended: &Ended) -> String {
    let record = &ended.records()[1];
    let command = record["error"]["replay"].as_str();
    command.unwrap_or_else(|| panic!("no command in {record}\n{ended}")).to_owned()
}

/// The command does what it says: with workers like those of the run it fails as `words` say, and
/// with calm ones nothing goes wrong.
#[track_caller]
fn can_be_seen_again(ended: &Ended, deed: &str, words: &[&str]) {
    let command = command(ended);
    let again = ended.run_again(&command, &format!("{deed} frame={MIDDLE}"));
    for word in words {
        assert!(again.stdout.contains(word), "`{word}` is not said\n{again}\n{ended}");
    }
    assert_eq!(again.code, Some(1), "{again}\n{ended}");
    let calm = ended.run_again(&command, "wait frame=1");
    assert!(calm.stdout.contains("nothing went wrong"), "{calm}");
    assert_eq!(calm.code, Some(0), "{calm}");
    ended.assert_no_process_left();
}

#[test]
fn f25_a_poisonous_chunk_costs_its_own_file() {
    let ended = Scene::rogue_in_the_middle("abort").run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "crashed", 3, "SIGABRT"));
}

#[test]
fn f25_others_get_on_while_a_poisonous_chunk_is_tried() {
    let running = Scene::rogue_in_the_middle("abort").gated().start();
    let gate = running.gate();
    // One of the two workers is held, and every other file comes to its end.
    for file in [0, 2, 3, 4] {
        running.hear(&format!("finished file={file}"));
    }
    drop(gate);
    for attempt in [2, 3] {
        running.hear(&format!("attempt={attempt}"));
        drop(running.gate());
    }
    running.wait().assert_nothing_lost(&Expected::exit(1).hurt(LONG, "crashed", 3, "SIGABRT"));
}

#[test]
fn f25_a_poisonous_chunk_can_be_seen_again() {
    let ended = Scene::rogue_in_the_middle("abort").run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "crashed", 3, "SIGABRT"));
    let command = command(&ended);
    assert!(command.starts_with("audiopool replay --sandbox off --worker-program /"), "{command}");
    assert!(command.ends_with(&format!(" --frames {MIDDLE}..200000 {LONG}")), "{command}");
    let words = [
        "frames 160000 to 200000",
        "cause: crashed with SIGABRT (signal)",
        "evidence: pid ",
        "SIGABRT from its own doing, cpu ",
        ", at the rogue's deed",
    ];
    can_be_seen_again(&ended, "abort", &words);
}

#[test]
fn f25_a_chunk_that_hangs_can_be_seen_again() {
    let scene = Scene::rogue_in_the_middle("spin").args(["--timeout", "1", "--max-attempts", "1"]);
    let ended = scene.run();
    let doing = "gave no answer for 1s while it kept the processor busy";
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "timed_out", 1, doing));
    can_be_seen_again(&ended, "spin", &["(spinning)", doing, "SIGKILL from audiopool"]);
}

#[test]
fn f25_a_panic_can_be_seen_again() {
    let ended = Scene::rogue_in_the_middle("panic").run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "worker_panic", 0, "asked to panic"));
    can_be_seen_again(&ended, "panic", &["the task panicked at ", "(worker_panic)"]);
}

#[test]
fn f25_what_comes_to_a_limit_comes_to_it_again() {
    let scene = Scene::rogue_in_the_middle("hoard-memory").args(["--child-memory-mib", "256"]);
    let ended = scene.args(["--max-attempts", "1"]).run();
    let cause = "ran out of memory; its limit is 268435456 bytes";
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "out_of_memory", 1, cause));
    can_be_seen_again(&ended, "hoard-memory", &["(out_of_memory)", cause]);

    let scene = Scene::rogue_in_the_middle("signal-parent").args(["--sandbox", strictest()]);
    let ended = scene.args(["--max-attempts", "1"]).run();
    let cause = "was stopped by the sandbox at the system call `kill`";
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "crashed", 1, cause));
    can_be_seen_again(&ended, "signal-parent", &["(forbidden)", cause]);
}

#[test]
fn f25_a_file_that_no_decoder_survives_can_be_decoded_again() {
    let scene = Scene::rogue_in_the_middle("wait").once().gated();
    let running = scene.args(["--workers", "1", "--max-attempts", "1"]).start();
    let gate = running.gate();
    running.child("decoder 1").signal(Signal::KILL);
    running.hear("decoder 1 died");
    drop(gate);
    let ended = running.wait();
    let killed = Expected::exit(1).hurt(LONG, "crashed", 1, "was killed by SIGKILL");
    ended.assert_nothing_lost(&killed);
    let command = command(&ended);
    assert!(!command.contains("--frames"), "{command}");
    let again = ended.run_again(&command, "wait");
    assert!(again.stdout.contains("nothing went wrong: 480000 frames decoded"), "{again}");
    ended.assert_no_process_left();
}

#[test]
fn f25_frames_that_are_not_there_are_not_analysed() {
    let ended = Scene::calm().run();
    ended.assert_nothing_lost(&Expected::all_well());
    let again = |arguments: &str| ended.run_again(&format!("audiopool replay {arguments}"), "");
    let beyond = again(&format!("--frames 0..480001 {LONG}"));
    assert!(beyond.stdout.contains("480000 frames, fewer than the 480001 asked for"), "{beyond}");
    assert_eq!(beyond.code, Some(1), "{beyond}");
    let whole = again(&format!("--frames 1..480000 {LONG}"));
    assert!(whole.stdout.contains("480000 frames decoded, 479999 analysed"), "{whole}");
    assert_eq!(whole.code, Some(0), "{whole}");
    let nowhere = again("nowhere.wav");
    assert!(nowhere.stdout.contains("(not_found)"), "{nowhere}");
    assert_eq!(nowhere.code, Some(1), "{nowhere}");
    let wrong = again(&format!("--frames 7..7 {LONG}"));
    assert!(wrong.stderr.contains("--frames") && wrong.stderr.contains("two numbers"), "{wrong}");
    assert_eq!(wrong.code, Some(2), "{wrong}");
    ended.assert_no_process_left();
}
