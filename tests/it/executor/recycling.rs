//! `max_tasks_per_child`: workers that end and are replaced, and nothing that waits for ever.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::process::Command;

use audiopool::ProcessPool;
use audiopool::pool::Shutdown;

use super::chores::{Double, Go};
use super::{Gate, Program, builder, in_time};

fn recycling(program: &Program, workers: usize, tasks: u64) -> ProcessPool {
    let tasks = NonZeroU64::new(tasks).unwrap();
    builder(program, workers).max_tasks_per_child(tasks).build().unwrap()
}

#[test]
fn a_worker_ends_after_its_tasks_and_never_before() {
    in_time(|program| {
        let pool = recycling(program, 1, 3);
        let mut served = BTreeMap::new();
        for _ in 0..10 {
            let worker = pool.submit(&Go::Well).unwrap().result().unwrap();
            *served.entry(worker).or_insert(0) += 1;
        }
        let mut served: Vec<i32> = served.into_values().collect();
        served.sort_unstable();
        assert_eq!(served, [1, 3, 3, 3]);
        assert_eq!(pool.shutdown().deaths, 0, "no worker died");
    });
}

#[test]
fn a_worker_that_has_ended_is_not_replaced_before_there_is_work() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = recycling(program, 4, 1);
        let future = pool.submit(&gate.hold()).unwrap();
        gate.next().let_go();
        let first = future.result().unwrap();
        assert_ne!(pool.submit(&Go::Well).unwrap().result().unwrap(), first);
    });
}

/// The tasks of which Python's pool has hung: more than all workers together may serve, at once.
#[test]
fn more_tasks_than_all_workers_may_serve_do_not_wait_for_ever() {
    in_time(|program| {
        for (workers, most) in [(1, 1), (2, 1), (3, 2)] {
            let pool = recycling(program, workers, most);
            let outputs: Result<Vec<u64>, _> = pool.map((0..12).map(Double)).collect();
            assert_eq!(outputs.unwrap(), (0..12).map(|n| 2 * n).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_shutdown_while_workers_are_being_replaced_loses_no_task() {
    in_time(|program| {
        for wait in [true, false] {
            let pool = recycling(program, 2, 1);
            let futures: Vec<_> = (0..8).map(|n| pool.submit(&Double(n)).unwrap()).collect();
            pool.shutdown_with(Shutdown { wait, cancel_futures: false });
            for (number, future) in (0..).zip(futures) {
                assert_eq!(future.result().unwrap(), 2 * number);
            }
        }
    });
}

#[test]
fn a_death_before_that_is_replaced_as_well() {
    in_time(|program| {
        let pool = recycling(program, 1, 5);
        let tasks = [Go::Well, Go::Abort, Go::Well, Go::Well];
        let ended: Vec<bool> = pool.map(tasks).map(|output| output.is_ok()).collect();
        assert_eq!(ended, [true, false, true, true]);
    });
}

#[test]
fn nothing_is_kept_of_two_hundred_children_and_two_thousand_long_tasks() {
    in_time(|program| {
        let output = Command::new(&program.path).args(["held", "2000"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let counts: Vec<u64> =
            printed.split_whitespace().map(|count| count.parse().unwrap()).collect();
        // A child may be on its way out, or in, at either moment.
        assert!(counts[1] <= counts[0] + 40, "{counts:?}");
    });
}
