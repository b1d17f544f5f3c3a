//! Fire: all faults at once, drawn from a seed, and every result compared with a calm run.

use crate::scene::{Ended, Scene, rogue_program};

/// A rehearsal with that seed. Eight workers, since most of its time they hang.
fn rehearsal(seed: &str, tasks: &str) -> Ended {
    Scene::command(["selftest", "--chaos", seed, "--tasks", tasks, "--workers", "8"]).run()
}

#[track_caller]
fn the_laws_hold(ended: &Ended) {
    ended.assert_rehearsed(0, "passed: nothing lost");
}

#[track_caller]
fn two_hundred_tasks_lose_nothing(seed: &str) {
    let ended = rehearsal(seed, "200");
    the_laws_hold(&ended);
    // The rows are there: it was no calm run.
    let rows = ended.stdout.lines().filter(|line| line.trim_start().starts_with('F')).count();
    assert!(rows > 15 && ended.stdout.contains("tasks     200 submitted = "), "{ended}");
}

#[test]
fn f41_two_hundred_tasks_under_fire_lose_nothing_with_seed_1() {
    two_hundred_tasks_lose_nothing("1");
}

#[test]
fn f41_two_hundred_tasks_under_fire_lose_nothing_with_seed_2() {
    two_hundred_tasks_lose_nothing("2");
}

#[test]
fn f41_two_hundred_tasks_under_fire_lose_nothing_with_seed_3() {
    two_hundred_tasks_lose_nothing("3");
}

#[test]
fn f41_two_hundred_tasks_under_fire_lose_nothing_with_the_largest_seed() {
    two_hundred_tasks_lose_nothing("18446744073709551615");
}

#[test]
fn f41_a_seed_is_the_same_fire_again() {
    let planned = |ended: &Ended| {
        the_laws_hold(ended);
        let lines =
            ended.stdout.lines().filter(|line| line.contains("faults ") || line.contains(" F"));
        let outcome = ended.stdout.lines().filter(|line| {
            ["tasks ", "results ", "failures "].iter().any(|word| line.starts_with(word))
        });
        lines.chain(outcome).map(str::to_owned).collect::<Vec<_>>()
    };
    let (once, again) = (planned(&rehearsal("42", "60")), planned(&rehearsal("42", "60")));
    assert!(once.len() > 5, "{once:#?}");
    assert_eq!(once, again);
    assert_ne!(once, planned(&rehearsal("43", "60")));
}

#[test]
fn f41_without_a_seed_nothing_goes_wrong() {
    let ended = Scene::command(["selftest", "--tasks", "60"]).run();
    the_laws_hold(&ended);
    assert!(ended.stdout.contains("0 retried, 0 deaths, 0 breaches"), "{ended}");
}

#[test]
fn f41_a_law_that_is_broken_is_told_with_a_code_of_its_own() {
    // The rogue knows no task without audio, so a third of the tasks needlessly fails.
    let scene = Scene::command(["selftest", "--tasks", "30", "--worker-program"]);
    let ended = scene.args([rogue_program()]).asked_for("wait").run();
    assert!(ended.stdout.contains("VIOLATION task 3: failed unexpectedly"), "{ended}");
    ended.assert_rehearsed(5, "FAILED: 10 violations");
}

#[test]
fn f41_workers_that_cannot_start_are_no_violation_but_told() {
    let scene = Scene::command(["selftest", "--tasks", "5", "--worker-program", "/nonexistent"]);
    scene.run().assert_rehearsed(3, "/nonexistent");
}
