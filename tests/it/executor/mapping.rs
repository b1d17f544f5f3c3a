//! `map`: outputs in the order of the tasks, taken lazily or at once, for as long as one likes.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::time::Duration;

use audiopool::pool::{MapOptions, PoolError, TaskError};

use super::chores::{Double, Go, Long};
use super::{Gate, in_time, pool};

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn outputs_come_in_the_order_of_the_tasks_whatever_the_chunksize() {
    in_time(|program| {
        let pool = pool(program, 3);
        for chunksize in [1, 3, 5, 100] {
            for buffersize in [None, Some(1), Some(4), Some(1000)] {
                let buffersize = buffersize.map(some);
                let options =
                    MapOptions { chunksize: some(chunksize), buffersize, ..MapOptions::default() };
                let outputs = pool.map_with((0..37).map(Double), options);
                let outputs: Result<Vec<u64>, _> = outputs.collect();
                let expected: Vec<u64> = (0..37).map(|number| 2 * number).collect();
                assert_eq!(outputs.unwrap(), expected, "{options:?}");
            }
        }
        assert_eq!(pool.shutdown().succeeded, 37 * 16);
    });
}

#[test]
fn an_output_that_is_late_holds_up_those_after_it_and_no_worker() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let mut outputs = pool.map(vec![gate.hold(); 3]);
        let first = gate.next();
        let second = gate.next().let_go();
        let third = gate.next().let_go();
        assert_eq!(second, third, "the same worker, while the other is held");
        let first = first.let_go();
        let pids: Vec<u32> = outputs.by_ref().map(Result::unwrap).collect();
        assert_eq!(pids.len(), 3);
        assert!(pids.contains(&first) && pids.contains(&second));
        assert!(outputs.next().is_none());
    });
}

#[test]
fn a_task_that_fails_is_an_error_in_its_place_and_the_others_still_come() {
    in_time(|program| {
        let pool = pool(program, 2);
        for chunksize in [1, 2, 10] {
            let options = MapOptions { chunksize: some(chunksize), ..MapOptions::default() };
            let tasks = [Go::Well, Go::Fail, Go::Panic, Go::Abort, Go::Exit(3), Go::Well];
            let outputs: Vec<_> = pool.map_with(tasks, options).collect();
            let kinds: Vec<_> = outputs
                .iter()
                .map(|output| match output {
                    Ok(_) => "ok",
                    Err(TaskError::Fault(_)) => "fault",
                    Err(TaskError::AttemptsExhausted(_)) => "poisonous",
                    Err(_) => "else",
                })
                .collect();
            let expected = ["ok", "fault", "fault", "poisonous", "poisonous", "ok"];
            assert_eq!(kinds, expected, "blame stays with one task");
        }
    });
}

#[test]
fn the_time_of_a_map_counts_from_the_call_and_for_all_of_it() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let timeout = Some(Duration::from_millis(1));
        let options = MapOptions { timeout, ..MapOptions::default() };
        let mut outputs = pool.map_with(vec![gate.hold(); 3], options);
        let held = gate.next();
        let output = outputs.next();
        assert!(matches!(output, Some(Err(TaskError::NotYet(_)))), "{output:?}");
        assert!(outputs.next().is_none(), "that was the last");
        held.let_go();
        let balance = pool.shutdown();
        assert_eq!((balance.succeeded, balance.cancelled), (1, 2), "what runs goes on");
    });
}

#[test]
fn the_time_of_a_map_counts_while_tasks_wait_for_room() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let first = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        let timeout = Some(Duration::from_millis(1));
        let options = MapOptions { timeout, ..MapOptions::default() };
        let large = Long { bytes: vec![7; 1 << 20].into(), go: Go::Well };
        let mut outputs = pool.map_with(vec![large; 20], options);
        let output = outputs.next();
        assert!(matches!(output, Some(Err(TaskError::NotYet(_)))), "{output:?}");
        assert!(outputs.next().is_none(), "that was the last");
        held.let_go();
        assert!(first.result().is_ok());
        let balance = pool.shutdown();
        assert_eq!(balance.succeeded, 1, "{balance}");
        assert!(balance.is_even() && balance.submitted < 20, "{balance}");
    });
}

#[test]
fn tasks_are_submitted_whether_or_not_an_output_is_asked_for() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let outputs = pool.map([gate.hold()]);
        let worker = gate.next().let_go();
        assert_eq!(outputs.map(Result::unwrap).collect::<Vec<_>>(), [worker]);
    });
}

#[test]
fn without_a_buffersize_all_of_the_input_is_taken_at_once() {
    in_time(|program| {
        let pool = pool(program, 1);
        let taken = Cell::new(0);
        let tasks = (0..100).map(Double).inspect(|_| taken.set(taken.get() + 1));
        let outputs = pool.map(tasks);
        assert_eq!(outputs.size_hint(), (100, Some(100)));
        drop(outputs);
        assert_eq!(taken.get(), 100);
    });
}

#[test]
fn never_more_than_the_buffersize_is_ahead_of_what_was_yielded() {
    in_time(|program| {
        let pool = pool(program, 2);
        for (buffersize, chunksize) in [(1, 1), (3, 1), (8, 2), (4, 4), (2, 9)] {
            let taken = Cell::new(0);
            let options = MapOptions {
                buffersize: Some(some(buffersize)),
                chunksize: some(chunksize),
                timeout: None,
            };
            let endless = (0..).map(Double).inspect(|_| taken.set(taken.get() + 1));
            let mut outputs = pool.map_with(endless, options);
            for yielded in 0..50 {
                assert!(taken.get() <= yielded + buffersize, "{options:?}: {}", taken.get());
                assert_eq!(outputs.next().unwrap().unwrap(), 2 * yielded as u64);
            }
            let chunksize = chunksize.min(buffersize);
            assert!(taken.get() > 50 + buffersize - chunksize, "{options:?}: {}", taken.get());
        }
    });
}

#[test]
fn no_tasks_make_no_outputs() {
    in_time(|program| {
        let pool = pool(program, 1);
        assert!(pool.map([] as [Double; 0]).next().is_none());
        let options = MapOptions { buffersize: Some(some(2)), ..MapOptions::default() };
        assert!(pool.map_with([] as [Double; 0], options).next().is_none());
        assert_eq!(program.processes().len(), 0);
    });
}

#[test]
fn dropping_the_outputs_cancels_what_has_not_begun() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let outputs = pool.map(vec![gate.hold(); 10]);
        let held = gate.next();
        drop(outputs);
        held.let_go();
        let balance = pool.shutdown();
        assert_eq!((balance.succeeded, balance.cancelled), (1, 9));
    });
}

#[test]
fn a_map_over_a_pool_that_is_shut_down_says_so() {
    in_time(|program| {
        let pool = pool(program, 1);
        pool.shutdown();
        let outputs: Vec<_> = pool.map([Double(1), Double(2)]).collect();
        let refused = |output: &_| matches!(output, Err(TaskError::NotRun(PoolError::ShutDown)));
        assert!(outputs.len() == 2 && outputs.iter().all(refused), "{outputs:?}");
    });
}

/// There are fewer slots than tasks in the group.
#[test]
fn a_group_of_tasks_too_large_for_messages_does_not_wait_for_itself() {
    in_time(|program| {
        let pool = pool(program, 2);
        let long = |size: usize| Long { bytes: vec![7; size].into(), go: Go::Well };
        let sizes = [60_000, 10, 70_000, 80_000, 10, 10, 90_000, 100_000, 110_000, 10];
        let options = MapOptions { chunksize: some(10), ..MapOptions::default() };
        let outputs = pool.map_with(sizes.map(long), options);
        let lengths: Vec<usize> = outputs.map(|output| output.unwrap().len()).collect();
        assert_eq!(lengths, sizes);
    });
}
